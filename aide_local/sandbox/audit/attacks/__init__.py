"""What hostile scripts try, one property each, one file a target."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack
from aide_local.sandbox.audit.attacks import (
    bombs,
    devices,
    files,
    network,
    persistence,
    privileges,
    processes,
    results,
    system_calls,
)

ATTACKS: tuple[Attack, ...] = (
    *network.ATTACKS,
    *files.ATTACKS,
    *devices.ATTACKS,
    *processes.ATTACKS,
    *persistence.ATTACKS,
    *results.ATTACKS,
    *privileges.ATTACKS,
    *system_calls.ATTACKS,
    *bombs.ATTACKS,
)
