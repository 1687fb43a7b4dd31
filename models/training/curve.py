"""The curve of a training, from its log, as the table that the model card shows.

    python -m models.training.curve --work DIR

Each row is a tenth of the training: the mean over its lines of the loss per token of replies, and of the share of tokens
right where a choice is made, for every operator.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

OPERATORS = ("draft", "improve", "merge", "debug", "drill", "repeat")


def curve(entries: Iterable[dict[str, Any]], parts: int = 10) -> str:
    """Return a Markdown table of the lines that ``train`` logs; a dash if an operator was not seen."""
    rows: list[list[dict[str, Any]]] = [[] for _ in range(parts)]
    for entry in entries:
        rows[min(parts - 1, int(entry["progress"] * parts))].append(entry)
    lines = [
        "| steps | " + " | ".join(OPERATORS) + " | right where chosen: draft | improve | merge |",
        "|---" * (len(OPERATORS) + 4) + "|",
    ]
    for row in rows:
        if row:
            losses = [_mean(row, "loss", operator, "{:.4f}") for operator in OPERATORS]
            right = [
                _mean(row, "focus_right", operator, "{:.2%}") for operator in ("draft", "improve", "merge")
            ]
            lines.append(f"| {row[-1]['step']:,} | " + " | ".join(losses + right) + " |")
    return "\n".join(lines)


def _mean(row: list[dict[str, Any]], what: str, operator: str, form: str) -> str:
    values = [entry[what][operator] for entry in row if operator in entry[what]]
    return form.format(fmean(values)) if values else "–"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="the folder of the training")
    given = parser.parse_args()
    with (given.work / "log.jsonl").open() as log:
        print(curve(json.loads(line) for line in log))


if __name__ == "__main__":
    main()
