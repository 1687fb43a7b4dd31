"""What root could do, given up for good: no capability is left, and none comes back (capabilities(7)).

In a user namespace of its own everybody is root in it, so this is not for those alone who run as root.
"""

from __future__ import annotations

import contextlib
import struct

from aide_local.sandbox.kernel.syscalls import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_SECUREBITS,
    prctl,
    raw,
)

_VERSION_3 = 0x20080522
_NO_ROOT_LOCKED = (
    0b11_1111 | 0b1100_0000
)  # NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE, locked
_KEEP_CAPS = 1 << 4


def give_up() -> None:
    """Drop every capability from every set; set no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    # It ends when the last one is passed (EINVAL), or where there is no CAP_SETPCAP (EPERM), and so none to drop.
    with contextlib.suppress(OSError):
        for capability in range(64):
            prctl(PR_CAPBSET_DROP, capability)
    with contextlib.suppress(OSError):  # only root and the root of a namespace may, and need to
        prctl(PR_SET_SECUREBITS, _NO_ROOT_LOCKED)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    raw("capset", struct.pack("=Ii", _VERSION_3, 0), bytes(24))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
