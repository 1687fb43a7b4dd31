"""The warm server: a process that has imported the usual packages and forks a supervisor for each execution.

Importing scikit-learn and xgboost takes seconds, K times for every node; forking takes milliseconds. Only
forks run candidates, confined before the script begins, so nothing of one execution reaches the next. What it
imports is others' code, so it is confined itself before that (:mod:`aide_local.sandbox.inside.gate`).
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import time

from aide_local.sandbox.inside import gate
from aide_local.sandbox.inside.supervisor import supervise
from aide_local.sandbox.inside.watch import send
from aide_local.sandbox.kernel import cgroup
from aide_local.sandbox.kernel.processes import descendants
from aide_local.sandbox.kernel.syscalls import PR_SET_CHILD_SUBREAPER, prctl
from aide_local.sandbox.kernel.trees import Trees
from aide_local.sandbox.spec import End, Server, Spec

_PACKAGES = (
    "numpy", "pandas", "scipy.stats", "sklearn.compose", "sklearn.ensemble", "sklearn.linear_model",
    "sklearn.model_selection", "sklearn.pipeline", "sklearn.impute", "sklearn.preprocessing", "sklearn.svm",
    "sklearn.neighbors", "sklearn.neural_network", "sklearn.feature_selection", "sklearn.decomposition",
    "sklearn.calibration", "sklearn.multioutput", "sklearn.feature_extraction.text", "xgboost", "pyarrow",
)  # fmt: skip


_supervisors: set[int] = set()


def _reap(*_: object) -> None:
    """Wait for what has ended; end what a supervisor that was killed has left behind.

    Such orphans become children of this process, which is a sub-reaper.
    """
    with contextlib.suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            _supervisors.discard(pid)
    for process in descendants(os.getpid()):
        if process.parent == os.getpid() and process.pid not in _supervisors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def serve(connection: socket.socket, groups: str = "", trouble: str = "") -> None:
    """Fork a supervisor for every spec that comes with a socket of its own, until the other side closes.

    From a gate come the descriptors of the execution's :class:`Trees`, too. Control groups are made in ``groups``,
    if given; ``trouble`` is why nothing can be executed.
    The other side closes when it dies, too. (A parent-death signal would come when the *thread* that started
    this process ends.)
    """
    while True:
        try:
            content, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 4)
        except OSError:
            return
        if not content:
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        child = os.fork()
        if child:
            _supervisors.add(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        if child == 0:
            connection.close()
            with socket.socket(fileno=descriptors[0]) as own:
                if trouble:
                    send(own, {"end": End(setup=trouble).dump()})
                else:
                    trees = Trees(*descriptors[1:]) if descriptors[1:] else None
                    supervise(Spec.load(content), own, groups, trees)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def main() -> None:
    """Arguments: the connection's descriptor, and a :class:`aide_local.sandbox.spec.Server`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    server = Server.load(sys.argv[2])
    groups = trouble = ""
    if server.scope:
        try:
            groups = cgroup.prepare()
        except OSError as error:
            trouble = f"no control groups, although a trial has made one: {error}"
    if server.confined and not trouble:
        try:
            if server.level == "strict":
                connection, trouble = gate.divide(server, connection, groups)
            else:
                gate.fence(server, groups)
        except OSError as error:
            trouble = f"the server could not be confined: {error}"
    if server.imports and not trouble:
        for name in _PACKAGES:
            with contextlib.suppress(ImportError):  # what is not installed is not needed
                __import__(name)
        gc.collect()
        gc.freeze()  # so that a fork does not copy pages to look at them
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, _reap)
    serve(connection, groups, trouble)
    while _supervisors:  # those of executions that have begun; when the product is gone, they end at once
        time.sleep(0.02)


if __name__ == "__main__":
    main()
