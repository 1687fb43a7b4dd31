"""From examples to batches: mixed, encoded, grouped by length, made ahead in a process of its own.

Batches hold about the same number of tokens, whatever their length. Examples of similar length go
together, so that little of a batch is padding. No torch here: the process stays small.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full
from typing import Any

import numpy as np

from models.training.batch import Batch
from models.training.corpus.examples import generate
from models.training.curriculum import copy_tasks, short_copy_tasks
from models.training.drills import drills
from models.training.repeats import repeats
from models.training.tokenizer import Encoded, Encoder

ROUND = 32  # lengths are padded to a multiple of this


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares of what a stream of batches holds."""

    copy_share: float  # of the examples; the rest follows the corpus' own mix of operators
    short: bool  # only short copy tasks, and no scripts: the first minutes
    tokens: int  # of a batch, padding included
    longest: int  # examples of more tokens are left out
    drill_share: float = 0.0  # of the examples, too
    repeats: float = 0.0  # share of the batches that are random tokens that come again


def examples(encoder: Encoder, mix: Mix, seed: int) -> Iterator[Encoded]:
    """Yield examples without end; deterministic in (mix, seed)."""
    rng = random.Random(f"mix {seed}")
    scripts = generate(seed)
    copies = short_copy_tasks(seed) if mix.short else copy_tasks(seed)
    links = drills(seed)
    while True:
        chance = 0.0 if mix.short else rng.random()
        if mix.short or chance < mix.copy_share:
            example = next(copies)
        else:
            example = next(links if chance < mix.copy_share + mix.drill_share else scripts)
        encoded = encoder.encode(example)
        if len(encoded) <= mix.longest:
            yield encoded


def batches(encoder: Encoder, mix: Mix, seed: int, pool: int = 384) -> Iterator[Batch]:
    """Group ``pool`` examples at a time by length; yield the groups in random order, without end."""
    rng = random.Random(f"batches {seed}")
    random_tokens = repeats(len(encoder), mix.tokens, seed)
    while mix.repeats == 1:
        yield next(random_tokens)
    stream = examples(encoder, mix, seed)
    while True:
        chosen = sorted(itertools.islice(stream, pool), key=len)
        groups: list[list[Encoded]] = [[]]
        for example in chosen:
            if groups[-1] and (len(groups[-1]) + 1) * _padded_length(len(example)) > mix.tokens:
                groups.append([])
            groups[-1].append(example)
        rng.shuffle(groups)
        for group in groups:
            while rng.random() < mix.repeats:
                yield next(random_tokens)
            yield _stack(group)


def _padded_length(length: int) -> int:
    return -(-length // ROUND) * ROUND


def _stack(group: list[Encoded]) -> Batch:
    length = _padded_length(max(len(example) for example in group))
    tokens = np.zeros((len(group), length), dtype=np.int32)
    weights = np.zeros((len(group), length), dtype=np.float32)
    for row, example in enumerate(group):
        tokens[row, : len(example)] = example.tokens
        weights[row, : len(example)] = example.weights
    return Batch(tokens, weights, tuple(example.operator for example in group))


def _produce(queue: Any, tokenizer: Path, mix: Mix, seed: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    parent = os.getppid()
    for batch in batches(Encoder.load(tokenizer), mix, seed):
        while True:
            try:
                queue.put(batch, timeout=10)
                break
            except Full:
                if os.getppid() != parent:  # the trainer is gone
                    return


class Background:
    """Batches made ahead by another process; iterate, then :meth:`close`."""

    def __init__(self, tokenizer: Path, mix: Mix, seed: int, ahead: int = 48) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue(maxsize=ahead)
        self._process = context.Process(
            target=_produce, args=(self._queue, tokenizer, mix, seed), daemon=True
        )
        self._process.start()

    @property
    def ready(self) -> bool:
        """Whether a batch is waiting."""
        return not self._queue.empty()

    @property
    def alive(self) -> bool:
        return bool(self._process.is_alive())

    def __next__(self) -> Batch:
        while True:
            try:
                batch: Batch = self._queue.get(timeout=30)
            except Empty:
                if not self._process.is_alive():
                    raise RuntimeError(
                        f"the process that makes examples ended with code {self._process.exitcode}"
                    ) from None
            else:
                return batch

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._queue.cancel_join_thread()
        self._queue.close()
