"""The warm server's own confinement, attacked from where a library that it imports would be."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psutil
import pytest

import aide_local
from aide_local.sandbox import interpreter
from aide_local.sandbox.host import runner
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.kernel import landlock
from aide_local.sandbox.protocol import Candidate, Level
from tests.sandbox.running import QUICK, Bench, levels

LEVELS = [level for level in levels() if level is not Level.LIMITS]
ROOT = str(Path(aide_local.__file__).parent.parent)
IMPORTED = """
import ctypes, json, os, resource, signal, socket, sys
sys.path.insert(0, {root!r})
from aide_local.sandbox.inside import gate
from aide_local.sandbox.kernel import namespaces, numbers
from aide_local.sandbox.interpreter import interpreter_folders
from aide_local.sandbox.spec import ServerSpec
from aide_local.sandbox.kernel.syscalls import mount, detach_mount, unshare

level, only, port, secret, listening, parent = json.loads(sys.argv[1])
_, connection = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
if level == "strict":
    server = ServerSpec(
        level=level, confined=True, imports=False, scope=False, readable=list(interpreter_folders(sys.executable))
    )
    _, trouble = gate.start(server, connection, os.environ["GROUPS"])
    assert not trouble, trouble
elif level == "landlock":
    server = ServerSpec(
        level=level, confined=True, imports=False, scope=False, readable=list(interpreter_folders(sys.executable)),
        places=[os.environ["TMPDIR"]],
    )
    gate.confine(server, os.environ["GROUPS"])

libc = ctypes.CDLL(None, use_errno=True)
def call(name, *given):
    if libc.syscall(ctypes.c_long(numbers.numbers()[name]), *given) < 0:
        raise OSError(ctypes.get_errno(), name)

def connect(family, address):
    with socket.socket(family) as one:
        one.settimeout(2)
        one.connect(address)

def write(path):
    with open(path, "w") as file:
        file.write("x")

def outside():
    with open(f"/proc/{{parent}}/cmdline") as file:
        return file.read()

def in_namespaces_of_its_own(act):
    unshare(namespaces.NEW_USER | namespaces.NEW_NS)
    act()

def capabilities():
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    assert int(fields["CapEff"], 16) | int(fields["CapPrm"], 16) | int(fields["CapBnd"], 16), "none"

def set_id():
    path = os.path.join(os.environ["TMPDIR"], "set-id")
    write(path)
    os.chmod(path, 0o4755)

attempts = {{
    "read a file of the person's": lambda: open(secret).read(),
    "list the person's folder": lambda: os.listdir(os.path.dirname(secret)),
    "list the home folder": lambda: os.listdir(os.path.expanduser("~root") if os.getuid() == 0 else "/home"),
    "read the users": lambda: open("/etc/passwd").read(),
    "write beside the person's file": lambda: write(secret + "2"),
    "write into the interpreter": lambda: write(os.path.join(sys.prefix, "audit-written")),
    "write into the system": lambda: write("/usr/audit-written"),
    "write at the top": lambda: write("/audit-written"),
    "connect to the machine": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
    "connect to a local socket": lambda: connect(socket.AF_UNIX, listening),
    "connect to an abstract socket": lambda: connect(socket.AF_UNIX, "\\0" + os.path.basename(secret)),
    "open a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "open a socket of virtual machines": lambda: socket.socket(40, socket.SOCK_STREAM),
    "see another process": outside,
    "signal another process": lambda: os.kill(parent, 0),
    "change another process's limits": lambda: resource.prlimit(parent, resource.RLIMIT_CORE),
    "have a capability": capabilities,
    "make a file set-id": set_id,
    "dump core": lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 1)),
    "unmount the system": lambda: detach_mount("/usr"),
    "mount over the system": lambda: mount("tmpfs", "/usr", "tmpfs", 0),
    "unmount it in namespaces of its own": lambda: in_namespaces_of_its_own(lambda: detach_mount("/usr")),
    "make it writable there": lambda: mount("none", "/usr", None, 32 | 4096),
    "trace": lambda: call("ptrace", 0, 0, 0, 0),
    "read another's memory": lambda: call("process_vm_readv", parent, 0, 0, 0, 0, 0),
    "enter namespaces": lambda: call("setns", 0, 0),
    "load a program into the kernel": lambda: call("bpf", 0, 0, 0),
    "use keys": lambda: call("keyctl", 0, 0, 0),
    "use io_uring": lambda: call("io_uring_setup", 1, 0),
    "count events": lambda: call("perf_event_open", 0, 0, 0, 0, 0),
    "take faults": lambda: call("userfaultfd", 0),
    "open by handle": lambda: call("open_by_handle_at", 0, 0, 0),
    "take mounts": lambda: call("open_tree", -100, b"/", 1),
}}
write(os.path.join(os.environ["GROUPS"], "made"))  # where control groups are made it must be able to
write(os.path.join(os.environ["TMPDIR"], "made"))
done = {{}}
for name, attempt in attempts.items():
    if only and name not in only:
        continue
    try:
        attempt()
        done[name] = ""
    except (OSError, AssertionError, ValueError) as error:
        done[name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(done), flush=True)
