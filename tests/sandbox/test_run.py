"""Every level: limits, a classified end, clean output, nothing left behind."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from aide_local.errors import SandboxError
from aide_local.sandbox.host.select import create_sandbox
from aide_local.sandbox.protocol import Level
from aide_local.types import OutcomeKind
from tests.sandbox.running import QUICK, Bench, levels


@pytest.fixture(
    scope="module", params=[(level, warm) for level in levels() for warm in (False, True)], ids=str
)
def sandbox(request: pytest.FixtureRequest) -> Iterator[object]:
    level, warm = request.param
    made = create_sandbox(level.value, warm=warm)
    yield made
    made.close()


@pytest.fixture
def bench(sandbox: object, tmp_path: Path) -> Bench:
    return Bench(sandbox, tmp_path)  # type: ignore[arg-type]


def below_us() -> set[int]:
    time.sleep(0.3)  # for the last supervisor to be waited for
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_a_script_reads_its_input_and_writes_its_working_folder(bench: Bench) -> None:
    outcome = bench.run("""
        from pathlib import Path
        Path("working/out.txt").write_text(Path("input/given.txt").read_text() + "!")
        print("done")
    """)
    assert outcome.ok
    assert outcome.error is None
    assert outcome.exit_code == 0
    assert outcome.output == "done\n"
    assert outcome.level is bench.sandbox.level
    assert (bench.working / "out.txt").read_text() == "given!"


def test_usage_is_measured(bench: Bench) -> None:
    outcome = bench.run("""
        import os, time
        block = bytearray(os.urandom(1)) * (150 * 2**20)
        end = time.process_time() + 0.3
        while time.process_time() < end: pass
        open("working/out", "wb").write(b"x" * 100_000)
        time.sleep(0.2)
    """)
    assert outcome.ok
    assert outcome.usage.wall > 0.5
    assert 0.3 <= outcome.usage.cpu < 20
    assert 150 * 2**20 < outcome.usage.peak_memory < 700 * 2**20
    assert outcome.usage.written >= 100_000


def test_processor_time_of_children_is_counted_once(bench: Bench) -> None:
    outcome = bench.run("""
        import subprocess, sys
        work = "import time\\nwhile time.process_time() < 0.8: pass"
        subprocess.run([sys.executable, "-c", work], check=True)
    """)
    assert outcome.ok, outcome.output
    assert 0.75 <= outcome.usage.cpu < 1.45


def test_an_exception_is_reported_with_its_type_message_and_line(bench: Bench) -> None:
    outcome = bench.run("""\
        def inner():
            raise KeyError("no such column")

        inner()
    """)
    assert outcome.kind is OutcomeKind.EXCEPTION
    assert outcome.error is not None
    assert outcome.error.type == "KeyError"
    assert "no such column" in outcome.error.message
    assert outcome.error.line == 2
    assert "aide_local" not in outcome.error.traceback
    assert outcome.exit_code == 1


def test_an_exception_deep_in_a_library_is_reported_with_the_scripts_own_line(bench: Bench) -> None:
    outcome = bench.run("""\
        import json

        json.loads("{")
    """)
    assert outcome.error is not None
    assert outcome.error.type == "JSONDecodeError"
    assert outcome.error.line == 3


def test_a_syntax_error_is_reported_with_its_line(bench: Bench) -> None:
    outcome = bench.run("x = 1\ny = = 2\n")
    assert outcome.kind is OutcomeKind.EXCEPTION
    assert outcome.error is not None
    assert outcome.error.type == "SyntaxError"
    assert outcome.error.line == 2


def test_an_exit_code_is_an_error(bench: Bench) -> None:
    outcome = bench.run("import sys; print('bad things'); sys.exit(3)")
    assert outcome.kind is OutcomeKind.EXCEPTION
    assert outcome.exit_code == 3
    assert outcome.error is not None
    assert "bad things" in outcome.error.message


def test_a_deadly_signal_is_named(bench: Bench) -> None:
    outcome = bench.run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert outcome.kind is OutcomeKind.SIGNAL
    assert outcome.signal == signal.SIGSEGV
    assert outcome.error is not None
    assert outcome.error.type == "SIGSEGV"


def test_sleeping_too_long_is_a_timeout(bench: Bench) -> None:
    outcome = bench.run("print('before'); import time; time.sleep(100)", replace(QUICK, wall=1.0))
    assert outcome.kind is OutcomeKind.TIMEOUT
    assert "before" in outcome.output
    assert outcome.usage.wall < 30


def test_ignoring_signals_does_not_help_against_the_timeout(bench: Bench) -> None:
    outcome = bench.run(
        """
        import signal, time
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        time.sleep(100)
        """,
        replace(QUICK, wall=1.5),
    )
    assert outcome.kind is OutcomeKind.TIMEOUT


def test_too_much_processor_time_is_reported_as_such(bench: Bench) -> None:
    outcome = bench.run("while True: pass", replace(QUICK, cpu=0.7))
    assert outcome.kind is OutcomeKind.CPU_TIME


def test_memory_of_one_process_is_bounded(bench: Bench) -> None:
    outcome = bench.run(
        """
        import time
        block = bytearray(b"x") * (700 * 2**20)
        time.sleep(30)
        """,
        replace(QUICK, memory=512 * 2**20),
    )
    assert outcome.kind is OutcomeKind.MEMORY


def test_memory_of_many_processes_is_bounded_in_sum(bench: Bench) -> None:
    outcome = bench.run(
        """
        import os, time
        for _ in range(4):
            if os.fork() == 0:
                block = bytearray(b"x") * (200 * 2**20)
                time.sleep(30)
        time.sleep(30)
        """,
        replace(QUICK, memory=500 * 2**20),
    )
    assert outcome.kind is OutcomeKind.MEMORY


def test_memory_shared_by_forks_is_counted_once(bench: Bench) -> None:
    outcome = bench.run(
        """
        import os, time
        block = bytearray(b"x") * (300 * 2**20)
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                time.sleep(1)
                os._exit(0)
            children.append(child)
        for child in children: os.waitpid(child, 0)
        """,
        replace(QUICK, memory=700 * 2**20),
    )
    assert outcome.ok, outcome


def test_too_much_output_is_a_flood_and_the_rest_is_bounded(bench: Bench) -> None:
    outcome = bench.run("while True: print('x' * 1000)", replace(QUICK, output=2**20))
    assert outcome.kind is OutcomeKind.OUTPUT_FLOOD
    assert len(outcome.output.encode()) < 70_000


def test_head_and_tail_of_long_output_are_kept(bench: Bench) -> None:
    outcome = bench.run("print('first'); print('x\\n' * 200_000); print('last')")
    assert outcome.ok
    assert outcome.output.startswith("first\n")
    assert outcome.output.endswith("last\n")
    assert len(outcome.output.encode()) < 70_000


def test_too_much_on_disk_is_reported_as_such(bench: Bench) -> None:
    code = """
        import time
        for at in range(40):
            with open(f"working/{at}", "wb") as file: file.write(b"x" * 2**20)
        time.sleep(30)
    """
    assert bench.run(code, replace(QUICK, disk=20 * 2**20)).kind is OutcomeKind.DISK


def test_too_many_files_are_reported_as_such(bench: Bench) -> None:
    code = """
        import time
        for at in range(2000): open(f"working/{at}", "w").close()
        time.sleep(30)
    """
    assert bench.run(code, replace(QUICK, files=1000)).kind is OutcomeKind.DISK


def test_what_is_left_at_the_end_counts_although_the_script_was_quick(bench: Bench) -> None:
    code = "open('working/x', 'wb').write(b'x' * 30 * 2**20)"
    assert bench.run(code, replace(QUICK, disk=20 * 2**20)).kind is OutcomeKind.DISK


def test_a_single_file_is_bounded(bench: Bench) -> None:
    code = "open('working/x', 'wb').write(b'x' * 30 * 2**20)"
    outcome = bench.run(code, replace(QUICK, file_size=10 * 2**20))
    assert outcome.error is not None
    assert outcome.error.type in ("OSError", "SIGXFSZ")
    assert (bench.working / "x").stat().st_size <= 10 * 2**20


def test_too_many_processes_are_reported_as_such(bench: Bench) -> None:
    code = """
        import os, time
        for _ in range(60):
            if os.fork() == 0: time.sleep(30); os._exit(0)
        time.sleep(30)
    """
    assert bench.run(code, replace(QUICK, processes=20)).kind is OutcomeKind.PROCESSES


def test_daemons_stopped_processes_and_ignorers_are_gone_afterwards(bench: Bench) -> None:
    bench.run("pass")
    before = below_us()
    outcome = bench.run("""
        import fcntl, os, signal, time
        held = open("working/held", "w")  # and so by all that is forked
        fcntl.flock(held, fcntl.LOCK_EX)
        def spawn(name, do):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.setsid()
                    open(f"working/{name}", "w").close()
                    do()
                    while True: time.sleep(1)
                os._exit(0)
        spawn("daemon", lambda: None)
        spawn("stopped", lambda: os.kill(os.getpid(), signal.SIGSTOP))
        spawn("ignorer", lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
        while len(os.listdir("working")) < 4: time.sleep(0.01)
        time.sleep(0.1)
    """)
    assert outcome.ok
    with (bench.working / "held").open() as held:  # flock(2): locked as long as one of them lives
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not (below_us() - before)


def test_a_daemon_that_holds_the_output_does_not_hold_up_the_end(bench: Bench) -> None:
    outcome = bench.run("""
        import os, time
        if os.fork() == 0:
            os.setsid()
            time.sleep(50)
        print("done")
    """)
    assert outcome.ok
    assert outcome.output == "done\n"
    assert outcome.usage.wall < 40


def test_cancelling_ends_it(bench: Bench) -> None:
    cancel = Event()
    shown: list[str] = []

    def show(text: str) -> None:
        shown.append(text)
        cancel.set()

    outcome = bench.run("import time; print('up'); time.sleep(100)", on_output=show, cancel=cancel)
    assert outcome.kind is OutcomeKind.CANCELLED
    assert "up" in "".join(shown)


def test_a_cancelled_event_ends_it_before_long(bench: Bench) -> None:
    cancel = Event()
    cancel.set()
    assert bench.run("import time; time.sleep(100)", cancel=cancel).kind is OutcomeKind.CANCELLED


def test_output_is_neutralised_before_anyone_sees_it(bench: Bench) -> None:
    shown: list[str] = []
    outcome = bench.run(
        r"""
        import sys
        sys.stdout.buffer.write(b"a\x1b[31mred\x1b[0m\x1b]0;title\x07\x00\x08b\xff\xfe c\xe2\x80\xaed\xc2\x9b2J\n")
        """,
        on_output=shown.append,
    )
    for text in (outcome.output, "".join(shown)):
        assert not [sign for sign in text if not sign.isprintable() and sign != "\n"]
        assert "red" in text
        text.encode()


def test_standard_input_is_empty_and_no_other_descriptor_is_open(bench: Bench) -> None:
    outcome = bench.run("""
        import os, sys
        print(repr(sys.stdin.read()), sorted(int(name) for name in os.listdir("/proc/self/fd"))[:4])
    """)
    assert outcome.output == "'' [0, 1, 2, 3]\n"  # 3 is the listing itself


def test_the_environment_is_an_allow_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    outcome = bench.run("""
        import os
        assert "SOME_API_KEY" not in os.environ
        assert "secret" not in open("/proc/self/environ").read()
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MPLBACKEND", "PYTHONHASHSEED"):
            print(name, os.environ[name])
    """)
    assert outcome.ok, outcome.output
    assert outcome.output.splitlines() == [
        "OMP_NUM_THREADS 1",
        "OPENBLAS_NUM_THREADS 1",
        "MPLBACKEND Agg",
        "PYTHONHASHSEED 0",
    ]


def test_arguments_are_passed(bench: Bench) -> None:
    outcome = bench.run("import sys; print(sys.argv[1:], __name__)", argv=("--one", "two"))
    assert outcome.output == "['--one', 'two'] __main__\n"


def test_another_interpreter_is_used(bench: Bench, tmp_path: Path) -> None:
    import venv

    venv.create(tmp_path / "other", with_pip=False)
    outcome = bench.run("import sys; print(sys.prefix)", python=tmp_path / "other/bin/python")
    assert outcome.ok, outcome.output
    assert outcome.output.strip().endswith("other")


def test_an_interpreter_that_does_not_start_is_an_error_of_the_sandbox(bench: Bench) -> None:
    with pytest.raises(SandboxError) as caught:
        bench.run("pass", python=Path("/nonexistent/python"))
    assert "/nonexistent/python" in caught.value.message
    assert caught.value.fix


def test_several_threads_may_run_candidates_at_once(bench: Bench) -> None:
    found: list[str] = []

    def one(at: int) -> None:
        folder = bench.folder / str(at)
        folder.mkdir()
        found.append(Bench(bench.sandbox, folder).run(f"import time; time.sleep(0.3); print({at})").output)

    threads = [Thread(target=one, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["0\n", "1\n", "2\n", "3\n"]


def test_a_run_goes_on_although_the_thread_that_began_the_first_has_ended(tmp_path: Path) -> None:
    made = create_sandbox("limits", warm=False)
    try:
        first = Thread(target=lambda: Bench(made, tmp_path).run("pass"))
        first.start()
        first.join()
        time.sleep(0.2)
        assert Bench(made, tmp_path).run("import time; time.sleep(0.5); print('on')").output == "on\n"
    finally:
        made.close()


def test_other_children_of_the_process_are_not_reaped(bench: Bench) -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.exit(7)"]) as other:
        bench.run("import os; os.fork()")
        assert other.wait() == 7


def test_nothing_is_left_behind_after_many_faults(bench: Bench) -> None:
    import tempfile

    bench.run("pass")
    place = Path(tempfile.gettempdir())
    before = (
        len(os.listdir("/proc/self/fd")),
        len(Path("/proc/self/mounts").read_text().splitlines()),
        sorted(place.glob(f"aide-{os.getpid()}-*")),
        below_us(),
    )
    for code in ("1/0", "import os; os.abort()", "import os; os.fork()", "import sys; sys.exit(5)", "x ="):
        bench.run(code)
    bench.run("import time; time.sleep(9)", replace(QUICK, wall=0.4))
    assert before == (
        len(os.listdir("/proc/self/fd")),
        len(Path("/proc/self/mounts").read_text().splitlines()),
        sorted(place.glob(f"aide-{os.getpid()}-*")),
        {pid for pid in below_us() if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE} | before[3],
    )


@pytest.mark.parametrize("level", levels(), ids=str)
def test_the_candidate_dies_with_the_product(level: Level, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    bench_code = f"""
        import sys
        from pathlib import Path
        from aide_local.sandbox.host.select import create_sandbox
        from tests.sandbox.running import Bench
        Bench(create_sandbox({level.value!r}, warm=False), Path({str(tmp_path)!r})).run('''
        import os, time
        if os.fork() == 0: os.setsid()
        open("working/up", "w").close()
        time.sleep(77)
        ''', on_output=None)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(bench_code)]) as product:
        while not (tmp_path / "working/up").exists():
            assert product.poll() is None
            time.sleep(0.05)
        below = psutil.Process(product.pid).children(recursive=True)
        assert len(below) >= 4
        product.kill()
    _, alive = psutil.wait_procs(below, timeout=20)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE], pid_file


@pytest.mark.parametrize("level", levels(), ids=str)
def test_the_candidate_dies_with_its_supervisor(level: Level, tmp_path: Path) -> None:
    made = create_sandbox(level.value, warm=False)
    code = """
        import os, time
        if os.fork() == 0: os.setsid()
        open("working/up", "w").close()
        time.sleep(77)
    """

    def run() -> None:
        with pytest.raises(SandboxError):
            Bench(made, tmp_path).run(code)

    thread = Thread(target=run)
    thread.start()
    while not (tmp_path / "working/up").exists():
        time.sleep(0.05)
    server = psutil.Process().children()[-1]
    supervisor = server.children()[0]
    below = supervisor.children(recursive=True)
    supervisor.kill()
    thread.join()
    _, alive = psutil.wait_procs(below, timeout=20)
    made.close()
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
