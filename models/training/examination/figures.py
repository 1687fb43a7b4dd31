"""The figures of an examination, as Markdown for the model card."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from models.training.corpus import execution
from models.training.examination.answer import Answer
from models.training.examination.examiner import TEMPERATURE


def share(judged: Iterable[bool]) -> str:
    """Return how many are true, in words: ``27 of 30 (90 %)``."""
    verdicts = list(judged)
    return f"{sum(verdicts)} of {len(verdicts)} ({100 * sum(verdicts) / max(1, len(verdicts)):.0f} %)"


def report(answers: Sequence[Answer], distinct: int, asked: int) -> str:
    """Return the figures; ``distinct`` of ``asked`` drafts for one task were different programs."""
    by: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by[answer.operator].append(answer)
    seconds = sum(answer.decode_ms for answer in answers) / 1000
    drafts, fixes = by.get("draft", []), by.get("debug", [])
    return "\n".join(
        [
            *_table(by),
            "",
            f"- draft, the plan suits the columns and rows: {share(one.plan_suits for one in drafts)};"
            f" the script is exactly its plan's: {share(one.plan_matches for one in drafts)}",
            *(_changes(operator, by.get(operator, [])) for operator in ("improve", "merge")),
            *_fixes(fixes),
            f"- distinct programs among {asked} drafts for one task, temperature {TEMPERATURE}: {distinct}",
            f"- tasks: {len({answer.task for answer in answers})}; generations: {len(answers) + asked};"
            f" {sum(answer.tokens for answer in answers) / max(seconds, 1e-9):.0f} tokens/s",
            "",
            "What failed most:",
            "",
            *_errors(answers),
        ]
    )


def _table(by: Mapping[str, Sequence[Answer]]) -> list[str]:
    """Return a row for each operator."""
    lines = [
        "| operator | replies with code | names right | run | beat the constant guess | the corpus' own answers beat it |",
        "|---|---|---|---|---|---|",
    ]
    for operator, ones in by.items():
        cells = (
            share(one.code for one in ones),
            share(one.names_right for one in ones),
            share(one.runs for one in ones),
            share(one.beats_constant for one in ones),
            share(one.own_beats_constant for one in ones),
        )
        lines.append(f"| {operator} | " + " | ".join(cells) + " |")
    return lines


def _changes(operator: str, answers: Sequence[Answer]) -> str:
    """Return the line for improvements or merges; only replies whose code parses count."""
    parsed = [one for one in answers if one.hash]
    return (
        f"- {operator}, script changed: {share(one.changed for one in parsed)}; the recipe that the plan names is what the"
        f" announced change leads to: {share(one.plan_holds for one in parsed)}; and the script is exactly that recipe's:"
        f" {share(one.plan_matches for one in parsed)}; the recipe suits the columns and rows, too:"
        f" {share(one.plan_suits for one in parsed)};"
        f" better than the parent on the {execution.TEST_ROWS} rows of the made-up test file:"
        f" {share(one.gains for one in parsed)}, the corpus' own answers: {share(one.own_gains for one in parsed)}"
    )


def _fixes(answers: Sequence[Answer]) -> list[str]:
    """Return the lines for bugs: how many scripts run again, and which kinds of bug were not always fixed."""
    fixed: dict[str, list[bool]] = defaultdict(list)
    for one in answers:
        fixed[one.bug].append(one.runs)
    weak = sorted(
        (sum(runs) / len(runs), f"{bug} {sum(runs)} of {len(runs)}")
        for bug, runs in fixed.items()
        if not all(runs)
    )
    return [
        f"- debug, fixed at the first try: {share(one.runs for one in answers)}, of {len(fixed)} kinds of bug",
        f"- kinds not always fixed: {', '.join(words for _, words in weak) or 'none'}",
    ]


def _errors(answers: Sequence[Answer]) -> list[str]:
    errors = Counter(
        f"{one.operator}: {re.sub('[0-9]+', 'N', one.error)[:90]}" for one in answers if one.error
    )
    return [f"- {count} × {error}" for error, count in errors.most_common(12)]
