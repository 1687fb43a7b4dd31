"""Every event can be shown in every way."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from aide_local import events
from aide_local.cli.live import Live
from aide_local.cli.progress import JsonLines, Lines
from aide_local.types import FoldScore, Generation, Operator, Step, Summary
from tests.factories import buggy, valid

VALUES: dict[str, object] = {
    "at": 1.5,
    "event": 1,
    "node": 3,
    "step": Step(Operator.IMPROVE, 1),
    "steps": 9,
    "fold": FoldScore(0, math.nan),
    "generation": Generation(text="text", finish="stop", completion_tokens=20, decode_ms=2.0, seed=3),
    "dropped": ("output: 3 of 9 characters",),
    "notes": (),
    "summary": Summary(run_id="run", task="task", metric="rmse", direction="minimize"),
    "resumed": False,
    "restart": False,
    "tokens": 100,
    "metric": 0.5,
    "counted": True,
    "constant_score": None,
    "exit_code": 1,
}


def every_event() -> list[events.Event]:
    made: list[events.Event] = []
    for kind in events.Event.__subclasses__():
        fields = {field.name: VALUES.get(field.name, "text") for field in dataclasses.fields(kind)}
        if kind is events.NodeFinished:
            made += [kind(1.5, valid(0, math.inf)), kind(1.5, buggy(1))]
        elif kind is events.RunStarted:
            made.append(kind(**{**fields, "metric": "rmse"}))  # type: ignore[arg-type]
        else:
            made.append(kind(**fields))  # type: ignore[arg-type]
    return made


def test_as_json_every_event_is_one_line_of_json_as_others_read_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = every_event()
    assert len(found) > 12
    with JsonLines() as view:
        for event in found:
            view.show(event)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(found)

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not JSON")

    for line, event in zip(lines, found, strict=True):
        read = json.loads(line, parse_constant=refuse)
        assert (read["event"], read["at"]) == (type(event).__name__, 1.5)


@pytest.mark.parametrize("view", [Lines, Live])
def test_for_people_every_event_is_shown_without_markup_being_read(
    view: type[Lines], capsys: pytest.CaptureFixture[str]
) -> None:
    with view() as display:
        for event in every_event():
            display.show(event)
        display.show(events.Trouble(1.0, "[bold]no[/bold] [/x]", ""))
    assert "[bold]no[/bold] [/x]" in capsys.readouterr().out


def test_what_a_model_wrote_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as display:
        display.show(events.NodeFinished(1.0, valid(0, 0.5, plan="\x1b[2Jgone\x9b1m \u202eesrever.")))
    assert r"\x1b[2Jgone\x9b1m \u202eesrever." in capsys.readouterr().out
