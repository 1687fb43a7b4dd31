"""The end of a run: what holds until the last candidate has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aide_local.errors import ModelError, SandboxError
from aide_local.evaluate.protocol import Evaluation
from aide_local.events import Event, ExecutionStarted, NodeFinished, RunFinished, Trouble
from aide_local.home import Home
from aide_local.llm.protocol import Chunk
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import start
from aide_local.run.loop import Run
from aide_local.tasks.load import load_task
from aide_local.types import NodeState, Operator, RunSettings, Sampling, Step
from tests.runs import SCRIPT, ended, good, make_csvs, make_run, reply_with

SETTINGS = RunSettings.paper(steps=2, seed=1, folds=2, sandbox="limits", timeout=60.0, num_drafts=9)


def slow(seconds: float, slope: float = 2.0) -> str:
    return reply_with(f"import time\ntime.sleep({seconds})\n{SCRIPT.format(slope=slope)}")


def by_slope(prompt: str, sampling: Sampling) -> str:
    return good(2 + sampling.seed % 1000 / 1000)


def with_model(place: Path, model: ScriptedModel, settings: RunSettings) -> Run:
    task = load_task(make_csvs(place / "task"))
    return start(task, settings, home=Home(place / "home"), make_model=lambda _: model, out=place / "out")


def test_a_failure_of_the_last_candidates_sandbox_is_raised(tmp_path: Path) -> None:
    run = make_run(tmp_path, by_slope, settings=SETTINGS)
    real = run._executing._evaluator

    class Failing:
        def evaluate(self, node: int, code: str, **named: Any) -> Evaluation:
            if node == 1:
                raise SandboxError("bwrap is gone.", "Install it.")
            return real.evaluate(node, code, **named)

    run._executing._evaluator = Failing()
    told: list[Event] = []
    with pytest.raises(SandboxError, match="bwrap is gone"):
        told.extend(run.events())
    assert not any(isinstance(event, RunFinished) for event in told)
    assert run.tree[1].state is NodeState.PENDING, "resume executes it"


def test_the_time_limit_holds_for_the_last_candidate(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=1, time_limit=3.0)
    run = make_run(tmp_path, lambda prompt, sampling: slow(50), settings=settings)
    assert ended(run.events()).stop_reason == "time limit"
    assert run.tree[0].state is NodeState.PENDING


def test_a_step_asked_for_while_the_last_candidate_executes_is_made(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=1)
    run = make_run(tmp_path, lambda prompt, sampling: slow(1, sampling.seed % 1000 / 500), settings=settings)
    asked = False
    for event in run.events():
        if isinstance(event, ExecutionStarted) and not asked:
            asked = True
            run.ask(Step(Operator.DRAFT, hint="another"))
    assert [node.state for node in run.tree.nodes] == [NodeState.VALID, NodeState.VALID]
    assert run.tree[1].hint == "another"


def test_what_executes_while_the_model_fails_is_delivered(tmp_path: Path) -> None:
    class Dying(ScriptedModel):
        def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
            if self.prompts:
                raise ModelError("The model process died.", "Try another.")
            yield from super().generate(prompt, sampling, grammar=grammar)

    run = with_model(tmp_path, Dying(lambda prompt, sampling: slow(0.5)), SETTINGS)
    events = list(run.events())
    assert ended(iter(events)).stop_reason == "model trouble"
    assert any(isinstance(event, Trouble) for event in events)
    assert (tmp_path / "out" / "submission.csv").exists()


class Deaf(ScriptedModel):
    """As an engine that was not yet asked: a cancel before ``generate`` is forgotten. Writes for a minute."""

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        self._cancelled.clear()
        for _ in range(600):
            time.sleep(0.1)
            yield Chunk("x")
        yield from super().generate(prompt, sampling, grammar=grammar)


def test_a_stop_while_the_prompt_is_packed_is_not_forgotten(tmp_path: Path) -> None:
    class Stopping(Deaf):
        run: Run | None = None

        def count(self, text: str) -> int:
            if self.run is not None:
                self.run.stop(now=True)
            return super().count(text)

    model = Stopping(by_slope)
    run = with_model(tmp_path, model, SETTINGS)
    model.run = run
    assert ended(run.events()).stop_reason == "stopped at once"
    assert not run.tree[0].code


def test_a_stop_that_the_engine_has_not_heard_ends_the_reply_at_its_next_words(tmp_path: Path) -> None:
    run = with_model(tmp_path, Deaf(by_slope), SETTINGS)
    run._parts.model.cancel = lambda: None  # type: ignore[method-assign]
    threading.Timer(1.0, run.stop).start()
    began = time.monotonic()
    assert ended(run.events()).stop_reason == "stopped by the person"
    assert time.monotonic() - began < 40, "a whole reply takes a minute"


def test_a_graceful_stop_leaves_a_review_alone(tmp_path: Path) -> None:
    folder = make_csvs(tmp_path / "task")
    (folder / "task.toml").write_text(
        'mode = "reported"\nmetric = "rmse"\ndirection = "minimize"\ntarget = "y"\n'
    )

    class Reviewing(ScriptedModel):
        run: Run | None = None

        def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
            reviewed = super().generate(prompt, sampling, grammar=grammar)
            if grammar and self.run is not None:
                yield next(reviewed)
                self.run.stop()
            yield from reviewed

    def reply(prompt: str, sampling: Sampling) -> str:
        if "Say whether it failed" in prompt:
            return '{"is_bug": false, "metric": 0.5, "summary": "' + "fine " * 60 + '"}'
        return reply_with("print('validation rmse: 0.7')")

    model = Reviewing(reply)
    run = start(
        load_task(folder),
        replace(SETTINGS, steps=1),
        home=Home(tmp_path / "home"),
        make_model=lambda _: model,
    )
    model.run = run
    finished = [event.node for event in run.events() if isinstance(event, NodeFinished)]
    assert [node.state for node in finished] == [NodeState.VALID]
