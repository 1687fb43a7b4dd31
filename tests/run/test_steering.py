"""What a person asks of a run is done, is recorded, and is honoured by a resumed run."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import SettingsError
from aide_local.events import NodeFinished, NodeProposed
from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import resume
from aide_local.run.loop import Run
from aide_local.search.policies.greedy import Greedy
from aide_local.search.tree import Tree
from aide_local.store.read import list_runs, read_run
from aide_local.task import Direction
from aide_local.types import Node, NodeState, Operator, RunSettings, Sampling, Step
from tests.factories import buggy, valid
from tests.runs import SCRIPT, Reply, by_seed, good, make_run, nodes_of

SETTINGS = RunSettings.paper(steps=4, seed=1, folds=2, sandbox="limits", timeout=60.0, num_drafts=2)


def better_every_time(prompt: str, sampling: Sampling) -> str:
    """Valid scripts, none like another."""
    return good(2.0 + (sampling.seed % 10_000) / 10_000)


class Steered:
    """A run whose second reply waits until the person, who acts once the first node is finished, has acted."""

    def __init__(
        self, place: Path, reply: Reply = better_every_time, settings: RunSettings = SETTINGS
    ) -> None:
        self.acted = threading.Event()
        self.replies = 0
        self.reply = reply
        self.run = make_run(place, self._answer, settings=settings)

    def _answer(self, prompt: str, sampling: Sampling) -> str:
        self.replies += 1
        if self.replies == 2:
            assert self.acted.wait(60)
        return self.reply(prompt, sampling)

    def to_the_end(self, act: Callable[[Run], object]) -> list[Node]:
        found = []
        for event in self.run.events():
            found.append(event)
            if isinstance(event, NodeFinished) and not self.acted.is_set():
                try:
                    act(self.run)
                finally:
                    self.acted.set()
        return nodes_of(found)


def test_an_asked_step_comes_next_with_its_hint_in_the_prompt(tmp_path: Path) -> None:
    steered = Steered(tmp_path)
    step = Step(Operator.IMPROVE, parent=0, hint="use the logarithm of x")
    nodes = steered.to_the_end(lambda run: run.ask(step))
    asked = [node for node in nodes if node.hint]
    assert [(node.operator, node.parent, node.hint) for node in asked] == [
        (Operator.IMPROVE, 0, "use the logarithm of x")
    ]
    assert asked[0].id == 2, "it comes before what the policy would choose"
    view = read_run(Home(tmp_path / "home"), list_runs(Home(tmp_path / "home"))[0].id)
    prompt = next(one.prompt for one in view.generations if one.node == asked[0].id)
    assert "use the logarithm of x" in prompt
    assert "metric none" not in prompt, "the parent is shown with its result"


def test_a_persons_script_is_a_child_of_its_own(tmp_path: Path) -> None:
    steered = Steered(tmp_path)
    code = SCRIPT.format(slope=3.0).strip()
    nodes = steered.to_the_end(lambda run: run.ask(Step(Operator.HUMAN, parent=0), code))
    human = next(node for node in nodes if node.operator is Operator.HUMAN)
    assert human.state is NodeState.VALID
    assert human.code == code
    assert steered.run.tree.best == human, "3 is the true slope"


def test_a_persons_script_that_does_not_parse_is_refused_as_any_other(tmp_path: Path) -> None:
    steered = Steered(tmp_path)
    nodes = steered.to_the_end(lambda run: run.ask(Step(Operator.HUMAN, parent=0), "print("))
    human = next(node for node in nodes if node.operator is Operator.HUMAN)
    assert human.state is NodeState.BUGGY
    assert human.error is not None
    assert human.error.kind == "syntax"


def test_asked_steps_are_done_beyond_the_number_of_steps(tmp_path: Path) -> None:
    def ask(run: Run) -> None:
        run.ask(Step(Operator.DRAFT))
        run.ask(Step(Operator.DRAFT))

    nodes = Steered(tmp_path, settings=replace(SETTINGS, steps=2)).to_the_end(ask)
    assert [node.operator for node in nodes] == [Operator.DRAFT] * 4


def test_a_step_asked_for_and_not_begun_is_done_first_by_the_resumed_run(tmp_path: Path) -> None:
    steered = Steered(tmp_path)
    step = Step(Operator.IMPROVE, parent=0, hint="after the pause")

    def ask_and_stop(run: Run) -> None:
        run.pause()
        run.ask(step)
        run.stop(now=True)

    steered.to_the_end(ask_and_stop)
    home = Home(tmp_path / "home")
    going = resume(
        list_runs(home)[0].id, home=home, make_model=lambda settings: ScriptedModel(better_every_time)
    )
    assert [one.hint for one in going.waiting] == ["after the pause"]
    proposed = [event.step for event in going.events() if isinstance(event, NodeProposed)]
    assert "after the pause" in [one.hint for one in proposed]
    assert going.waiting == ()


def test_banned_nodes_are_neither_chosen_nor_delivered_after_a_resume_either(tmp_path: Path) -> None:
    replies = [good(3.0), good(1.0), good(1.5), good(1.7)]
    count = iter(range(100))

    def reply(prompt: str, sampling: Sampling) -> str:
        at = next(count)
        return replies[at] if at < len(replies) else good(1.0 + at / 100)

    steered = Steered(tmp_path, reply)
    steered.to_the_end(lambda run: run.mark("ban", 0))
    assert steered.run.tree.best is not None
    assert steered.run.tree.best.id != 0, "node 0 has the true slope but is banned"
    home = Home(tmp_path / "home")
    run_id = list_runs(home)[0].id
    summary = json.loads((home.run(run_id) / "deliverables" / "summary.json").read_text())
    assert summary["best_node"] != 0
    assert "0" not in summary["ensemble"]
    going = resume(run_id, home=home, make_model=lambda settings: ScriptedModel(reply), steps=6)
    proposed = [event.step for event in going.events() if isinstance(event, NodeProposed)]
    assert proposed
    assert 0 not in [step.parent for step in proposed]
    going_again = resume(run_id, home=home, make_model=lambda settings: ScriptedModel(reply), steps=7)
    going_again.mark("unban", 0)
    list(going_again.events())
    assert going_again.tree.best is not None
    assert going_again.tree.best.id == 0


def test_a_pinned_node_is_in_the_ensemble(tmp_path: Path) -> None:
    slopes = iter([-5.0, 2.9, 3.0, 3.1, 2.95])
    steered = Steered(tmp_path, lambda prompt, sampling: good(next(slopes)))
    steered.to_the_end(lambda run: run.mark("pin", 0))
    home = Home(tmp_path / "home")
    summary = json.loads((home.run(list_runs(home)[0].id) / "deliverables" / "summary.json").read_text())
    assert "0" in summary["ensemble"], "it is the worst, and the person wants it"


def test_settings_change_while_the_run_goes_on(tmp_path: Path) -> None:
    steered = Steered(tmp_path)
    nodes = steered.to_the_end(lambda run: run.change(steps=6, temperature=0.1))
    assert len(nodes) == 6
    view = read_run(Home(tmp_path / "home"), list_runs(Home(tmp_path / "home"))[0].id)
    assert (view.settings.steps, view.settings.temperature) == (6, 0.1)


def test_what_cannot_be_done_is_told_at_once(tmp_path: Path) -> None:
    steered = Steered(tmp_path)

    def act(run: Run) -> None:
        for step in (
            Step(Operator.IMPROVE, parent=99),
            Step(Operator.DEBUG, parent=0),
            Step(Operator.MERGE, parent=0, other=0),
            Step(Operator.HUMAN, parent=0),
        ):
            with pytest.raises(SettingsError):
                run.ask(step)
        with pytest.raises(SettingsError):
            run.change(policy="nothing")

    assert len(steered.to_the_end(act)) == SETTINGS.steps


def test_the_policy_leaves_out_what_is_banned_and_improves_what_is_pinned() -> None:
    nodes = [valid(0, 0.9), valid(1, 0.5), valid(2, 0.8, parent=0), buggy(3), valid(4, 0.4)]
    policy = Greedy(RunSettings(num_drafts=2, seed=3, debug_prob=0.0))
    tree = Tree.of(nodes, Direction.MAXIMIZE)
    assert {policy.ask(tree, step).parent for step in range(5, 40)} == {0}
    banned = Tree(tree.nodes, tree.direction, banned=frozenset({0}))
    assert {policy.ask(banned, step).parent for step in range(5, 40)} == {1}, "what grew from it is out, too"
    pinned = Tree(tree.nodes, tree.direction, pinned=frozenset({4}))
    assert {policy.ask(pinned, step).parent for step in range(5, 40)} == {0, 4}


def test_a_merge_with_a_banned_node_is_out_too() -> None:
    merged = replace(valid(2, 0.9, parent=0), other=1)
    tree = Tree.of([valid(0, 0.5), valid(1, 0.6), merged, valid(3, 0.8, parent=2)], Direction.MAXIMIZE)
    assert tree.marked("ban", 1).excluded == {1, 2, 3}
    assert tree.marked("ban", 1).best == tree[0]


def test_the_model_writes_the_journal_where_that_is_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    def reply(prompt: str, sampling: Sampling) -> str:
        if "summarise" in prompt:
            asked.append(prompt)
            return f"Lesson number {len(asked)}."
        return by_seed(prompt, sampling)

    settings = replace(SETTINGS, model_digest=True)
    nodes = Steered(tmp_path, reply, settings).to_the_end(lambda run: None)
    view = read_run(Home(tmp_path / "home"), list_runs(Home(tmp_path / "home"))[0].id)
    last = next(
        one.prompt for one in view.generations if one.node == nodes[-1].id and one.purpose == "script"
    )
    assert "Lesson number 1." in last
    digests = [one.node for one in view.generations if one.purpose == "digest"]
    assert digests == sorted(set(digests)), "each finished node once"
