"""From a step to a script: one re-ask at most, and what is refused before it is executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.events import ExecutionStarted, TokensStreamed
from aide_local.home import Home
from aide_local.llm.protocol import Chunk
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import start
from aide_local.store.read import read_run
from aide_local.tasks.load import load_task
from aide_local.types import NodeState, RunSettings, Sampling
from tests.runs import Reply, ended, good, make_csvs, make_run, nodes_of, reply_with

ONE = RunSettings.paper(steps=1, seed=1, folds=2, sandbox="limits", timeout=60.0)


def asked(tmp_path: Path, reply: Reply) -> tuple[list[str], list[object]]:
    """The purposes of what the model was asked for one node, and the events."""
    events = list(make_run(tmp_path, reply, settings=ONE).events())
    view = read_run(Home(tmp_path / "home"), ended(iter(events)).run_id)
    return [one.purpose for one in view.generations], events  # type: ignore[return-value]


def test_a_reply_with_code_is_not_asked_again(tmp_path: Path) -> None:
    purposes, _ = asked(tmp_path, lambda prompt, sampling: good(3))
    assert purposes == ["script"]


def test_a_reply_without_code_is_asked_again_once_and_keeps_its_plan(tmp_path: Path) -> None:
    def reply(prompt: str, sampling: Sampling) -> str:
        if "held no Python code" in prompt:
            assert "I shall use the slope." in prompt
            return good(3).split("\n", 1)[1]
        return "I shall use the slope."

    purposes, events = asked(tmp_path, reply)
    assert purposes == ["script", "reask"]
    (node,) = nodes_of(events)  # type: ignore[arg-type]
    assert (node.state, node.plan) == (NodeState.VALID, "I shall use the slope.")
    assert sum(isinstance(event, TokensStreamed) and event.restart for event in events) == 2


def test_a_second_reply_without_code_makes_the_node_buggy(tmp_path: Path) -> None:
    purposes, events = asked(tmp_path, lambda prompt, sampling: "I cannot.")
    assert purposes == ["script", "reask"]
    (node,) = nodes_of(events)  # type: ignore[arg-type]
    assert node.error is not None
    assert (node.state, node.error.kind, node.code) == (NodeState.BUGGY, "no_code", "")


class CutShort(ScriptedModel):
    """Every reply ends at its limit of tokens."""

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        for chunk in super().generate(prompt, sampling, grammar=grammar):
            generation = chunk.generation and replace(chunk.generation, finish="length")
            yield replace(chunk, generation=generation)


def test_a_script_that_was_cut_is_told_so_though_a_fragment_came_before_it(tmp_path: Path) -> None:
    reply = "The imports:\n```python\nimport os\n```\nThe whole:\n```python\nimport os\nprint(os.getcw"
    task = load_task(make_csvs(tmp_path / "task"))
    run = start(task, ONE, home=Home(tmp_path / "home"), make_model=lambda settings: CutShort([reply]))
    events = list(run.events())
    (node,) = nodes_of(events)
    assert node.error is not None
    assert (node.error.type, node.code) == ("CutShort", "import os\nprint(os.getcw\n")
    assert not any(isinstance(event, ExecutionStarted) for event in events)


def test_a_script_that_was_tried_is_asked_again_hotter(tmp_path: Path) -> None:
    """The likeliest idea is taken: the same question, with less likely words let through."""
    samplings: list[Sampling] = []

    def reply(prompt: str, sampling: Sampling) -> str:
        samplings.append(sampling)
        return good(4 if sampling.temperature > 0.9 else 3)

    run = make_run(tmp_path, reply, settings=replace(ONE, steps=2))
    first, second = nodes_of(run.events())
    assert (first.state, second.state) == (NodeState.VALID, NodeState.VALID)
    once, again, hotter = samplings
    assert once.temperature == again.temperature < hotter.temperature
    assert hotter.min_p <= again.min_p
    assert hotter.seed == again.seed + 1


@pytest.mark.parametrize(
    ("code", "kind"), [("def (:", "syntax"), ("import not_there_at_all", "import"), ("x = 'a\0b'", "syntax")]
)
def test_what_cannot_run_is_refused_before_it_is_executed(tmp_path: Path, code: str, kind: str) -> None:
    _, events = asked(tmp_path, lambda prompt, sampling: reply_with(code))
    (node,) = nodes_of(events)  # type: ignore[arg-type]
    assert node.error is not None
    assert node.error.kind == kind
    assert not any(isinstance(event, ExecutionStarted) for event in events)
