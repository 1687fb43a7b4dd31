"""The search policies by name. A new one is a file in this folder and a line in ``POLICIES``."""

from __future__ import annotations

from collections.abc import Callable

from aide_local.errors import SettingsError
from aide_local.search.policies.greedy import Greedy
from aide_local.search.policy import Policy
from aide_local.types import RunSettings

POLICIES: dict[str, Callable[[RunSettings], Policy]] = {
    "greedy": Greedy,
}


def make_policy(settings: RunSettings) -> Policy:
    """Return the policy that ``settings`` names.

    Raises:
        SettingsError: no policy has that name.
    """
    try:
        return POLICIES[settings.policy](settings)
    except KeyError:
        known = ", ".join(sorted(POLICIES))
        raise SettingsError(f"There is no policy {settings.policy!r}.", f"Known policies: {known}.") from None
