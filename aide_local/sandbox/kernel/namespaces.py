"""Make a private root of namespaces: what is not put into it does not exist for a candidate.

unshare(2), mount(2), pivot_root(2), user_namespaces(7). Runs in the process that becomes the candidate's init,
before the candidate begins.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from aide_local.sandbox.kernel.mounts import DetachedMounts
from aide_local.sandbox.kernel.syscalls import detach_mount, mount, raw, unshare
from aide_local.sandbox.spec import Spec

NEW_NS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
PRIVATE = NEW_NS | NEW_NET | NEW_IPC | NEW_UTS | NEW_CGROUP  # of an init, which is in a NEW_PID already
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8
_REMOUNT, _BIND, _REC, _PRIVATE = 32, 4096, 16384, 1 << 18
_NOATIME, _NODIRATIME, _RELATIME = 1024, 2048, 1 << 21

BOX = "/box"  # the candidate's current directory: input/, working/, solution.py
# The parts of the system that programs need. The rest of /etc, /var, /home, /root and /srv is not shown.
SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt/cuda", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/ssl/openssl.cnf",
    "/sys/devices/system/cpu", "/nix/store",
)  # fmt: skip
DEVICES = ("null", "zero", "full", "random", "urandom")
PLACE = "/.root"  # in a server's root: the empty folder in which its forks mount theirs
_RAM = "/.ram"  # the file system in memory behind /tmp, /dev/shm and BOX
IN_RAM = {"/tmp": "tmp", "/dev/shm": "shm", BOX: "box"}
SPARE_FILES = 4096
_LARGEST_COPY = 2**20  # bytes; of the 16 MiB that the root itself may take
# The parts of /proc that are about the machine, not about processes: read-only, or not shown.
LOCKED = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs")
HIDDEN = (
    "/proc/kcore",
    "/proc/keys",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/kallsyms",
    "/proc/kmsg",
)


def enter(user: int, group: int, kinds: int) -> None:
    """Enter new namespaces of these ``kinds`` and a new user namespace, in which the caller is ``user`` and ``group``.

    Raises:
        OSError: the kernel, AppArmor or the container forbids it.
    """
    outside, outside_group = os.geteuid(), os.getegid()
    unshare(kinds | NEW_USER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {outside} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {outside_group} 1")


def make_root(spec: Spec, mounts: DetachedMounts | None) -> int:
    """Mount the private root and move into it; called by the init of the new namespaces.

    ``mounts`` are the execution's folders as a confined server got them; without, they are cloned here. Return a
    descriptor of the file system in memory, which shows how full it is.

    Raises:
        OSError: a mount was refused.
    """
    socket.sethostname("candidate")
    mount("none", "/", None, _REC | _PRIVATE)
    root = PLACE
    if mounts is None:
        mounts = DetachedMounts.clone(spec)
        root = spec.base + "/.root"
        Path(root).mkdir()
    mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=16m,mode=755")
    _mount_devices(root, spec.devices)
    ram = _mount_memory(spec, root)
    for path, link in visible_paths(
        (*SYSTEM, *spec.readable)
    ):  # after /tmp: an interpreter may live below it
        _expose(path, link, root)
    _mount_proc(root)
    _restrict_proc(root)
    mounts.attach(root + BOX)
    mounts.close()
    _move_into(root)
    os.chdir(BOX)
    return ram


def make_server_root(place: str, readable: Iterable[str], groups: str) -> None:
    """Mount the private root of a server, and move into it: the system, the interpreter, a small /tmp.

    It is mounted in ``place``, an empty folder. ``groups`` is the folder of the server's control groups, the only
    folder of the machine's that it may change; empty without. /proc shows the server's own processes and nothing in
    it is covered: if parts of it were, the kernel would let no process below mount another (mount_namespaces(7)).

    Raises:
        OSError: a mount was refused.
    """
    socket.sethostname("server")
    mount("none", "/", None, _REC | _PRIVATE)
    mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, "size=16m,mode=755")
    _mount_devices(place, [])
    for folder in (PLACE, "/tmp"):
        Path(place + folder).mkdir()
    mount("tmpfs", place + "/tmp", "tmpfs", _NOSUID | _NODEV, "size=64m,mode=1777")
    for path, link in visible_paths((*SYSTEM, *readable)):
        _expose(path, link, place)
    if groups:
        _bind(groups, place + groups, read_only=False)
    _mount_proc(place)
    _move_into(place)


def _mount_proc(root: str) -> None:
    Path(root + "/proc").mkdir()
    mount("proc", root + "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)


def _move_into(root: str) -> None:
    """Make ``root`` the root, read-only; what was there before can no longer be reached (pivot_root(2))."""
    os.chdir(root)
    raw("pivot_root", b".", b".")
    detach_mount(".")
    os.chdir("/")
    _remount("/", "/", _RDONLY)


def _mount_memory(spec: Spec, root: str) -> int:
    """Mount one file system in memory, as large as the memory limit, for all that is written outside working/."""
    ram = root + _RAM
    Path(ram).mkdir()
    size = f"size={spec.memory or 2**32},nr_inodes={spec.files + SPARE_FILES},mode=700"
    mount("tmpfs", ram, "tmpfs", _NOSUID | _NODEV, size)
    for folder, name in IN_RAM.items():
        Path(ram, name).mkdir()
        Path(ram, name).chmod(0o1777)
        Path(root + folder).mkdir(parents=True, exist_ok=True)
        mount(f"{ram}/{name}", root + folder, None, _BIND)
    descriptor = os.open(ram, os.O_PATH | os.O_CLOEXEC)
    detach_mount(ram)
    Path(ram).rmdir()
    return descriptor


def _restrict_proc(root: str) -> None:
    for path in LOCKED:
        if os.path.isdir(root + path):
            mount(root + path, root + path, None, _BIND | _REC)
            _remount(root + path, root + path, _BIND | _NOSUID | _NODEV | _NOEXEC | _RDONLY)
    for path in HIDDEN:
        with contextlib.suppress(FileNotFoundError):
            mount(root + "/dev/null", root + path, None, _BIND)


def visible_paths(paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Yield what to show so that all of ``paths`` that exist can be seen: each path, and its target if it is a link.

    Links are shown as links, and their targets, too. A path below another one is not repeated.
    """
    shown: list[str] = []
    waiting = list(reversed(list(paths)))
    while waiting:
        path = waiting.pop()
        if not os.path.lexists(path) or any(path == one or path.startswith(one + "/") for one in shown):
            continue
        shown.append(path)
        if not os.path.islink(path):
            yield path, None
            continue
        yield path, os.readlink(path)
        waiting.append(os.path.realpath(path))


