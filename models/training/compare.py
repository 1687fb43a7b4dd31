"""Two GGUF files of one model, Q8_0 and F16 say: is the smaller one as good? Needs no torch.

    python -m models.training.compare models/starter.gguf f16.gguf

For the replies of examples that training never saw: the loss for each token, how often the likeliest token is the right
one, and the speed of llama.cpp, the files taking turns. And whether it copies at all: of random tokens shown twice, the share of
the second half that is predicted, by the length of a half.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jinja2 import Environment
from llama_cpp import Llama

from models.training.corpus.examples import generate
from models.training.tokenizer import SPECIAL, TEMPLATE

SEED = 20_000_000  # of examples; training's are far below
HALVES = (16, 64, 256, 700)  # tokens


@dataclass(slots=True)
class Sums:
    """Of one file, over all replies."""

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


def read(model: Llama, prompt: str, reply: str, sums: Sums) -> None:
    """Add the reply's loss and right tokens, and the speeds of reading all and of writing 32 tokens."""
    before = model.tokenize(prompt.encode(), add_bos=False, special=True)
    after = [*model.tokenize(reply.encode(), add_bos=False, special=True), model.token_eos()]
    tokens = [*before, *after]
    if len(tokens) > model.n_ctx() - 32:
        return
    model.reset()
    began = time.perf_counter()
    model.eval(tokens)
    sums.read_seconds += time.perf_counter() - began
    sums.read += len(tokens)
    logits = np.array(model.scores[len(before) - 1 : len(tokens) - 1], dtype=np.float64)
    highest = logits.max(axis=1)
    spread = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    sums.loss += float((spread - logits[np.arange(len(after)), after]).sum())
    sums.right += int((logits.argmax(axis=1) == after).sum())
    sums.tokens += len(after)
    began = time.perf_counter()
    for token in after[:32]:
        model.eval([token])
    sums.write_seconds += time.perf_counter() - began
    sums.wrote += len(after[:32])


def copied(model: Llama, half: int, times: int = 4) -> float:
    """Share of the second half predicted when ``half`` random tokens are shown twice: what induction heads do."""
    rng = np.random.default_rng(half)
    right = 0
    for _ in range(times):
        once = rng.integers(len(SPECIAL), model.n_vocab(), half).tolist()
        model.reset()
        model.eval([*once, *once])
        right += int((model.scores[half : 2 * half - 1].argmax(axis=1) == once[1:]).sum())
    return right / (times * (half - 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--examples", type=int, default=100)
    given = parser.parse_args()
    template = Environment(autoescape=False).from_string(TEMPLATE.read_text("utf-8"))
    models = [Llama(str(path), n_ctx=0, logits_all=True, verbose=False) for path in given.files]
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
        print(f"| {path.name} | {' | '.join(f'{100 * copied(model, half):.0f} %' for half in HALVES)} |")


if __name__ == "__main__":
    main()
