"""Muon: momentum whose update is orthogonalised, for matrices; in the precision that the machine multiplies fast.

``torch.optim.Muon`` always orthogonalises in bfloat16. A CPU without instructions for it takes 80 times as long for that as
in float32: half a minute for a step of this model. This one takes the precision, and all matrices of one shape at once.

Sources: Keller Jordan, https://kellerjordan.github.io/posts/muon/ (iteration and its coefficients); Moonshot AI,
arXiv 2502.16982 (the factor 0.2 sqrt(max(rows, columns)), with which rates of AdamW fit).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def fast_precision(device: torch.device) -> torch.dtype:
    """Return bfloat16 if the device multiplies it faster than float32, by a trial; GPUs that train at all do."""
    if device.type != "cpu":
        return torch.bfloat16
    seconds = {}
    for precision in (torch.float32, torch.bfloat16):
        a, b = torch.randn(512, 256).to(precision), torch.randn(256, 512).to(precision)
        _ = a @ b  # the first one is slower
        began = time.perf_counter()
        for _ in range(3):
            _ = a @ b
        seconds[precision] = time.perf_counter() - began
    return min(seconds, key=lambda precision: seconds[precision])


def orthogonal(matrices: Tensor, precision: torch.dtype) -> Tensor:
    """Return the (n, rows, columns) matrices with their singular values brought near 1 by Newton-Schulz steps."""
    a, b, c = COEFFICIENTS
    x = matrices.to(precision)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum 0.95, decoupled weight decay; ``lr`` is as for AdamW."""

    def __init__(
        self, parameters: Iterable[torch.nn.Parameter], lr: float, weight_decay: float, precision: torch.dtype
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": 0.95})
        self.precision = precision

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[parameter.shape].append(parameter)
            for shape, ones in by_shape.items():
                updates = orthogonal(
                    torch.stack([self._momentum(one, group["momentum"]) for one in ones]), self.precision
                )
                rate = group["lr"] * 0.2 * max(shape) ** 0.5
                for one, update in zip(ones, updates, strict=True):
                    one.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)

    def _momentum(self, parameter: torch.nn.Parameter, share: float) -> Tensor:
        """Return the gradient, as Nesterov's momentum smooths it."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if "average" not in state:
            state["average"] = torch.zeros_like(parameter)
        state["average"].lerp_(parameter.grad, 1 - share)
        return parameter.grad.lerp(state["average"], share)
