"""Optuna as a pure function: a study rebuilt from what was observed, which gives one more point.

Storage is in memory, nothing is logged, and the sampler is made anew for each point from a seed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aide_local.search.tuner.moves import Point
from aide_local.search.tuner.space import Domain, Hyperparameter, Scale, Value, is_number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


_CANDIDATES = 64  # of which the one with the highest expected improvement is tried


def sample(
    space: tuple[Hyperparameter, ...], observations: Iterable[tuple[Point, float]], seed: int
) -> dict[str, Value]:
    """Return the values that a multivariate TPE (Bergstra et al. 2011; Falkner et al. 2018) tries next.

    ``observations`` are points and scores, higher is better. The same arguments give the same values.
    """
    import optuna  # 0.5 s: only runs that tune pay it

    distributions = {one.key: _distribution(one.domain) for one in space}
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # multivariate is marked experimental
            sampler = optuna.samplers.TPESampler(
                seed=seed, multivariate=True, n_startup_trials=0, gamma=_good, n_ei_candidates=_CANDIDATES
            )
            study = optuna.create_study(direction="maximize", sampler=sampler)
            for point, score in observations:
                params = {one.key: _encoded(one.domain, point[one.key]) for one in space}
                study.add_trial(
                    optuna.trial.create_trial(params=params, distributions=distributions, value=score)
                )
            found = study.ask(distributions).params
    finally:
        optuna.logging.set_verbosity(before)
    return {one.key: one.domain.nearest(found[one.key]) for one in space}


def _good(number: int) -> int:
    """Return how many of so many trials count as good: more of few than Optuna's tenth, whose one is often luck."""
    return math.ceil(0.7 * math.sqrt(number))


def _distribution(domain: Domain) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match domain.scale:
        case Scale.CHOICE:
            return CategoricalDistribution(domain.choices)
        case Scale.INT | Scale.LOG_INT:
            return IntDistribution(int(domain.low), int(domain.high), log=domain.scale is Scale.LOG_INT)
        case Scale.LINEAR | Scale.LOG:
            return FloatDistribution(domain.low, domain.high, log=domain.scale is Scale.LOG)


def _encoded(domain: Domain, value: Value) -> Value:
    """Return the value inside the domain: a zero on a logarithmic scale is its low end."""
    return domain.clamp(value) if is_number(value) and domain.scale is not Scale.CHOICE else value
