"""The model process as the main process sees it: started, asked, and started again after it died.

It alone loads llama.cpp, so that what kills it kills nothing else. On some processors and virtual machines the kernels for
weights that are laid out anew (AMX) crash with SIGILL: a process that dies while it loads is started once more without them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import aide_local
from aide_local.errors import ModelError
from aide_local.llm.channel import Channel
from aide_local.llm.messages import Failed, Load, Loaded, Message

WORKER = (sys.executable, "-P", "-m", "aide_local.llm.worker")  # its last argument is the socket


class ProcessDied(Exception):  # noqa: N818 - becomes a restart or a ModelError
    """The model process ended by itself."""


class ModelProcess:
    """One process with one model. ``load`` says how it is loaded: without repacking, after the process died of that."""

    def __init__(self, load: Load, command: Sequence[str] = WORKER) -> None:
        self.load = load
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Loaded:
        """Start the process and load the model, without repacking if need be; return the facts of the model.

        Raises:
            ModelError: llama.cpp does not load the file, memory is short, or the process died of loading it.
        """
        try:
            answer = self._try(self.load)
        except ProcessDied:
            self.load = replace(self.load, repack=False)
            try:
                answer = self._try(self.load)
            except ProcessDied as error:
                raise ModelError(
                    f"The model process ended while it loaded {self.load.path}.",
                    "The file may need more memory than this machine has: try a smaller quantisation or --n-ctx.",
                ) from error
        if isinstance(answer, Failed):
            self.end()
            raise ModelError(
                f"The model {self.load.path} cannot be used: {answer.reason}.",
                "Try a smaller --n-ctx, or a model of an architecture that this build of llama.cpp knows"
                " (`aide-local doctor` shows the build).",
            )
        assert isinstance(answer, Loaded)
        return answer

    def _try(self, load: Load) -> Message:
        self._spawn()
        try:
            return self.ask(load)
        except ProcessDied:
            self.end()
            raise

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        environment = dict(os.environ)
        environment["OMP_WAIT_POLICY"] = "passive"  # spinning threads starve the candidates
        environment["OMP_NUM_THREADS"] = str(self.load.threads)
        package = str(Path(aide_local.__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environment.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [*self._command, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl+C in the terminal is not for it
        )
        theirs.close()
        self._channel = Channel(ours)

    @property
    def pid(self) -> int | None:
        """Process id; None if there is no process."""
        process = self._process
        return process.pid if process is not None else None

    def send(self, request: Message) -> None:
        """Send a request; may be called from any thread.

        Raises:
            ProcessDied: it is gone.
        """
        try:
            self._channel.send(request)
        except OSError as error:
            raise ProcessDied from error

    def receive(self) -> Message:
        """Wait for the next answer.

        Raises:
            ProcessDied: it is gone.
        """
        try:
            return self._channel.receive()
        except (EOFError, OSError) as error:
            raise ProcessDied from error

    def ask(self, request: Message) -> Message:
        """Send a request and return its answer.

        Raises:
            ProcessDied: it is gone.
        """
        self.send(request)
        return self.receive()

    def kill(self, pid: int | None) -> None:
        """Kill the process if it is still the one of this id; whoever waits for an answer gets ProcessDied."""
        process = self._process
        if process is not None and process.pid == pid:
            process.kill()

    def restart(self) -> Loaded:
        """Start again after the process died, without repacking if an instruction killed it that the processor lacks.

        Raises:
            ModelError: as :meth:`start`.
        """
        if self.end() == -signal.SIGILL:
            self.load = replace(self.load, repack=False)
        return self.start()

    def end(self) -> int | None:
        """Kill the process and forget it; return how it ended, None if there was none."""
        process = self._process
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        code = process.wait()
        self._channel.close()
        self._process = None
        return code


def survivable(load: Load, command: Sequence[str] = WORKER) -> Load:
    """Return ``load`` such that this machine survives it: a trial in a process of its own decides on repacking.

    For tests, benchmarks and training scripts, which load a model in their own process.

    Raises:
        ModelError: the model cannot be loaded at all.
    """
    process = ModelProcess(load, command)
    try:
        process.start()
    finally:
        process.end()
    return process.load
