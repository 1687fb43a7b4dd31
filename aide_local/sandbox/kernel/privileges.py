"""Give up for good what root can do: no capability is left, and none comes back (capabilities(7)).

Not only for those who run as root: in a user namespace of its own every process is root in it.
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
# SECBIT_NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE, each with its lock
_NO_ROOT_LOCKED = 0b11_1111 | 0b1100_0000


def drop_capabilities() -> None:
    """Drop every capability from every set; set no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    # Ends after the last capability (EINVAL), or at once without CAP_SETPCAP (EPERM): then there is none to drop.
    with contextlib.suppress(OSError):
        for capability in range(64):
            prctl(PR_CAPBSET_DROP, capability)
    with contextlib.suppress(OSError):  # only root and the root of a namespace may, and need to
        prctl(PR_SET_SECUREBITS, _NO_ROOT_LOCKED)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    raw("capset", struct.pack("=Ii", _VERSION_3, 0), bytes(24))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
