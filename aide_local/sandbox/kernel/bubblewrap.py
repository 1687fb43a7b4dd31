"""bwrap(1): the second way to a private root, if only that program may make namespaces (Ubuntu 24.04's AppArmor).

It makes the same root as :mod:`aide_local.sandbox.kernel.namespaces` and then starts a Python of ours in it, which
applies the rest. It replaces the process, so a warm server cannot use it. Needs bubblewrap 0.7 (--size).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

from aide_local.sandbox.kernel import namespaces
from aide_local.sandbox.spec import SCRIPT_NAME, Spec

PACKAGE_ROOT = "/.aide"  # where our package is inside; Landlock takes it away before the script begins
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find() -> str:
    """Return the path of the program; empty if it is not installed."""
    return shutil.which("bwrap") or ""


def version(program: str) -> str:
    """Return what the program says about itself, such as "bubblewrap 0.8.0"."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{program}: {error}"
    return done.stdout.strip()


def enter(spec: Spec, code: str, descriptors: Sequence[int], errors: int) -> NoReturn:
    """Become bwrap, which runs ``code`` in our Python; its complaints go to the descriptor ``errors``.

    ``descriptors`` stay open; ``code`` gets their numbers as arguments.

    Raises:
        OSError: bwrap cannot be started.
    """
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    os.dup2(errors, 2)
    inside = [sys.executable, "-I", "-S", "-B", "-W", "ignore", "-c", code, *map(str, descriptors)]
    os.execve(spec.bubblewrap, [spec.bubblewrap, *arguments(spec), "--", *inside], {})


def arguments(spec: Spec) -> list[str]:
    """Return the options that make the private root, in the order of the mounts."""
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
    for path, link in namespaces.visible_paths((*namespaces.SYSTEM, *spec.readable, *spec.beside)):
        found += ["--symlink", link, path] if link is not None else ["--ro-bind", path, path]
    for path in ("__init__.py", "sandbox"):
        found += ["--ro-bind", f"{_PACKAGE}/{path}", f"{PACKAGE_ROOT}/aide_local/{path}"]
    found += ["--proc", "/proc"]
    for path in namespaces.LOCKED:  # for root, bwrap leaves them writable
        if os.path.isdir(path):
            found += ["--ro-bind", path, path]
    for path in namespaces.HIDDEN:
        if os.path.exists(path):
            found += ["--ro-bind", "/dev/null", path]
    box = namespaces.BOX
    found += ["--ro-bind", spec.input, f"{box}/input", "--bind", spec.working, f"{box}/working"]
    found += ["--ro-bind", f"{spec.base}/{SCRIPT_NAME}", f"{box}/{SCRIPT_NAME}"]
    return [*found, "--remount-ro", "/", "--chdir", box]
