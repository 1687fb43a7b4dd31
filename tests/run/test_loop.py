"""The run loop with a scripted model: what is decided, kept, delivered, stopped."""

from __future__ import annotations

import csv
import json
import threading
import time
from pathlib import Path

import pytest

from aide_local.errors import ModelError
from aide_local.events import ExecutionStarted, NodeFinished, NodeProposed, RunFinished, RunPaused
from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import resume
from aide_local.store.read import list_runs, read_run
from aide_local.types import NodeState, Operator, RunSettings, Sampling
from tests.runs import by_seed, delivered, ended, good, make_run, nodes_of, reply_with, shape

SETTINGS = RunSettings.paper(steps=6, seed=1, folds=2, sandbox="limits", timeout=60.0)


def with_(**changes: object) -> RunSettings:
    from dataclasses import replace

    return replace(SETTINGS, **changes)  # type: ignore[arg-type]


def test_a_run_delivers_what_it_says(tmp_path: Path) -> None:
    run = make_run(tmp_path, settings=with_(steps=8), out=tmp_path / "out")
    last = ended(run.events())
    assert last.exit_code == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert last.summary is not None
    assert summary == last.summary.as_dict()
    for key in (
        "run_id", "task", "metric", "direction", "best_score", "ensemble_score", "report_score", "constant_score",
        "nodes", "valid_nodes", "wall_seconds", "prompt_tokens", "completion_tokens", "model", "stop_reason",
    ):  # fmt: skip
        assert key in summary
    assert summary["best_score"] < summary["constant_score"]
    assert summary["nodes"] == 8
    wanted = {f"{n}" for n in range(60, 80)}
    for name in ("submission.csv", "solution_submission.csv"):
        with (tmp_path / "out" / name).open() as file:
            assert {row["id"] for row in csv.DictReader(file)} == wanted
    assert "slope" in (tmp_path / "out" / "solution.py").read_text()
    assert (tmp_path / "out" / "report.md").read_text().startswith("# task")


def test_the_same_seed_gives_the_same_tree_and_another_seed_another(tmp_path: Path) -> None:
    runs = [
        nodes_of(make_run(tmp_path / name, settings=with_(steps=9, seed=seed)).events())
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert shape(runs[0]) == shape(runs[1])
    assert shape(runs[0]) != shape(runs[2])


def test_a_tree_does_not_depend_on_how_long_things_take(tmp_path: Path) -> None:
    def slowly(prompt: str, sampling: Sampling) -> str:
        time.sleep((sampling.seed % 7) / 40)
        return by_seed(prompt, sampling)

    settings = with_(steps=8, parallel=2)
    first = nodes_of(make_run(tmp_path / "a", by_seed, settings=settings).events())
    second = nodes_of(make_run(tmp_path / "b", slowly, settings=settings).events())
    assert shape(first) == shape(second)


def test_failures_are_nodes_with_errors_and_end_nothing(tmp_path: Path) -> None:
    replies = [
        reply_with("raise ValueError('no')"),
        reply_with("def ("),
        reply_with("import not_installed_here"),
        "no code at all",
        reply_with("print(1)"),
    ]
    model = iter(replies)
    seen: list[str] = []

    def reply(prompt: str, sampling: Sampling) -> str:
        # The re-ask of a reply without code gets no code either.
        if "no code at all" in prompt:
            return "still none"
        seen.append(prompt)
        return next(model)

    run = make_run(tmp_path, reply, settings=with_(steps=5))
    events = list(run.events())
    kinds = [node.error.kind if node.error else None for node in nodes_of(events)]
    assert kinds == ["exception", "syntax", "import", "no_code", "predictions"]
    assert ended(iter(events)).exit_code == 1


def test_a_repeated_script_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path, lambda prompt, sampling: good(3), settings=with_(steps=2))
    first, second = nodes_of(run.events())
    assert first.state is NodeState.VALID
    assert second.error is not None
    assert second.error.kind == "repeat"


def test_a_repeat_is_told_as_one_where_the_model_has_nothing_else_to_say(tmp_path: Path) -> None:
    model = iter([good(3), good(3), "I have no other idea."])
    run = make_run(tmp_path, lambda prompt, sampling: next(model), settings=with_(steps=2))
    first, second = nodes_of(run.events())
    assert second.error is not None
    assert second.error.kind == "repeat"
    assert (second.plan, second.code) == (first.plan, first.code)


def test_a_node_is_in_the_store_before_it_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for event in run.events():
        if isinstance(event, NodeFinished):
            assert event.node in run._store.nodes()


