"""Train the starter model: random tokens that come again first, then scripts in the product's own prompts.

    python -m models.training.train --minutes 90

One process trains; another composes examples. The schedule runs on the share of the time that is
used up, so a run of any length, on a machine of any speed, ends annealed; with ``--steps`` it runs
on the share of the steps instead, and the same seed gives the same weights. Checkpoints hold
everything needed to go on; a run that finds one in ``--work`` continues it. ``--start FILE.gguf`` begins with the
weights of an exported model, and goes straight to the scripts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from models.training.batch import Batch
from models.training.batches import Background, Mix
from models.training.induction import wire
from models.training.model import CONTEXT, Llama, Shape
from models.training.muon import Muon, fast_precision
from models.training.tokenizer import Encoder, train_tokenizer
from models.training.warm_start import tokenizer_of, training_of, weights_of

WORK = Path(__file__).with_name("work")


@dataclass(frozen=True, slots=True)
class Plan:
    """The order for a training run. Rates are per step; shares are of the run's length."""

    depth: int = 6
    vocabulary: int = 3072
    minutes: float = 90.0
    steps: int | None = None  # instead of minutes
    batch_tokens: int = 4096
    repeats: float = 0.07  # share of the run spent on random tokens that come again, first of all
    short_copy: float = 0.03  # share of the run spent on short copy tasks alone, next
    # Above a few times these, the heads that `induction` puts in are unlearnt: Adam's steps have one size, so embeddings of
    # tokens that scripts rarely use drift together, and then look alike.
    matrix_rate: float = 7e-4  # Muon, scaled to the update size of AdamW
    other_rate: float = 1.2e-4  # AdamW: embeddings and gains
    decay_from: float = 0.45
    final_rate: float = 0.01  # share of the full rate at the end
    average: float = 0.99  # of the exponential moving average of weights, the ones exported
    seed: int = 0
    earlier: str = ""  # what the weights begun with were trained for, in words; empty: random weights


# From this share of the run on: share of copy tasks among the examples, of drills, and of random tokens among the batches.
SHARES = ((0.0, 0.15, 0.45, 0.12), (0.3, 0.12, 0.5, 0.1), (0.5, 0.1, 0.45, 0.08), (0.75, 0.05, 0.3, 0.05))
FURTHER_SHARES = (
    (0.0, 0.1, 0.45, 0.08),
    (0.3, 0.08, 0.42, 0.07),
    (0.5, 0.06, 0.35, 0.06),
    (0.75, 0.04, 0.25, 0.04),
)


def rate_at(plan: Plan, progress: float, step: int) -> float:
    """Return the share of the full learning rate: warm-up, flat, then a straight line down."""
    warm = min(1.0, (step + 1) / 60)
    if progress <= plan.decay_from:
        return warm
    left = max(0.0, (1 - progress) / (1 - plan.decay_from))
    return warm * (plan.final_rate + (1 - plan.final_rate) * left)


def mix_at(plan: Plan, progress: float) -> Mix:
    table = FURTHER_SHARES if plan.earlier else SHARES
    copies, drills, repeats = next(shares for start, *shares in reversed(table) if progress >= start)
    return Mix(
        copy_share=copies,
        short=progress < plan.repeats + plan.short_copy,
        repeats=1.0 if progress < plan.repeats else repeats,
        tokens=plan.batch_tokens,
        longest=CONTEXT,
        drill_share=drills,
    )


