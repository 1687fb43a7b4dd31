"""Durations and sizes, as people write them and as they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.basics.units import (
    GIB,
    MIB,
    format_duration,
    format_gib,
    format_mib,
    parse_duration,
    parse_size,
)
from aide_local.errors import SettingsError


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.4, "59.4 s"), (59.6, "1 min 0 s"), (245, "4 min 5 s"), (7380, "2 h 3 min")],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_sizes_are_shown_in_binary_units() -> None:
    assert format_mib(1536 * MIB) == "1,536 MiB"
    assert format_mib(1.25 * MIB, 1) == "1.2 MiB"
    assert format_gib(4 * GIB) == "4.0 GiB"


@given(st.integers(1, 10**6))
def test_whole_seconds_and_mebibytes_are_read_in_every_spelling(number: int) -> None:
    assert parse_duration(f"{number}s", "--x") == parse_duration(f" {number} S ", "--x") == number
    assert parse_size(f"{number}m", "--x") == parse_size(f"{number} MiB", "--x") == number * MIB


def test_what_is_no_unit_is_refused_with_the_option_and_an_example() -> None:
    with pytest.raises(SettingsError, match="--limit '3 parsecs' is not a time") as caught:
        parse_duration("3 parsecs", "--limit")
    assert "90s" in caught.value.fix
    assert parse_duration(None, "--limit") is None
