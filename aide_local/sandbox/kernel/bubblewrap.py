"""The second way to a private root: bwrap(1), where only it may make namespaces (Ubuntu 24.04's AppArmor).

It makes the same root as :mod:`aide_local.sandbox.kernel.namespaces` and then starts a Python of ours in it
(:mod:`aide_local.sandbox.inside.enclosed`), which applies the rest. It replaces the process, so it cannot be used
by a warm server. Needs bubblewrap 0.7 (--size).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import NoReturn

from aide_local.sandbox.kernel import namespaces
from aide_local.sandbox.spec import Spec

_CODE = "/.aide"  # our package inside; Landlock takes it away again before the script begins
_START = (
    f"import sys; sys.path.insert(0, {_CODE!r}); from aide_local.sandbox.inside.enclosed import main; main()"
)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find() -> str:
    """The program, or nothing where it is not installed."""
    return shutil.which("bwrap") or ""


def version(program: str) -> str:
    """What it says that it is, as "bubblewrap 0.8.0"."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{program}: {error}"
    return done.stdout.strip()


def enter(spec: Spec, output: int, status: int, trouble: int, channel: int) -> NoReturn:
    """Become bwrap. What it complains about goes to ``trouble``; the other descriptors are for our Python in it.

    Raises:
        OSError: it cannot be started.
    """
    told = os.path.join(spec.base, "spec.json")
    with open(told, "wb") as file:
        file.write(spec.dump())
    descriptors = (os.open(told, os.O_RDONLY), output, status, trouble, channel)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    os.dup2(trouble, 2)
    inside = [sys.executable, "-I", "-S", "-B", "-W", "ignore", "-c", _START, *map(str, descriptors)]
    os.execve(spec.bubblewrap, [spec.bubblewrap, *arguments(spec), "--", *inside], {})


def arguments(spec: Spec) -> list[str]:
    """The private root as options; the order is that of the mounts."""
    found = [
        "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--hostname", "candidate", "--die-with-parent", "--as-pid-1",
    ]  # fmt: skip
    for path in (*(f"/dev/{name}" for name in namespaces.DEVICES), *spec.devices):
        found += ["--dev-bind", path, path]
    found += ["--symlink", "/proc/self/fd", "/dev/fd"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        found += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    for folder in namespaces.IN_RAM:  # each as large as all may be together: the watchdog adds them up
        found += ["--perms", "1777", "--size", str(spec.memory or 2**32), "--tmpfs", folder]
    for path, link in namespaces.visible((*namespaces.SYSTEM, *spec.readable, *spec.beside)):
        found += ["--symlink", link, path] if link is not None else ["--ro-bind", path, path]
    for path in ("__init__.py", "sandbox"):
        found += ["--ro-bind", f"{_PACKAGE}/{path}", f"{_CODE}/aide_local/{path}"]
    found += ["--proc", "/proc"]
    for path in namespaces.LOCKED:  # for root, bwrap leaves them writable
        if os.path.isdir(path):
            found += ["--ro-bind", path, path]
    for path in namespaces.HIDDEN:
        if os.path.exists(path):
            found += ["--ro-bind", "/dev/null", path]
    box = namespaces.BOX
    found += ["--ro-bind", spec.input, f"{box}/input", "--bind", spec.working, f"{box}/working"]
    found += ["--ro-bind", f"{spec.base}/solution.py", f"{box}/solution.py"]
    return [*found, "--remount-ro", "/", "--chdir", box]
