"""Past runs: the best scripts of similar tasks of this home are where a new search begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.events import Trouble
from aide_local.home import Home
from aide_local.store.past import LEAST_SIMILARITY, best_past_scripts, similarity
from aide_local.task import ColumnKind, Kind
from aide_local.tasks.load import load_task
from aide_local.types import Origin, RunSettings
from tests.factories import churn_task
from tests.runs import make_run, nodes_of

FIRST = RunSettings.paper(steps=5, seed=1, folds=2, sandbox="limits", timeout=60.0)
AGAIN = replace(FIRST, steps=1, history="auto")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one finished run."""
    place = tmp_path_factory.mktemp("past")
    list(make_run(place, settings=FIRST).events())
    return place


def test_a_search_of_the_same_task_begins_with_the_best_scripts_of_the_last_one(place: Path) -> None:
    run = make_run(place, settings=AGAIN)
    nodes = nodes_of(run.events())
    recalled = [node for node in nodes if node.origin is Origin.HISTORY]
    best = best_past_scripts(Home(place / "home"), load_task(place / "task"), 9)
    assert recalled
    assert recalled[0].code in {one.code for one in best.scripts}
    assert "of run" in recalled[0].plan
    assert run.settings.recalled, "a resumed run begins with the same scripts"


def test_what_is_known_already_and_other_kinds_of_task_are_left_out(place: Path) -> None:
    home = Home(place / "home")
    task = load_task(place / "task")
    found = best_past_scripts(home, task, 1)
    assert len(found.scripts) == 1
    assert best_past_scripts(home, task, 1, known={found.scripts[0].ast_hash}) != found
    assert best_past_scripts(home, replace(task, kind=Kind.BINARY), 3).scripts == ()


def test_a_home_without_runs_offers_nothing_and_complains_of_nothing(tmp_path: Path) -> None:
    assert best_past_scripts(Home(tmp_path), churn_task(), 3) == best_past_scripts(
        Home(tmp_path / "no"), churn_task(), 3
    )


def test_a_history_that_cannot_be_read_is_told_and_the_search_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(make_run(tmp_path, settings=replace(FIRST, steps=1)).events())
    from aide_local.errors import StoreError
    from aide_local.store import past

    def broken(home: Home) -> None:
        raise StoreError("The disk is gone.", "Bring it back.")

    monkeypatch.setattr(past, "SqlReader", broken)
    events = list(make_run(tmp_path, settings=AGAIN).events())
    assert any(isinstance(event, Trouble) and "The disk is gone" in event.message for event in events)
    assert nodes_of(events)


def test_similar_is_the_same_metric_names_size_and_kinds_of_columns() -> None:
    task = churn_task()
    assert similarity(task, task) == pytest.approx(1.0)
    larger = replace(task, n_train=task.n_train * 10)
    other_metric = replace(task, metric="log_loss")
    renamed = replace(task, columns=tuple(replace(one, name=f"x{one.name}") for one in task.columns))
    texts = replace(task, columns=tuple(replace(one, kind=ColumnKind.TEXT) for one in renamed.columns))
    assert similarity(task, renamed) >= LEAST_SIMILARITY, "names differ, all else is the same"
    for other in (larger, other_metric, renamed, texts):
        assert 0 < similarity(task, other) < 1
    assert similarity(task, texts) < LEAST_SIMILARITY
    assert similarity(task, replace(task, kind=Kind.REGRESSION)) == 0
