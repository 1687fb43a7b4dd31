"""Give the maths libraries that a warm server has loaded the number of threads of the next execution.

They read OMP_NUM_THREADS and its like once, when they are loaded, so the variables of an execution come too late.
"""

from __future__ import annotations

import sys
from typing import Any


class ThreadPools:
    """The thread pools of OpenMP, BLAS and Arrow that are loaded when this object is made.

    Set them in the server, before the fork: there OpenBLAS starts its threads at once and ends them at the fork, while
    a fork starts them when it first needs them.
    """

    def __init__(self) -> None:
        self._count = 1  # with which the server starts
        self._pools: list[Any] = []
        if "threadpoolctl" in sys.modules:  # scikit-learn depends on it
            self._pools = sys.modules["threadpoolctl"].ThreadpoolController().lib_controllers

    def set(self, count: int) -> None:
        """Let each library start at most ``count`` threads."""
        if count == self._count:
            return
        self._count = count
        for pool in self._pools:
            pool.set_num_threads(count)
        if "pyarrow" in sys.modules:
            sys.modules["pyarrow"].set_cpu_count(count)
