"""Where nodes come from beside the model: the person's scripts, past runs, the playbook, the tuner.

Which of them goes next is a pure function of the tree, the settings and whether a script of the model waits:
the lane's seconds are shared, and whoever is furthest below its share goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aide_local.home import Home
from aide_local.playbook.library import Playbook
from aide_local.run.precheck import ast_hash
from aide_local.search.tree import Tree
from aide_local.store.past import best_past_scripts
from aide_local.task import Mode, Task
from aide_local.types import NodeState, Operator, Origin, RunSettings, Step

OPENING = 4  # scripts of the playbook that run before anything is shared
MOST_RECALLED = 3  # scripts of past runs that are tried again
LEAST_TO_TUNE = 2  # complete nodes before the tuner begins


@dataclass(frozen=True, slots=True)
class Script:
    """A script that is there before the search begins; ``hash`` is of its syntax tree."""

    origin: Origin
    name: str
    plan: str
    code: str

    def step(self) -> Step:
        return Step(Operator.DRAFT, origin=self.origin, code=self.code, plan=self.plan)


Tuner = Callable[[Tree, int, int], Step | None]
"""(tree, seed, number of the node) -> the next step of the tuner; None if it expects no gain."""


class Sources:
    """Scripts that wait for their first execution, and the tuner. Keeps no state but what does not change."""

    def __init__(self, scripts: Sequence[Script], tuner: Tuner | None = None) -> None:
        self._tuner = tuner
        self._scripts = tuple((script, _hash(script.code)) for script in scripts)

    def next(self, tree: Tree, settings: RunSettings, number: int, *, model_waits: bool) -> Step | None:
        """Return the step to execute as node ``number``; None if the model's waiting script goes first, or nothing is left.

        ``model_waits``: a script of the model waits for execution.
        """
        left = self._left(tree)
        begun = sum(node.origin is Origin.PLAYBOOK for node in tree.nodes)
        if left and (left[0].origin is not Origin.PLAYBOOK or begun < OPENING):
            return left[0].step()
        waiting = [Origin.MODEL] if model_waits else []
        waiting += [Origin.PLAYBOOK] if left else []
        waiting += [Origin.TUNER] if self._may_tune(tree, settings) else []
        spent = seconds_by_origin(tree)
        shares = _shares(settings.tune)
        for origin in sorted(waiting, key=lambda one: (spent[one] / shares[one], list(Origin).index(one))):
            if origin is Origin.MODEL:
                return None
            if origin is Origin.PLAYBOOK:
                return left[0].step()
            step = self._tuner(tree, settings.seed, number) if self._tuner is not None else None
            if step is not None:
                return step
        return None

    def _left(self, tree: Tree) -> list[Script]:
        known = {node.ast_hash for node in tree.nodes}
        return [script for script, digest in self._scripts if digest not in known]

    def _may_tune(self, tree: Tree, settings: RunSettings) -> bool:
        """Return whether the tuner has a share left: with a time limit the rest of the time, else a share of all seconds."""
        if self._tuner is None or settings.tune <= 0 or len(tree.complete) < LEAST_TO_TUNE:
            return False
        if settings.time_limit is not None:
            return True
        spent = seconds_by_origin(tree)
        return spent[Origin.TUNER] <= settings.tune * sum(spent.values())


def recall(task: Task, settings: RunSettings, home: Home) -> tuple[RunSettings, str]:
    """Return the settings with the best scripts of similar tasks of this home, and what went wrong, if anything did.

    They are a part of the settings, so that a resumed run begins with the same ones.
    """
    if settings.history == "off":
        return settings, ""
    past = best_past_scripts(home, task, MOST_RECALLED)
    recalled = tuple(
        (f"{one.plan} (node #{one.node} of run {one.run_id}, task {one.task})", one.code)
        for one in past.scripts
    )
    return replace(settings, recalled=recalled), past.trouble


def first_scripts(task: Task, settings: RunSettings, modules: frozenset[str]) -> tuple[Script, ...]:
    """Return what is executed first: the person's scripts, the best of past runs, the playbook's.

    Raises:
        SettingsError: the playbook's folder cannot be used.
    """
    found = [
        Script(Origin.PERSON, f"start {number}", f"The person's script {number}.", code)
        for number, code in enumerate(settings.starts, 1)
    ]
    found += [Script(Origin.HISTORY, plan, plan, code) for plan, code in settings.recalled]
    if task.mode is Mode.FOLDS:
        playbook = Playbook.load(None if settings.playbook == "on" else settings.playbook)
        found += [
            Script(Origin.PLAYBOOK, one.name, one.plan_for(task), one.code)
            for one in playbook.offers(task, modules)
        ]
    return tuple(found)


def seconds_by_origin(tree: Tree) -> dict[Origin, float]:
    """Return the seconds that executions took, by where the nodes came from; nodes in flight count as the median one."""
    spent = dict.fromkeys(Origin, 0.0)
    finished = sorted(node.usage.wall for node in tree.nodes if node.usage.wall > 0)
    typical = finished[len(finished) // 2] if finished else 1.0
    for node in tree.nodes:
        spent[node.origin] += typical if node.state is NodeState.PENDING else node.usage.wall
    return spent


def _shares(tune: float) -> dict[Origin, float]:
    """Return each origin's weight: the tuner gets ``tune`` of the seconds, the rest is halved."""
    tuner = min(max(tune, 1e-6), 1 - 1e-6)
    shares = dict.fromkeys(Origin, (1 - tuner) / 2)
    shares[Origin.TUNER] = tuner
    return shares


def _hash(code: str) -> str:
    try:
        return ast_hash(code)
    except (SyntaxError, ValueError, RecursionError):
        return ""
