"""A private root made of namespaces: what is not put into it does not exist for a candidate.

unshare(2), mount(2), pivot_root(2), user_namespaces(7). Runs in the process that becomes the candidate's init,
before anything of the candidate does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from aide_local.sandbox.kernel.syscalls import mount, raw, umount_detached, unshare
from aide_local.sandbox.kernel.trees import Trees
from aide_local.sandbox.spec import Spec

NEW_NS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
EVERY = NEW_USER | NEW_NS | NEW_PID | NEW_NET | NEW_IPC | NEW_UTS | NEW_CGROUP
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8
_REMOUNT, _BIND, _REC, _PRIVATE = 32, 4096, 16384, 1 << 18
_NOATIME, _NODIRATIME, _RELATIME = 1024, 2048, 1 << 21

BOX = "/box"  # the candidate's current directory: input/, working/, solution.py
# What programs need of the system. The rest of /etc, /var, /home, /root and /srv is not there.
SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt/cuda", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/ssl/openssl.cnf",
    "/sys/devices/system/cpu", "/nix/store",
)  # fmt: skip
DEVICES = ("null", "zero", "full", "random", "urandom")
PLACE = "/.root"  # in a server's root: the empty folder in which those of its forks are mounted
_RAM = "/.ram"  # the file system in memory behind /tmp, /dev/shm and BOX
IN_RAM = {"/tmp": "tmp", "/dev/shm": "shm", BOX: "box"}
SPARE_FILES = 4096
_COPIED = 2**20  # bytes; of the 16 MiB that the root itself may take
# Of /proc, what is about the machine and not about processes: not to be written, or not to be seen.
LOCKED = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs")
HIDDEN = (
    "/proc/kcore",
    "/proc/keys",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/kallsyms",
    "/proc/kmsg",
)


def enter(user: int, group: int, kinds: int = EVERY) -> None:
    """New namespaces, NEW_USER among them; the caller, who it is outside, is ``user`` and ``group`` inside.

    Raises:
        OSError: the kernel, AppArmor or the container forbids it.
    """
    outside, outside_group = os.geteuid(), os.getegid()
    unshare(kinds)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {outside} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {outside_group} 1")


def make_root(spec: Spec, trees: Trees | None) -> int:
    """Mount the private root and move into it; called as init of the new namespaces.

    ``trees`` is what a confined server was given of the machine's files; without, they are taken here.
    Returns a descriptor of the file system in memory, by which can be told how full it is.

    Raises:
        OSError: a mount was refused.
    """
    socket.sethostname("candidate")
    mount("none", "/", None, _REC | _PRIVATE)
    root = PLACE
    if trees is None:
        trees = Trees.take(spec)
        root = spec.base + "/.root"
        Path(root).mkdir()
    mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=16m,mode=755")
    _devices(root, spec.devices)
    ram = _memory(spec, root)
    for path, link in visible((*SYSTEM, *spec.readable)):  # after /tmp: an interpreter may live below it
        _show(path, link, root)
    _processes(root)
    _narrow(root)
    trees.put(root + BOX)
    trees.close()
    _move_into(root)
    os.chdir(BOX)
    return ram


def make_server_root(place: str, readable: Iterable[str], groups: str) -> None:
    """The same for the server that candidates are forked from: the system, the interpreter, a small /tmp.

    ``place`` is an empty folder, in which it is mounted. ``groups`` is the folder of its control groups, the only
    one of the machine's that it may change; empty without. /proc is that of its own processes and left as it is:
    where parts of one are covered, the kernel lets nobody below mount another (mount_namespaces(7)).

    Raises:
        OSError: a mount was refused.
    """
    socket.sethostname("server")
    mount("none", "/", None, _REC | _PRIVATE)
    mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, "size=16m,mode=755")
    _devices(place, [])
    for folder in (PLACE, "/tmp"):
        Path(place + folder).mkdir()
    mount("tmpfs", place + "/tmp", "tmpfs", _NOSUID | _NODEV, "size=64m,mode=1777")
    for path, link in visible((*SYSTEM, *readable)):
        _show(path, link, place)
    if groups:
        _bind(groups, place + groups, read_only=False)
    _processes(place)
    _move_into(place)


def _processes(root: str) -> None:
    Path(root + "/proc").mkdir()
    mount("proc", root + "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)


def _move_into(root: str) -> None:
    """It becomes "/", read-only; what was there before is not to be reached any more (pivot_root(2))."""
    os.chdir(root)
    raw("pivot_root", b".", b".")
    umount_detached(".")
    os.chdir("/")
    _remount("/", "/", _RDONLY)


def _memory(spec: Spec, root: str) -> int:
    """One file system in memory, at most as large as the memory limit, for all that is written outside working/."""
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
    umount_detached(ram)
    Path(ram).rmdir()
    return descriptor


def _narrow(root: str) -> None:
    for path in LOCKED:
        if os.path.isdir(root + path):
            mount(root + path, root + path, None, _BIND | _REC)
            _remount(root + path, root + path, _BIND | _NOSUID | _NODEV | _NOEXEC | _RDONLY)
    for path in HIDDEN:
        with contextlib.suppress(FileNotFoundError):
            mount(root + "/dev/null", root + path, None, _BIND)


def visible(paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """What is to be shown so that all of ``paths`` that exist are: each path, and where it leads if it is a link.

    Links are shown as links, with what they lead to; what lies below another path is not told again.
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


def _show(path: str, link: str | None, root: str) -> None:
    """Bind ``path`` read-only at its own place, or make the link.

    A small file is copied: an update of the machine replaces it, and the one that a server has bound, then deleted, cannot
    be bound again for a candidate (mount(2), ENOENT).
    """
    target = root + path
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    if link is not None:
        os.symlink(link, target)
    elif os.path.isfile(path) and os.path.getsize(path) <= _COPIED and os.access(path, os.R_OK):
        shutil.copyfile(path, target)
        os.chmod(target, os.stat(path).st_mode & 0o555)
    else:
        _bind(path, target, read_only=True)


def _devices(root: str, more: list[str]) -> None:
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
    """Change a mount's flags; those that the original has locked must be kept (mount(2), EPERM)."""
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
