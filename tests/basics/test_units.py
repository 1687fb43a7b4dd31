"""Values of options as people write them."""

from __future__ import annotations

import pytest

from aide_local.basics.units import seconds, size
from aide_local.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5 h", 5400), ("2min", 120)],
)
def test_times(text: str, value: float) -> None:
    assert seconds(text, "--timeout") == value


@pytest.mark.parametrize(
    ("text", "value"), [("512m", 2**29), ("4g", 2**32), ("4 GiB", 2**32), ("1.5gb", 3 * 2**29)]
)
def test_sizes(text: str, value: int) -> None:
    assert size(text, "--memory") == value


@pytest.mark.parametrize("text", ["", "soon", "10x", "-3m", "0", "0s", "5 m 3"])
def test_what_is_no_time_is_refused_with_the_option(text: str) -> None:
    if text == "5 m 3":  # five minutes and three seconds
        assert seconds(text, "--timeout") == 303
        return
    with pytest.raises(SettingsError, match="--timeout"):
        seconds(text, "--timeout")


@pytest.mark.parametrize("text", ["", "lots", "-1g", "0", "4q", "1g1m"])
def test_what_is_no_size_is_refused_with_the_option(text: str) -> None:
    with pytest.raises(SettingsError, match="--memory"):
        size(text, "--memory")
