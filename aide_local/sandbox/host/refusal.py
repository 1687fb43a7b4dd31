"""Was it the sandbox that a script's exception comes from, and which call, of what, has it refused?

The kernel tells the script a number (EPERM and its like) and nobody else anything; the exception has the number, often
the path, and the line of source the call. That is what can be said without tracing every system call.
"""

from __future__ import annotations

import errno
import re

from aide_local.sandbox.protocol import Level
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
# How Python says that there is no network, through whatever library asked for it.
_NO_NETWORK = re.compile(
    rf"\[Errno (?:{errno.ENETUNREACH}|{errno.EAFNOSUPPORT}|-[23])\]"
    "|name resolution|Name or service not known|Network is unreachable"
)
_CALL = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\(")
_NAMED_OTHERWISE = {
    "_socket.socket.__init__": "socket",
    "child_exception_type": "execve",  # subprocess raises it in the parent
    "self._accessor.open": "open",
}
_RAISED = ("OSError", "PermissionError", "IOError")
# Of its own: what is refused here a script has forbidden itself, by a mode.
_OWN = ("working/", "./working/", "/tmp/", "/dev/shm/")
_ITS_INPUT = ("input", "solution.py")


def refused(error: NodeError, level: Level) -> str:
    """As "open of '/etc/shadow'", "socket", "the network"; empty where it was not the sandbox, as far as is known."""
    if level is Level.LIMITS:  # refuses nothing
        return ""
    found = _NUMBERED.match(error.message)
    if error.type in ("PermissionError", "OSError") and found and int(found["number"]) in _REFUSALS:
        call = _call(error.traceback)
        if not found["path"]:
            return call or "a system call"
        if _is_own(found["path"], int(found["number"])):
            return ""
        return f"{call or 'access'} of {found['path']}"
    if error.type.endswith(("Error", "error", "Exception")) and _NO_NETWORK.search(error.message):
        return "the network"
    return ""


def hint(error: NodeError, level: Level) -> str:
    """What to know of a file that is not there: at level strict nothing outside is, wherever it exists."""
    if level is not Level.STRICT or error.type != "FileNotFoundError":
        return ""
    found = _NUMBERED.match(error.message)
    path = (found["path"] or "") if found else ""
    if not path[1:].startswith("/") or path[1:].startswith(_OWN):
        return ""
    return "of the machine's files only input/ and working/ are there"


def _is_own(path: str, number: int) -> bool:
    """Paths are as repr() shows them; a second one may follow (``'a' -> 'b'``)."""
    name = path[1:].removeprefix("./")
    if number == errno.EROFS:
        return False
    if name.startswith(_OWN):
        return True
    return not name.startswith(("/", "..", *_ITS_INPUT))


def _call(traceback: str) -> str:
    """The call that the last line of source makes; where Python marks a part of it, that part."""
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
    return _NAMED_OTHERWISE.get(name, name.rsplit(".", 1)[-1])