def _expose(path: str, link: str | None, root: str) -> None:
    """Bind ``path`` read-only at its own place below ``root``, or make the link.

    A small file is copied: when an update of the machine replaces it, the deleted one that a server has bound cannot
    be bound again for a candidate (mount(2), ENOENT).
    """
    target = root + path
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    if link is not None:
        os.symlink(link, target)
    elif os.path.isfile(path) and os.path.getsize(path) <= _LARGEST_COPY and os.access(path, os.R_OK):
        shutil.copyfile(path, target)
        os.chmod(target, os.stat(path).st_mode & 0o555)
    else:
        _bind(path, target, read_only=True)


def _mount_devices(root: str, more: list[str]) -> None:
    for source in (*(f"/dev/{name}" for name in DEVICES), *more):
        if os.path.exists(source):
            Path(root + source).parent.mkdir(parents=True, exist_ok=True)
            Path(root + source).touch()
            mount(source, root + source, None, _BIND)
    os.symlink("/proc/self/fd", root + "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{root}/dev/{name}")


def _bind(source: str, target: str, *, read_only: bool) -> None:
    if os.path.isdir(source):
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).touch()
    mount(source, target, None, _BIND | (_REC if read_only else 0))
    _remount(source, target, _BIND | _NOSUID | _NODEV | (_RDONLY if read_only else 0))


def _remount(source: str, target: str, flags: int) -> None:
    """Change a mount's flags, but keep those that the original has locked (mount(2), EPERM)."""
    locked = os.statvfs(source).f_flag
    keep = 0
    for bit, flag in (
        (1, _RDONLY),
        (2, _NOSUID),
        (4, _NODEV),
        (8, _NOEXEC),
        (1024, _NOATIME),
        (2048, _NODIRATIME),
        (4096, _RELATIME),
    ):
        if locked & bit:
            keep |= flag
    if flags & _BIND:
        mount("none", target, None, _REMOUNT | flags | keep)
    else:
        mount("none", target, None, _REMOUNT | _BIND | flags | _NOSUID | _NODEV | keep)
