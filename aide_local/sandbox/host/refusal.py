"""Find out whether a script's exception comes from the sandbox, and which call on what was refused.

The kernel returns a number to the script (EPERM and its like) and reports to nobody else; the exception contains the
number and often the path, the line of source the call. That much can be said without tracing every system call.
"""

from __future__ import annotations

import errno
import re

from aide_local.sandbox.protocol import Level
from aide_local.sandbox.spec import SCRIPT_NAME
from aide_local.types import NodeError

_NUMBERED = re.compile(r"\[Errno (?P<number>\d+)\] [^:]*(?:: (?P<path>['\"].*))?$")
_REFUSALS = {
    errno.EPERM,
    errno.EACCES,
    errno.EROFS,
    errno.EAFNOSUPPORT,
    errno.EPROTONOSUPPORT,
    errno.ENETUNREACH,
}
# How Python reports that there is no network, whatever library asked for it.
_NO_NETWORK = re.compile(
    rf"\[Errno (?:{errno.ENETUNREACH}|{errno.EAFNOSUPPORT}|-[23])\]"
    "|name resolution|Name or service not known|Network is unreachable"
)
_CALL = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\(")
_CLEARER_NAMES = {
    "_socket.socket.__init__": "socket",
    "child_exception_type": "execve",  # subprocess raises it in the parent
    "self._accessor.open": "open",
}
_RAISED = ("OSError", "PermissionError", "IOError")
# The script's own folders: what is refused there it has forbidden itself, by a mode.
_OWN = ("working/", "./working/", "/tmp/", "/dev/shm/")
_READ_ONLY = ("input", SCRIPT_NAME)


def refused_call(error: NodeError, level: Level) -> str:
    """Return what was refused, as "open of '/etc/shadow'", "socket" or "the network".

    Empty if it was not the sandbox, as far as can be known.
    """
    if level is Level.LIMITS:  # it refuses nothing
        return ""
    found = _NUMBERED.match(error.message)
    if error.type in ("PermissionError", "OSError") and found and int(found["number"]) in _REFUSALS:
        call = _call_in(error.traceback)
        if not found["path"]:
            return call or "a system call"
        if _is_own(found["path"], int(found["number"])):
            return ""
        return f"{call or 'access'} of {found['path']}"
    if error.type.endswith(("Error", "error", "Exception")) and _NO_NETWORK.search(error.message):
        return "the network"
    return ""


def hint(error: NodeError, level: Level) -> str:
    """Return a note for a file that was not found: at level strict no file outside is there. Else empty."""
    if level is not Level.STRICT or error.type != "FileNotFoundError":
        return ""
    found = _NUMBERED.match(error.message)
    path = (found["path"] or "") if found else ""
    if not path[1:].startswith("/") or path[1:].startswith(_OWN):
        return ""
    return "of the machine's files only input/ and working/ are there"


def _is_own(path: str, number: int) -> bool:
    """Whether the script itself caused it. Paths are in the form of repr(); a second may follow (``'a' -> 'b'``)."""
    name = path[1:].removeprefix("./")
    if number == errno.EROFS:
        return False
    if name.startswith(_OWN):
        return True
    return not name.startswith(("/", "..", *_READ_ONLY))


def _call_in(traceback: str) -> str:
    """Return the name of the call that the last line of source makes, in the part that Python marks, if it does."""
    source = [line for line in traceback.splitlines() if line.startswith("    ")]
    marks = source.pop() if source and not source[-1].strip("^~ ") else ""
    if not source:
        return ""
    line = source[-1]
    part = line[len(marks) - len(marks.lstrip()) : len(marks)] if marks else line
    names = [found["name"] for found in _CALL.finditer(part)]
    name = names[0] if names else ""
    if not name or name in _RAISED:
        return f"`{line.strip()[:120]}`"
    return _CLEARER_NAMES.get(name, name.rsplit(".", 1)[-1])
