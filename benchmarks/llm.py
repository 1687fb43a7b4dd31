"""How fast a model reads and writes here, where the time of a reply goes, and what our way costs over llama-cpp-python's own.

    python -m benchmarks.llm                    # the starter
    python -m benchmarks.llm --model FILE.gguf

First ours and ``llama_cpp.Llama`` in turn, in each round, on the same prompt, greedily, for as many tokens. Then replies that
improve, fix or merge scripts of the starter's corpus, as the model writes them, guessed from the prompt and not, in turn; on
one thread, and on all. Last the parts of a reply on one thread, in CPU time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from aide_local.llm.llama import LlamaModel
from aide_local.llm.messages import Finished, Generate, Load
from aide_local.llm.process import survivable
from aide_local.llm.registry import bundled_models
from aide_local.prompts.build import Request, Templates
from aide_local.prompts.pack import Packer
from aide_local.search.digest import digest_lines
from aide_local.types import Generation, Message, Sampling
from models.training.corpus.cases import Case, cases
from models.training.corpus.examples import generate

TEXT = "Columns: age number, city text, income number. Write a script that predicts income. " * 12


def write(model: LlamaModel, prompt: str, sampling: Sampling) -> tuple[float, Generation]:
    """Return the seconds that a reply takes, and the reply."""
    began = time.perf_counter()
    *_, last = model.generate(prompt, sampling)
    assert last.generation is not None
    return time.perf_counter() - began, last.generation


def open_theirs(load: Load, n_ctx: int) -> Any:
    """Return llama-cpp-python's own model, loaded as this machine survives it; it has no argument for that."""
    import llama_cpp

    defaults = llama_cpp.llama_cpp.llama_model_default_params

    def parameters() -> Any:
        made = defaults()
        made.use_extra_bufts = load.repack
        return made

    llama_cpp.llama_cpp.llama_model_default_params = parameters
    try:
        return llama_cpp.Llama(
            load.path, n_ctx=n_ctx, n_threads=load.threads, n_threads_batch=load.threads, verbose=False
        )
    finally:
        llama_cpp.llama_cpp.llama_model_default_params = defaults


def compare_in_turn(load: Load, rounds: int, tokens: int) -> str:
    """Return how fast ours reads and writes, and its time for a reply against that of ``llama_cpp.Llama``."""
    reads, writes, ratios = [], [], []
    with closing(LlamaModel(Path(load.path), threads=load.threads)) as model:
        greedy = Sampling(1, temperature=0.0, max_tokens=tokens)
        write(model, model.render([Message("user", "ready?")]), greedy)
        theirs = open_theirs(load, model.info.n_ctx)
        prompt = model.render([Message("user", TEXT)])
        for _ in range(rounds):
            seconds, made = write(model, prompt, greedy)
            if made.prefill_ms and made.prompt_tokens > 8:
                reads.append(1000 * made.prompt_tokens / made.prefill_ms)
            writes.append(1000 * made.completion_tokens / made.decode_ms)
            theirs.reset()
            began = time.perf_counter()
            reply = theirs(prompt, max_tokens=made.completion_tokens, temperature=0.0, seed=1)
            used = time.perf_counter() - began
            alike = reply["usage"]["completion_tokens"] / made.completion_tokens
            ratios.append(seconds / (used / max(alike, 1e-9)))
    return (
        f"{load.threads} thread(s), {made.completion_tokens} tokens a reply: reads {statistics.median(reads):.0f} tokens/s,"
        f" writes {statistics.median(writes):.0f} tokens/s; time of a reply against llama_cpp.Llama:"
        f" {statistics.median(ratios):.2f} × (below 1: ours is faster)"
    )


def compare_guessing(path: Path, threads: int, replies: int) -> str:
    """Return how much faster replies with a parent are written if they are guessed from the prompt."""
    models = [LlamaModel(path, threads=threads, lookup=lookup) for lookup in (True, False)]
    milliseconds, tokens, guessed, same = [0.0, 0.0], 0, 0, 0
    examples = (example for example in generate(30_000_000) if example.operator != "draft")
    for number, example in enumerate(itertools.islice(examples, replies)):
        made = []
        for at, model in enumerate(models):
            sampling = model.info.follow_recommendations(Sampling(number, max_tokens=1000))
            _, one = write(model, model.render(example.messages), sampling)
            milliseconds[at] += one.decode_ms
            made.append(one)
        tokens += made[0].completion_tokens
        guessed += made[0].speculated_tokens
        same += made[0].text == made[1].text
    for model in models:
        model.close()
    return (
        f"{threads} thread(s), replies with a parent, {replies} of them, {tokens / replies:.0f} tokens each:"
        f" {100 * guessed / tokens:.0f} % guessed, written {milliseconds[1] / milliseconds[0]:.2f} times as fast;"
        f" {same} of {replies} are the same text"
    )


