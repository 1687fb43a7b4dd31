"""The sandbox as the rest of the product sees it: servers, and one supervisor for each execution."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from aide_local.errors import SandboxError
from aide_local.sandbox.host import devices
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.host.environment import environment_of
from aide_local.sandbox.host.failure import classify
from aide_local.sandbox.host.output import Collector
from aide_local.sandbox.host.serving import Serving, within
from aide_local.sandbox.kernel import bubblewrap
from aide_local.sandbox.kernel.shared_memory import SharedMemory
from aide_local.sandbox.protocol import Backend, Candidate, Level, Limits, Outcome
from aide_local.sandbox.spec import End, Server, Spec
from aide_local.types import Usage

_LONGEST_PLACE = 30  # names of local sockets have at most 107 bytes


class ProcessSandbox:
    """See :class:`aide_local.sandbox.protocol.Sandbox`. ``warm`` False: every execution starts a fresh Python.

    Thread-safe. Costs nothing until the first execution. ``backend`` counts for level strict; neither bubblewrap
    nor ``gpu``, which gives candidates the GPU, is ever warm: what was forked cannot use CUDA. Without ``imports``
    the warm server forks at once, and candidates import what they use.

    Raises:
        SandboxError: bubblewrap is asked for and not installed, or the GPU and there is none.
    """

    def __init__(
        self,
        level: Level,
        *,
        warm: bool = True,
        backend: Backend = Backend.NAMESPACES,
        gpu: bool = False,
        imports: bool = True,
    ) -> None:
        self.level = level
        wanted = level is Level.STRICT and backend is Backend.BUBBLEWRAP
        self._bubblewrap = bubblewrap.find() if wanted else ""
        if wanted and not self._bubblewrap:
            raise SandboxError("bubblewrap is not installed.", "Install it: apt install bubblewrap")
        self._devices = devices.gpu_files() if gpu else []
        if gpu and not self._devices:
            raise SandboxError(
                "There is no GPU for candidates: neither /dev/nvidia0 nor /dev/kfd exists.",
                "Load its driver (nvidia-modprobe -c 0 -u makes NVIDIA's device files), or run without --gpu.",
            )
        self._warm = warm and not self._bubblewrap and not gpu
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        # By whether the candidate is a fork. The cold one imports nothing but this package, and so is not confined.
        confined = self._warm and level is not Level.LIMITS
        readable = interpreter_folders(sys.executable) if confined else ()
        self._servers = {
            warm: Serving(
                Server(
                    level=level.value,
                    confined=warm and confined,
                    imports=warm and imports,
                    scope=False,
                    readable=list(readable),
                )
            )
            for warm in (True, False)
        }

    @property
    def backend(self) -> str:
        """What makes the namespaces; empty where there are none."""
        if self.level is not Level.STRICT:
            return ""
        return (Backend.BUBBLEWRAP if self._bubblewrap else Backend.NAMESPACES).value

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome:
        shared = SharedMemory() if self.level is not Level.STRICT else None
        bases = self._bases()
        base = Path(tempfile.mkdtemp(prefix="" if bases else _prefix(), dir=bases or _place()))
        try:
            spec = self._spec(candidate, limits, base)
            places = _places_of(spec, candidate, bases) if bases else ()
            end, output = self._execute(spec, limits, places, on_output, cancel)
        except OSError as error:
            raise SandboxError(
                f"The candidate could not be started: {error}.",
                "`aide-local doctor` says what this machine gives.",
            ) from error
        finally:
            remove_tree(base)
            if shared is not None:
                shared.remove_left()  # here, for a confined server does not see what other programs use
        if end.setup:
            raise SandboxError(
                f"The sandbox ({self.level}) could not be made: {end.setup}.",
                "`aide-local doctor` says what this machine gives; --sandbox chooses another level.",
            )
        output = output.replace(f"{base}/", "").replace("/box/", "")
        kind, error_of_node = classify(end, limits, output, self.level)
        code = os.waitstatus_to_exitcode(end.status) if end.status is not None and not end.killed else None
        return Outcome(
            kind=kind,
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            error=error_of_node,
            output=output,
            usage=Usage(end.wall, end.cpu, end.peak_memory, end.written),
            level=self.level,
        )

    def _spec(self, candidate: Candidate, limits: Limits, base: Path) -> Spec:
        candidate.working.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(candidate.script, base / "solution.py")
        private = "/tmp"
        if self.level is not Level.STRICT:
            (base / "input").symlink_to(candidate.input.resolve())
            (base / "working").symlink_to(candidate.working.resolve())
            (base / "tmp").mkdir()
            private = str(base / "tmp")
        python = str(candidate.python) if candidate.python else sys.executable
        own = python == sys.executable
        return Spec(
            level=self.level.value,
            base=str(base),
            input=str(candidate.input.resolve()),
            working=str(candidate.working.resolve()),
            python=python,
            warm=self._warm and own,
            argv=list(candidate.argv),
            environment=environment_of(python, private, limits, gpu=bool(self._devices)),
            readable=[*interpreter_folders(python), *(devices.LOOKED_AT if self._devices else ())],
            devices=self._devices,
            bubblewrap=self._bubblewrap,
            beside=list(interpreter_folders(sys.executable)) if self._bubblewrap else [],
            wall=limits.wall,
            cpu=limits.cpu,
            memory=limits.memory,
            file_size=limits.file_size,
            disk=limits.disk,
            files=limits.files,
            processes=limits.processes,
            output=limits.output,
        )

    def _execute(
        self,
        spec: Spec,
        limits: Limits,
        places: Sequence[str],
        on_output: Callable[[str], None] | None,
        cancel: threading.Event | None,
    ) -> tuple[End, str]:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._servers[spec.warm].hand_over(spec, theirs, limits, places if spec.warm else ())
            collected = Collector()
            buffer = b""
            asked = False
            while True:
                if cancel is not None and cancel.is_set() and not asked:
                    asked = True
                    with contextlib.suppress(OSError):
                        ours.sendall(b"c")
                if not select.select([ours], [], [], 0.05 if cancel is not None else 5.0)[0]:
                    continue
                content = ours.recv(1 << 16)
                if not content:
                    raise SandboxError(
                        "The supervisor of a candidate vanished.",
                        "Run it again; `aide-local doctor` may tell why.",
                    )
                *lines, buffer = (buffer + content).split(b"\n")
                for line in lines:
                    message: dict[str, Any] = json.loads(line)
                    if "end" in message:
                        with contextlib.suppress(ConnectionResetError):
                            while ours.recv(1 << 16):  # until the supervisor is gone, too
                                pass
                        return End(**message["end"]), collected.text
                    text = collected.add(base64.b64decode(message["output"]))
                    if on_output is not None and text:
                        on_output(text)

    def _bases(self) -> str:
        """The one folder in which those of all executions are made, where a server may reach no other; else empty."""
        if not self._warm or self.level is not Level.LANDLOCK:
            return ""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix=_prefix(), dir=_place())
            return os.path.realpath(self._folder.name)

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None


def _prefix() -> str:
    return f"aide-{os.getpid()}-"


def _places_of(spec: Spec, candidate: Candidate, bases: str) -> tuple[str, ...]:
    """``bases`` first; then what the candidate names, and its folders where they lie elsewhere."""
    places = [bases, *(os.path.realpath(place) for place in candidate.places)]
    return *places, *(folder for folder in (spec.input, spec.working) if not within(folder, places))


def _place() -> str | None:
    """Where temporary folders are made: not where sockets in them would have too long a name (unix(7))."""
    return "/tmp" if len(tempfile.gettempdir()) > _LONGEST_PLACE and os.access("/tmp", os.W_OK) else None


@cache
def interpreter_folders(python: str) -> tuple[str, ...]:
    """What the interpreter needs to see: its prefixes and its executables.

    Raises:
        SandboxError: it does not start, or the home folder lies in its own.
    """
    code = "import os, sys; print(sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), sep='\\n')"
    try:
        done = subprocess.run(
            [python, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(
            f"The candidates' interpreter {python} does not start: {error}.", "Give --python a Python 3."
        ) from error
    prefix, base_prefix, executable = done.stdout.splitlines()
    home = str(Path.home())
    for folder in (prefix, base_prefix):
        if home == folder or home.startswith(folder.rstrip("/") + "/"):
            if folder in ("/", "/usr"):
                continue
            raise SandboxError(
                f"The candidates' interpreter {python} lies in {folder}, and so does all of {home}.",
                "Give --python one in a folder of its own, such as a virtual environment.",
            )
    # The executables alone, not all that lies beside them: that may be somebody's ~/bin.
    shown = {prefix, base_prefix, executable, os.path.abspath(python)}
    return tuple(sorted(shown - {"/", "/usr"}))
