"""The folders of one execution as detached mounts, passed from process to process as descriptors.

Who clones them must see the machine's files; who attaches them in a candidate's root need not, and gets access to
nothing but them (open_tree(2), move_mount(2)).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from aide_local.sandbox.kernel.syscalls import (
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
    attach_mount,
    clone_mount,
)
from aide_local.sandbox.spec import SCRIPT_NAME, Spec

_PLAIN = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV


@dataclass(frozen=True, slots=True)
class DetachedMounts:
    """Descriptors: ``input`` and ``script`` are read-only, ``working`` is writable."""

    input: int
    working: int
    script: int

    @classmethod
    def clone(cls, spec: Spec) -> DetachedMounts:
        """Clone the mounts of the execution's folders. Needs CAP_SYS_ADMIN over the mount namespace.

        Raises:
            OSError: a folder does not exist, or the kernel refused.
        """
        clones: list[int] = []
        try:
            clones.append(clone_mount(spec.input, _PLAIN | MOUNT_ATTR_RDONLY, recursive=True))
            clones.append(clone_mount(spec.working, _PLAIN))
            clones.append(clone_mount(f"{spec.base}/{SCRIPT_NAME}", _PLAIN | MOUNT_ATTR_RDONLY))
        except OSError:
            for descriptor in clones:
                os.close(descriptor)
            raise
        return cls(*clones)

    @property
    def descriptors(self) -> tuple[int, int, int]:
        return self.input, self.working, self.script

    @property
    def working_path(self) -> str:
        """The path by which this process reaches working/ wherever it is attached (proc(5), /proc/pid/fd)."""
        return f"/proc/self/fd/{self.working}/."

    def attach(self, box: str) -> None:
        """Attach them in the folder ``box``.

        Raises:
            OSError: the kernel refused.
        """
        for name, descriptor in (("input", self.input), ("working", self.working)):
            os.mkdir(f"{box}/{name}")
            attach_mount(descriptor, f"{box}/{name}")
        with open(f"{box}/{SCRIPT_NAME}", "w"):
            pass
        attach_mount(self.script, f"{box}/{SCRIPT_NAME}")

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
