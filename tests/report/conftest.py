"""One small run whose model and scripts do their worst: markup, ends of scripts, characters that turn text."""

from __future__ import annotations

import pytest

from aide_local.home import Home
from aide_local.store.record import RunRecord, read_record
from aide_local.store.run_store import find_run
from aide_local.types import RunSettings
from tests.runs import SCRIPT, make_run, reply_with

HOSTILE = (
    "</script><script>document.title='owned'</script><!-- <img src='http://192.0.2.1/x' onerror=\"document.title='owned'\">"
    " ![x](http://192.0.2.1/y) \u2028 {{ 7 * 7 }} $x$ \U0001f600"
)


def written(slope: float, comment: str = "") -> str:
    body = f"print({HOSTILE!r})\n# {comment or HOSTILE}\n" + SCRIPT.format(slope=slope).strip()
    return reply_with(body, f"slope {slope} {HOSTILE}")


def broken(word: str) -> str:
    return reply_with(f"# first\nraise KeyError({HOSTILE + word!r})", f"break {word} {HOSTILE}")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    place = tmp_path_factory.mktemp("report")
    replies = iter([written(1.0), broken("a"), broken("b"), *(written(1.2 + n / 5) for n in range(20))])
    settings = RunSettings.paper(
        steps=8, seed=3, folds=2, sandbox="limits", timeout=60.0, num_drafts=3, racing=False
    )
    list(make_run(place, lambda prompt, sampling: next(replies), settings=settings).events())
    return Home(place / "home")


@pytest.fixture(scope="session")
def record(home: Home) -> RunRecord:
    return read_record(home, find_run(home, "latest"))
