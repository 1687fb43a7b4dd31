"""Threads and cores of an execution: libraries use what the caller gives, in scripts that say nothing about them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import SandboxError
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.host.select import try_level
from aide_local.sandbox.protocol import Backend, Level, Limits
from tests.sandbox.running import QUICK, Bench, levels

CORE = max(os.sched_getaffinity(0))
ONE_CORE = replace(QUICK, threads=1, cores=frozenset({CORE}), memory=2 * 2**30)
SEEN = "import os; print(sorted(os.sched_getaffinity(0)))"
TRAIN = """
    import json, os
    import catboost, lightgbm, numpy as np, xgboost
    X = np.random.default_rng(0).normal(size=(200, 5))
    y = X[:, 0] + X[:, 1] ** 2
    for model in (
        catboost.CatBoostRegressor(iterations=30, verbose=0),
        lightgbm.LGBMRegressor(n_estimators=30, verbose=-1),
        xgboost.XGBRegressor(n_estimators=30),
    ):
        assert model.fit(X, y).score(X, y) > 0.5, model
    assert os.path.isdir("catboost_info")
    print(len(os.listdir("/proc/self/task")))
"""


@pytest.fixture(scope="module", params=levels(), ids=str)
def sandbox(request: pytest.FixtureRequest) -> Iterator[ProcessSandbox]:
    made = ProcessSandbox(request.param)
    yield made
    made.close()


@pytest.fixture
def bench(sandbox: ProcessSandbox, tmp_path: Path) -> Bench:
    return Bench(sandbox, tmp_path)


def test_a_candidate_runs_on_its_cores_and_the_next_on_its_own(bench: Bench) -> None:
    everything = f"{sorted(os.sched_getaffinity(0))}\n"
    assert bench.run(SEEN).output == everything
    assert bench.run(SEEN, ONE_CORE).output == f"[{CORE}]\n"
    assert bench.run(SEEN).output == everything


def test_its_processes_and_threads_run_there_too(bench: Bench) -> None:
    outcome = bench.run(
        """
        import os, subprocess, sys, threading
        show = "import os; print(sorted(os.sched_getaffinity(0)), flush=True)"
        subprocess.run([sys.executable, "-c", show], check=True)
        thread = threading.Thread(target=exec, args=(show,)); thread.start(); thread.join()
        """,
        ONE_CORE,
    )
    assert outcome.output == 2 * f"[{CORE}]\n", outcome.output


def test_a_fresh_interpreter_runs_there_too(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    made = ProcessSandbox(sandbox.level, warm=False)
    try:
        assert Bench(made, tmp_path).run(SEEN, ONE_CORE).output == f"[{CORE}]\n"
    finally:
        made.close()


@pytest.mark.skipif(
    not try_level(Level.STRICT, Backend.BUBBLEWRAP).works, reason="bubblewrap makes no sandbox here"
)
def test_so_it_is_with_bubblewrap(tmp_path: Path) -> None:
    made = ProcessSandbox(Level.STRICT, backend=Backend.BUBBLEWRAP)
    try:
        bench = Bench(made, tmp_path)
        assert bench.run(SEEN, ONE_CORE).output == f"[{CORE}]\n"
        assert bench.run(TRAIN, ONE_CORE).ok
    finally:
        made.close()


def test_cores_that_do_not_exist_are_an_error_that_names_them(bench: Bench) -> None:
    with pytest.raises(SandboxError, match="cores 99999"):
        bench.run("pass", replace(QUICK, cores=frozenset({99999})))
    assert bench.run("pass").ok


@pytest.mark.parametrize("threads", [1, 2])
def test_boosted_trees_of_every_library_can_be_trained(bench: Bench, threads: int) -> None:
    outcome = bench.run(TRAIN, replace(QUICK, threads=threads, memory=2 * 2**30))
    assert outcome.ok, f"{outcome.error}\n{outcome.output}"


def test_on_one_core_no_library_starts_a_thread_beside_the_scripts_own(bench: Bench) -> None:
    """CatBoost asks for the cores that it may use, and reads no variable."""
    outcome = bench.run(TRAIN, ONE_CORE)
    assert outcome.output == "1\n", f"{outcome.error}\n{outcome.output}"


def test_the_boosting_libraries_are_loaded_before_the_script_begins(bench: Bench) -> None:
    code = "import sys; print({'catboost', 'lightgbm', 'sklearn', 'xgboost'} - sys.modules.keys())"
    assert bench.run(code).output == "set()\n"


def test_one_server_gives_each_execution_its_number_of_threads(bench: Bench) -> None:
    """The libraries that it has loaded read OMP_NUM_THREADS and its like when they were loaded."""
    code = """
        import json, os, sklearn, pyarrow, threadpoolctl
        pools = threadpoolctl.threadpool_info()
        assert {"openmp", "blas"} <= {pool["user_api"] for pool in pools}
        print(json.dumps([*{pool["num_threads"] for pool in pools} | {pyarrow.cpu_count(), int(os.environ["OMP_NUM_THREADS"])}]))
    """
    for threads in (2, 1, 3):
        outcome = bench.run(code, replace(QUICK, threads=threads))
        assert json.loads(outcome.output) == [threads], outcome.output


def test_the_number_of_threads_is_that_of_the_cores_unless_it_is_given() -> None:
    assert Limits(threads=3, cores=frozenset({0, 1})).thread_count == 3
    assert Limits(cores=frozenset({0, 1})).thread_count == 2
    assert Limits().thread_count == os.cpu_count()
