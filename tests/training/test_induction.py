"""The weights that training begins with copy already. Needs torch, as training does: not among the product's dependencies."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


def test_random_tokens_are_predicted_the_second_time_before_any_training() -> None:
    from models.training.induction import wire
    from models.training.model import Llama, Shape

    torch.manual_seed(0)
    model = Llama(Shape.of(depth=6, vocabulary=1000))
    once = torch.randint(5, 1000, (4, 12))
    twice = torch.cat([once, once], dim=1)

    def right() -> float:
        with torch.no_grad():
            best = model.logits(model(twice)).argmax(-1)
        return float((best[:, 12:-1] == once[:, 1:]).float().mean())

    assert right() < 0.1
    wire(model)
    assert right() > 0.6
