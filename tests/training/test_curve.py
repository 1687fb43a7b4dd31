"""The curve of a training: a row for each part, the means of its lines."""

from __future__ import annotations

from models.training.curve import curve


def entry(step: int, progress: float, **loss: float) -> dict[str, object]:
    return {"step": step, "progress": progress, "loss": loss, "focus_right": dict.fromkeys(loss, 0.5)}


def test_a_row_is_the_mean_of_its_lines_and_a_dash_where_nothing_was_seen() -> None:
    table = curve(
        [entry(20, 0.1, draft=1.0), entry(40, 0.4, draft=3.0, merge=5.0), entry(60, 1.0, improve=0.25)], 2
    )
    *_, first, second = table.splitlines()
    assert first == "| 40 | 2.0000 | – | 5.0000 | – | – | – | 50.00% | – | 50.00% |"
    assert second == "| 60 | – | 0.2500 | – | – | – | – | – | 50.00% | – |"


def test_a_part_without_lines_has_no_row_and_all_rows_have_as_many_cells() -> None:
    lines = curve([entry(20, 0.95, draft=1.0)]).splitlines()
    assert len(lines) == 3
    assert len({line.count("|") for line in lines}) == 1
