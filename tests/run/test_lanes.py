"""Both lanes at once: the playbook, the person's scripts and the tuner beside the model, and every choice repeatable."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.events import Event, ExecutionStarted, NodeProposed
from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import resume, start
from aide_local.run.writing_lane import WritingLane
from aide_local.search.policies import make_policy
from aide_local.search.tuner.choose import choose
from aide_local.store.read import read_run
from aide_local.tasks.load import load_task
from aide_local.types import NodeState, Operator, Origin, RunSettings, StopReason
from tests.runs import SCRIPT, by_seed, delivered, ended, make_csvs, make_run, nodes_of

BOOSTED = """
import json
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

task = json.load(open("input/task.json"))
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
model = HistGradientBoostingRegressor(max_iter=20, learning_rate={rate}, max_leaf_nodes=8)
model.fit(train[["x"]], train["y"])
submission = pd.DataFrame({{task["id"]: test[task["id"]], task["outputs"][0]: model.predict(test[["x"]])}})
submission.to_csv("working/submission.csv", index=False)
"""
STARTS = (
    BOOSTED.format(rate=0.1),
    BOOSTED.replace("max_leaf_nodes=8", "min_samples_leaf=5").format(rate=0.2),
)
SETTINGS = RunSettings(
    steps=4,
    seed=1,
    folds=2,
    sandbox="limits",
    timeout=60.0,
    playbook="off",
    starts=STARTS,
    tune=0.5,
    racing=False,
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    place = tmp_path_factory.mktemp("lanes")
    return place, list(make_run(place, settings=SETTINGS).events())


def test_nodes_say_where_they_come_from_and_all_of_them_are_searched(
    searched: tuple[Path, list[Event]],
) -> None:
    place, events = searched
    nodes = read_run(Home(place / "home"), ended(iter(events)).run_id).tree.nodes
    assert [node.code for node in nodes if node.origin is Origin.PERSON] == list(STARTS)
    assert sum(node.origin is Origin.MODEL for node in nodes) == 4
    tuned = [node for node in nodes if node.origin is Origin.TUNER]
    assert tuned
    assert all(node.operator is Operator.TUNE and "→" in node.plan for node in tuned)
    assert ended(iter(events)).stop_reason is StopReason.STEPS
    proposed = [event.node for event in events if isinstance(event, NodeProposed)]
    assert sorted(proposed) == [node.id for node in nodes]


def test_every_choice_can_be_made_again_from_the_tree_as_it_saw_it(
    searched: tuple[Path, list[Event]],
) -> None:
    """So a resumed run decides as the unbroken one would have: ``ask`` is a function of tree, seed and step."""
    place, events = searched
    tree = read_run(Home(place / "home"), ended(iter(events)).run_id).tree
    policy = make_policy(SETTINGS)
    for node in tree.nodes:
        view = tree.seen_by(node.id, node.in_flight)
        if node.origin is Origin.MODEL:
            step = policy.ask(view, node.id)
            assert (step.operator, step.parent, step.seed) == (node.operator, node.parent, node.seed)
        if node.origin is Origin.TUNER:
            again = choose(view, SETTINGS.seed, node.id)
            assert again is not None
            assert (again.parent, again.code) == (node.parent, node.code)


def test_how_long_the_lanes_worked_is_told(searched: tuple[Path, list[Event]]) -> None:
    summary = delivered(iter(searched[1]))
    assert summary.executing_share is not None
    assert summary.writing_share is not None
    assert 0 < summary.executing_share <= 1
    assert 0 <= summary.writing_share <= 1


def test_more_steps_go_on_with_the_same_sources(searched: tuple[Path, list[Event]]) -> None:
    place, events = searched
    run_id = ended(iter(events)).run_id
    home = Home(place / "home")
    before = read_run(home, run_id).tree.nodes
    again = resume(run_id, home=home, make_model=lambda settings: ScriptedModel(by_seed), steps=5)
    added = nodes_of(again.events())
    assert added[0].id == len(before)
    assert Origin.PERSON not in {node.origin for node in added}, "the person's scripts are executed once"
    assert sum(node.origin is Origin.MODEL for node in added) == 1


def test_the_scripts_of_a_folder_are_executed_with_their_plans(tmp_path: Path) -> None:
    folder = tmp_path / "book"
    folder.mkdir()
    for number in range(3):
        text = SCRIPT.format(slope=2.5 + number / 4)
        (folder / f"mine_{number}.py").write_text(f'"""Mine.\n\nplan: slope {number}\n"""\n{text}')
    settings = replace(SETTINGS, playbook=str(folder), starts=(), tune=0.0, steps=1)
    run = start(
        load_task(make_csvs(tmp_path / "task")),
        settings,
        home=Home(tmp_path / "home"),
        make_model=lambda settings: ScriptedModel(by_seed),
        out=tmp_path / "out",
    )
    events = list(run.events())
    plans = {node.plan for node in nodes_of(events) if node.origin is Origin.PLAYBOOK}
    assert {f"regression rmse: slope {number}." for number in range(3)} <= plans
    assert ended(iter(events)).exit_code == 0
    assert all(node.state is not NodeState.PENDING for node in run.tree.nodes)


def test_a_node_that_the_writing_lane_made_first_is_not_taken_for_one_of_an_earlier_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writing lane may be quicker than the executing lane's first look: no node is executed twice."""
    begin = WritingLane.start

    def begin_and_make_a_node(lane: WritingLane) -> None:
        begin(lane)
        while not lane.ready:
            time.sleep(0.01)

    monkeypatch.setattr(WritingLane, "start", begin_and_make_a_node)
    settings = RunSettings.paper(steps=2, seed=1, folds=2, sandbox="limits", timeout=60.0)
    events = list(make_run(tmp_path, settings=settings).events())
    executed = [event.node for event in events if isinstance(event, ExecutionStarted)]
    assert sorted(executed) == [0, 1]
    stored = read_run(Home(tmp_path / "home"), ended(iter(events)).run_id).tree.nodes
    assert [(node.id, node.attempts) for node in stored] == [(0, 1), (1, 1)]
    assert NodeState.PENDING not in {node.state for node in stored}