def test_the_prompt_of_an_improvement_holds_digest_and_parent(tmp_path: Path) -> None:
    model = ScriptedModel(by_seed)
    run = make_run(tmp_path, model._reply, settings=with_(steps=9))
    events = list(run.events())
    view = read_run(Home(tmp_path / "home"), ended(iter(events)).run_id)
    improved = [node for node in nodes_of(events) if node.operator is Operator.IMPROVE]
    assert improved
    for node in improved:
        assert node.parent is not None
        (prompt,) = {
            one.prompt for one in view.generations if one.node == node.id and one.purpose == "script"
        }
        assert view.tree[node.parent].code.strip() in prompt
        assert "#0" in prompt or node.parent == 0


def test_the_static_part_of_every_prompt_is_the_same(tmp_path: Path) -> None:
    events = list(make_run(tmp_path, settings=with_(steps=8)).events())
    view = read_run(Home(tmp_path / "home"), ended(iter(events)).run_id)
    heads = {one.prompt.split("<user>")[0] for one in view.generations}
    assert len(heads) == 1
    assert len(heads.pop()) > 500


def test_stopping_delivers_the_best_so_far(tmp_path: Path) -> None:
    run = make_run(tmp_path, settings=with_(steps=500))
    last = None
    for event in run.events():
        if isinstance(event, NodeFinished) and event.node.state is NodeState.VALID:
            run.stop()
        last = event
    assert isinstance(last, RunFinished)
    assert last.exit_code == 0
    assert last.stop_reason == "stopped by the person"
    assert last.summary is not None
    assert last.summary.best_score is not None


def test_stopping_now_delivers_nothing_and_can_be_resumed(tmp_path: Path) -> None:
    run = make_run(tmp_path, settings=with_(steps=6))
    events = []
    for event in run.events():
        events.append(event)
        if isinstance(event, ExecutionStarted) and event.node == 3:
            run.stop(now=True)
    last = ended(iter(events))
    assert (last.exit_code, last.summary) == (130, None)
    home = Home(tmp_path / "home")
    again = resume(last.run_id, home=home, make_model=lambda settings: ScriptedModel(by_seed))
    finished = ended(again.events())
    assert finished.exit_code == 0
    whole = nodes_of(make_run(tmp_path / "whole", settings=with_(steps=6)).events())
    assert shape(read_run(home, last.run_id).tree.nodes) == shape(whole)


def test_the_time_limit_ends_a_run_that_hangs(tmp_path: Path) -> None:
    def reply(prompt: str, sampling: Sampling) -> str:
        return (
            good(3)
            if not sampling.seed % 2
            else reply_with(f"import time\ntime.sleep(300)  # {sampling.seed}")
        )

    run = make_run(tmp_path, reply, settings=with_(steps=50, time_limit=12.0))
    assert ended(run.events()).stop_reason == "time limit"


def test_pausing_holds_the_run_until_it_goes_on(tmp_path: Path) -> None:
    run = make_run(tmp_path, settings=with_(steps=5))
    proposed_while_paused: list[int] = []
    paused = False
    timer: threading.Timer | None = None
    for event in run.events():
        if isinstance(event, NodeFinished) and event.node.id == 1:
            run.pause()
        if isinstance(event, RunPaused):
            paused = True
            timer = threading.Timer(1.0, lambda: unpause())

            def unpause() -> None:
                nonlocal paused
                paused = False
                run.unpause()

            timer.start()
        if isinstance(event, NodeProposed) and paused:
            proposed_while_paused.append(event.node)
    assert timer is not None
    assert len(proposed_while_paused) <= 1  # the one that was being chosen


def test_a_model_that_dies_for_good_ends_the_run_with_what_there_is(tmp_path: Path) -> None:
    count = 0

    def reply(prompt: str, sampling: Sampling) -> str:
        nonlocal count
        count += 1
        if count > 3:
            raise ModelError("the model is gone", "bring it back")
        return good(count)

    last = ended(make_run(tmp_path, reply, settings=with_(steps=20)).events())
    assert (last.stop_reason, last.exit_code) == ("model trouble", 0)
    assert list_runs(Home(tmp_path / "home"))[0].state == "stopped"


def test_a_model_that_is_gone_at_once_is_an_error(tmp_path: Path) -> None:
    def reply(prompt: str, sampling: Sampling) -> str:
        raise ModelError("the model is gone", "bring it back")

    with pytest.raises(ModelError):
        list(make_run(tmp_path, reply).events())


def test_more_steps_are_given_to_a_finished_run(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = ended(make_run(tmp_path, settings=with_(steps=3)).events())
    again = resume(first.run_id, home=home, make_model=lambda settings: ScriptedModel(by_seed), steps=6)
    assert delivered(again.events()).nodes == 6
    whole = nodes_of(make_run(tmp_path / "whole", settings=with_(steps=6)).events())
    assert shape(read_run(home, first.run_id).tree.nodes) == shape(whole)