"""
# Not covered by Landlock; the last two are from Linux 6.12 on.
OPEN_IN_LANDLOCK = {"connect to a local socket", "see another process"}
if landlock.version() < 6:
    OPEN_IN_LANDLOCK |= {"signal another process", "connect to an abstract socket"}


@pytest.fixture
def person(tmp_path: Path) -> Iterator[tuple[int, str, str, int]]:
    """A port, a secret file, a local socket beside it, a process: the arguments of an attacker."""
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    with (
        socket.socket() as tcp,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        tcp.bind(("127.0.0.1", 0))
        local.bind(str(tmp_path / "local"))
        abstract.bind("\0secret")
        for one in (tcp, local, abstract):
            one.listen()
        yield tcp.getsockname()[1], str(secret), str(tmp_path / "local"), os.getpid()


# Attempts that do no harm if nothing confines them.
HARMLESS = {
    "read a file of the person's", "list the person's folder", "read the users", "write beside the person's file",
    "connect to the machine", "connect to a local socket", "connect to an abstract socket", "see another process",
    "signal another process", "make a file set-id",
}  # fmt: skip


def attacked(level: str, person: tuple[int, str, str, int], private: str, only: set[str]) -> dict[str, str]:
    """Why each attempt failed; empty for those that succeeded."""
    command = [
        sys.executable,
        "-B",
        "-c",
        IMPORTED.format(root=ROOT),
        json.dumps([level, sorted(only), *person]),
    ]
    groups = Path(person[1]).parent.with_suffix(".groups")  # not below the person's, which must not be there
    groups.mkdir()
    environment = {"PATH": os.defpath, "TMPDIR": private, "GROUPS": str(groups)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    for written in (Path(sys.prefix), Path("/usr"), Path("/")):
        (written / "audit-written").unlink(missing_ok=True)
    assert done.stdout, done.stderr
    assert (groups / "made").exists()
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_attempts_succeed_without_confinement(person: tuple[int, str, str, int], tmp_path: Path) -> None:
    found = attacked("none", person, str(tmp_path), HARMLESS)
    assert {name for name, reason in found.items() if not reason} == HARMLESS, found


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_what_it_imports_cannot_reach_the_machine(
    level: Level, person: tuple[int, str, str, int], tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    private = "/tmp" if level is Level.STRICT else str(place)
    found = attacked(level.value, person, private, set())
    succeeded = {name for name, reason in found.items() if not reason}
    assert succeeded <= (OPEN_IN_LANDLOCK if level is Level.LANDLOCK else set()), found
    assert len(found) - len(succeeded) > 20


def importing(sandbox: ProcessSandbox, level: Level) -> psutil.Process:
    """The process that has imported the packages: below the gate, where there is one."""
    process = sandbox._servers[True].process
    assert process is not None
    first = psutil.Process(process.pid)
    return first.children()[0] if level is Level.STRICT else first


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_a_running_server_is_confined_and_its_forks_work(level: Level, tmp_path: Path) -> None:
    sandbox = ProcessSandbox(level, imports=False)
    try:
        outcome = Bench(sandbox, tmp_path).run("""
            import os
            open("working/made", "w").write(open("input/given.txt").read())
            print(os.getuid(), os.getgid())
        """)
        assert outcome.ok, outcome
        assert outcome.output == f"{os.getuid()} {os.getgid()}\n"
        assert (tmp_path / "working/made").read_text() == "given"
        pid = importing(sandbox, level).pid
        status = Path(f"/proc/{pid}/status").read_text()
        fields = {name: value.strip() for name, value in (line.split(":", 1) for line in status.splitlines())}
        assert (fields["NoNewPrivs"], fields["Seccomp"], int(fields["CapEff"], 16)) == ("1", "2", 0)
        kinds = ("mnt", "pid", "net", "ipc", "uts", "user")
        own = [
            os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}") for kind in kinds
        ]
        assert all(own) if level is Level.STRICT else not any(own)
    finally:
        sandbox.close()


@pytest.mark.skipif(Level.STRICT not in LEVELS, reason="it needs namespaces")
def test_the_supervisor_of_a_candidate_has_no_capability(tmp_path: Path) -> None:
    sandbox = ProcessSandbox(Level.STRICT, imports=False)
    cancel = Event()
    found: list[dict[str, str]] = []

    def look(_: str) -> None:
        (supervisor,) = importing(sandbox, Level.STRICT).children()
        status = Path(f"/proc/{supervisor.pid}/status").read_text()
        found.append(
            {name: value.strip() for name, value in (line.split(":", 1) for line in status.splitlines())}
        )
        cancel.set()

    try:
        Bench(sandbox, tmp_path).run(
            "import time; print('up'); time.sleep(60)", on_output=look, cancel=cancel
        )
    finally:
        sandbox.close()
    (fields,) = found
    assert [int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")] == [0] * 5
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


@pytest.mark.skipif(Level.STRICT not in LEVELS, reason="it needs namespaces")
def test_a_folder_that_is_not_there_is_an_error_and_the_next_execution_works(tmp_path: Path) -> None:
    sandbox = ProcessSandbox(Level.STRICT, imports=False)
    try:
        bench = Bench(sandbox, tmp_path)
        bench.input = tmp_path / "nowhere"
        with pytest.raises(Exception, match="open_tree"):
            bench.run("pass")
        bench.input = tmp_path / "input"
        assert bench.run("pass").ok
    finally:
        sandbox.close()


@pytest.mark.skipif(Level.STRICT not in LEVELS, reason="it needs namespaces")
def test_a_file_of_the_system_may_be_replaced_while_a_server_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an update of packages does with /etc/ld.so.cache."""
    shown = tmp_path / "shown.conf"
    shown.write_text("shown")
    folders = interpreter.interpreter_folders
    monkeypatch.setattr(runner, "interpreter_folders", lambda python: (*folders(python), str(shown)))
    sandbox = ProcessSandbox(Level.STRICT, imports=False)
    try:
        bench = Bench(sandbox, tmp_path)
        code = f"print(open({str(shown)!r}).read())"
        assert bench.run(code).output == "shown\n"
        (tmp_path / "newer").write_text("newer")
        (tmp_path / "newer").replace(shown)
        assert bench.run(code).output == "shown\n", "until the next server, what it was when this one began"
    finally:
        sandbox.close()


