"""What the server and the supervisor of one execution are told, and what it tells: plain values as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

THREADS_EACH = 4  # RLIMIT_NPROC counts threads, the limit of a task processes


@dataclass(slots=True, kw_only=True)
class Spec:
    """One execution. Paths are absolute; ``base`` is a fresh folder that holds ``solution.py``."""

    level: str
    base: str
    input: str
    working: str
    python: str
    warm: bool  # run in the forked process, which has imported the usual packages, instead of a fresh one
    argv: list[str]
    environment: dict[str, str]
    user: int = field(default_factory=os.geteuid)  # who the candidate is to itself: whoever runs the product
    group: int = field(default_factory=os.getegid)
    readable: list[str] = field(default_factory=list)  # folders of the interpreter
    devices: list[str] = field(default_factory=list)  # of the GPU, where it may be used
    bubblewrap: str = ""  # the program that makes the namespaces; empty: we do
    beside: list[str] = field(
        default_factory=list
    )  # folders of our own interpreter, which begins inside of it
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
class Server:
    """The server's one argument. ``imports`` says whether it imports the usual packages, ``readable`` names the
    folders of its interpreter, ``scope`` says whether it was started in a scope of its own. ``places`` are the folders
    that it and its forks may use at level landlock; the first is its own, for what is temporary."""

    level: str
    confined: bool
    imports: bool
    scope: bool
    readable: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, content: str) -> Server:
        return cls(**json.loads(content))


@dataclass(slots=True, kw_only=True)
class End:
    """How it ended. ``killed`` is why the supervisor ended it: an :class:`OutcomeKind`, or empty.

    ``setup`` is what went wrong before the script began: then the sandbox failed, not the script.
    """

    status: int | None = None  # as waitpid(2) gives it
    killed: str = ""
    wall: float = 0.0
    cpu: float = 0.0
    peak_memory: int = 0
    written: int = 0
    setup: str = ""

    def dump(self) -> dict[str, Any]:
        return asdict(self)
