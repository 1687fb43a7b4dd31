"""Tasks without folds, from their files to what is delivered: the guide's own example, and the paper's way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import ModelError, SettingsError
from aide_local.events import Event
from aide_local.home import Home
from aide_local.llm.protocol import Chunk
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import llama, start
from aide_local.store.read import read_run
from aide_local.store.sql import SqlReader
from aide_local.task import Mode
from aide_local.tasks.load import load_task
from aide_local.types import NodeState, RunSettings, Sampling
from tests.runs import Reply, delivered, ended, make_csvs, nodes_of, reply_with

GUIDE = Path(__file__).parent.parent.parent / "docs" / "tasks.md"
SETTINGS = RunSettings.paper(steps=3, seed=1, sandbox="limits", timeout=60.0, num_drafts=3)


def the_guides_example(folder: Path) -> Path:
    """The files of "A command task, whole", written as the guide shows them."""
    files = re.findall(
        r"^`round_trip/(\S+)`:\n\n```\w+\n(.*?)```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert {name for name, _ in files} == {"task.toml", "description.md", "towns.csv", "grade.py"}
    folder.mkdir()
    for name, content in files:
        (folder / name).write_text(content, "utf-8")
    return folder


def run(task: Path, home: Path, reply: Reply) -> list[Event]:
    engine = ScriptedModel(reply)
    return list(
        start(
            load_task(task), SETTINGS, home=Home(home), make_model=lambda settings: engine, out=home / "out"
        ).events()
    )


def tour(order: str) -> str:
    return reply_with(f"open('working/tour.txt', 'w').write({order!r})", f"the order {order.split()}")


def test_the_guides_command_task_runs_as_it_stands(tmp_path: Path) -> None:
    folder = the_guides_example(tmp_path / "round_trip")
    replies = [tour("0\n1\n2\n3\n4\n"), tour("0\n1\n"), tour("0\n4\n2\n1\n3\n")]
    told = iter(replies)
    events = run(folder, tmp_path / "home", lambda prompt, sampling: next(told))
    first, second, third = nodes_of(events)
    assert second.error is not None
    assert (second.error.type, "must name every town once" in second.error.message) == ("GraderFailed", True)
    assert first.metric == pytest.approx(5 + 3 + 5 + 2.8284 + 2.2361, abs=1e-3)
    assert third.metric is not None
    assert first.metric is not None
    assert third.metric < first.metric
    summary = delivered(iter(events))
    assert (summary.best_node, summary.metric, summary.constant_score) == (2, "kilometres", None)
    assert "4" in (tmp_path / "home" / "out" / "solution.py").read_text()
    assert (tmp_path / "home" / "out" / "report.md").exists()


def test_the_model_is_told_what_the_grader_wants_and_not_about_folds(tmp_path: Path) -> None:
    folder = the_guides_example(tmp_path / "round_trip")
    events = run(folder, tmp_path / "home", lambda prompt, sampling: tour("0\n1\n2\n3\n4\n"))
    view = read_run(Home(tmp_path / "home"), ended(iter(events)).run_id)
    prompt = view.generations[0].prompt
    for words in ("kilometres, to be minimized", "working/tour.txt", "towns.csv"):
        assert words in prompt
    for words in ("submission", "Rows:", "predict:", "several train/test splits"):
        assert words not in prompt


def test_the_papers_own_way_a_script_reports_and_the_model_reviews(tmp_path: Path) -> None:
    folder = make_csvs(tmp_path / "task")
    (folder / "task.toml").write_text('mode = "reported"\nmetric = "rmse"\ntarget = "y"\n')
    scripts = iter(
        [
            reply_with("print('validation rmse: 0.5')"),
            reply_with("print('the RMSE of held-out rows is 0.25')"),
            reply_with("print('validation rmse: 0.0')  # leaks"),
        ]
    )
    reviewed: list[str] = []

    def reply(prompt: str, sampling: Sampling) -> str:
        if "A script was run" not in prompt:
            return next(scripts)
        reviewed.append(prompt)
        found = re.findall(r"(\d\.\d+)", prompt.split("It printed:")[1])
        is_bug = "leaks" in prompt
        return json.dumps(
            {"is_bug": is_bug, "metric": float(found[-1]), "summary": "It scores its own rows."}
        )

    events = run(folder, tmp_path / "home", reply)
    nodes = nodes_of(events)
    assert [node.metric for node in nodes] == [0.5, 0.25, None]
    assert [node.state for node in nodes] == [NodeState.VALID, NodeState.VALID, NodeState.BUGGY]
    assert nodes[2].error is not None
    assert nodes[2].error.message == "It scores its own rows."
    assert len(reviewed) == 3
    last = ended(iter(events))
    assert last.summary is not None
    assert (last.exit_code, last.summary.best_score) == (0, 0.25)
    view = read_run(Home(tmp_path / "home"), last.run_id)
    prompt = view.generations[0].prompt
    assert "validation rmse: <number>" in prompt
    assert "x numeric" in prompt
    reviews = [one for one in view.generations if one.purpose == "review"]
    assert [(one.node, one.attempt, one.prompt) for one in reviews] == [
        (node, 1, text) for node, text in enumerate(reviewed)
    ]
    assert json.loads(reviews[2].reply)["is_bug"] is True


def test_what_reviews_cost_is_in_the_node_the_summary_and_sql(tmp_path: Path) -> None:
    folder = make_csvs(tmp_path / "task")
    (folder / "task.toml").write_text('mode = "reported"\nmetric = "rmse"\ntarget = "y"\n')
    review = '{"is_bug": false, "metric": 0.5, "summary": ""}'

    def reply(prompt: str, sampling: Sampling) -> str:
        if "A script was run" in prompt:
            return review
        return reply_with(f"seed = {sampling.seed}\nprint('validation rmse: 0.5')")

    summary = delivered(iter(run(folder, tmp_path / "home", reply)))
    with SqlReader(Home(tmp_path / "home")) as reader:
        spent = reader.execute(
            "SELECT purpose, count(*) AS replies, sum(prompt_tokens + cached_tokens)::INT AS prompts,"
            " sum(completion_tokens)::INT AS tokens FROM generations GROUP BY ALL ORDER BY purpose"
        ).table.to_pylist()
        cost = reader.execute("SELECT sum(completion_tokens)::INT AS tokens FROM cost").table.to_pylist()
    assert [(row["purpose"], row["replies"]) for row in spent] == [("review", 3), ("script", 3)]
    assert all(row["prompts"] > 0 and row["tokens"] > 0 for row in spent)
    total = sum(row["tokens"] for row in spent)
    assert cost == [{"tokens": total}]
    assert summary.completion_tokens == total
    assert summary.prompt_tokens == sum(row["prompts"] for row in spent)


class Exact(ScriptedModel):
    """Refuses what its context cannot hold, as llama.cpp does."""

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        if self.count(prompt) + (sampling.max_tokens if grammar else 0) > self.info.n_ctx:
            raise ModelError(
                f"the prompt has {self.count(prompt)} tokens, the context holds {self.info.n_ctx}"
            )
        return super().generate(prompt, sampling, grammar=grammar)


@pytest.mark.parametrize("review", ['{"is_bug": false, "metric": 0.5, "summary": ""}', '{"is_bug": fal', ""])
def test_neither_a_long_output_nor_a_review_that_is_none_ends_the_run(tmp_path: Path, review: str) -> None:
    folder = make_csvs(tmp_path / "task")
    (folder / "task.toml").write_text('mode = "reported"\nmetric = "rmse"\ntarget = "y"\n')
    reviewed: list[str] = []

    def reply(prompt: str, sampling: Sampling) -> str:
        if "A script was run" not in prompt:
            return reply_with(f"print('0.1;7,' * {2000 + sampling.seed % 99})\nprint('validation rmse: 0.5')")
        reviewed.append(prompt)
        return review

    engine = Exact(reply, n_ctx=4096)
    settings = replace(SETTINGS, steps=1)
    events = list(
        start(
            load_task(folder), settings, home=Home(tmp_path / "home"), make_model=lambda settings: engine
        ).events()
    )
    (node,) = nodes_of(events)
    assert (node.state, node.metric) == (NodeState.VALID, 0.5)
    (prompt,) = reviewed
    assert "\nvalidation rmse: 0.5\n" in prompt
    assert "…" in prompt


@pytest.mark.parametrize("mode", [Mode.COMMAND, Mode.REPORTED])
def test_the_starter_says_that_such_a_task_is_beyond_it(tmp_path: Path, mode: Mode) -> None:
    folder = the_guides_example(tmp_path / "round_trip")
    settings = (folder / "task.toml").read_text().replace("command", mode.value)
    (folder / "task.toml").write_text(settings)
    home = Home(tmp_path / "home")
    with pytest.raises(SettingsError, match=f"mode `{mode}`.*--model"):
        start(load_task(folder), SETTINGS, home=home, make_model=llama(None, home))
    assert not home.runs.exists()
