"""Two GGUF files of one model, Q8_0 and F16 say: is the smaller one as good? Needs no torch.

    python -m models.training.compare models/starter.gguf f16.gguf

For the replies of examples that training never saw: the loss for each token, how often the likeliest token is the right
one, and the speed of llama.cpp, the files taking turns. And whether it copies at all: of random tokens shown twice, the share of
the second half that is predicted, by the length of a half.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jinja2 import Environment

from aide_local.llm.context import Context
from aide_local.llm.messages import Load
from aide_local.llm.process import survivable
from models.training.corpus.examples import generate
from models.training.tokenizer import END, SPECIAL, TEMPLATE

SEED = 20_000_000  # of examples; training's are far below
HALVES = (16, 64, 256, 700)  # tokens
WRITTEN = 32  # tokens that are decoded one by one, for the speed


@dataclass(slots=True)
class Sums:
    """The sums of one file, over all replies."""

    loss: float = 0.0
    right: int = 0
    tokens: int = 0
    read: int = 0
    read_seconds: float = 0.0
    wrote: int = 0
    write_seconds: float = 0.0

    def line(self, path: Path) -> str:
        return (
            f"| {path.name} | {path.stat().st_size / 1e6:.1f} MB | {self.loss / self.tokens:.4f}"
            f" | {100 * self.right / self.tokens:.2f} % | {self.read / self.read_seconds:,.0f}"
            f" | {self.wrote / self.write_seconds:,.0f} |"
        )


def open_model(path: Path, n_ctx: int | None = None, threads: int = 1) -> Context:
    """Return the model, loaded in this process as this machine survives it."""
    return Context(survivable(Load(path=str(path), n_ctx=n_ctx, threads=threads)), lambda: False)


def logits_after(model: Context, tokens: Sequence[int], first: int = 0) -> np.ndarray:
    """Return the logits after each token from place ``first`` on, (tokens, vocabulary) float64; nothing else is in the context."""
    model.rewind(0)
    rows: list[np.ndarray] = []
    for place in range(0, len(tokens), model.block):
        part = list(tokens[place : place + model.block])
        model.decode_each(part, place)
        wanted = range(max(0, first - place), len(part))
        for row in wanted:
            pointer = np.ctypeslib.as_array(model.logits(row), (model.vocabulary.size,))
            rows.append(pointer.astype(np.float64))  # a copy: the next batch overwrites them
    return np.stack(rows)


def read(model: Context, prompt: str, reply: str, sums: Sums) -> None:
    """Add the reply's loss and right tokens, and the speeds of reading all and of writing the first tokens."""
    before = model.vocabulary.tokenize(prompt)
    after = [*model.vocabulary.tokenize(reply), *model.vocabulary.tokenize(END)]
    tokens = [*before, *after]
    if len(tokens) > model.n_ctx - WRITTEN:
        return
    began = time.perf_counter()
    logits = logits_after(model, tokens, len(before) - 1)[:-1]
    sums.read_seconds += time.perf_counter() - began
    sums.read += len(tokens)
    highest = logits.max(axis=1)
    spread = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    sums.loss += float((spread - logits[np.arange(len(after)), after]).sum())
    sums.right += int((logits.argmax(axis=1) == after).sum())
    sums.tokens += len(after)
    began = time.perf_counter()
    for token in after[:WRITTEN]:
        model.decode([token])
        model.logits(-1)  # waits for them
    sums.write_seconds += time.perf_counter() - began
    sums.wrote += len(after[:WRITTEN])


def copying(model: Context, half: int, times: int = 4) -> float:
    """Return the share of the second half predicted when ``half`` random tokens are shown twice: what induction heads do."""
    rng = np.random.default_rng(half)
    right = 0
    for _ in range(times):
        once = rng.integers(len(SPECIAL), model.vocabulary.size, half).tolist()
        again = logits_after(model, [*once, *once], half)[:-1]
        right += int((again.argmax(axis=1) == once[1:]).sum())
    return right / (times * (half - 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--examples", type=int, default=100)
    given = parser.parse_args()
    template = Environment(autoescape=False).from_string(TEMPLATE.read_text("utf-8"))
    models = [open_model(path) for path in given.files]
    sums = [Sums() for _ in models]
    for example in islice(generate(SEED), given.examples):
        turns = [{"role": message.role, "content": message.content} for message in example.messages]
        prompt = template.render(messages=turns, add_generation_prompt=True)
        for model, one in zip(models, sums, strict=True):
            read(model, prompt, example.reply, one)
    print("| file | size | loss a token | likeliest is right | tokens/s read | tokens/s written |")
    print("|---|---|---|---|---|---|")
    for path, one in zip(given.files, sums, strict=True):
        print(one.line(path))
    print(f"\n| file | {' | '.join(f'{half} random tokens again' for half in HALVES)} |")
    print(f"|---|{'---|' * len(HALVES)}")
    for path, model in zip(given.files, models, strict=True):
        print(f"| {path.name} | {' | '.join(f'{100 * copying(model, half):.0f} %' for half in HALVES)} |")


if __name__ == "__main__":
    main()
