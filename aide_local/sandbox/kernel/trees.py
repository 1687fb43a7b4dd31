"""The folders of one execution as mounts that are nowhere yet, held by descriptors.

Who takes them must see the machine's files; who puts them into a candidate's root need not, and gets nothing
but these (open_tree(2), move_mount(2)).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from aide_local.sandbox.kernel.syscalls import (
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
    put_mount,
    take_mount,
)
from aide_local.sandbox.spec import Spec

SCRIPT = "solution.py"
_PLAIN = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV


@dataclass(frozen=True, slots=True)
class Trees:
    """Descriptors: ``input`` and ``script`` read-only, ``working`` writable."""

    input: int
    working: int
    script: int

    @classmethod
    def take(cls, spec: Spec) -> Trees:
        """Needs CAP_SYS_ADMIN over the mount namespace.

        Raises:
            OSError: a folder is not there, or the kernel refused.
        """
        taken: list[int] = []
        try:
            taken.append(take_mount(spec.input, _PLAIN | MOUNT_ATTR_RDONLY, recursive=True))
            taken.append(take_mount(spec.working, _PLAIN))
            taken.append(take_mount(f"{spec.base}/{SCRIPT}", _PLAIN | MOUNT_ATTR_RDONLY))
        except OSError:
            for descriptor in taken:
                os.close(descriptor)
            raise
        return cls(*taken)

    @property
    def descriptors(self) -> tuple[int, int, int]:
        return self.input, self.working, self.script

    @property
    def working_path(self) -> str:
        """By which this process reaches working/ wherever it is mounted (proc(5), /proc/pid/fd)."""
        return f"/proc/self/fd/{self.working}/."

    def put(self, box: str) -> None:
        """Mount them in the folder ``box``. Raises OSError: the kernel refused."""
        for name, descriptor in (("input", self.input), ("working", self.working)):
            os.mkdir(f"{box}/{name}")
            put_mount(descriptor, f"{box}/{name}")
        with open(f"{box}/{SCRIPT}", "w"):
            pass
        put_mount(self.script, f"{box}/{SCRIPT}")

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
