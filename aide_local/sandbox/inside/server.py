"""The warm server: a process that has imported the usual packages and forks a supervisor for each execution.

Importing scikit-learn, XGBoost and the like takes seconds, K times for every node; forking takes milliseconds. Only
forks run candidates, and they are confined before the script begins, so nothing of one execution reaches the next.
What the server imports is others' code, so it is confined before it imports (:mod:`aide_local.sandbox.inside.gate`).
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
from aide_local.sandbox.inside.threads import ThreadPools
from aide_local.sandbox.inside.watchdog import send
from aide_local.sandbox.kernel import cgroup
from aide_local.sandbox.kernel.mounts import DetachedMounts
from aide_local.sandbox.kernel.processes import children
from aide_local.sandbox.kernel.syscalls import PR_SET_CHILD_SUBREAPER, prctl
from aide_local.sandbox.spec import End, ServerSpec, Spec

_PACKAGES = (
    "numpy", "pandas", "scipy.stats", "sklearn.compose", "sklearn.ensemble", "sklearn.linear_model",
    "sklearn.model_selection", "sklearn.pipeline", "sklearn.impute", "sklearn.preprocessing", "sklearn.svm",
    "sklearn.neighbors", "sklearn.neural_network", "sklearn.feature_selection", "sklearn.decomposition",
    "sklearn.calibration", "sklearn.multioutput", "sklearn.feature_extraction.text", "pyarrow", "xgboost",
    "lightgbm", "catboost",
)  # fmt: skip


_supervisors: set[int] = set()


def _reap(*_: object) -> None:
    """Wait for the children that have ended; kill what a supervisor that was killed has left behind.

    Such orphans become children of this process, which is a sub-reaper.
    """
    with contextlib.suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            _supervisors.discard(pid)
    for pid in {*children(os.getpid())} - _supervisors:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def serve(connection: socket.socket, groups: str = "", trouble: str = "") -> None:
    """Fork a supervisor for every spec that arrives with a socket of its own, until the other side closes.

    A gate sends the descriptors of the execution's :class:`DetachedMounts`, too. ``groups`` is the folder in which
    control groups are made, if any; ``trouble`` says why nothing can be executed.
    The other side closes also when it dies. (A parent-death signal would come when the *thread* that started this
    process ends.)
    """
    pools = ThreadPools()
    while True:
        try:
            content, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 4)
        except OSError:
            return
        if not content:
            return
        spec = Spec.load(content)
        pools.set(spec.threads)
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
                    mounts = DetachedMounts(*descriptors[1:]) if descriptors[1:] else None
                    supervise(spec, own, groups, mounts)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _confine(server: ServerSpec, connection: socket.socket, groups: str) -> tuple[socket.socket, str]:
    """Return the connection by which executions arrive from now on, and why it failed, or nothing."""
    try:
        if server.level == "strict":
            return gate.start(server, connection, groups)
        gate.confine(server, groups)
    except OSError as error:
        return connection, f"the server could not be confined: {error}"
    return connection, ""


def _import_packages() -> None:
    for name in _PACKAGES:
        try:
            __import__(name)
        except Exception:  # noqa: BLE001 - not installed, or broken: a script that imports it will say so
            continue
    gc.collect()
    gc.freeze()  # so that a collection in a fork does not write to, and so copy, their pages


def main() -> None:
    """Arguments: the connection's descriptor, and a :class:`aide_local.sandbox.spec.ServerSpec`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    server = ServerSpec.load(sys.argv[2])
    groups = trouble = ""
    if server.scope:
        try:
            groups = cgroup.prepare_scope()
        except OSError as error:
            trouble = f"no control groups, although a trial has made one: {error}"
    if server.confined and not trouble:
        connection, trouble = _confine(server, connection, groups)
    if server.imports and not trouble:
        _import_packages()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, _reap)
    serve(connection, groups, trouble)
    while _supervisors:  # of executions that have begun; when the product is gone, they end at once
        time.sleep(0.02)


if __name__ == "__main__":
    main()
