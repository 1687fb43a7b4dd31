"""Run scripts without any sandbox, to show that the attacks are real."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from aide_local.sandbox.protocol import Candidate, Level, Limits, Outcome
from aide_local.types import OutcomeKind

# Plays the supervisor: attacks on the process that started them must find one, and it must not be the audit.
_STAND_IN = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, sys.argv[1]]).returncode & 255)"


class Unconfined:
    """``python script.py``, ended after the time limit; see :class:`aide_local.sandbox.protocol.Sandbox`."""

    level = Level.LIMITS
    backend = ""

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome:
        """Run the script; its output is returned as it came."""
        del cancel
        with subprocess.Popen(
            [sys.executable, "-c", _STAND_IN, str(candidate.script)],
            cwd=candidate.working.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "SECRET": "in the environment"},
            start_new_session=True,
        ) as process:
            timer = threading.Timer(limits.wall + 5, _kill_group, [process.pid])
            timer.start()
            assert process.stdout is not None
            content = process.stdout.readline(2**22)  # not to its end, which a survivor may put off
            content += b"" if process.wait() is None else _read_available(process.stdout.fileno())
            timer.cancel()
        text = content.decode("utf-8", "replace")
        if on_output is not None:
            on_output(text)
        if process.returncode < 0:  # the stand-in was killed, by the time limit or by the script
            return Outcome(kind=OutcomeKind.SIGNAL, signal=-process.returncode, output=text)
        kind = OutcomeKind.OK if process.returncode == 0 else OutcomeKind.EXCEPTION
        return Outcome(kind=kind, exit_code=process.returncode, output=text)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _read_available(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    content = b""
    while len(content) < 2**22:
        try:
            piece = os.read(descriptor, 2**16)
        except BlockingIOError:
            break
        if not piece:
            break
        content += piece
    return content
