"""An outcome names what the sandbox refused: the call, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.sandbox.host.refusal import hint, refused_call
from aide_local.sandbox.host.select import create_sandbox
from aide_local.sandbox.protocol import Level, Sandbox
from aide_local.types import NodeError, OutcomeKind
from tests.sandbox.running import Bench, levels

CONFINED = [level for level in levels() if level is not Level.LIMITS]


def error(type_: str, message: str, line: str = "", marks: str = "") -> NodeError:
    shown = f'Traceback\n  File "solution.py", line 1, in <module>\n    {line}\n'
    shown += f"    {marks}\n" if marks else ""
    return NodeError("exception", type_, message, 1, f"{shown}{type_}: {message}")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (error("PermissionError", "[Errno 13] Permission denied: '/etc/x'", "x = open('/etc/x')"), "open of '/etc/x'"),
        (error("PermissionError", "[Errno 13] Permission denied: '/'", "print(len(os.listdir('/')))",
               "          ^^^^^^^^^^^^^^^ "), "listdir of '/'"),
        (error("OSError", "[Errno 30] Read-only file system: 'input/x'", "open('input/x', 'w')"), "open of 'input/x'"),
        (error("PermissionError", "[Errno 1] Operation not permitted", "os.setpriority(0, 1, 5)"), "setpriority"),
        (error("OSError", "[Errno 97] Address family not supported by protocol",
               "_socket.socket.__init__(self, family)"), "socket"),
        (error("PermissionError", "[Errno 1] Operation not permitted", "raise OSError(number, 'x')"),
         "`raise OSError(number, 'x')`"),
        (error("PermissionError", "[Errno 1] Operation not permitted"), "a system call"),
        (error("gaierror", "[Errno -3] Temporary failure in name resolution", "f()"), "the network"),
        (error("URLError", "<urlopen error [Errno 101] Network is unreachable>", "f()"), "the network"),
    ],
)  # fmt: skip
def test_the_call_and_the_path_are_read_from_the_exception(given: NodeError, what: str) -> None:
    assert refused_call(given, Level.STRICT) == what
    assert refused_call(given, Level.LIMITS) == ""  # where nothing is refused


@pytest.mark.parametrize(
    "given",
    [
        error("PermissionError", "[Errno 13] Permission denied: 'working/mine'", "open('working/mine')"),
        error("PermissionError", "[Errno 13] Permission denied: 'scratch'", "open('scratch')"),
        error("PermissionError", "[Errno 13] Permission denied: '/tmp/x'", "open('/tmp/x')"),
        error("PermissionError", "I do not want to", "raise PermissionError('I do not want to')"),
        error("OSError", "[Errno 28] No space left on device", "file.write(x)"),
        error("ValueError", "[Errno 13] Permission denied: '/etc/x'", "f()"),
        error("FileNotFoundError", "[Errno 2] No such file or directory: '/etc/x'", "open('/etc/x')"),
    ],
)
def test_what_a_script_has_forbidden_itself_or_others_did_is_no_refusal(given: NodeError) -> None:
    assert refused_call(given, Level.STRICT) == ""


def test_of_a_file_that_is_not_there_it_is_said_what_is() -> None:
    gone = error("FileNotFoundError", "[Errno 2] No such file or directory: '/kaggle/input/train.csv'")
    assert "only input/ and working/" in hint(gone, Level.STRICT)
    assert hint(gone, Level.LANDLOCK) == ""
    for path in ("train.csv", "input/train.csv", "/tmp/x"):
        assert (
            hint(error("FileNotFoundError", f"[Errno 2] No such file or directory: {path!r}"), Level.STRICT)
            == ""
        )


@pytest.fixture(scope="module", params=CONFINED, ids=str)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    made = create_sandbox(request.param.value, warm=False)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("open('/x', 'w')", "open of '/x'"),
        ("import os; os.listdir('/')", "listdir of '/'"),
        ("from pathlib import Path; Path('input/given.txt').write_text('x')", "open of 'input/given.txt'"),
        ("import socket; socket.socket(socket.AF_VSOCK)", "socket"),
        ("import os; os.memfd_create('x')", "memfd_create"),
        ("import urllib.request; urllib.request.urlopen('http://192.0.2.1/')", "the network"),
        ("import socket; socket.getaddrinfo('example.org', 80)", "the network"),
        ("import subprocess; subprocess.run(['/tmp/../x/program'])", ""),
    ],
)
def test_a_refusal_is_reported_with_the_call_and_the_line(
    code: str, what: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    outcome = Bench(sandbox, tmp_path).run(code)
    assert outcome.error is not None
    assert outcome.error.line == 1
    if what:
        assert outcome.kind is OutcomeKind.REFUSED, outcome.error
        assert outcome.error.message.endswith(f"(refused by policy: {what})"), outcome.error.message
    else:
        assert outcome.kind is OutcomeKind.EXCEPTION


def test_a_file_without_permissions_of_its_own_is_its_own_fault(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import os; os.mkdir('working/x'); os.chmod('working/x', 0); open('working/x/y', 'w')"
    outcome = Bench(sandbox, tmp_path).run(code)
    assert outcome.kind in (OutcomeKind.EXCEPTION, OutcomeKind.OK)  # at landlock no mode is changed


def test_an_exit_after_a_refusal_that_was_caught_is_no_refusal(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
        import traceback
        try: open("/x", "w")
        except OSError: traceback.print_exc()
        raise SystemExit(3)
    """
    assert Bench(sandbox, tmp_path).run(code).kind is OutcomeKind.EXCEPTION
