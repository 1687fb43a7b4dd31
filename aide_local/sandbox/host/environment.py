"""A candidate's environment variables: an allow-list, nothing secret, threads as they were given."""

from __future__ import annotations

import os
from pathlib import Path

from aide_local.sandbox.host.devices import ENVIRONMENT
from aide_local.sandbox.protocol import Limits

_PASSED_ON = ("LD_LIBRARY_PATH", "TZ")  # of our own environment; nothing else is


def environment_of(python: str, private: str, limits: Limits, *, gpu: bool = False) -> dict[str, str]:
    """``private`` is a folder of its own for what is temporary; ``gpu``: the choice among cards is passed on."""
    threads = str(limits.threads or os.cpu_count() or 1)
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
        found["CUDA_VISIBLE_DEVICES"] = ""  # libraries then know at once that there is none
    passed_on = (*_PASSED_ON, *(ENVIRONMENT if gpu else ()))
    return found | {name: os.environ[name] for name in passed_on if name in os.environ}