class Trainer:
    """The state of a run: weights, their average, optimisers, and what was used up."""

    def __init__(self, plan: Plan, tokenizer: Path, device: torch.device, compiled: bool) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.device = plan, device
        self.encoder = Encoder.load(tokenizer)
        self.shape = Shape.of(plan.depth, len(self.encoder))
        self.model = Llama(self.shape)
        wire(self.model)
        self.model.to(device)
        self.precision = fast_precision(device)
        self.muon = Muon(
            self.model.matrices(), lr=plan.matrix_rate, weight_decay=0.01, precision=self.precision
        )
        self.adam = torch.optim.AdamW(
            self.model.others(), lr=plan.other_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
        )
        self.average = [parameter.detach().clone() for parameter in self.model.parameters()]
        self.step, self.seconds, self.tokens, self.reply_tokens, self.streams = 0, 0.0, 0, 0, 0
        self.forward: Any = torch.compile(self.model, dynamic=True) if compiled else self.model

    @property
    def progress(self) -> float:
        if self.plan.steps is not None:
            return self.step / self.plan.steps
        return self.seconds / (60 * self.plan.minutes)

    def learn(self, batch: Batch) -> dict[str, list[float]]:
        """Take one step; return for each operator: sum of loss, tokens, right, focus tokens, focus right."""
        scale = rate_at(self.plan, self.progress, self.step)
        for optimiser, rate in ((self.muon, self.plan.matrix_rate), (self.adam, self.plan.other_rate)):
            for group in optimiser.param_groups:
                group["lr"] = rate * scale
        tokens = torch.from_numpy(batch.tokens).long().to(self.device)
        weights = torch.from_numpy(batch.weights).to(self.device)[:, 1:]
        rows, places = weights.nonzero(as_tuple=True)
        weight, target = weights[rows, places], tokens[rows, places + 1]
        half = self.precision is torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = self.model.logits(self.forward(tokens)[rows, places])
        losses = F.cross_entropy(logits.float(), target, reduction="none")
        ((losses * weight).sum() / weight.sum()).backward()
        torch.nn.utils.clip_grad_norm_(self.model.others(), 1.0)  # Muon's step has a fixed size anyway
        self.muon.step()
        self.adam.step()
        self.muon.zero_grad()
        self.adam.zero_grad()
        keep = min(self.plan.average, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.model.parameters()], 1 - keep)
        self.step += 1
        self.tokens += int((batch.tokens != 0).sum())
        self.reply_tokens += len(rows)
        return self._by_operator(batch, rows, losses.detach(), logits.detach().argmax(-1) == target, weight)

    @staticmethod
    def _by_operator(
        batch: Batch, rows: Tensor, losses: Tensor, right: Tensor, weight: Tensor
    ) -> dict[str, list[float]]:
        focus = (weight > 1).float()
        columns = torch.stack(
            [losses, torch.ones_like(losses), right.float(), focus, focus * right.float()], dim=1
        )
        summed = torch.zeros(len(batch.operators), 5, device=columns.device).index_add_(0, rows, columns)
        found: dict[str, list[float]] = defaultdict(lambda: [0.0] * 5)
        for operator, values in zip(batch.operators, summed.tolist(), strict=True):
            found[operator] = [a + b for a, b in zip(found[operator], values, strict=True)]
        return dict(found)

    def state(self) -> dict[str, Any]:
        names = [name for name, _ in self.model.named_parameters()]
        return {
            "plan": asdict(self.plan),
            "shape": asdict(self.shape),
            "model": self.model.state_dict(),
            "average": dict(zip(names, self.average, strict=True)),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "tokenizer": self.encoder.tokenizer.to_str(),
            "counters": [self.step, self.seconds, self.tokens, self.reply_tokens, self.streams],
        }

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        self.model.load_state_dict(weights)
        for ours, parameter in zip(self.average, self.model.parameters(), strict=True):
            ours.copy_(parameter.detach())

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        for ours, kept in zip(self.average, state["average"].values(), strict=True):
            ours.copy_(kept)
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.step, self.seconds, self.tokens, self.reply_tokens, self.streams = state["counters"]


def save(trainer: Trainer, path: Path) -> None:
    """Write beside, then rename: a kill leaves the old checkpoint or the new one."""
    partial = path.with_suffix(".partial")
    torch.save(trainer.state(), partial)
    partial.replace(path)


class Feed:
    """The stream of batches; it is renewed when the mix changes, and every ``refresh`` minutes.

    Renewal imports the corpus anew, so a corpus fixed during a long run is picked up. A new stream
    that fails is reported, and the old one goes on.
    """

    def __init__(self, tokenizer: Path, trainer: Trainer, refresh: float) -> None:
        self._tokenizer, self._trainer, self._refresh = tokenizer, trainer, refresh
        self._mix = mix_at(trainer.plan, trainer.progress)
        self._current = self._open()
        self._next: Background | None = None
        self._opened = time.monotonic()

    def _open(self) -> Background:
        self._trainer.streams += 1
        return Background(
            self._tokenizer, self._mix, seed=self._trainer.plan.seed + 1000 * self._trainer.streams
        )

    def __next__(self) -> Batch:
        wanted = mix_at(self._trainer.plan, self._trainer.progress)
        stale = self._refresh > 0 and time.monotonic() - self._opened > 60 * self._refresh
        if self._next is None and (wanted != self._mix or stale):
            self._mix, self._opened = wanted, time.monotonic()
            self._next = self._open()
        if self._next is not None and self._next.ready:
            self._current.close()
            self._current, self._next = self._next, None
        elif self._next is not None and not self._next.alive:
            print("the new stream of examples failed; the old one goes on", flush=True)
            self._next.close()
            self._next = None
        return next(self._current)

    def close(self) -> None:
        for stream in (self._current, self._next):
            if stream is not None:
                stream.close()


