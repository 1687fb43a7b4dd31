"""The HTML report as a file: one, offline, and nothing that a model wrote is markup in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from aide_local.report.html import html, policy, script_json
from aide_local.report.scores import summary_of
from aide_local.report.source import diff, spans
from aide_local.store.record import RunRecord
from tests.report.conftest import HOSTILE


class Page(HTMLParser):
    """Elements as a browser's parser meets them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def data_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    content: dict[str, object] = json.loads(found[1])
    return content


def test_the_page_has_one_script_one_style_sheet_and_no_address(record: RunRecord) -> None:
    page = Page(html(record))
    assert [kind for tag, kind in page.elements if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]
    assert page.count("style") == 1
    assert page.count("img") == page.count("link") == page.count("iframe") == 0
    for _, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on")}
        assert "style" not in attributes
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")


def test_the_policy_allows_exactly_that_script_and_that_style_sheet(record: RunRecord) -> None:
    text = html(record)
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    assert style is not None
    assert len(scripts) == 1
    said = policy(style[1], scripts[0])
    assert f'content="{said}"' in text
    assert said.startswith("default-src 'none'; ")
    assert "unsafe" not in said
    assert "http" not in said


def test_hostile_text_arrives_whole_as_data_and_is_never_markup(record: RunRecord) -> None:
    text = html(record)
    assert "<img" not in text
    assert text.count("</script") == 2
    assert "\u2028" not in text
    nodes = data_of(text)["nodes"]
    assert isinstance(nodes, list)
    assert " ".join(HOSTILE.split()) in " ".join(nodes[0]["plan"].split())  # a plan keeps no odd line ends
    assert HOSTILE in nodes[0]["code"]


@given(st.text() | st.sampled_from(["</script>", "<!--", "]]>", "\u2028", "&lt;", "\\u003c", "\0"]))
def test_any_text_survives_the_way_into_a_script_element(text: str) -> None:
    made = script_json({"text": text})
    assert not set(made) & set("<>&\u2028\u2029")
    assert json.loads(made) == {"text": text}


def test_numbers_that_json_lacks_are_null() -> None:
    assert script_json([float("nan"), float("inf"), 1.5]) == "[null,null,1.5]"


def test_the_page_says_what_the_run_was_and_did(record: RunRecord) -> None:
    said = " ".join(" ".join(Page(html(record)).texts).split())
    summary = record.view.summary
    assert summary is not None
    for value in (
        summary.stop_reason, record.view.info.id, record.machine, record.versions["python"], record.model_sha256 or "–",
        "constant guess", "report slice", "KeyError", "UNCONFINED", "num_drafts", "out-of-fold predictions",
    ):  # fmt: skip
        assert str(value) in said, value
    for node in summary.ensemble:
        assert f"#{node}" in said


def test_a_confined_run_is_not_called_unconfined(record: RunRecord) -> None:
    view = replace(record.view, summary=replace(summary_of(record), sandbox="strict"))
    assert "UNCONFINED" not in html(replace(record, view=view, sandbox="strict"))


def test_a_run_that_goes_on_is_shown_as_far_as_it_came(record: RunRecord) -> None:
    view = replace(record.view, summary=None, info=replace(record.view.info, state="running", stop_reason=""))
    text = html(replace(record, view=view))
    assert "Not ended." in text
    assert "Nothing has been delivered" in text


def test_each_node_has_its_script_the_changes_folds_and_cost(record: RunRecord) -> None:
    nodes = data_of(html(record))["nodes"]
    assert isinstance(nodes, list)
    assert len(nodes) == len(record.view.tree)
    assert any(node["diff"] for node in nodes)
    for shown, node in zip(nodes, record.view.tree.nodes, strict=True):
        assert shown["code"] == node.code
        assert shown["origin"] == node.origin.value
        assert [fold[1] for fold in shown["folds"]] == [fold.score for fold in node.folds]
        assert shown["at"] > 0


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_spans_cover_a_script_exactly_in_the_units_of_a_browser(code: str) -> None:
    found = spans(code)
    assert sum(found[::2]) == len(code.encode("utf-16-le")) // 2


def test_a_script_is_highlighted_by_what_its_parts_are() -> None:
    assert spans("def f():\n    return 1  # x\n")[:4] == [3, 1, 1, 0]
    assert spans("x" * 200_000) == []


def test_a_diff_has_signs_and_no_file_names() -> None:
    assert diff("a\nb\n", "a\nc\n") == ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]
    assert diff("a", "a") == []
