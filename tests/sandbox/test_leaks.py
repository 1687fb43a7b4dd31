"""Many candidates in a row, each with a fault of its own: nothing of any is left."""

from __future__ import annotations

import os
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from aide_local.sandbox.host import fork_server
from aide_local.sandbox.host.select import create_sandbox
from tests.sandbox.running import QUICK, Bench, levels

LEVELS = [level.value for level in levels() if level != "limits"]
FAULTS = (
    "pass",
    "1 / 0",
    "x =",
    "import os; os.abort()",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "import os; os._exit(7)",
    "import os, time; [os.fork() or time.sleep(60) for _ in range(3)]",
    "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)",
    "import os, signal\nif os.fork() == 0: os.setsid(); os.kill(os.getpid(), signal.SIGSTOP)",
    "import time; time.sleep(60)",
    "open('/dev/shm/leaktest', 'w').write('x'); open('left', 'w'); open('working/left', 'w')",
    "import tempfile; tempfile.mkdtemp(); tempfile.mkstemp()",
    "import os; os.makedirs('working/' + 'd/' * 50); os.chmod('working/d', 0)",
    "import socket; s = socket.socket(socket.AF_UNIX); s.bind('working/s'); s.listen()",
    "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
    "while True: print('x' * 10_000)",
    "import os; [os.open('/dev/null', 0) for _ in range(10_000)]",
    "import os; os.closerange(0, 100); raise SystemExit",
)


def left(server: psutil.Process, prefix: str) -> tuple[object, ...]:
    """All that could pile up: descriptors of ours and the server's, processes, mounts, folders, shared memory."""
    end = time.monotonic() + 20
    while server.children(recursive=True) and time.monotonic() < end:
        time.sleep(0.05)
    descriptors = []
    for _ in range(20):  # one of a moment ago may not be closed yet
        time.sleep(0.02)
        descriptors.append(server.num_fds())
    return (
        len(os.listdir("/proc/self/fd")),
        min(descriptors),
        [child.pid for child in server.children(recursive=True)],
        [line for line in Path("/proc/self/mounts").read_text().splitlines() if prefix in line],
        sorted(Path(tempfile.gettempdir()).glob(prefix + "*")),
        Path("/dev/shm/leaktest").exists(),
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_nothing_is_left_of_many_candidates_with_random_faults(
    count: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "RENEWED_AFTER", 10_000)  # one server, so that what piles up is seen
    sandbox = create_sandbox(level, warm=False)
    chance = random.Random(4)
    prefix = f"aide-{os.getpid()}-"
    try:
        (tmp_path / "first").mkdir()
        assert Bench(sandbox, tmp_path / "first").run("pass").ok
        server = psutil.Process(sandbox._servers[False].process.pid)  # type: ignore[attr-defined]
        before = left(server, prefix)
        for number in range(count):
            folder = tmp_path / str(number)
            folder.mkdir()
            fault = FAULTS[number] if number < len(FAULTS) else chance.choice(FAULTS)
            Bench(sandbox, folder).run(fault, replace(QUICK, wall=0.8, output=2**18))
        assert left(server, prefix) == before
    finally:
        sandbox.close()
    assert not psutil.pid_exists(server.pid) or server.status() == psutil.STATUS_ZOMBIE
    assert left_of_all(prefix) == []


def left_of_all(prefix: str) -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(prefix + "*"))
