"""Whose script is executed next: the person's, past ones and the opening first, then whoever is below its share."""

from __future__ import annotations

from dataclasses import replace

from aide_local.run.precheck import ast_hash
from aide_local.run.sources import OPENING, Script, Sources, seconds_by_origin
from aide_local.search.tree import Tree
from aide_local.task import Direction
from aide_local.types import Node, NodeState, Operator, Origin, RunSettings, Step, Usage
from tests.factories import valid

SETTINGS = RunSettings(time_limit=60.0)
BOOK = [Script(Origin.PLAYBOOK, f"script {n}", f"plan {n}", f"print({n})") for n in range(6)]
MINE = Script(Origin.PERSON, "mine", "my own", "print('mine')")


def tuned(tree: Tree, seed: int, number: int) -> Step:
    return Step(Operator.TUNE, parent=0, origin=Origin.TUNER, code=f"print('tuned {number}')")


def executed(script: Script, number: int, wall: float = 1.0) -> Node:
    return valid(
        number, 0.5, origin=script.origin, code=script.code, ast_hash=ast_hash(script.code), usage=Usage(wall)
    )


def tree_of(*nodes: Node) -> Tree:
    return Tree.of(nodes, Direction.MAXIMIZE)


def test_the_person_s_scripts_go_first_then_the_playbook_s_in_their_order() -> None:
    sources = Sources([MINE, *BOOK])
    first = sources.next(tree_of(), SETTINGS, 0, model_waits=True)
    assert first is not None
    assert (first.origin, first.code) == (Origin.PERSON, MINE.code)
    second = sources.next(tree_of(executed(MINE, 0)), SETTINGS, 1, model_waits=True)
    assert second is not None
    assert (second.origin, second.code) == (Origin.PLAYBOOK, BOOK[0].code)


def test_a_script_is_executed_once_however_often_a_run_is_resumed() -> None:
    done = [executed(script, number) for number, script in enumerate(BOOK)]
    assert Sources(BOOK).next(tree_of(*done), replace(SETTINGS, tune=0.0), 6, model_waits=False) is None


def test_after_the_opening_whoever_is_furthest_below_its_share_goes_next() -> None:
    opening = [executed(script, number) for number, script in enumerate(BOOK[:OPENING])]
    sources = Sources(BOOK, tuned)
    # The playbook has had seconds; the tuner and the model none: of equals the model's waiting script goes first.
    assert sources.next(tree_of(*opening), SETTINGS, OPENING, model_waits=True) is None
    step = sources.next(tree_of(*opening), SETTINGS, OPENING, model_waits=False)
    assert step is not None
    assert step.origin is Origin.TUNER


def test_without_a_time_limit_the_tuner_stops_at_its_share() -> None:
    nodes = [executed(script, number) for number, script in enumerate(BOOK)]
    spent = replace(nodes[0], id=6, origin=Origin.TUNER, ast_hash="other", usage=Usage(100.0))
    settings = RunSettings(tune=0.5)
    sources = Sources(BOOK, tuned)
    assert sources.next(tree_of(*nodes), settings, 6, model_waits=False) is not None
    assert sources.next(tree_of(*nodes, spent), settings, 7, model_waits=False) is None


def test_the_tuner_waits_for_something_to_tune_and_can_be_off() -> None:
    sources = Sources([], tuned)
    assert sources.next(tree_of(executed(MINE, 0)), SETTINGS, 1, model_waits=False) is None
    two = tree_of(executed(MINE, 0), executed(BOOK[0], 1))
    assert sources.next(two, replace(SETTINGS, tune=0.0), 2, model_waits=False) is None
    assert sources.next(two, SETTINGS, 2, model_waits=False) is not None


def test_nodes_in_flight_count_like_the_median_one() -> None:
    pending = replace(
        executed(BOOK[2], 2), state=NodeState.PENDING, usage=Usage(), metric=None, complete=False
    )
    spent = seconds_by_origin(tree_of(executed(BOOK[0], 0, 2.0), executed(BOOK[1], 1, 4.0), pending))
    assert spent[Origin.PLAYBOOK] == 2.0 + 4.0 + 4.0
