"""The HTML report in a real headless Chromium, from a file: by mouse, by keyboard, and without any request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.report.html import html
from aide_local.store.record import RunRecord
from tests.report.browser import MISSING, Browser

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def file(record: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html(record), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Browser]:
    """The report, just opened. After each test: nothing was requested and the console is silent."""
    browser.open(file)
    yield browser
    assert browser.console() == []
    assert set(browser.requested()) <= {file.as_uri()}
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


def chosen(page: Browser) -> str:
    return str(page.run("return document.querySelector('[aria-selected=true][role=treeitem]').id"))


def test_the_page_opens_at_the_best_node(page: Browser, record: RunRecord) -> None:
    best = record.view.tree.best
    assert best is not None
    assert page.run("return document.title") == "task · aide-local report"
    assert page.run("return document.querySelectorAll('[role=treeitem]').length") == len(record.view.tree)
    assert chosen(page) == f"row-{best.id}"
    assert page.text("#chosen-title").startswith(f"#{best.id} ")
    assert page.run("return document.querySelectorAll('#course svg .mark').length") == len(record.view.tree)


def test_hostile_text_is_seen_and_does_nothing(page: Browser) -> None:
    page.click("#row-0")
    assert "</script><script>document.title='owned'</script>" in page.text("#details .plan")
    assert "U+2028" in page.text("#panel")
    assert page.run("return document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert page.run("return document.scripts.length") == 2
    assert page.run("return document.title") == "task · aide-local report"


def test_the_policy_stops_requests_scripts_and_handlers_that_come_later(browser: Browser, file: Path) -> None:
    browser.open(file)
    refused = browser.run(
        "const gone = []; document.addEventListener('securitypolicyviolation', (one) => gone.push(one.effectiveDirective));"
        "const image = new Image(); image.src = 'http://192.0.2.1/x.png';"
        "const script = document.createElement('script'); script.textContent = \"document.title = 'owned'\";"
        "document.body.append(image, script);"
        "document.body.insertAdjacentHTML('beforeend', '<b id=b onclick=\"document.title=1\">x</b>');"
        "document.getElementById('b').click(); fetch('http://192.0.2.1/').catch(() => {});"
        "return new Promise((done) => setTimeout(() => done(gone), 300));"
    )
    assert {"img-src", "script-src-elem", "script-src-attr", "connect-src"} <= set(refused)
    assert browser.run("return document.title") == "task · aide-local report"
    browser.console()
    browser.requested()


def test_a_node_is_shown_whole_by_the_mouse(page: Browser, record: RunRecord) -> None:
    best = record.view.tree.best
    assert best is not None
    assert best.parent is not None
    page.click("#row-0")
    assert page.text("#chosen-title") == "#0 draft"
    assert page.text("#panel .t-keyword") == "import" or "import" in page.text("#panel")
    page.click("#tab-output")
    assert "owned" in page.text("#panel")
    page.click(f"#row-{best.id}")
    page.click("#tab-diff")
    assert page.text("#panel .add").startswith("+")
    assert page.text("#panel .del").startswith("-")
    for fold in best.folds:
        assert fold.score is not None
        assert f"fold {fold.fold + 1} {fold.score:.5g}" in page.text(".folds")
    page.click("#details .links button")
    assert chosen(page) == f"row-{best.parent}"


def test_a_failed_node_shows_its_error_and_the_line(page: Browser) -> None:
    page.click("#row-1")
    page.click("#tab-script")
    assert page.text("#panel .wrong").startswith("raise KeyError")
    page.click("#tab-error")
    assert "KeyError" in page.text("#panel")
    assert "(line 2)" in page.text("#panel")
    page.click("#tab-script")


def test_the_tree_is_driven_by_the_keyboard(page: Browser, record: RunRecord) -> None:
    page.click("#row-0")
    order = page.run("return [...document.querySelectorAll('[role=treeitem]')].map((one) => one.id)")
    page.press("Down")
    assert page.focused() == chosen(page) == order[1]
    page.press("Up")
    assert page.focused() == order[0]
    page.press("End")
    assert chosen(page) == order[-1]
    page.press("Home", "Enter")
    assert page.focused() == "chosen-title"
    page.press("Escape")
    assert page.focused() == order[0]
    parent = next(node for node in record.view.tree.nodes if record.view.tree.children(node.id))
    child = record.view.tree.children(parent.id)[0]
    page.click(f"#row-{parent.id} .id")
    page.press("Left")
    assert page.run("return document.getElementById(arguments[0]).hidden", f"row-{child.id}") is True
    assert (
        page.run(
            "return document.getElementById(arguments[0]).getAttribute('aria-expanded')", f"row-{parent.id}"
        )
        == "false"
    )
    page.press("Right", "Right")
    assert page.focused() == f"row-{child.id}"
    page.press(*["Left"] * (2 if record.view.tree.children(child.id) else 1))  # folds it first
    assert page.focused() == f"row-{parent.id}"
    page.press("/")
    assert page.focused() == "filter"


def test_tabs_and_the_chart_take_arrow_keys(page: Browser) -> None:
    page.click("#row-1")
    page.click("#tab-script")
    page.press("Right")
    assert page.focused() == "tab-output"
    assert page.run("return document.getElementById('tab-output').getAttribute('aria-selected')") == "true"
    page.run("document.getElementById('course').focus()")
    page.press("Left")
    assert chosen(page) == "row-0"
    assert page.text("#tip").startswith("#0 draft")
    page.press("Enter")
    assert page.focused() == "row-0"


def test_the_filter_keeps_what_fits_and_its_ancestors(page: Browser, record: RunRecord) -> None:
    page.run(
        "const box = document.getElementById('filter'); box.value = 'KeyError'; box.dispatchEvent(new Event('input'))"
    )
    shown = page.run(
        "return [...document.querySelectorAll('[role=treeitem]:not([hidden])')].map((one) => Number(one.id.slice(4)))"
    )
    failed = {node.id for node in record.view.tree.nodes if node.error and node.error.type == "KeyError"}
    assert failed <= set(shown)
    assert len(shown) < len(record.view.tree)


def test_a_node_has_an_address(page: Browser, file: Path) -> None:
    page.run("location.hash = '#node-1'")
    page.run("return new Promise((done) => setTimeout(done, 100))")
    assert chosen(page) == "row-1"


def test_the_tree_shows_assistive_technology_where_things_are(page: Browser, record: RunRecord) -> None:
    rows = page.run(
        "return [...document.querySelectorAll('[role=tree] > [role=treeitem]')].map((one) => ({...Object.fromEntries("
        "[...one.attributes].map((a) => [a.name, a.value]))}))"
    )
    tree = record.view.tree
    for row in rows:
        node = tree[int(row["id"][4:])]
        assert int(row["aria-level"]) == len(list(tree.lineage(node.id)))
        assert ("aria-expanded" in row) == bool(tree.children(node.id))
        assert {"valid": "valid", "buggy": "failed"}[node.state.value] in row["aria-label"]
    assert sum(row["tabindex"] == "0" for row in rows) == 1


def test_the_chart_goes_by_time_too(page: Browser) -> None:
    page.click("input[value=time]")
    assert "time since the run began" in page.text("#course")


def test_it_is_dark_where_the_person_wants_it_dark_and_fits_a_narrow_window(file: Path) -> None:
    with Browser(dark=True, width=500) as dark:
        dark.open(file)
        ground = dark.run("return getComputedStyle(document.documentElement).backgroundColor")
        assert max(json.loads(ground.replace("rgb(", "[").replace(")", "]"))) < 60
        assert dark.run("return document.documentElement.scrollWidth <= innerWidth") is True
        assert dark.console() == []
