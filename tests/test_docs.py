"""The documents: their links lead somewhere, and the map of the modules is that of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import check, draw


def test_links_decisions_and_the_map_of_the_modules_are_in_order() -> None:
    assert check.problems() == []


def test_a_link_to_nowhere_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ROOT", tmp_path)
    (tmp_path / "b.md").write_text("# A heading, of sorts\n")
    page = tmp_path / "a.md"
    page.write_text(
        "[one](b.md) [two](b.md#a-heading-of-sorts) [web](https://example.org/x)\n\n```\n[code](nowhere.md)\n```\n"
    )
    assert list(check.broken_links(page)) == []
    page.write_text("[one](c.md) [two](b.md#another) [three](#none)")
    assert list(check.broken_links(page)) == [
        "a.md: there is no c.md",
        "a.md: b.md has no heading #another",
        "a.md: a.md has no heading #none",
    ]


def test_the_map_leaves_out_what_other_arrows_imply() -> None:
    arrows = {"a": {"b", "c"}, "b": {"c"}, "c": set[str](), "d": {"c"}}
    assert draw.without_implied(arrows) == {"a": {"b"}, "b": {"c"}, "c": set(), "d": {"c"}}
    assert draw.rows_of(arrows) == [["a", "d"], ["b"], ["c"]]
