"""``aide-local run`` as its user meets it: real processes, real files, the bundled model."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.cli.commands import CHURN, PAPER, ROOT, aide, aide_here, refused
from tests.llm.tiny import make_gguf
from tests.runs import make_csvs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[dict[str, object]]]:
    """A run of the bundled model: (home, deliverables, events)."""
    place = tmp_path_factory.mktemp("run")
    done = aide(
        "run",
        CHURN,
        "--steps",
        8,
        *PAPER,
        "--folds",
        3,
        "--seed",
        1,
        "--out",
        place / "out",
        "--json",
        home=place / "home",
    )
    assert done.returncode == 0, done.stderr
    return place / "home", place / "out", [json.loads(line) for line in done.stdout.splitlines()]


def test_the_bundled_model_solves_a_sample_task(finished: tuple[Path, Path, list[dict[str, object]]]) -> None:
    _, out, events = finished
    summary = json.loads((out / "summary.json").read_text())
    assert summary["best_score"] > 0.6 > summary["constant_score"] == 0.5
    assert summary["model"] == "starter"
    assert summary["nodes"] == 8
    with (CHURN / "data" / "test.csv").open() as file:
        wanted = [row["id"] for row in csv.DictReader(file)]
    with (out / "submission.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["id"] for row in rows) == sorted(wanted)
    assert all(0 <= float(row["left"]) <= 1 for row in rows)
    assert events[0]["event"] == "RunStarted"
    assert events[-1]["event"] == "RunFinished"


def test_the_delivered_script_runs_by_itself(
    finished: tuple[Path, Path, list[dict[str, object]]], tmp_path: Path
) -> None:
    home, out, _ = finished
    (folder,) = (home / "runs").iterdir()
    (tmp_path / "working").mkdir()
    (tmp_path / "input").symlink_to(folder / "folds" / "0" / "input")
    subprocess.run([sys.executable, out / "solution.py"], cwd=tmp_path, check=True, timeout=120)
    assert (tmp_path / "working" / "submission.csv").exists()


def test_a_run_is_listed_shown_and_asked(finished: tuple[Path, Path, list[dict[str, object]]]) -> None:
    home, _, _ = finished
    assert "churn" in aide_here("runs", home=home).stdout
    assert "#0 draft" in aide_here("show", "latest", home=home).stdout
    assert "import" in aide_here("show", "latest", "0", home=home).stdout
    assert "<|assistant|>" in aide_here("show", "latest", "0", "--prompt", home=home).stdout
    assert "import pandas" in aide_here("best", "latest", home=home).stdout
    assert "---" in aide_here("diff", "latest", "0", "1", home=home).stdout
    done = aide_here("sql", "SELECT count(*) AS n FROM nodes", "--format", "json", home=home)
    assert json.loads(done.stdout) == [{"n": 8}]


def test_a_run_makes_no_connection_at_all(tmp_path: Path) -> None:
    """Every process of it (the model's, the candidates' server) tells of any socket that is not a local one."""
    told = tmp_path / "told.txt"
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(
        "import sys\n"
        "def watch(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.bind', 'socket.sendto'):\n"
        "        if event == 'socket.getaddrinfo' or not isinstance(arguments[1], (str, bytes)):\n"
        f"            open({str(told)!r}, 'a').write(f'{{event}} {{arguments}}\\n')\n"
        f"open({str(tmp_path / 'watched.txt')!r}, 'a').write('one process\\n')\n"
        "sys.addaudithook(watch)\n"
    )
    path = os.pathsep.join([str(tmp_path / "watch"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "aide_local.cli.main",
            "run",
            CHURN,
            "--steps",
            "3",
            *PAPER,
            "--folds",
            "2",
            "--plain",
        ],
        env={**os.environ, "AIDE_LOCAL_HOME": str(tmp_path / "home"), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "watched.txt").read_text().count("one process") >= 2, "the main and the model process"
    assert not told.exists(), told.read_text()


def test_the_same_seed_gives_the_same_tree(tmp_path: Path) -> None:
    trees = []
    for name in ("a", "b"):
        done = aide(
            "run", ROOT / "sample_tasks" / "diabetes", "--steps", 4, *PAPER, "--folds", 2, "--seed", 1, "--json",
            "--temperature", 0, home=tmp_path / name,
        )  # fmt: skip
        events = [json.loads(line) for line in done.stdout.splitlines()]
        nodes = [event["node"] for event in events if event["event"] == "NodeFinished"]
        trees.append(
            [(node["id"], node["operator"], node["parent"], node["code"], node["metric"]) for node in nodes]
        )
    assert trees[0] == trees[1]
    assert len(trees[0]) == 4


def test_ctrl_c_delivers_the_best_so_far(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "aide_local.cli.main", "--home", str(tmp_path / "home"), "run", str(CHURN), "--steps", "500",
        *PAPER, "--folds", "2", "--seed", "3", "--out", str(tmp_path / "out"), "--json",
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "NodeFinished" and event["node"]["state"] == "valid":
            child.send_signal(signal.SIGINT)
            break
    child.stdout.read()
    assert child.wait(120) == 0
    assert (
        json.loads((tmp_path / "out" / "summary.json").read_text())["stop_reason"] == "stopped by the person"
    )


def test_killing_the_model_process_does_not_end_the_run(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "aide_local.cli.main", "--home", str(tmp_path / "home"), "run", str(CHURN), "--steps", "3",
        *PAPER, "--folds", "2", "--seed", "3", "--json",
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    killed = 0
    restarted = False
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "TokensStreamed" and event["text"] and not killed:
            for process in psutil.Process(child.pid).children(recursive=True):
                if "aide_local.llm.worker" in process.cmdline():
                    process.kill()
                    killed += 1
        restarted = restarted or (bool(killed) and event["event"] == "TokensStreamed" and event["restart"])
    assert killed == 1
    assert restarted
    assert child.wait(120) == 0


def test_a_misspelt_target_names_the_nearest_column(tmp_path: Path) -> None:
    done = aide("run", make_csvs(tmp_path / "task"), "--target", "yy", home=tmp_path)
    refused(done, "'yy'", "Did you mean 'y'?")


def test_a_run_that_would_begin_on_a_full_disk_is_told(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True
    ).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        done = aide("run", CHURN, "--steps", 6, *PAPER, "--folds", 3, home=small / "home")
        refused(done, "ake room")
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_a_table_without_rows_is_told(tmp_path: Path) -> None:
    (make_csvs(tmp_path / "task") / "train.csv").write_text("id,x,y\n")
    refused(aide_here("run", tmp_path / "task", home=tmp_path), "no rows")


def test_a_table_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = make_csvs(tmp_path / "task") / "train.csv"
    path.write_bytes(path.read_bytes().replace(b"\n3,", b"\n\xe9,"))
    refused(aide_here("run", tmp_path / "task", home=tmp_path), "UTF-8", "line 5", "iconv")


def test_a_truncated_model_is_told(tmp_path: Path) -> None:
    whole = make_gguf(tmp_path / "whole.gguf")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole.read_bytes()[:-1000])
    refused(
        aide_here("run", make_csvs(tmp_path / "task"), "--model", cut, home=tmp_path),
        "truncated",
        "Copy it again",
    )


def test_a_text_file_for_a_model_is_told(tmp_path: Path) -> None:
    text = tmp_path / "notes.gguf"
    text.write_text("this is not a model\n" * 20)
    refused(
        aide_here("run", make_csvs(tmp_path / "task"), "--model", text, home=tmp_path), "text file", ".gguf"
    )


def test_a_context_smaller_than_the_prompt_is_told(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "tiny.gguf")
    done = aide_here("run", make_csvs(tmp_path / "task"), "--model", model, "--n-ctx", 256, home=tmp_path)
    refused(done, "--n-ctx")


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    refused(aide_here("run", make_csvs(tmp_path / "task"), home=blocked), "cannot be written", "--home")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--time-limit", "soon"),
        ("--memory", "lots"),
        ("--timeout", "0"),
        ("--steps", "0"),
        ("--policy", "guess"),
        ("--sandbox", "none"),
    ],
)
def test_an_option_that_cannot_be_used_is_told(tmp_path: Path, option: str, value: str) -> None:
    refused(aide_here("run", make_csvs(tmp_path / "task"), option, value, home=tmp_path), value)
