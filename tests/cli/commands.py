"""The command line in tests: as a process of its own, or in this one, which is quicker."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from aide_local.cli.main import main

PAPER = ("--playbook", "off", "--tune", "off", "--history", "off", "--no-refit")
ROOT = Path(__file__).parent.parent.parent
CHURN = ROOT / "sample_tasks" / "churn"

Done = subprocess.CompletedProcess[str]


def aide(*arguments: object, home: Path, **options: object) -> Done:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "aide_local.cli.main", *map(str, arguments)]
    done: Done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
        env={**os.environ, "AIDE_LOCAL_HOME": str(home), "COLUMNS": "200"},
        check=False,
        **options,  # type: ignore[call-overload]
    )
    return done


def aide_here(*arguments: object, home: Path, stdin: str = "") -> Done:
    """Run a command in this process: the same main function, without seconds of imports."""
    out, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    words = [str(argument) for argument in arguments]
    code: object = 0
    with (
        mock.patch.dict(os.environ, AIDE_LOCAL_HOME=str(home), COLUMNS="200"),
        mock.patch.object(sys, "argv", ["aide-local", *words]),
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    assert isinstance(code, int), code
    printed, complaint = (stream.buffer.getvalue().decode() for stream in (out, error))
    return Done(words, code, printed, complaint)


def refused(done: Done, *words: str) -> None:
    """Check that one paragraph names what is wrong and the fix, and that there is no traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    said = done.stderr + done.stdout
    for word in words:
        assert word in said, said
    assert len(done.stderr.strip().splitlines()) <= 4, done.stderr
