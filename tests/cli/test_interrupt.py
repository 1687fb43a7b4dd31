"""Ctrl+C while modules are imported."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aide_local.cli import interrupt

SLOW = """
import threading
print("importing", flush=True)
threading.Event().wait(60)
"""


@pytest.mark.parametrize("arguments", [[], ["runs"], ["--help"]])
def test_ctrl_c_during_the_imports_ends_the_command_without_a_word(
    tmp_path: Path, arguments: list[str]
) -> None:
    """In place of typer, which the commands import first, stands a module that is never done."""
    (tmp_path / "typer.py").write_text(SLOW)
    child = subprocess.Popen(
        [sys.executable, "-c", "from aide_local.cli.main import main; main()", *arguments],
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}", "AIDE_LOCAL_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdout, child.stderr:
        assert child.stdout.readline() == "importing\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
        assert child.stdout.read() + child.stderr.read() == ""


def test_ctrl_c_is_an_exception_again_after_them() -> None:
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupt.quits():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with interrupt.quits():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN, "somebody else's is left as it is"
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_sets_no_handler() -> None:
    failed: list[BaseException] = []

    def import_something() -> None:
        try:
            with interrupt.quits():
                pass
        except ValueError as error:  # of signal.signal, outside the main thread
            failed.append(error)

    thread = threading.Thread(target=import_something)
    thread.start()
    thread.join()
    assert failed == []
