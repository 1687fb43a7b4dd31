"""Landlock: a process gives up access to files, TCP and signals, whoever it runs as (landlock(7), Linux 5.13).

Every right that the running kernel knows is handled: what is not allowed here is refused.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from aide_local.sandbox.kernel.syscalls import raw

_READ = 0b1101  # execute, read file, list folder
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # ABI -> all file rights
_FILE_RIGHTS = 0b1 | 0b10 | 0b100 | 1 << 14 | 1 << 15  # those that apply to a file
_MAKE_DEVICES = 1 << 6 | 1 << 11
# Write, read, list, remove and make plain files, truncate.
_KEPT_FLAT = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 14
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1


def version() -> int:
    """Return the kernel's ABI version of Landlock; 0 without Landlock."""
    try:
        return raw("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(
    readable: Iterable[str], writable: Iterable[str], *, flat: Iterable[str] = (), network: bool = False
) -> None:
    """Allow only ``readable`` (read, execute) and ``writable`` (everything but making devices) from now on.

    In ``flat`` folders plain files may be made, and nothing else. Paths that do not exist are skipped. Without
    ``network`` TCP is refused (ABI 4). Signals and abstract sockets to processes outside are refused (ABI 6). Needs
    no_new_privs.

    Raises:
        OSError: the kernel has no Landlock or refused.
    """
    abi = version()
    handled = next(rights for known, rights in sorted(_RIGHTS.items(), reverse=True) if abi >= known)
    attributes = struct.pack("=Q", handled)
    if abi >= 4:
        attributes += struct.pack("=Q", 0 if network else 0b11)
    if abi >= 6:
        attributes += struct.pack("=Q", 0b11)
    ruleset = raw("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ & handled)
        for path in writable:
            _allow(ruleset, path, handled & ~_MAKE_DEVICES)
        for path in flat:
            _allow(ruleset, path, handled & _KEPT_FLAT)
        raw("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, descriptor)
        raw("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