@pytest.mark.skipif(Level.STRICT not in LEVELS, reason="it needs namespaces")
@pytest.mark.parametrize("victim", ["gate", "server"])
def test_nothing_is_left_when_the_gate_or_the_server_is_killed_and_another_takes_over(
    victim: str, tmp_path: Path
) -> None:
    sandbox = ProcessSandbox(Level.STRICT, imports=False)
    try:
        bench = Bench(sandbox, tmp_path)
        assert bench.run("pass").ok
        server = importing(sandbox, Level.STRICT)
        gate = server.parent()
        assert gate is not None
        (gate if victim == "gate" else server).kill()
        _, alive = psutil.wait_procs([server], timeout=20)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        ended = sandbox._servers[True].process
        assert ended is not None
        ended.wait(20)
        assert bench.run("print('again')").output == "again\n"
    finally:
        sandbox.close()


@pytest.mark.skipif(Level.LANDLOCK not in LEVELS, reason="it needs Landlock")
def test_at_landlock_a_server_starts_anew_where_it_may_not_reach_and_for_folders_made_anew(
    tmp_path: Path,
) -> None:
    sandbox = ProcessSandbox(Level.LANDLOCK, imports=False)
    script = tmp_path / "script.py"
    script.write_text("open('working/made', 'w').write(open('input/given').read())")

    def server_of(folder: Path, *places: Path) -> int:
        for name in ("input", "working"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "input/given").write_text("given")
        outcome = sandbox.run(Candidate(script, folder / "input", folder / "working", places=places), QUICK)
        assert outcome.ok, outcome
        assert (folder / "working/made").read_text() == "given"
        return int(importing(sandbox, Level.LANDLOCK).pid)

    try:
        first = server_of(tmp_path / "a/1", tmp_path / "a")
        assert server_of(tmp_path / "a/2", tmp_path / "a") == first
        assert server_of(tmp_path / "a/2") == first, "it lies in a known place"
        second = server_of(tmp_path / "b")
        assert second != first
        (tmp_path / "b").rename(tmp_path / "c")
        third = server_of(tmp_path / "b")
        assert third != second
        assert server_of(tmp_path / "a/1") == third
    finally:
        sandbox.close()
