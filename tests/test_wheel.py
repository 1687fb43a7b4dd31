"""The wheel is whole: installed where nothing else of this project is, it finds its model, tasks, prompts and scripts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local import __version__

ROOT = Path(__file__).parent.parent


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def linked(source: str, target: str) -> None:
    """Make ``target`` the same file, or a copy where the two lie on different disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A venv with the wheel, and with the packages of the interpreter that runs this test but for this project."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    site = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place
    ).stdout.strip()
    ours = shutil.ignore_patterns("__pycache__", "*.pth", "aide_local*")
    for folder in sys.path:
        if Path(folder).name in ("site-packages", "dist-packages"):
            shutil.copytree(folder, site, copy_function=linked, ignore=ours, dirs_exist_ok=True)
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet", wheel,
        cwd=place,
    )  # fmt: skip
    yield place
    shutil.rmtree(place)


@pytest.mark.slow
def test_the_wheel_holds_what_is_no_code_and_the_version(wheel: Path) -> None:
    assert wheel.name.startswith(f"aide_local-{__version__}-")
    names = set(zipfile.ZipFile(wheel).namelist())
    here = [path for folder in ("aide_local", "tui") for path in (ROOT / folder).rglob("*") if path.is_file()]
    wanted = {str(path.relative_to(ROOT)) for path in here if "__pycache__" not in path.parts}
    wanted |= {f"aide_local/_models/{name}" for name in ("starter.gguf", "starter.md", "registry.toml")}
    wanted |= {
        f"aide_local/_samples/{path.parent.name}/task.toml" for path in ROOT.glob("sample_tasks/*/task.toml")
    }
    assert names >= wanted
    assert not {name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))}


@pytest.mark.slow
def test_the_installed_wheel_finds_the_machine_ready(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "bin" / "aide-local", "doctor", cwd=tmp_path, AIDE_LOCAL_HOME=str(tmp_path))
    assert f"aide-local {__version__}" in done.stdout
    assert str(installed) in done.stdout


@pytest.mark.slow
def test_the_installed_wheel_searches_the_demo_task(installed: Path, tmp_path: Path) -> None:
    (task,) = installed.glob("lib/python*/site-packages/aide_local/_samples/bike_demand")
    done = run(
        installed / "bin" / "aide-local", "run", task, "--steps", 3, "--folds", 2, "--seed", 1,
        "--tune", "off", "--json", "--out", tmp_path / "out", cwd=tmp_path, AIDE_LOCAL_HOME=str(tmp_path / "home"),
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]
    nodes = [event["node"] for event in events if event["event"] == "NodeFinished"]
    assert {node["origin"] for node in nodes} == {"model", "playbook"}
    assert sum(node["origin"] == "model" for node in nodes) == 3
    assert (tmp_path / "out" / "submission.csv").stat().st_size > 0
