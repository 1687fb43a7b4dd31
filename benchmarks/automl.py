"""Ours against AutoML systems on real tasks: the same cores, the same wall seconds, one at a time, in turn on each task.

    python -m benchmarks.automl --data DIR                            # all tasks, all systems, 120 s each
    python -m benchmarks.automl --data DIR --tasks a,b --systems ours,flaml --seconds 600
    python -m benchmarks.automl --data DIR --report                   # the tables of what was run

DIR is described in :mod:`benchmarks.automl_tasks`. A system sees a copy of the task; the answers are read afterwards. Every
system is told the whole time as its limit; what it needs beside it (imports, prediction) is in the wall seconds that are
printed, and one that takes more than half as much again and a minute is killed. XGBoost and CatBoost fit once, with their defaults.
Where a task has groups or times, the systems that can are told so. For rmsle the others learn log1p of the target.

Results are lines of JSON in ``--out``; what is there is not run again, so a benchmark that was stopped goes on. Ours is run anew
when the code or the starter has changed. The competitors live in an environment of their own, which is made at the first run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import automl_tasks
from benchmarks.automl_report import OURS, Record, report
from benchmarks.automl_runs import REPOSITORY, SCRIPTS, Setting, make_environment, run_one, without_java
from benchmarks.automl_tasks import TaskError

SYSTEMS = (OURS, *SCRIPTS)
PRODUCT = ("aide_local", "models", "pyproject.toml", "requirements")  # what makes ours another version
KEY = ("task", "system", "seconds", "cores", "seed", "version")


def key(record: Record) -> tuple[Any, ...]:
    """What makes a run the same as another; only ours has versions."""
    return tuple(record[name] if name != "version" or record["system"] == OURS else "" for name in KEY)


def read_results(out: Path) -> dict[tuple[Any, ...], Record]:
    """The last record of each key; a line that was cut off is left out."""
    found: dict[tuple[Any, ...], Record] = {}
    for line in out.read_text().splitlines() if out.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        found.pop(key(record), None)  # so that the order is that of the last runs
        found[key(record)] = record
    return found


def append(out: Path, record: Record) -> None:
    """Add a record to the results, on a line of its own even if the last one was cut off."""
    out.parent.mkdir(parents=True, exist_ok=True)
    whole = not out.exists() or out.read_bytes()[-1:] in (b"", b"\n")
    with out.open("a") as file:
        file.write(("" if whole else "\n") + json.dumps(record) + "\n")


def version(options: Sequence[str]) -> str:
    """The commit that last changed the product, a mark for what is not committed, and its options."""
    told = [
        subprocess.run(["git", *command, "--", *PRODUCT], cwd=REPOSITORY, capture_output=True, check=False)
        for command in (("log", "-1", "--format=%h"), ("diff", "HEAD"))
    ]
    commit = told[0].stdout.decode().strip() or "unknown"
    changed = f"+{hashlib.sha256(told[1].stdout).hexdigest()[:6]}" if told[1].stdout else ""
    return " ".join([commit + changed, *options])


def line(record: Mapping[str, Any]) -> str:
    """A run in one line."""
    score = "no score" if record["score"] is None else f"{record['metric']} {record['score']:.5g}"
    parts = [f"{record['task']:<14}{record['system']:<11}{score}", f"{record['wall']:.0f} s"]
    parts += [f"{record['fits']} fits"] if record["fits"] is not None else []
    parts += [text for text in (record["note"], record["message"]) if text]
    return ", ".join(parts)


def chosen(
    done: Mapping[tuple[Any, ...], Record], given: argparse.Namespace, tasks: Sequence[str]
) -> list[Record]:
    """The records that a report shows: those of the asked setting, and of ours the asked or the last version."""
    fitting = [
        one
        for one in done.values()
        if one["task"] in tasks
        and (one["seconds"], one["cores"], one["seed"]) == (given.seconds, given.cores, given.seed)
    ]
    versions = [one["version"] for one in fitting if one["system"] == OURS]
    wanted = given.version or (versions[-1] if versions else "")
    return [one for one in fitting if one["system"] != OURS or one["version"] == wanted]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def names(text: str) -> list[str]:
        return [one for one in text.split(",") if one]

    parser.add_argument("--data", type=Path, required=True, help="folder of the tasks and their answers")
    parser.add_argument("--tasks", type=names, default=None, help="names, with commas; default: all")
    parser.add_argument("--systems", type=names, default=list(SYSTEMS), help=f"of {','.join(SYSTEMS)}")
    parser.add_argument("--seconds", type=float, default=120, help="wall time of a run")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("automl-results.jsonl"), help="lines of JSON")
    parser.add_argument("--venv", type=Path, default=REPOSITORY / ".automl-venv", help="of the competitors")
    parser.add_argument(
        "--again", type=names, default=[], help="systems whose results are not used: run them again"
    )
    parser.add_argument(
        "--ours-options", type=shlex.split, default=[], help="further options of `aide-local run`"
    )
    parser.add_argument("--keep", type=Path, default=None, help="copy submissions and outputs here")
    parser.add_argument("--report", action="store_true", help="run nothing, print the tables")
    parser.add_argument(
        "--version", default=None, help="of ours, in the report; default: the last that was run"
    )
    given = parser.parse_args()
    unknown = [one for one in (*given.systems, *given.again) if one not in SYSTEMS]
    if unknown:
        parser.error(f"{', '.join(unknown)} is none of {', '.join(SYSTEMS)}")
    if given.cores > len(os.sched_getaffinity(0)):
        parser.error(f"there are {len(os.sched_getaffinity(0))} cores")
    return given


def run_all(given: argparse.Namespace, tasks: Sequence[str]) -> None:
    """Run what the results lack, a line for each run."""
    systems = without_java(given.systems)
    others = any(one != OURS for one in systems)
    setting = Setting(
        seconds=given.seconds,
        cores=given.cores,
        seed=given.seed,
        version=version(given.ours_options),
        options=tuple(given.ours_options),
        python=make_environment(given.venv.absolute()) if others else Path(sys.executable),
        keep=given.keep,
    )
    done = read_results(given.out)
    for task in [automl_tasks.load(given.data, name) for name in tasks]:
        for system in systems:
            if system not in given.again and key(setting.about(task.name, system)) in done:
                continue
            record = run_one(task, system, setting)
            append(given.out, record)
            print(line(record), flush=True)


def main() -> None:
    """Run and report."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended, too
    given = arguments()
    tasks = given.tasks or automl_tasks.names(given.data)
    try:
        if not given.report:
            run_all(given, tasks)
    except TaskError as error:
        sys.exit(str(error))
    print("\n" + report(chosen(read_results(given.out), given, tasks), given.systems))


if __name__ == "__main__":
    main()
