"""An attack, and the helpers that every attack script begins with."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One script that tries one thing.

    It has escaped if it prints a line that begins with ESCAPED, if something outside its folder has changed, if a
    process of it lives on, if control characters of it reach the reader, or if it ends otherwise than ``ends`` allows.
    It does no harm if it succeeds: a bomb takes a few times the limit at most.
    """

    group: str
    name: str
    does: str
    layer: str  # what stops it at level strict
    script: str
    ends: tuple[str, ...] = ()  # kinds of outcome; empty: any kind
    heavy: bool = False  # it runs alone
    open_in_landlock: str = ""  # why it is not contained without namespaces; empty if it is

    @property
    def id(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def source(self) -> str:
        return PREAMBLE + textwrap.dedent(self.script).strip() + "\n"


PREAMBLE = '''\
import ctypes, errno, json, os, signal, socket, stat, struct, subprocess, sys, time

WHERE = json.load(open("input/where.json"))
CALLS = WHERE["calls"]
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long


def escaped(what):
    print("ESCAPED:", what, flush=True)


def call(number, *arguments):
    """(result, errno) of a system call."""
    number = CALLS[number] if isinstance(number, str) else number
    arguments = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *arguments)
    return result, ctypes.get_errno() if result < 0 else 0


def reaches_kernel(name, *arguments):
    """Escaped unless the call is refused before the kernel has looked at its arguments."""
    result, error = call(name, *arguments)
    if result >= 0 or error not in (errno.EPERM, errno.ENOSYS, errno.EACCES):
        escaped(f"{name} answered {result}, {errno.errorcode.get(error, error)}")


def attempt(what, act, allowed=()):
    """Escaped if ``act`` gives something true; an OSError is a refusal."""
    try:
        result = act()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        print(type(error).__name__, error)
        return None
    if result:
        escaped(f"{what}: {str(result)[:200]}")
    return result


def plant(folder):
    """Escaped if a file can be made in the folder; it is removed at once."""
    path = folder + "/planted-by-audit"
    attempt(folder, done(lambda: open(path, "w").close() or os.unlink(path)))


def done(act):
    """``act`` for its effect: true if it did not raise."""
    def run():
        act()
        return True
    return run

'''
