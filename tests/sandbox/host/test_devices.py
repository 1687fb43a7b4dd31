"""A GPU for candidates: which device files are shown, and what changes with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aide_local.errors import SandboxError
from aide_local.sandbox.host import devices
from aide_local.sandbox.host.devices import gpu_files
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.kernel.bubblewrap import arguments
from aide_local.sandbox.protocol import Level
from aide_local.sandbox.spec import Spec
from tests.sandbox.running import Bench, levels

CONFINED = [level for level in levels() if level is not Level.LIMITS]


def machine(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return str(folder)


@pytest.mark.parametrize(
    ("there", "shown"),
    [
        (["null", "sda", "fuse"], []),
        (["dri/card0", "dri/renderD128"], []),  # a screen, or Intel's
        (["nvidiactl", "nvidia-uvm"], []),  # a driver without a card
        (
            [
                "nvidia0",
                "nvidia1",
                "nvidiactl",
                "nvidia-uvm",
                "nvidia-uvm-tools",
                "nvidia-caps/nvidia-cap1",
                "kvm",
            ],
            ["nvidia-uvm", "nvidia-uvm-tools", "nvidia0", "nvidia1", "nvidiactl", "nvidia-caps/nvidia-cap1"],
        ),
        (
            ["kfd", "dri/card0", "dri/renderD128", "dri/renderD129", "dri/by-path/pci-0-render"],
            ["kfd", "dri/renderD128", "dri/renderD129"],
        ),
    ],
)
def test_what_computes_is_shown_and_nothing_else(there: list[str], shown: list[str], tmp_path: Path) -> None:
    folder = machine(tmp_path, *there)
    assert gpu_files(folder) == [f"{folder}/{name}" for name in shown]


def test_a_folder_of_a_devices_name_is_not_shown(tmp_path: Path) -> None:
    machine(tmp_path, "nvidia0/x", "kfd")
    assert gpu_files(str(tmp_path)) == [f"{tmp_path}/kfd"]


def test_asking_for_a_gpu_that_is_not_there_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "gpu_files", list)
    with pytest.raises(SandboxError) as caught:
        ProcessSandbox(Level.LIMITS, gpu=True)
    assert "/dev/nvidia0" in caught.value.message
    assert "without --gpu" in caught.value.fix


@pytest.mark.skipif(bool(gpu_files()), reason="this machine has a GPU")
def test_the_command_line_says_so_too(tmp_path: Path) -> None:
    for name in ("input", "working"):
        (tmp_path / name).mkdir()
    (tmp_path / "script.py").write_text("pass")
    command = [sys.executable, "-m", "aide_local.cli.main", "sandbox", "run", "script.py", "--gpu"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "no GPU" in done.stderr


@pytest.mark.parametrize("level", CONFINED, ids=str)
@pytest.mark.parametrize("given", [False, True])
def test_candidates_can_open_the_device_only_if_they_were_given_it(
    level: Level, given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in for the GPU is any device that candidates do not see otherwise."""
    stand_in = next((path for path in ("/dev/zram0", "/dev/fuse", "/dev/net/tun", "/dev/tty0", "/dev/ptmx")
                   if Path(path).exists()), None)  # fmt: skip
    if stand_in is None:
        pytest.skip("no device that could stand in")
    monkeypatch.setattr(devices, "gpu_files", lambda: [stand_in])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    sandbox = ProcessSandbox(level, gpu=given)
    try:
        outcome = Bench(sandbox, tmp_path).run(f"""
            import json, os, resource, sys
            try: how = "open" if os.close(os.open({stand_in!r}, os.O_RDONLY | os.O_NONBLOCK)) is None else ""
            except OSError as error: how = error.strerror
            print(json.dumps([
                how, os.path.isdir("/sys/class"), os.environ["CUDA_VISIBLE_DEVICES"], "sklearn" in sys.modules,
                resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY,
            ]))
        """)
    finally:
        sandbox.close()
    assert outcome.ok, outcome.output
    how, sys_shown, visible, warm, unbounded = json.loads(outcome.output)
    assert (visible, warm, unbounded) == (("0", False, True) if given else ("", True, False))
    if given:
        assert how not in ("Permission denied", "No such file or directory", "Operation not permitted")
        assert sys_shown
    else:
        assert how in ("Permission denied", "No such file or directory")


def test_bubblewrap_shows_the_devices_too() -> None:
    spec = Spec(
        level="strict", base="/b", input="/in", working="/out", python=sys.executable, warm=False,
        argv=[], environment={}, devices=["/dev/nvidia0"],
    )  # fmt: skip
    assert "--dev-bind /dev/nvidia0 /dev/nvidia0" in " ".join(arguments(spec))
