"""The surroundings of an attack: files, sockets and a process that it may try to reach, and whether they were harmed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.kernel.numbers import numbers
from aide_local.sandbox.protocol import Limits

_HEARTBEAT = 0.25  # seconds in which a survivor would show itself
_LONGEST_SURVIVAL = 15.0  # seconds; no attack goes on for longer by itself
_SHARED = "/dev/shm"


class Testbed:
    """A person's folder, sockets and a process, for one attack. Use it with ``with``."""

    def __init__(self, limits: Limits, *, landlock: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"audit-{os.getpid()}-"))
        self.input, self.working = self.folder / "input", self.folder / "working"
        self.outside = self.folder / "person"
        self.token = f"audit-{secrets.token_hex(6)}"
        self._closing = contextlib.ExitStack()
        for folder in (self.input, self.working, self.outside):
            folder.mkdir()
        for name in ("secret", "expendable"):
            (self.outside / name).write_text("SECRET of the person\n")
        (self.input / "data.csv").write_text("a,b\n1,2\n")
        self.shared = Path(_SHARED, self.token + "-person")
        with contextlib.suppress(OSError):
            self.shared.write_text("SECRET in shared memory\n")
        self._datagrams: list[socket.socket] = []
        where = {
            "secret": str(self.outside / "secret"),
            "expendable": str(self.outside / "expendable"),
            "outside": str(self.outside),
            "home": str(Path.home()),
            "token": self.token,
            "shared": str(self.shared),
            "victim": self._start_victim(),
            "calls": numbers(),
            "limits": asdict(limits),
            "landlock": landlock,
            **self._listen(),
        }
        (self.input / "where.json").write_text(json.dumps(where))
        self._before = self._snapshot()

    def _start_victim(self) -> int:
        command = [sys.executable, "-c", "import time; time.sleep(120)"]
        process = subprocess.Popen(command, env={**os.environ, "SECRET": "of another process"})
        self._closing.callback(process.wait)
        self._closing.callback(process.kill)
        self._process = process
        return process.pid

    def _listen(self) -> dict[str, object]:
        def bind(one: socket.socket, address: object) -> socket.socket:
            self._closing.enter_context(one)
            one.bind(address)  # type: ignore[arg-type]
            if one.type == socket.SOCK_STREAM:
                one.listen()
            else:
                one.setblocking(False)
                self._datagrams.append(one)
            return one

        found: dict[str, object] = {"tcp6": 0, "abstract": self.token}
        found["tcp"] = bind(socket.socket(), ("127.0.0.1", 0)).getsockname()[1]
        with contextlib.suppress(OSError):  # a machine without IPv6
            found["tcp6"] = bind(socket.socket(socket.AF_INET6), ("::1", 0)).getsockname()[1]
        udp = bind(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", 0))
        found["udp"] = udp.getsockname()[1]
        for name, kind in (("socket", socket.SOCK_STREAM), ("datagram", socket.SOCK_DGRAM)):
            found[name] = str(self.outside / name)
            bind(socket.socket(socket.AF_UNIX, kind), found[name])
        bind(socket.socket(socket.AF_UNIX), "\0" + self.token)
        return found

    def _snapshot(self) -> dict[str, tuple[object, ...]]:
        """Return all that a candidate must not change: the files outside and in input/, with their attributes."""
        snapshot: dict[str, tuple[object, ...]] = {}
        for top in (self.input, self.outside):
            for path in sorted(top.iterdir()):
                snapshot[str(path.relative_to(self.folder))] = _attributes(path)
        return snapshot

    def damage(self) -> str:
        """Return what has changed, was left behind or lives on; empty if nothing."""
        after = self._snapshot()
        changed = sorted(
            name for name in self._before.keys() | after if self._before.get(name) != after.get(name)
        )
        if changed:
            return f"changed: {', '.join(changed)}"
        if self._process.poll() is not None:
            return "another process was ended"
        for one in self._datagrams:
            with contextlib.suppress(BlockingIOError):
                one.recv(100)
                return "a datagram has arrived"
        heart = self.working / "heartbeat"
        if heart.exists():
            before = heart.read_bytes()
            time.sleep(_HEARTBEAT)
            if heart.read_bytes() != before:
                return "a process of it lives on"
        left = [str(path) for path in self._left_behind() if path != self.shared]
        return f"left behind: {', '.join(left[:3])}" if left else ""

    def _left_behind(self) -> list[Path]:
        return [
            path for place in ("/tmp", "/var/tmp", _SHARED) for path in Path(place).glob(self.token + "*")
        ]

    def __enter__(self) -> Testbed:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()
        for path in self._left_behind():
            path.unlink(missing_ok=True)
        self._clean()

    def _clean(self) -> None:
        """Remove the folder; without a sandbox survivors write to it for up to :data:`_LONGEST_SURVIVAL` seconds."""
        end = time.monotonic() + _LONGEST_SURVIVAL
        while True:
            try:
                return remove_tree(self.folder)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)


def _attributes(path: Path) -> tuple[object, ...]:
    try:
        found = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
        names = tuple(os.listxattr(path, follow_symlinks=False)) if stat.S_ISREG(found.st_mode) else ()
    except OSError as error:
        return (error.errno,)
    return content, found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, found.st_nlink, names
