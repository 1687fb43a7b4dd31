"""Init of the namespaces that bubblewrap has made: tells the supervisor what there is, then starts the candidate."""

from __future__ import annotations

import os
import signal
import socket
import sys

from aide_local.sandbox.inside.candidate import start
from aide_local.sandbox.kernel import namespaces
from aide_local.sandbox.kernel.syscalls import PR_SET_PDEATHSIG, prctl
from aide_local.sandbox.spec import Spec


def main() -> None:
    """Arguments: descriptors of the spec, and of what :func:`bubblewrap.enter` was given."""
    told, output, status, trouble, channel = map(int, sys.argv[1:])
    with open(told, "rb") as file:
        spec = Spec.load(file.read())
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with socket.socket(fileno=channel) as own:
        places = [os.open(folder, os.O_PATH | os.O_CLOEXEC) for folder in namespaces.IN_RAM]
        socket.send_fds(own, [b"r"], places)
    for place in places:
        os.close(place)
    start(spec, output, status, trouble)
