"""Export: the mean of several trainings' weights is exactly that. Needs torch."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from models.training.export import load  # noqa: E402 - imports torch


def saved(work: Path, value: float, width: int = 2) -> Path:
    work.mkdir()
    state = {"shape": {"width": width}, "average": {"a": torch.full((width,), value), "b": torch.ones(1)}}
    torch.save(state, work / "checkpoint.pt")
    return work


def test_weights_of_several_trainings_are_averaged(tmp_path: Path) -> None:
    works = [saved(tmp_path / str(number), number) for number in (1, 2, 6)]
    state = load(works[0], works[1:])
    assert state["average"]["a"].tolist() == [3, 3]
    assert state["average"]["b"].tolist() == [1]
    assert state["averaged"] == 2


def test_one_training_alone_is_as_it_was(tmp_path: Path) -> None:
    state = load(saved(tmp_path / "one", 0.1))
    assert torch.equal(state["average"]["a"], torch.full((2,), 0.1))
    assert state["averaged"] == 0


def test_another_shape_is_refused(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "one", 1), saved(tmp_path / "other", 1, width=3)
    with pytest.raises(ValueError, match=r"other holds a model of other shapes"):
        load(one, [other])
