"""``aide-local doctor``: check whether this machine is ready, and say what to do about what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import typer

from aide_local import __version__
from aide_local.basics.units import GIB, format_gib
from aide_local.cli.lookup import home_of
from aide_local.cli.options import HomeFolder
from aide_local.errors import AideError
from aide_local.home import Home


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One point that was checked, and what to do if it is not ok."""

    state: State
    subject: str
    text: str
    fix: str = ""


def findings(home: Home) -> Iterator[Finding]:
    """Yield the findings one after the other; a check that fails itself is a finding."""
    yield from (
        _python(),
        _machine(),
        _llama(),
        _gpu(),
        *_sandbox(),
        _home(home),
        _database(home),
        _model(home),
    )


def _python() -> Finding:
    text = f"aide-local {__version__}, Python {platform.python_version()} at {sys.executable}"
    return Finding(State.OK, "python", text)


def _machine() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    text = f"{os.cpu_count()} cores, {memory.available / GIB:.1f} of {format_gib(memory.total)} free, {platform.platform()}"
    if memory.available < 3 * GIB:
        return Finding(State.WARN, "machine", text, "Under 3 GiB free: use --memory 1g and a small model.")
    return Finding(State.OK, "machine", text)


def _llama() -> Finding:
    """Load llama.cpp in a process of its own, as runs do."""
    code = (
        "import llama_cpp as l; print(l.__version__, '|', l.llama_supports_gpu_offload(), '|',"
        " l.llama_print_system_info().decode().strip())"
    )
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding(
            State.FAIL,
            "llama.cpp",
            f"does not load: {last}",
            "Reinstall it: pip install --force-reinstall llama-cpp-python",
        )
    version, gpu, features = (part.strip() for part in done.stdout.split("|", 2))
    return Finding(
        State.OK,
        "llama.cpp",
        f"{version}, GPU offload {'built in' if gpu == 'True' else 'not built in'}; {features}",
    )


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding(State.OK, "gpu", "none found; the model runs on the processor")
    done = subprocess.run(
        [program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        return Finding(State.WARN, "gpu", "nvidia-smi fails", "Check the driver of the graphics card.")
    return Finding(State.OK, "gpu", "; ".join(done.stdout.strip().splitlines()))


def _sandbox() -> Iterator[Finding]:
    from aide_local.sandbox.host.select import level_name, try_levels
    from aide_local.sandbox.kernel.cgroup import why_unavailable
    from aide_local.sandbox.protocol import Backend

    trials = try_levels()
    working = [trial.level.value for trial in trials if trial.works]
    for trial in trials:
        if trial.works:
            cold = trial.backend == Backend.BUBBLEWRAP
            server = "without the warm server" if cold else "the warm server is confined, too"
            yield Finding(State.OK, "sandbox", f"{level_name(trial)}: works, {server}")
        else:
            yield Finding(
                State.WARN if working else State.FAIL,
                "sandbox",
                f"{level_name(trial)}: {trial.reason}",
                trial.fix,
            )
    reason = why_unavailable()
    if reason:
        text = f"memory is bounded by the watchdog, not by control groups: {reason}"
    else:
        text = "control groups: work; the kernel bounds the memory and processes of each execution"
    yield Finding(State.OK, "sandbox", text)


def _home(home: Home) -> Finding:
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home.root):
            free = shutil.disk_usage(home.root).free
    except OSError as error:
        return Finding(
            State.FAIL,
            "home",
            f"{home.root} cannot be written: {error.strerror}",
            "Choose another with --home.",
        )
    text = f"{home.root}, {format_gib(free)} free"
    if free < 2 * GIB:
        return Finding(State.WARN, "home", text, "Make room, or choose another folder with --home.")
    return Finding(State.OK, "home", text)


def _database(home: Home) -> Finding:
    import duckdb

    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            duckdb.connect(str(Path(folder) / "trial.duckdb")) as connection,
        ):
            connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        from aide_local.store.read import list_runs, run_ids

        damaged = [info.id for info in list_runs(home, latest=50) if info.state == "damaged"]
        if damaged:
            return Finding(
                State.FAIL,
                "database",
                f"cannot be read: {', '.join(damaged)}",
                f"`aide-local verify {damaged[0]}` says why.",
            )
        count = len(run_ids(home))
    except (duckdb.Error, AideError) as error:
        return Finding(
            State.FAIL, "database", str(error).splitlines()[0], "Check the disk and the home folder."
        )
    return Finding(State.OK, "database", f"DuckDB {duckdb.__version__}, {count} runs")


def _model(home: Home) -> Finding:
    from aide_local.llm.llama import LlamaModel
    from aide_local.llm.registry import resolve
    from aide_local.types import Sampling

    try:
        entry = resolve(None, home)
        model = LlamaModel(entry.path, name=entry.name, sha256=entry.sha256, n_ctx=512)
        try:
            *_, last = model.generate("import", Sampling(1, max_tokens=32))
        finally:
            model.close()
    except AideError as error:
        return Finding(State.FAIL, "model", error.message, error.fix)
    assert last.generation is not None
    speed = 1000 * last.generation.completion_tokens / max(last.generation.decode_ms, 1e-3)
    return Finding(State.OK, "model", f"{entry.name}: loads and writes, {speed:.0f} tokens/s")


def doctor(context: typer.Context, home: HomeFolder = None) -> None:
    """Check whether this machine is ready: each point is ok, warn or fail, with what to do."""

    worst = State.OK
    for finding in findings(home_of(context, home)):
        worst = max(worst, finding.state, key=list(State).index)
        print(f"{finding.state:<5}{finding.subject:<12}{finding.text}")
        if finding.fix:
            print(f"{'':<17}{finding.fix}")
    raise typer.Exit(2 if worst is State.FAIL else 0)
