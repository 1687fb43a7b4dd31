"""Honest scripts work at every level: parallel libraries, threads, files, databases, plots."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.sandbox.host.select import create_sandbox, try_level
from aide_local.sandbox.protocol import Backend, Level, Sandbox
from tests.sandbox.running import QUICK, Bench, levels

LEVELS = [level.value for level in levels() if level != "limits"]
LIMITS = replace(QUICK, wall=150.0, memory=3 * 2**30, threads=2, disk=2**30)

_SQUARES = """
def square(x): return x * x
if __name__ == "__main__":
"""
WORKLOADS = {
    "joblib by processes": """
        from joblib import Parallel, delayed
        print(sum(Parallel(n_jobs=2)(delayed(pow)(number, 2) for number in range(20))))
    """,
    "joblib with shared arrays": """
        import numpy as np
        from joblib import Parallel, delayed
        data = np.ones((1500, 1500))
        print(Parallel(n_jobs=2, max_nbytes="1M")(delayed(np.sum)(data) for _ in range(2)))
    """,
    "joblib by threads": """
        from joblib import Parallel, delayed
        print(sum(Parallel(n_jobs=4, backend="threading")(delayed(pow)(number, 2) for number in range(20))))
    """,
    "multiprocessing": _SQUARES
    + """
    import multiprocessing
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(square, range(5)) == [0, 1, 4, 9, 16], method
    """,
    "multiprocessing manager, queue, value, shared memory": _SQUARES
    + """
    import multiprocessing
    from multiprocessing import shared_memory
    with multiprocessing.Manager() as manager:
        shared = manager.dict(); shared["x"] = 1
        assert shared["x"] == 1
    queue, value = multiprocessing.Queue(), multiprocessing.Value("i", 0)
    def work():
        with value.get_lock(): value.value += 1
        queue.put("done")
    processes = [multiprocessing.get_context("fork").Process(target=work) for _ in range(2)]
    for process in processes: process.start()
    assert [queue.get(timeout=60) for _ in processes] == ["done", "done"]
    for process in processes: process.join()
    assert value.value == 2
    block = shared_memory.SharedMemory(create=True, size=2**20)
    block.buf[0] = 7
    block.close(); block.unlink()
    """,
    "concurrent.futures": _SQUARES
    + """
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        with kind(2) as pool: assert list(pool.map(square, range(4))) == [0, 1, 4, 9]
    """,
    "scikit-learn in parallel": """
        from sklearn.datasets import make_classification
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.model_selection import cross_val_score
        X, y = make_classification(300, random_state=0)
        assert cross_val_score(RandomForestClassifier(20, n_jobs=2, random_state=0), X, y, cv=3, n_jobs=2).mean() > 0.7
    """,
    "OpenMP": """
        import numpy as np
        from sklearn.ensemble import HistGradientBoostingRegressor
        X = np.random.default_rng(0).normal(size=(2000, 5))
        assert HistGradientBoostingRegressor(max_iter=20).fit(X, X[:, 0]).score(X, X[:, 0]) > 0.8
    """,
    "xgboost with two threads": """
        import numpy as np, xgboost
        X = np.random.default_rng(0).normal(size=(1000, 5))
        assert xgboost.XGBRegressor(n_estimators=20, n_jobs=2).fit(X, X[:, 0]).score(X, X[:, 0]) > 0.8
    """,
    "files": """
        import mmap, os, shutil, sqlite3, tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x")
            with open(path, "wb") as file: file.write(b"x" * 10_000)
            with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped: mapped[0] = 65
            shutil.copy2(path, "working/copy"); shutil.copytree(folder, "working/tree")
        with tempfile.NamedTemporaryFile() as file: file.write(b"x")
        with mmap.mmap(-1, 2**20) as mapped: mapped[5] = 1
        with sqlite3.connect("working/data.db") as base:
            base.execute("PRAGMA journal_mode=WAL"); base.execute("CREATE TABLE t (x)"); base.execute("INSERT INTO t VALUES (1)")
        assert open("working/copy", "rb").read(1) == b"A"
        open("submission.csv", "w").write("in the current folder")
        os.rename("submission.csv", "moved.csv"); shutil.copy("moved.csv", "working/submission.csv")
    """,
    "Python in Python": """
        import subprocess, sys
        code = "import numpy, sys; print(numpy.arange(4).sum())"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "6\\n"
        assert subprocess.run("echo $((1 + 1))", shell=True, capture_output=True, text=True).stdout == "2\\n"
    """,
    "many threads and a large array": """
        import threading, numpy as np
        gate = threading.Barrier(65)
        threads = [threading.Thread(target=gate.wait) for _ in range(64)]
        for thread in threads: thread.start()
        gate.wait()
        block = np.ones(150 * 2**17); assert block.sum() == 150 * 2**17
        np.empty(2**27)  # a gigabyte that is never touched
    """,
    "asyncio": """
        import asyncio
        async def main():
            process = await asyncio.create_subprocess_exec("echo", "x", stdout=asyncio.subprocess.PIPE)
            return (await process.communicate())[0], await asyncio.to_thread(lambda: 3)
        assert asyncio.run(main()) == (b"x\\n", 3)
    """,
    "matplotlib": """
        import matplotlib.pyplot as plt
        plt.plot([1, 2, 3]); plt.savefig("working/plot.png"); assert open("working/plot.png", "rb").read(4) == b"\\x89PNG"
    """,
    "torch": """
        import torch
        class Data(torch.utils.data.Dataset):
            def __len__(self): return 8
            def __getitem__(self, at): return torch.ones(3) * at
        assert sum(batch.sum() for batch in torch.utils.data.DataLoader(Data(), 4, num_workers=2)) == 84
    """,
}


WAYS = [(level, "auto") for level in LEVELS]
if try_level(Level.STRICT, Backend.BUBBLEWRAP).works:
    WAYS.append(("strict", "bubblewrap"))


@pytest.fixture(
    scope="module",
    params=[pytest.param(way, marks=[pytest.mark.slow] if at else []) for at, way in enumerate(WAYS)],
    ids=str,
)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    level, backend = request.param
    made = create_sandbox(level, backend=backend)
    yield made
    made.close()


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_works(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    if name in ("matplotlib", "torch") and importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    outcome = Bench(sandbox, tmp_path).run(WORKLOADS[name], LIMITS)
    assert outcome.ok, f"{outcome.error}\n{outcome.output}"
    assert "serial mode" not in outcome.output


CHANNELS = {
    "patched modules": (
        "import json, numpy, sys; json.dumps = None; numpy.mean = None; sys.modules['pandas'] = None; sys.path.insert(0, 'x')",
        "import json, numpy, pandas, sys; assert json.dumps and numpy.mean and 'x' not in sys.path",
    ),
    "builtins": (
        "import builtins; builtins.open = None; builtins.leaked = 1",
        "assert open; import builtins; assert not hasattr(builtins, 'leaked')",
    ),
    "random state": (
        "import numpy, random; numpy.random.seed(1); random.seed(1); numpy.random.rand(); random.random()",
        "import numpy, random; numpy.random.seed(1); assert abs(numpy.random.rand() - 0.417022) < 1e-5",
    ),
    "environment": (
        "import os; os.environ['LEAKED'] = '1'; os.putenv('LEAKED2', '1')",
        "import os; assert 'LEAKED' not in os.environ; assert b'LEAKED' not in open('/proc/self/environ', 'rb').read()",
    ),
    "files": (
        "import os, tempfile; [open(p + '/leaked-x', 'w') for p in (tempfile.gettempdir(), '.', '/dev/shm')]",
        "import os, tempfile; assert not [p for p in (tempfile.gettempdir(), '.', '/dev/shm') if os.path.exists(p + '/leaked-x')]",
    ),
    "shared memory": (
        "from multiprocessing import shared_memory, resource_tracker as r; r.register = lambda *a: None\n"
        "s = shared_memory.SharedMemory('leaked-m', True, 64)",
        "from multiprocessing import shared_memory\n"
        "try: shared_memory.SharedMemory('leaked-m')\nexcept FileNotFoundError: pass\nelse: raise SystemExit('it is there')",
    ),
    "signals, limits, priority, mask": (
        "import os, signal, resource; signal.signal(signal.SIGUSR1, signal.SIG_IGN); os.umask(0o777); os.nice(5)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))",
        "import os, signal, resource; assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL; assert os.nice(0) == 0\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 10; assert os.umask(0) != 0o777",
    ),
}


@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_of_a_candidate_reaches_the_next(channel: str, sandbox: Sandbox, tmp_path: Path) -> None:
    first, second = CHANNELS[channel]
    for number, code in enumerate((first, second)):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = Bench(sandbox, folder).run(code)
        assert outcome.ok, f"{number}: {outcome.error}\n{outcome.output}"


def test_an_aged_server_is_renewed_and_what_it_has_begun_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Thread

    from aide_local.sandbox.host import fork_server

    monkeypatch.setattr(fork_server, "RENEWED_AFTER", 1)
    made = create_sandbox(LEVELS[0], warm=False)
    found: list[str] = []
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    long = Thread(
        target=lambda: found.append(
            Bench(made, folders[0])
            .run("open('working/up', 'w'); import time; time.sleep(2); print('long')")
            .output
        )
    )
    long.start()
    while not (folders[0] / "working/up").exists():
        time.sleep(0.02)
    found.extend(
        Bench(made, folder).run("import os; print(os.getpid() > 0)").output for folder in folders[1:]
    )
    long.join()
    made.close()
    assert sorted(found) == ["True\n", "True\n", "long\n"]
