"""The tables of :mod:`benchmarks.automl`, as Markdown: each task's scores and ranks, and each system's over all tasks."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.automl_tasks import HIGHER_IS_BETTER

OURS = "ours"
EQUAL = 1e-9
Record = Mapping[str, Any]
Scores = Mapping[str, float | None]  # by system; None: it ran and gave no score


@dataclass(frozen=True, slots=True)
class Duels:
    """How often ours was better, worse and equal, against one system."""

    won: int = 0
    lost: int = 0
    equal: int = 0

    @property
    def share(self) -> float:
        """The share of tasks won, a tie counted half."""
        return (self.won + self.equal / 2) / max(1, self.won + self.lost + self.equal)


def compare(one: float | None, other: float | None, *, higher: bool) -> int:
    """1 where ``one`` is better, -1 where it is worse, 0 where they are equal; no score is worse than any."""
    if one is None or other is None:
        return (one is not None) - (other is not None)
    if abs(one - other) <= EQUAL:
        return 0
    return 1 if (one > other) == higher else -1


def ranks(scores: Scores, *, higher: bool) -> dict[str, float]:
    """The rank of each system, 1 the best; equal ones share the mean of their places."""
    found = {}
    for system, score in scores.items():
        others = [compare(score, other, higher=higher) for name, other in scores.items() if name != system]
        found[system] = 1 + others.count(-1) + others.count(0) / 2
    return found


def normalised(scores: Scores, *, higher: bool) -> dict[str, float]:
    """Scores on a scale where the best is 1 and the worst 0; 1 for all where all are equal, 0 where there is none."""
    known = [score for score in scores.values() if score is not None]
    if not known:
        return dict.fromkeys(scores, 0.0)
    best, worst = (max(known), min(known)) if higher else (min(known), max(known))
    wide = abs(best - worst) > EQUAL
    return {
        system: 0.0 if score is None else (score - worst) / (best - worst) if wide else 1.0
        for system, score in scores.items()
    }


def duels(every: Sequence[tuple[Scores, bool]], system: str) -> Duels:
    """Ours against a system, over the tasks (scores, whether higher is better) that both have run."""
    results = [
        compare(scores[OURS], scores[system], higher=higher)
        for scores, higher in every
        if OURS in scores and system in scores
    ]
    return Duels(results.count(1), results.count(-1), results.count(0))


def report(records: Sequence[Record], systems: Sequence[str]) -> str:
    """Both tables, of one record for each task and system."""
    of_task: dict[str, dict[str, Record]] = {}
    for record in records:
        of_task.setdefault(record["task"], {})[record["system"]] = record
    shown = [one for one in systems if any(one in those for those in of_task.values())]
    if not of_task or not shown:
        return "No results."
    return "\n\n".join([tasks_table(of_task, shown), systems_table(of_task, shown), *remarks(of_task, shown)])


def tasks_table(of_task: Mapping[str, Mapping[str, Record]], systems: Sequence[str]) -> str:
    """Each task's scores with the rank in brackets, the best in bold."""
    rows = []
    for name, those in sorted(of_task.items()):
        metric = metric_of(those)
        higher = HIGHER_IS_BETTER[metric]
        scores = {one: those[one]["score"] for one in systems if one in those}
        places = ranks(scores, higher=higher)
        first = min(places.values())
        cells = []
        for one in systems:
            if one not in those:
                cells.append("")
            elif scores[one] is None:
                cells.append(f"{those[one]['status']} ({places[one]:g})")
            else:
                mark = "**" if places[one] == first else ""
                cells.append(f"{mark}{scores[one]:.5g}{mark} ({places[one]:g})")
        rows.append([name, f"{metric} {'↑' if higher else '↓'}", *cells])
    return table(["task", "metric", *systems], rows)


def systems_table(of_task: Mapping[str, Mapping[str, Record]], systems: Sequence[str]) -> str:
    """Each system over the tasks that it ran."""
    every = [
        ({one: those[one]["score"] for one in systems if one in those}, HIGHER_IS_BETTER[metric_of(those)])
        for those in of_task.values()
    ]
    rows = []
    for one in systems:
        own = [those[one] for those in of_task.values() if one in those]
        against = duels(every, one)
        fought = against.won + against.lost + against.equal
        equal = f" ({against.equal} equal)" if against.equal else ""
        fight = f"{against.won} : {against.lost}{equal}, {against.share:.0%}" if fought else ""
        rows.append(
            [
                one,
                str(len(own)),
                f"{over(every, one, ranks):.2f}",
                f"{over(every, one, normalised):.3f}",
                "" if one == OURS else fight,
                f"{rate(own):.1f}",
                f"{statistics.median(record['wall'] for record in own):.0f} / {max(record['wall'] for record in own):.0f}",
                str(sum(record["score"] is None for record in own)),
            ]
        )
    head = ["system", "tasks", "mean rank", "mean normalised score", "ours won : lost"]
    return table([*head, "nodes or fits a minute", "seconds, median / most", "without a score"], rows)


def over(every: Sequence[tuple[Scores, bool]], system: str, what: Callable[..., dict[str, float]]) -> float:
    """The mean of ``what`` (ranks, normalised) of a system over the tasks that it ran."""
    return statistics.fmean(
        what(scores, higher=higher)[system] for scores, higher in every if system in scores
    )


def rate(records: Sequence[Record]) -> float:
    """Nodes or fits for each minute of wall time, of the runs that told how many."""
    told = [one for one in records if one["fits"] is not None]
    fits, wall = (sum(float(one[name]) for one in told) for name in ("fits", "wall"))
    return 60 * fits / max(1e-9, wall)


def remarks(of_task: Mapping[str, Mapping[str, Record]], systems: Sequence[str]) -> list[str]:
    """What a reader must know of these tables."""
    found = []
    partial = [name for name, those in sorted(of_task.items()) if any(one not in those for one in systems)]
    if partial:
        found.append(
            f"Not every system has run {', '.join(partial)}; means are over the tasks that a system ran."
        )
    failed = [
        f"- {name}, {one}: {those[one]['status']}: {those[one]['message']}"
        for name, those in sorted(of_task.items())
        for one in systems
        if one in those and those[one]["score"] is None
    ]
    return [*found, *(["Without a score:\n\n" + "\n".join(failed)] if failed else [])]


def metric_of(those: Mapping[str, Record]) -> str:
    """The metric of a task's records."""
    return str(next(iter(those.values()))["metric"])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
