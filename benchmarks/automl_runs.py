"""How :mod:`benchmarks.automl` runs a system: the competitors' environment, one process on its cores, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import automl_tasks
from benchmarks.automl_report import OURS
from benchmarks.automl_tasks import BenchTask, TaskError

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIREMENTS = Path(__file__).with_name("automl-requirements.txt")
SCRIPTS = {
    "xgboost": "xgboost_defaults",
    "catboost": "catboost_defaults",
    "flaml": "flaml_automl",
    "h2o": "h2o_automl",
    "autogluon": "autogluon_best",
}
JAVA = 17  # what H2O is known to work with


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for every run of a benchmark."""

    seconds: float
    cores: int
    seed: int
    version: str  # of ours
    options: tuple[str, ...]  # of ours
    python: Path  # of the competitors
    keep: Path | None = None  # submissions and outputs are copied there

    @property
    def limit(self) -> float:
        """The seconds after which a run is killed."""
        return self.seconds * 1.5 + 60

    def about(self, task: str, system: str) -> dict[str, Any]:
        """The fields of a record by which it is found again."""
        version = self.version if system == OURS else ""
        numbers = {"seconds": self.seconds, "cores": self.cores, "seed": self.seed}
        return {"task": task, "system": system, **numbers, "version": version}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: exit code (None: killed for taking too long), wall seconds, the end of its output."""

    code: int | None
    wall: float
    tail: str


def make_environment(venv: Path) -> Path:
    """The interpreter of the competitors' environment, which is made or brought up to date where it is not."""
    python, mark = venv / "bin" / "python", venv / "installed"
    wanted = REQUIREMENTS.read_text()
    if python.exists() and mark.exists() and mark.read_text() == wanted:
        return python
    print(f"Installing the competitors into {venv}; this takes some minutes.", file=sys.stderr)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary",
        ":all:",
        "-r",
        str(REQUIREMENTS),
    ]
    subprocess.run(install, check=True)
    mark.write_text(wanted)
    return python


def java_version() -> int | None:
    """The major version of the Java on the path; None where there is none."""
    if shutil.which("java") is None:
        return None
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    return int(found[1]) if found else None


def without_java(systems: Sequence[str]) -> list[str]:
    """The systems that can run here; says so where H2O cannot."""
    java = java_version() if "h2o" in systems else JAVA
    if java is None or java < JAVA:
        has = "there is none" if java is None else f"this is Java {java}"
        print(f"H2O is skipped: it needs Java {JAVA}, and {has}.", file=sys.stderr)
        return [one for one in systems if one != "h2o"]
    return list(systems)


def call(command: Sequence[str], place: Path, setting: Setting, log: Path) -> Ended:
    """Run a command in ``place`` on the cores that are given, with this code in reach, and kill all of it after the limit."""
    cores = sorted(os.sched_getaffinity(0))[: setting.cores]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        try:
            code: int | None = process.wait(setting.limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end_all(process)
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return Ended(code, time.monotonic() - began, lines[-1][-300:] if lines else "")


def end_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with its children, those too that have sessions of their own."""
    if process.poll() is not None:
        return
    try:
        root = psutil.Process(process.pid)
        every = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        every = []
    for one in every:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def run_ours(staged: Path, place: Path, setting: Setting) -> tuple[Ended, Path, dict[str, Any]]:
    """Run our product as a person would; how it ended, its submission, and its nodes."""
    out = place / "out"
    command = [sys.executable, "-m", "aide_local.cli.main", "run", str(staged)]
    command += ["--time-limit", f"{setting.seconds:g}s", "--steps", "1000", "--seed", str(setting.seed)]
    command += ["--home", str(place / "home"), "--out", str(out), "--plain", *setting.options]
    ended = call(command, place, setting, place / "output.txt")
    summary = read_json(out / "summary.json")
    info = {
        "fits": summary.get("nodes"),
        "note": f"{summary.get('valid_nodes')} valid, ended: {summary.get('stop_reason')}" if summary else "",
    }
    return ended, out / "submission.csv", info


def run_other(
    system: str, task: BenchTask, staged: Path, place: Path, setting: Setting
) -> tuple[Ended, Path, dict[str, Any]]:
    """Run a competitor; how it ended, its submission, and its fits."""
    submission, info, work = place / "submission.csv", place / "info.json", place / "models"
    work.mkdir()
    spec = {
        "train": str(staged / "train.csv"),
        "test": str(staged / "test.csv"),
        "submission": str(submission),
        "info": str(info),
        "work": str(work),
        "classes": automl_tasks.classes(task),
        "seconds": setting.seconds,
        "cores": setting.cores,
        "seed": setting.seed,
        **{name: getattr(task, name) for name in ("id", "target", "metric", "group", "time")},
    }
    (place / "given.json").write_text(json.dumps(spec))
    module = f"benchmarks.systems.{SCRIPTS[system]}"
    command = [str(setting.python), "-m", module, str(place / "given.json")]
    ended = call(command, place, setting, place / "output.txt")
    return ended, submission, read_json(info)


def read_json(path: Path) -> dict[str, Any]:
    """An object from a file; empty where there is none."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def run_one(task: BenchTask, system: str, setting: Setting) -> dict[str, Any]:
    """Run a system on a task and score what it leaves: a record for the results."""
    with tempfile.TemporaryDirectory(prefix="automl-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        staged = automl_tasks.stage(task, place / task.name)
        if system == OURS:
            ended, submission, info = run_ours(staged, place, setting)
        else:
            ended, submission, info = run_other(system, task, staged, place, setting)
        status, message, score = "ok", "", None
        if ended.code is None:
            status, message = "killed", f"it took more than {setting.limit:.0f} s"
        elif ended.code or not submission.exists():
            status, message = "failed", ended.tail or f"exit code {ended.code}, no submission"
        else:
            try:
                score = automl_tasks.score(task, submission)
            except (TaskError, ValueError) as error:
                status, message = "failed", str(error)
        if setting.keep is not None:
            keep(setting.keep / task.name / system, (submission, place / "output.txt"))
    return {
        **setting.about(task.name, system),
        "metric": task.metric,
        "score": score,
        "status": status,
        "message": message,
        "wall": round(ended.wall, 2),
        "fits": info.get("fits"),
        "fit_seconds": info.get("fit_seconds"),
        "note": info.get("note", ""),
        "when": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def keep(place: Path, files: Sequence[Path]) -> None:
    """Copy what a run left for a person to look at."""
    place.mkdir(parents=True, exist_ok=True)
    for file in files:
        if file.exists():
            shutil.copyfile(file, place / file.name)
