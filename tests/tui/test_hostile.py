"""Text from models, scripts and files is harmless on every screen: no markup, no escapes, no crash."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static, TabbedContent

from aide_local.home import Home
from aide_local.llm.protocol import ModelInfo
from aide_local.store.run_store import create_run
from aide_local.tasks.load import load_task
from aide_local.types import FoldScore, Generation, Node, NodeError, NodeState, Operator, RunSettings
from tests.runs import make_csvs
from tui.app import AideApp
from tui.dialogs import TextDialog
from tui.results import ResultTable, for_the_screen
from tui.run import RunScreen
from tui.sql_editor import SqlEditor

pytestmark = pytest.mark.asyncio

SEEDS = [
    "[bold red]markup[/bold red]", "[/]", "[@click=app.exit]leave[/]", "[link=file:///etc/passwd]x[/link]", "]]][[[",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]52;c;c2VjcmV0\x07", "\x1b[2J\x1b[H", "\x1bP+q\x1b\\", "\x9b31m", "\x1b",
    "\x00nul", "bell\x07", "back\x08space", "\r\noverwrite\r", "\x7f", "\v\f", "\x85\u2028\u2029",
    "\u202eabc\u202c", "\u2066isolate\u2069", "\u200b\u200d\ufeff", "e" + "\u0301" * 300, "🏳️‍🌈👩‍👩‍👧‍👦", "日本語" * 500,
    "a" * 100_000, "\t" * 500, "\n" * 5000, "x\n" * 3000, "{{ 7*7 }} {% raw %} ${HOME} $(id) `id`", "\\", "'\";--", "%s%n%d",
    "\ud800 lone", "�", "", " ", "\N{HANGUL FILLER}" * 50, "܀࠰" * 40, "﷽" * 200, "مرحبا بالعالم", "עברית",
]  # fmt: skip


def nasty(count: int) -> list[str]:
    """Return every seed alone, then mixtures of them."""
    rng = random.Random(0)
    made = list(SEEDS)
    while len(made) < count:
        made.append("".join(rng.choice(SEEDS)[:2000] for _ in range(rng.randint(2, 4))))
    return made


def record(place: Path, texts: list[str]) -> tuple[Home, str]:
    """Record a run whose nodes have these texts wherever a script or a model can say something."""
    home = Home(place / "home")
    model = ModelInfo(
        name="[b]model[/b]\x1b[31m", path=None, sha256="", n_ctx=1, n_ctx_train=1, n_params=0, size=0, gpu=False,
        metadata={},
    )  # fmt: skip
    store = create_run(
        home, task=load_task(make_csvs(place / "[red]task")), settings=RunSettings(), model=model,
        sandbox="limits", versions={},
    )  # fmt: skip
    for number, text in enumerate(texts):
        clean = text.encode("utf-8", "replace").decode()  # a database holds no lone surrogates
        error = NodeError("exception", clean[:40] or "E", clean[:500], 1, clean)
        node = Node(
            id=number, operator=Operator.IMPROVE if number % 3 else Operator.DRAFT,
            parent=number - 1 if number % 3 else None,
            state=NodeState.BUGGY if number % 2 else NodeState.VALID,
            metric=None if number % 2 else 0.5, complete=not number % 2, error=error if number % 2 else None,
            plan=clean, code=clean or "pass", output=clean, hint=clean[:100], folds=(FoldScore(0, 0.5),),
            dropped=(clean[:50],),
        )  # fmt: skip
        store.put_node(node)
        store.put_generation(number, 1, "script", clean, Generation(text=clean, finish="stop"))
    store.set_state("finished", texts[5])
    store.publish()
    store.close()
    return home, store.run_id


def harmful(text: str) -> list[str]:
    """Return the characters that must not reach a terminal."""
    return [ascii(one) for one in text if one != "\n" and unicodedata.category(one) in ("Cc", "Cs")]


def screen_text(pilot: Pilot[None]) -> str:
    """Return the whole screen as it is sent to the terminal, without its styles."""
    screen = pilot.app.screen
    lines = screen._compositor.render_strips(screen.size)
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


@pytest.mark.timeout(600)
async def test_two_hundred_nasty_texts_in_every_tab(tmp_path: Path) -> None:
    home, run_id = record(tmp_path, nasty(200))
    app = AideApp(home, run_id)
    async with app.run_test(size=(100, 30)) as pilot:
        for _ in range(100):
            await pilot.pause(0.05)
            if isinstance(app.screen, RunScreen) and app.screen.node is not None:
                break
        screen = app.screen
        assert isinstance(screen, RunScreen)
        assert len(screen.solution) == 200
        for node in screen.solution.nodes:
            screen.go_to(node.id)
            for tab in ("plan", "code", "diff", "output", "error", "prompt", "folds", "lineage"):
                screen.query_one(TabbedContent).active = f"tab-{tab}"
                screen._show_node()
                content = screen.query_one(f"#pane-{tab}", Static).render()
                shown = getattr(content, "plain", "") or getattr(content, "code", "")
                assert harmful(shown.replace("\t", " ")) == [], (node.id, tab)
            if node.id % 10 == 0:
                await pilot.pause()
                assert harmful(screen_text(pilot)) == [], node.id
        assert app.is_running


async def test_nasty_names_in_the_list_and_in_sql(tmp_path: Path) -> None:
    home, _ = record(tmp_path, nasty(60))
    app = AideApp(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause(0.3)
        assert app.screen.query_one(DataTable).row_count == 1
        assert "[b]model[/b]" in screen_text(pilot), "markup is text"
        assert harmful(screen_text(pilot)) == []
        await pilot.press("s")
        await pilot.pause(0.2)
        query = 'SELECT plan, output, code AS "[red]c" FROM nodes ORDER BY node'
        app.screen.query_one(SqlEditor).text = query
        await pilot.press("f5")
        for _ in range(100):
            await pilot.pause(0.05)
            if app.screen.query(ResultTable):
                break
        await pilot.press("f6")
        for _ in range(55):
            await pilot.press("j")
            assert harmful(screen_text(pilot)) == []
        await pilot.press("v")
        await pilot.pause()
        assert isinstance(app.screen, TextDialog)
        assert harmful(screen_text(pilot)) == []


async def test_names_of_columns_are_made_harmless_and_different() -> None:
    shown = for_the_screen(pa.table([[1], [2], [3], [["\x1b[2J"]]], names=["a\x1b[31m", "a", "a\n", ""]))
    assert shown.column_names == [r"a\x1b[31m", "a", "a 2", "?"]
    assert harmful(str(shown.column(3)[0].as_py())) == []


async def test_nasty_notifications_are_text(tmp_path: Path) -> None:
    app = AideApp(Home(tmp_path))
    async with app.run_test(size=(100, 30)) as pilot:
        for text in SEEDS:
            app.notify(text[:300])
            await pilot.pause()
        assert harmful(screen_text(pilot)) == []
        await pilot.press("f12")
        await pilot.pause()
        assert harmful(screen_text(pilot)) == []
