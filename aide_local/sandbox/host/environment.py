"""The environment variables of a candidate: an allow-list, so that nothing secret is in it."""

from __future__ import annotations

import os
from pathlib import Path

from aide_local.sandbox.host.devices import GPU_VARIABLES
from aide_local.sandbox.protocol import Limits

_PASSED_ON = ("LD_LIBRARY_PATH", "TZ")  # of our own environment, nothing else


def candidate_environment(python: str, private: str, limits: Limits, *, gpu: bool = False) -> dict[str, str]:
    """Return the variables. ``private`` is the candidate's folder for temporary files.

    ``gpu`` passes on which of the cards to use.
    """
    threads = str(limits.thread_count)
    found = {
        "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": private,
        "TMPDIR": private,
        "JOBLIB_TEMP_FOLDER": private,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "USER": "candidate",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
        "MPLBACKEND": "Agg",
        "OMP_WAIT_POLICY": "passive",
        "LOKY_MAX_CPU_COUNT": threads,
    }
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        found[f"{name}_NUM_THREADS"] = threads
    if not gpu:
        found["CUDA_VISIBLE_DEVICES"] = ""  # so that libraries know at once that there is none
    passed_on = (*_PASSED_ON, *(GPU_VARIABLES if gpu else ()))
    return found | {name: os.environ[name] for name in passed_on if name in os.environ}