def prepare_tokenizer(path: Path, plan: Plan, examples: int = 4000) -> None:
    """Learn the vocabulary from the corpus and the copy tasks, unless it is there already."""
    if path.exists():
        return
    from models.training.corpus.examples import generate
    from models.training.curriculum import copy_tasks

    both = itertools.chain(
        itertools.islice(generate(plan.seed + 77), examples), itertools.islice(copy_tasks(77), examples // 8)
    )
    texts = (
        text
        for example in both
        for text in (*(message.content for message in example.messages), example.reply)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    train_tokenizer(texts, plan.vocabulary).save(str(path))


def run(
    plan: Plan,
    work: Path,
    device: torch.device,
    compiled: bool,
    checkpoint: float,
    refresh: float,
    start: Path | None = None,
) -> None:
    """Train to the end of the plan; ``checkpoint`` and ``refresh`` are in minutes."""
    tokenizer, path = work / "tokenizer.json", work / "checkpoint.pt"
    if start is not None and not tokenizer.exists():
        tokenizer_of(start).save(str(tokenizer))
    prepare_tokenizer(tokenizer, plan)
    trainer = Trainer(plan, tokenizer, device, compiled)
    if path.exists():
        trainer.restore(torch.load(path, map_location=device, weights_only=True))
    elif start is not None:
        trainer.begin_with(weights_of(start))
    feed = Feed(tokenizer, trainer, refresh)
    saved = time.monotonic()
    sums: dict[str, list[float]] = {}
    with (work / "log.jsonl").open("a") as log:
        while trainer.progress < 1:
            began = time.monotonic()
            found = trainer.learn(next(feed))
            # A first step compiles, and a suspended machine sleeps: neither is training.
            trainer.seconds += min(60.0, time.monotonic() - began)
            for operator, values in found.items():
                sums[operator] = [a + b for a, b in zip(sums.get(operator, [0.0] * 5), values, strict=True)]
            if trainer.step % 20 == 0:
                entry = report(trainer, sums)
                log.write(json.dumps(entry) + "\n")
                log.flush()
                print(json.dumps(entry), flush=True)
                sums = {}
            if time.monotonic() - saved > 60 * checkpoint:
                save(trainer, path)
                saved = time.monotonic()
    save(trainer, path)
    feed.close()


def report(trainer: Trainer, sums: dict[str, list[float]]) -> dict[str, Any]:
    """Return one line of the log: loss, share of tokens right, and right where a choice is made."""
    return {
        "step": trainer.step,
        "progress": round(trainer.progress, 4),
        "seconds": round(trainer.seconds, 1),
        "tokens": trainer.tokens,
        "reply_tokens": trainer.reply_tokens,
        "rate": round(rate_at(trainer.plan, trainer.progress, trainer.step), 4),
        "loss": {operator: round(v[0] / v[1], 4) for operator, v in sorted(sums.items())},
        "right": {operator: round(v[2] / v[1], 4) for operator, v in sorted(sums.items())},
        "focus_right": {operator: round(v[4] / v[3], 4) for operator, v in sorted(sums.items()) if v[3]},
    }


def main() -> None:
    defaults = Plan()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--depth", type=int, default=defaults.depth, help="the size: layers, and width with them"
    )
    parser.add_argument("--vocabulary", type=int, default=defaults.vocabulary)
    parser.add_argument(
        "--minutes", type=float, default=defaults.minutes, help="training time, all runs together"
    )
    parser.add_argument("--steps", type=int, help="a number of steps instead: reproducible")
    parser.add_argument(
        "--repeats", type=float, default=defaults.repeats, help="share of the time for random tokens repeated"
    )
    parser.add_argument("--batch-tokens", type=int, default=defaults.batch_tokens)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="an exported model of the same depth to train further")
    parser.add_argument("--work", type=Path, default=WORK, help="checkpoint, tokenizer and log")
    parser.add_argument("--checkpoint-minutes", type=float, default=3.0)
    parser.add_argument(
        "--refresh-minutes", type=float, default=0.0, help="import the corpus anew this often"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--no-compile", action="store_true")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    plan = Plan(
        depth=given.depth,
        vocabulary=given.vocabulary,
        minutes=given.minutes,
        steps=given.steps,
        repeats=given.repeats,
        batch_tokens=given.batch_tokens,
        seed=given.seed,
    )
    if given.start is not None:
        # Such weights copy already: no minutes for random tokens and short copies alone, and the rate falls earlier.
        plan = replace(plan, earlier=training_of(given.start), repeats=0.0, short_copy=0.0, decay_from=0.25)
    given.work.mkdir(parents=True, exist_ok=True)
    run(
        plan,
        given.work,
        torch.device(given.device),
        not given.no_compile,
        given.checkpoint_minutes,
        given.refresh_minutes,
        given.start,
    )


if __name__ == "__main__":
    main()
