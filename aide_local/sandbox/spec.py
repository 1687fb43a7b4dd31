"""The messages between the main process, the server and the supervisor: plain values as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

SCRIPT_NAME = "solution.py"  # what a candidate's script is called while it runs
THREADS_EACH = 4  # RLIMIT_NPROC counts threads, Limits.processes counts processes


@dataclass(slots=True, kw_only=True)
class Spec:
    """One execution. Paths are absolute; ``base`` is a fresh folder that contains the script."""

    level: str
    base: str
    input: str
    working: str
    python: str
    warm: bool  # run in the forked process, which has imported the usual packages, not in a fresh interpreter
    argv: list[str]
    environment: dict[str, str]
    user: int = field(
        default_factory=os.geteuid
    )  # of the candidate, in its own eyes: whoever runs the product
    group: int = field(default_factory=os.getegid)
    readable: list[str] = field(default_factory=list)  # folders of the interpreter
    devices: list[str] = field(default_factory=list)  # of the GPU, if the candidate may use it
    bubblewrap: str = ""  # path of the program that makes the namespaces; empty: we do
    beside: list[str] = field(
        default_factory=list
    )  # folders of our own interpreter, which starts inside bubblewrap
    threads: int = 1
    cores: list[int] = field(default_factory=list)  # empty: all that the server may use
    wall: float = 600.0
    cpu: float | None = None
    memory: int | None = None
    file_size: int = 2**31
    disk: int = 2**32
    files: int = 20_000
    processes: int = 256
    output: int = 2**23

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, content: bytes) -> Spec:
        return cls(**json.loads(content))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSpec:
    """The server's one argument.

    ``imports``: it imports the usual packages. ``readable``: folders of its interpreter. ``scope``: it was started in
    a systemd scope of its own. ``places``: the folders that it and its forks may use at level landlock; the first
    is its own, for temporary files.
    """

    level: str
    confined: bool
    imports: bool
    scope: bool
    readable: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, content: str) -> ServerSpec:
        return cls(**json.loads(content))


@dataclass(slots=True, kw_only=True)
class End:
    """How an execution ended. ``killed`` says why the supervisor ended it: an :class:`OutcomeKind`, or empty.

    ``setup`` says what failed before the script began: then the sandbox is to blame, not the script.
    """

    status: int | None = None  # as waitpid(2) returns it
    killed: str = ""
    wall: float = 0.0
    cpu: float = 0.0
    peak_memory: int = 0
    written: int = 0
    setup: str = ""

    def dump(self) -> dict[str, Any]:
        return asdict(self)
