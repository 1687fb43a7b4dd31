"""Examples: a moment of a search as the prompt that the product would send, and the reply that is wanted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from aide_local.prompts.build import Request, Templates, system_message, user_message
from aide_local.search.digest import digest_lines
from aide_local.types import Message
from models.training.corpus.bank import recorded_errors
from models.training.corpus.cases import Case, cases, failing_script
from models.training.corpus.schemas import packages
from models.training.corpus.thoughts import thought_of

VERSION = 9
DEBUG_SHARE = 0.12  # of the examples: bugs are fixed long before improvements match their plans
_SKELETON = frozenset(
    (
        "import json", "import pandas as pd", 'task = json.load(open("input/task.json"))',
        'train = pd.read_csv("input/train.csv")', 'test = pd.read_csv("input/test.csv")',
        'numeric, categorical = task["numeric"], task["categorical"]', "def features(data):",
        "    X = data[numeric].astype(float)", '    X[categorical] = data[categorical].astype(str).fillna("none")',
        "X, X_test = features(train), features(test)",
        'submission = pd.DataFrame({task["id"]: test[task["id"]]})',
        'submission.to_csv("working/submission.csv", index=False)', "model = make_pipeline(prepare, model)",
        "model.fit(X, y)", "```python", "```", "",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and its reply. ``focus`` are the character ranges of the reply where a choice is made."""

    messages: tuple[Message, ...]
    reply: str
    operator: str
    focus: tuple[tuple[int, int], ...] = ()


def generate(seed: int) -> Iterator[Example]:
    """Yield examples without end; deterministic in the seed, the bank of errors and the experience."""
    rng = random.Random(f"corpus {seed}")
    templates = Templates("starter")
    bank = list(recorded_errors())
    while True:
        for case in cases(rng):
            yield example(case, templates, rng)
            if bank and rng.random() < DEBUG_SHARE / (1 - DEBUG_SHARE):
                place, only, error = rng.choice(bank)
                found = failing_script(place, only)
                if found is not None:
                    yield example(found.case(error), templates, rng)


def example(case: Case, templates: Templates, rng: random.Random) -> Example:
    """Return the prompt as the product would send it, and the reply that is wanted."""
    tree = case.history.tree
    digest = digest_lines(tree, case.parent.id if case.parent else None)
    digest = digest[: rng.choice([4, 8, 12, 20])]  # the packer cuts it to what fits
    request = Request.of(case.operator, digest, case.parent, case.other, case.hint)
    task = case.history.task
    messages = (system_message(templates, task, packages(rng), ""), user_message(templates, task, request))
    thought = thought_of(case, digest)
    reply = f"{thought}\n{case.plan}\n```python\n{case.code}```".lstrip("\n")
    return Example(messages, reply, case.operator.value, _focus(reply))


def _focus(reply: str) -> tuple[tuple[int, int], ...]:
    """Return the places of the thought, the plan, and the lines that not every script has."""
    ranges = []
    place = 0
    for line in reply.split("\n"):
        if line not in _SKELETON:
            ranges.append((place, place + len(line)))
        place += len(line) + 1
    return tuple(ranges)
