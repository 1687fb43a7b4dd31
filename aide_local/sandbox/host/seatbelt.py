"""Write the profile that macOS's ``sandbox-exec`` applies to a candidate, in its own little Scheme.

The profile denies writing and the network and allows the rest: what Python and its libraries read on a Mac is too
wide to list untried. So it protects files from being changed, not from being read. Never run on macOS.
"""

from __future__ import annotations

from collections.abc import Iterable

from aide_local.errors import SandboxError

_DEVICES = ("/dev/null", "/dev/zero", "/dev/tty", "/dev/dtracehelper")


def profile(writable: Iterable[str]) -> str:
    """Return the profile. ``writable`` are real paths of folders: the kernel follows links (/tmp is /private/tmp).

    Raises:
        SandboxError: a path contains a quote, a backslash or a control character, which could end its text.
    """
    folders = "\n".join(f"  (subpath {_quote(path)})" for path in writable)
    devices = "\n".join(f"  (literal {_quote(path)})" for path in _DEVICES)
    return f"""(version 1)
(allow default)
(deny network*)
(allow network-bind network-outbound
{folders})
(deny file-write*)
(allow file-write*
{folders}
{devices})
"""


def _quote(path: str) -> str:
    if any(sign in '"\\' or not sign.isprintable() for sign in path):
        raise SandboxError(
            f"A path cannot be named in a profile of sandbox-exec: {path!r}.",
            "Use a folder with a plain name.",
        )
    return f'"{path}"'
