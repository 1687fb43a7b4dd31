"""Orthogonalised updates, in either precision. Needs torch, as training does: not among the product's dependencies."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from models.training.muon import Muon, fast_precision, orthogonal  # noqa: E402


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 24, 64), (2, 64, 24)])
def test_singular_values_are_brought_near_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    found = torch.linalg.svdvals(orthogonal(torch.randn(shape), torch.float32))
    assert found.min() > 0.3
    assert found.max() < 1.4


def test_it_steps_as_the_one_of_torch_does() -> None:
    """That one computes in bfloat16: alike, up to its rounding."""
    torch.manual_seed(0)
    shapes = [(48, 32), (48, 32), (32, 48)]
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [torch.nn.Parameter(one.detach().clone()) for one in ours]
    one = Muon(ours, lr=1e-2, weight_decay=0.01, precision=torch.float32)
    other = torch.optim.Muon(theirs, lr=1e-2, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        one.step()
        other.step()
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, atol=2e-3)


def test_the_precision_is_one_that_the_machine_has() -> None:
    assert fast_precision(torch.device("cpu")) in (torch.float32, torch.bfloat16)
    assert fast_precision(torch.device("cuda")) is torch.bfloat16
