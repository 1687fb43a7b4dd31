"""How fast a model reads and writes here, and what our engine costs over llama-cpp-python's own `Llama`.

    python -m benchmarks.llm                    # the starter
    python -m benchmarks.llm --model FILE.gguf

Both in turn, in each round, on the same prompt, greedily, for as many tokens. Then replies that improve, fix or merge scripts of
the starter's corpus, as the model writes them, guessed from the prompt and not, in turn; on one thread, and on all.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from aide_local.llm.llama import LlamaModel
from aide_local.llm.registry import bundled_models
from aide_local.types import Generation, Message, Sampling
from models.training.corpus.examples import generate

TEXT = "Columns: age number, city text, income number. Write a script that predicts income. " * 12


def ours(engine: LlamaModel, prompt: str, sampling: Sampling) -> tuple[float, Generation]:
    began = time.perf_counter()
    *_, last = engine.generate(prompt, sampling)
    assert last.generation is not None
    return time.perf_counter() - began, last.generation


def guessing(model: Path, threads: int, replies: int) -> str:
    """How much faster replies with a parent are written where they are guessed from the prompt."""
    engines = [LlamaModel(model, threads=threads, lookup=lookup) for lookup in (True, False)]
    milliseconds, tokens, guessed, same = [0.0, 0.0], 0, 0, 0
    examples = (example for example in generate(30_000_000) if example.operator != "draft")
    for number, example in enumerate(itertools.islice(examples, replies)):
        made = []
        for at, engine in enumerate(engines):
            sampling = engine.info.recommended(Sampling(number, max_tokens=1000))
            _, one = ours(engine, engine.render(example.messages), sampling)
            milliseconds[at] += one.decode_ms
            made.append(one)
        tokens += made[0].completion_tokens
        guessed += made[0].speculated_tokens
        same += made[0].text == made[1].text
    for engine in engines:
        engine.close()
    return (
        f"replies with a parent, {replies} of them, {tokens / replies:.0f} tokens each: {100 * guessed / tokens:.0f} % guessed,"
        f" written {milliseconds[1] / milliseconds[0]:.2f} times as fast; {same} of {replies} are the same text"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=bundled_models() / "starter.gguf")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--replies", type=int, default=24)
    given = parser.parse_args()
    import llama_cpp

    threads = len(os.sched_getaffinity(0))
    engine = LlamaModel(given.model, threads=threads)
    greedy = Sampling(1, temperature=0.0, max_tokens=given.tokens)
    ours(engine, engine.render([Message("user", "ready?")]), greedy)  # loaded, and tried out
    if not engine._process.load.repack:  # kernels that crash on this processor: theirs do without, too
        defaults = llama_cpp.llama_cpp.llama_model_default_params

        def without_repacking() -> Any:
            made = defaults()
            made.use_extra_bufts = False
            return made

        llama_cpp.llama_cpp.llama_model_default_params = without_repacking
    theirs = llama_cpp.Llama(
        str(given.model), n_ctx=engine.info.n_ctx, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    prompt = engine.render([Message("user", TEXT)])
    reads, writes, ratios = [], [], []
    for _ in range(given.rounds):
        seconds, made = ours(engine, prompt, greedy)
        if made.prefill_ms and made.prompt_tokens > 8:
            reads.append(1000 * made.prompt_tokens / made.prefill_ms)
        writes.append(1000 * made.completion_tokens / made.decode_ms)
        theirs.reset()
        began = time.perf_counter()
        reply = theirs(prompt, max_tokens=made.completion_tokens, temperature=0.0, seed=1)
        used = time.perf_counter() - began
        same = reply["usage"]["completion_tokens"] / made.completion_tokens  # type: ignore[index]
        ratios.append(seconds / (used / max(same, 1e-9)))
    engine.close()
    print(f"{given.model.name}, {threads} threads, {made.completion_tokens} tokens a reply")
    print(f"reads {statistics.median(reads):.0f} tokens/s, writes {statistics.median(writes):.0f} tokens/s")
    for some in sorted({1, threads}):
        print(f"{some} thread(s), {guessing(given.model, some, given.replies)}")
    print(
        f"time of a reply against llama_cpp.Llama: {statistics.median(ratios):.2f} × (below 1: ours is faster)"
    )


if __name__ == "__main__":
    main()