@dataclass(slots=True)
class Parts:
    """CPU milliseconds of some replies, by what they were used for; ``pack`` and ``exchange`` are of the main process."""

    tokens: int = 0
    prompt_tokens: int = 0
    pack: float = 0.0  # rendering, and counting in the model process
    exchange: float = 0.0  # messages of the model process, and what is made of them
    prefill: float = 0.0
    decode: float = 0.0
    sample: float = 0.0
    rest: float = 0.0  # tokenising, guesses, text

    def line(self, operator: str, replies: int) -> str:
        names = ("pack", "exchange", "prefill", "decode", "sample", "rest")
        parts = ", ".join(f"{name} {asdict(self)[name] / replies:.1f}" for name in names)
        return (
            f"{operator}, {replies} replies, prompts of {self.prompt_tokens / replies:.0f} tokens, replies of"
            f" {self.tokens / replies:.0f}; CPU milliseconds a reply: {parts}"
        )


def some_cases(operator: str, count: int) -> list[Case]:
    """Return moments of made-up runs that ask for this operator, each of a run of its own."""
    runs = (cases(random.Random(f"benchmark {number}")) for number in itertools.count())
    found = (next((case for case in run if case.operator == operator), None) for run in runs)
    return list(itertools.islice((case for case in found if case is not None), count))


def measure_parts(load: Load, operator: str, replies: int) -> str:
    """Return where the time of a reply goes: first through the model process, then the same in this one, with a stop-watch."""
    summed = Parts()
    requests: list[Generate] = []
    with closing(LlamaModel(Path(load.path), threads=1)) as model:
        for number, case in enumerate(some_cases(operator, replies)):
            began = time.process_time()
            prompt = pack_prompt(model, case)
            summed.pack += 1000 * (time.process_time() - began)
            sampling = model.info.follow_recommendations(Sampling(number, max_tokens=1000))
            began = time.process_time()
            write(model, prompt, sampling)
            summed.exchange += 1000 * (time.process_time() - began)
            requests.append(Generate(prompt=prompt, **asdict(sampling)))
    for finished, watch in time_replies(load, requests):
        summed.tokens += finished.completion_tokens
        summed.prompt_tokens += finished.prompt_tokens + finished.cached_tokens
        summed.prefill += watch.prefill
        summed.decode += watch.decode
        summed.sample += watch.sample
        summed.rest += watch.rest
    return summed.line(operator, replies)


def pack_prompt(model: LlamaModel, case: Case) -> str:
    """Return the prompt of the case, packed as in a run."""
    n_ctx = model.info.n_ctx
    packer = Packer(
        model, Templates(model.info.prompt_profile), case.history.task,
        packages="pandas, scikit-learn, xgboost", limits="60 s", n_ctx=n_ctx, reply_tokens=n_ctx // 3,
    )  # fmt: skip
    digest = digest_lines(case.history.tree, case.parent.id if case.parent else None)
    return packer.pack(Request.of(case.operator, digest, case.parent, case.other, case.hint)).prompt


def time_replies(load: Load, requests: list[Generate]) -> Iterator[tuple[Finished, Parts]]:
    """Write the replies in this process; yield each one's end and where its CPU time went."""
    from aide_local.llm.context import Context
    from aide_local.llm.decoder import Decoder
    from aide_local.llm.sampler import Sampler

    watch = Parts()

    class Watched(Context):
        def _run(self, batch: Any) -> None:
            began = time.thread_time()
            super()._run(batch)
            self.logits(-1)  # waits for them
            used = 1000 * (time.thread_time() - began)
            if batch.n_tokens > 32:
                watch.prefill += used
            else:
                watch.decode += used

    plain = Sampler.sample

    def sample(self: Sampler, row: int) -> int:
        began = time.thread_time()
        token = plain(self, row)
        watch.sample += 1000 * (time.thread_time() - began)
        return token

    Sampler.sample = sample  # type: ignore[method-assign]
    try:
        decoder = Decoder(Watched(replace(load, threads=1), lambda: False), lookup=True)
        for request in requests:
            watch.prefill = watch.decode = watch.sample = 0.0
            began = time.thread_time()
            *_, finished = decoder.generate(request)
            assert isinstance(finished, Finished)
            watch.rest = 1000 * (time.thread_time() - began) - watch.prefill - watch.decode - watch.sample
            yield finished, watch
    finally:
        Sampler.sample = plain  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=bundled_models() / "starter.gguf")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--replies", type=int, default=24)
    given = parser.parse_args()
    load = survivable(Load(path=str(given.model), threads=len(os.sched_getaffinity(0))))
    print(given.model.name, "" if load.repack else "(without repacking: this processor does not survive it)")
    print(compare_in_turn(load, given.rounds, given.tokens))
    for threads in sorted({1, load.threads}):
        print(compare_guessing(given.model, threads, given.replies))
    for operator in ("draft", "improve"):
        print(measure_parts(load, operator, max(1, given.replies // 3)))


if __name__ == "__main__":
    main()
