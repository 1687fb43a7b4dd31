"""Write a run as one HTML file that needs nothing else: opened from a disk, it makes no request.

Text of a model or a script is data in a block of JSON, which the page's own script shows as text, never as
markup. The policy in the page allows that one script and that one style sheet by their hashes, and no request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import asdict
from datetime import datetime
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from aide_local.basics.units import format_duration
from aide_local.report.scores import ENDED, UNCONFINED, better, scores, summary_of
from aide_local.report.source import CLASSES, diff, spans
from aide_local.search.digest import format_metric
from aide_local.store.record import RunRecord
from aide_local.task import Mode, Task
from aide_local.types import Node, NodeState, Summary

_SCRIPTS = ("text", "tree", "node", "course", "begin")
_OUTPUT = 8_000  # characters of a node's output that a page carries


def html(record: RunRecord) -> str:
    """Return the page."""
    view, summary = record.view, summary_of(record)
    style, script = _template("page.css"), _script()
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(_template("page.html.j2"))
    return page.render(
        policy=policy(style, script),
        style=style,
        script=script,
        data=script_json(_data(record, summary)),
        view=view,
        summary=summary,
        scores=scores(view.task, summary),
        lead=_lead(view.task, summary),
        better=better(view.task),
        unconfined=UNCONFINED in (record.sandbox, summary.sandbox),
        live=not summary.stop_reason and view.info.state not in ENDED,
        began=f"{datetime.fromtimestamp(view.info.created):%Y-%m-%d %H:%M}",
        duration=format_duration(summary.wall_seconds),
        failed=sum(node.state is NodeState.BUGGY for node in view.tree.nodes),
        operators=[(one, f"{one.mean_gain:+.4g}" if one.mean_gain is not None else "–") for one in record.operators],
        errors=record.errors,
        weights=[(int(node), weight, format_metric(view.tree[int(node)].metric), view.tree[int(node)].plan)
                 for node, weight in summary.ensemble.items()],
        environment=_environment(record),
        versions=sorted(record.versions.items()),
        settings=[(name, "–" if value is None else str(value)) for name, value in asdict(view.settings).items()],
        notes=view.task.notes,
    )  # fmt: skip


def policy(style: str, script: str) -> str:
    """Return the content security policy: our script and our style sheet, and no request."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}';"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def script_json(data: object) -> str:
    """Return JSON that cannot end the script around it: without ``<``, ``>``, ``&`` and JavaScript's further line ends.

    Numbers that JSON lacks are null.
    """
    text = json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _template(name: str) -> str:
    return (resources.files("aide_local") / "report" / "templates" / name).read_text("utf-8")


def _script() -> str:
    """Return the page's one script, in a scope of its own."""
    parts = "\n".join(_template(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _data(record: RunRecord, summary: Summary) -> dict[str, Any]:
    tree = record.view.tree
    best = tree.best
    return {
        "metric": record.view.task.metric,
        "sign": record.view.task.direction.sign,
        "constant": summary.constant_score,
        "best": best.id if best else None,
        "path": [node.id for node in tree.lineage(best.id)] if best else [],
        "classes": CLASSES,
        "nodes": [_node(record, node, summary) for node in tree.nodes],
    }


def _node(record: RunRecord, node: Node, summary: Summary) -> dict[str, Any]:
    tree = record.view.tree
    cost = record.costs[node.id]
    return {
        "id": node.id,
        "operator": node.operator.value,
        "origin": node.origin.value,
        "parent": node.parent,
        "other": node.other,
        "state": node.state.value,
        "glyph": node.state.glyph,
        "plan": node.plan,
        "code": node.code,
        "spans": spans(node.code),
        "diff": diff(tree[node.parent].code, node.code) if node.parent is not None and node.code else [],
        "metric": node.metric,
        "complete": node.complete,
        "gain": tree.gain(node),
        "folds": [[fold.fold, fold.score, fold.usage.wall] for fold in node.folds],
        "error": asdict(node.error) if node.error else None,
        "output": _shorten(node.output, f"aide-local show {record.view.info.id} {node.id}"),
        "wall": node.usage.wall,
        "cpu": node.usage.cpu,
        "memory": node.usage.peak_memory,
        "hint": node.hint,
        "attempts": node.attempts,
        "dropped": node.dropped,
        "seed": str(node.seed),  # more digits than a browser's numbers hold
        "at": cost.moment if node.settled is None else node.settled,
        "writing": cost.generation_seconds,
        "tokens": cost.completion_tokens,
        "weight": summary.ensemble.get(str(node.id)),
        "banned": node.id in tree.excluded,
        "pinned": node.id in tree.pinned,
    }


def _shorten(output: str, command: str) -> str:
    if len(output) <= _OUTPUT:
        return output
    half = _OUTPUT // 2
    left_out = f"\n… {len(output) - 2 * half} characters left out here; whole: {command} …\n"
    return output[:half] + left_out + output[-half:]


def _lead(task: Task, summary: Summary) -> tuple[str, str, str]:
    """Return (score, name, how far to trust it) of the most honest number there is."""
    if summary.estimate is not None:
        low, high = summary.interval or (None, None)
        between = f"95 % between {format_metric(low)} and {format_metric(high)}. " if low is not None else ""
        return (
            format_metric(summary.estimate),
            f"to expect, {summary.estimate_source}",
            between + (summary.warning or "No row was scored by anything that it helped to choose."),
        )
    if summary.report_score is not None:
        rows = f"{summary.report_rows} rows that nothing was chosen by"
        return format_metric(summary.report_score), "on the report slice", f"{rows}: the number to trust."
    for value, what in (
        (summary.ensemble_score, "of the ensemble"),
        (summary.best_score, "of the best script"),
    ):
        if value is not None:
            return (
                format_metric(value),
                f"{what}, out of fold" if task.mode is Mode.FOLDS else what,
                "The search chose by this number, so it flatters a little.",
            )
    return "–", "no score yet", "No valid script was found so far."


def _environment(record: RunRecord) -> list[tuple[str, str]]:
    view, task = record.view, record.view.task
    parameters = (
        f", {record.model_parameters / 1e6:,.1f} million parameters" if record.model_parameters else ""
    )
    resumed = f", resumed {record.resumed} times" if record.resumed else ""
    return [
        ("run", f"{view.info.id}{resumed}"),
        ("task", f"{task.name}: {task.kind}, {task.n_train} training rows, {len(task.columns)} columns"),
        ("split", f"{task.split.kind}, {view.settings.folds} folds, seed {view.settings.seed}"),
        ("model", f"{view.info.model}{parameters}"),
        ("model file", record.model_reference),
        ("model checksum", f"sha256 {record.model_sha256}" if record.model_sha256 else "–"),
        ("sandbox", record.sandbox),
        ("machine", record.machine),
    ]
