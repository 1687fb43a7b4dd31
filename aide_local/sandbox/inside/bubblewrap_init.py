"""Init of the namespaces that bubblewrap has made: report to the supervisor, then start the candidate."""

from __future__ import annotations

import os
import signal
import socket
import sys

from aide_local.sandbox.inside.candidate import start_candidate
from aide_local.sandbox.kernel import namespaces
from aide_local.sandbox.kernel.bubblewrap import PACKAGE_ROOT
from aide_local.sandbox.kernel.syscalls import PR_SET_PDEATHSIG, prctl
from aide_local.sandbox.spec import Spec

# What bubblewrap runs inside. Arguments: the descriptors of the spec, output, status, trouble and channel.
CODE = (
    f"import sys; sys.path.insert(0, {PACKAGE_ROOT!r});"
    " from aide_local.sandbox.inside.bubblewrap_init import main; main()"
)


def main() -> None:
    """Send the supervisor the file systems in memory through the channel; see :func:`start_candidate` for the rest."""
    spec_file, output, status, trouble, channel = map(int, sys.argv[1:])
    with open(spec_file, "rb") as file:
        spec = Spec.load(file.read())
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with socket.socket(fileno=channel) as own:
        places = [os.open(folder, os.O_PATH | os.O_CLOEXEC) for folder in namespaces.IN_RAM]
        socket.send_fds(own, [b"r"], places)
    for place in places:
        os.close(place)
    start_candidate(spec, output, status, trouble)
