"""The corpus: its scripts run, its errors are real, and it is the same each time."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aide_local.evaluate.predictions import PredictionsError
from aide_local.prompts.build import Templates
from aide_local.prompts.parse import Reply, parse_reply
from aide_local.search.digest import digest_lines
from aide_local.task import Kind, Task
from aide_local.types import Operator
from models.training.corpus import outcomes
from models.training.corpus.bank import FILE as ERRORS
from models.training.corpus.bank import error_of
from models.training.corpus.bugs import BUGS
from models.training.corpus.cases import Case, cases, failing_script
from models.training.corpus.changes import changes, difference
from models.training.corpus.data import write_input
from models.training.corpus.estimators import serves
from models.training.corpus.examples import example, generate
from models.training.corpus.execution import ROWS, TEST_ROWS, execute, marks, run_script
from models.training.corpus.experience import FILE as LEARNT
from models.training.corpus.experience import Experience
from models.training.corpus.facts import Facts
from models.training.corpus.history import recipe_in
from models.training.corpus.outcomes import KEPT as OUTCOMES
from models.training.corpus.recipe import Recipe
from models.training.corpus.recipes import covers, draft, fits, recipe_of
from models.training.corpus.render import script
from models.training.corpus.schemas import random_task
from models.training.corpus.steps import FEATURES
from models.training.corpus.thoughts import thought_of
from models.training.drills import drills


def targets(seed: int, count: int) -> Iterator[Case]:
    """Yield cases, each of a run of its own."""
    found = 0
    for number in itertools.count():
        case = next(
            itertools.islice(cases(random.Random(f"corpus test {seed} {number}")), number % 4, None), None
        )
        if case is not None:
            found += 1
            yield case
        if found == count:
            return


def failures(seed: int, count: int, place: Path) -> list[str]:
    """Return what went wrong with the corpus' own scripts: an error, or no better than the constant guess."""
    bad = []
    for number, case in enumerate(targets(seed, count)):
        task = replace(case.history.task, n_train=ROWS)
        folder = place / str(number)
        truth = write_input(task, folder / "input", number, ROWS, TEST_ROWS)
        error = run_script(case.code, folder, seconds=120)
        if error is not None:
            bad.append(f"{case.plan}: {error.one_line()}")
            continue
        try:
            ours, constant = marks(task, folder, truth)
        except PredictionsError as problem:
            bad.append(f"{case.plan}: {problem.error.one_line()}")
            continue
        if task.direction.sign * (ours - constant) <= 0:
            bad.append(f"{case.plan}: {ours:.4g} is no better than the constant guess, {constant:.4g}")
    return bad


def test_scripts_that_are_learnt_run_and_beat_the_constant_guess(tmp_path: Path) -> None:
    assert failures(1, 5, tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ninety_nine_in_a_hundred_scripts_run_and_beat_the_constant_guess(tmp_path: Path) -> None:
    bad = failures(2, 400, tmp_path)
    assert len(bad) <= 4, "\n".join(bad)


def test_the_same_seed_gives_the_same_examples() -> None:
    def some() -> list[tuple[str, str]]:
        return [
            (example.messages[-1].content, example.reply) for example in itertools.islice(generate(5), 40)
        ]

    assert some() == some()


def test_scripts_are_short() -> None:
    lengths = [example.reply.count("\n") for example in itertools.islice(generate(6), 200)]
    assert statistics.median(lengths) < 60


def test_every_operator_is_asked_for() -> None:
    asked = {example.operator for example in itertools.islice(generate(7), 300)}
    assert {operator.value for operator in Operator} - asked == {"human", "tune"}


def test_the_bank_holds_real_errors_of_more_than_forty_kinds_of_bug() -> None:
    entries = [json.loads(line) for line in ERRORS.read_text("utf-8").splitlines()]
    assert len({entry["bug"] for entry in entries if entry["type"]} & {bug.name for bug in BUGS}) > 40


def test_a_banked_error_is_what_its_script_leads_to() -> None:
    """The bank names scripts by seed: it is worth nothing once a seed gives another script."""
    entries = [json.loads(line) for line in ERRORS.read_text("utf-8").splitlines()]
    repeatable = [entry for entry in entries if entry["type"] and entry["kind"] != "timeout"]
    for entry in random.Random(0).sample(repeatable, 4):
        case = failing_script(entry["seed"], entry["only"])
        assert case is not None
        assert case.bug.name == entry["bug"]
        error = error_of(case, seconds=120)  # beside other work
        assert error is not None
        assert (error.type, error.line) == (entry["type"], entry["line"])


def test_what_was_learnt_keeps_every_idea_possible() -> None:
    known = json.loads(LEARNT.read_text("utf-8"))
    weights = [weight for tables in known.values() for table in tables.values() for weight in table.values()]
    assert weights
    assert all(0.3 <= weight <= 3 for weight in weights)


def test_what_was_learnt_follows_from_the_outcomes_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / OUTCOMES.name
    shutil.copy(OUTCOMES, kept)
    monkeypatch.setattr(outcomes, "KEPT", kept)
    monkeypatch.setattr(outcomes, "FILE", tmp_path / LEARNT.name)
    monkeypatch.setattr(outcomes, "DATABASE", tmp_path / "outcomes.duckdb")
    outcomes.learn()
    assert (tmp_path / LEARNT.name).read_text("utf-8") == LEARNT.read_text("utf-8")
    with duckdb.connect() as connection:
        again = connection.execute(
            "SELECT * FROM read_parquet(?) EXCEPT SELECT * FROM read_parquet(?)", [str(kept), str(OUTCOMES)]
        )
        assert not again.fetchall()


def test_a_recipe_is_read_back_from_its_words() -> None:
    for case in targets(3, 40):
        words = case.plan.rpartition(": ")[2].rstrip(".")
        recipe = recipe_of(words)
        assert recipe.words() == words
        assert script(recipe, case.history.facts) == case.code
    with pytest.raises(ValueError, match="magic"):
        recipe_of("magic forest 3")
    with pytest.raises(ValueError, match="a wand"):
        recipe_of("ridge alpha 1 with a wand")


def list_in(thought: str, what: str) -> list[str]:
    """Return the list that a thought has under a heading."""
    found = re.search(rf"\. {what}: (.*?)(?:\. \w[\w ]*: |</think>)", thought)
    return found[1].split(", ") if found else []


def ideas_tried_in(thought: str) -> list[str]:
    return list_in(thought, "tried")


def test_a_thought_repeats_what_the_choice_depends_on() -> None:
    rng = random.Random(5)
    seen = set()
    for case in targets(5, 120):
        task, history = case.history.task, case.history
        digest = digest_lines(history.tree, case.parent.id if case.parent else None)[:8]
        thought = thought_of(case, digest)
        counts = Counter(str(column.kind) for column in task.columns)
        assert thought.startswith(f"<think>{task.kind} {task.metric}, {task.n_train} rows, ")
        assert all(f"{number} {kind}" in thought for kind, number in counts.items())
        for parent in (case.parent, case.other):
            assert parent is None or f": {history.recipes[parent.id].words()}" in thought
        tried = ideas_tried_in(thought)
        assert not tried or all(any(one in line for line in digest) for one in tried)
        assert not case.hint or thought.endswith(f". asked: {case.hint}</think>")
        reply = example(case, Templates("starter"), rng).reply
        assert re.split(r"\. (?:tried|could|asked): |</think>", thought)[0] in reply
        assert parse_reply(reply) == Reply(case.plan, case.code)
        seen.add((case.operator, bool(tried)))
    assert {(Operator.DRAFT, True), (Operator.IMPROVE, True), (Operator.IMPROVE, False)} <= seen


def test_the_words_of_a_change_are_found_again_from_both_recipes() -> None:
    rng = random.Random(9)
    seen: Counter[str] = Counter()
    for _ in range(150):
        facts = Facts.of(random_task(rng))
        parent = draft(rng, facts)
        for change in changes(rng, parent, facts):
            if [one.name for one in change.recipe.estimators] != [one.name for one in parent.estimators]:
                assert not difference(parent, change.recipe)
                continue
            assert difference(parent, change.recipe) == change.words
            seen[change.words.split(" ")[0]] += 1
            twice = [one.recipe for one in changes(rng, change.recipe, facts)]
            assert all(
                difference(parent, recipe) != change.words for recipe in twice if recipe != change.recipe
            )
    assert {"add", "drop", "voting", "stacking", "one-hot", "scaled", "xgboost"} <= set(seen)


def test_an_improvement_is_none_that_its_thought_calls_tried_and_adds_or_drops_what_it_says_could_be() -> (
    None
):
    improvements = [case for case in targets(7, 200) if case.operator is Operator.IMPROVE]
    assert len(improvements) > 20
    seen: Counter[str] = Counter()
    for case in improvements:
        assert case.parent is not None
        thought = thought_of(case, digest_lines(case.history.tree, case.parent.id))
        change = case.plan.partition(". ")[0]
        assert change.removeprefix("add ") not in ideas_tried_in(thought)
        steps = list_in(thought, "could")
        recipe = case.history.recipes[case.parent.id]
        could = [step.removeprefix(f"{number} ") for number, step in enumerate(steps, 1)]
        assert could
        for step in could:
            dropped = step.removeprefix("drop ")
            assert recipe.has(dropped) == (dropped != step)
        made = re.fullmatch(r"add (.+?)(?: \d+)?|(drop .+)", change)
        said = re.search(r"\. so: (.*)</think>", thought)
        if made and " to the " not in change:
            chosen = made[1] or made[2]
            assert chosen in could
            assert case.hint or (said and said[1] == f"{could.index(chosen) + 1} {chosen}")
            seen[change.split(" ")[0]] += 1
        else:
            assert said is None
    assert seen["add"] > 5
    assert seen["drop"] > 0


def test_a_merge_says_what_it_takes_from_the_second_parent() -> None:
    merges = [case for case in targets(8, 300) if case.operator is Operator.MERGE]
    assert len(merges) > 5
    seen: Counter[str] = Counter()
    for case in merges:
        assert case.parent is not None
        assert case.other is not None
        thought = thought_of(case, digest_lines(case.history.tree, case.parent.id))
        merged = recipe_in(case.plan)
        one, dropped = case.history.recipes[case.parent.id], list_in(thought, "drop")
        kept = replace(one, steps=tuple(pair for pair in one.steps if pair[0] not in dropped))
        verdicts = [words.rpartition(" ") for words in list_in(thought, "take")]
        assert {words for words, _, _ in verdicts} == parts_of(case.history.recipes[case.other.id])
        new = {words for words, _, verdict in verdicts if verdict == "new"}
        assert {*parts_of(kept), *new, *list_in(thought, "add")} - {"nothing"} == parts_of(merged)
        seen.update(verdict for _, _, verdict in verdicts)
    assert set(seen) == {"has", "new", "no"}


def test_each_of_several_estimators_stands_under_its_words() -> None:
    """So that a value of one is not written into the line of the other."""
    facts = Facts.of(next(task for task in map(task_of, range(100)) if task.kind is Kind.REGRESSION))
    words = "linear + xgboost rate 0.05 rounds 300 depth 4 stacking with scaled"
    lines = script(recipe_of(words), facts).split("\n")
    assert lines[lines.index("# linear") + 1] == "first = LinearRegression()"
    second = lines[lines.index("# xgboost rate 0.05 rounds 300 depth 4") + 1]
    assert second.startswith("second = XGBRegressor(learning_rate=0.05, n_estimators=300, max_depth=4,")


def test_linear_regression_is_for_few_columns() -> None:
    every = [Facts.of(task_of(number)) for number in range(300)]
    served = [facts for facts in every if serves("linear", facts)]
    assert served
    assert all(facts.regression and facts.columns <= 15 for facts in served)


def task_of(number: int) -> Task:
    return random_task(random.Random(f"task {number}"))


def parts_of(recipe: Recipe) -> set[str]:
    """Return its estimators and steps, in words."""
    return {*(estimator.words() for estimator in recipe.estimators), *recipe.step_words}


def test_components_are_fewer_than_the_numbers_they_are_made_of() -> None:
    rng = random.Random(4)
    seen: Counter[str] = Counter()
    for _ in range(400):
        facts = Facts.of(random_task(rng))
        recipe = draft(rng, facts, known=Experience(between=True))
        for one in (
            recipe,
            *(change.recipe for change in changes(rng, recipe, facts, Experience(between=True))),
        ):
            if one.has("pca"):
                assert int(one.setting("pca")) < facts.numeric
                seen[one.setting("pca")] += 1
    assert len(seen) > 3


def test_a_first_idea_fits_its_task() -> None:
    for case in targets(5, 60):
        if case.operator is Operator.DRAFT:
            recipe = recipe_in(case.plan)
            assert fits(recipe, case.history.facts)
            assert covers(recipe, case.history.facts)


@pytest.mark.parametrize("step", FEATURES)
def test_a_step_without_its_columns_does_no_harm(step: str, tmp_path: Path) -> None:
    """A model that names one anyway has wasted some words, not the script."""
    tasks = (random_task(random.Random(f"harm {number}")) for number in itertools.count())
    facts_of = ((Facts.of(task), task) for task in tasks)
    facts, task = next((f, t) for f, t in facts_of if f.regression and not f.multi and f.kinds == "2 numeric")
    code = script(recipe_of(f"ridge alpha 1 with {step}, scaled, one-hot"), facts)
    assert execute(code, task, tmp_path, 1, seconds=120) is None


def test_drills_are_links_of_the_same_chain() -> None:
    seen, whole = set(), []
    for drill in itertools.islice(drills(1), 200):
        kind = drill.messages[0].content.split("\n")[0]
        seen.add(kind)
        if kind == "Script.":
            asked = recipe_of(drill.messages[1].content.rpartition(": ")[2].rstrip("."))
            for estimator in asked.estimators:
                assert all(value in drill.reply for _, value in estimator.params)
        elif drill.messages[0].content == "Plan." and "hint: " in drill.messages[1].content:
            hint = drill.messages[1].content.rpartition("hint: ")[2]
            announced = drill.reply.partition(". ")[0]
            assert set(hint.split(" ")) <= set(announced.split(" "))  # all of it, or what it is about
            whole.append(hint == announced)
        elif kind == "Plan.":
            assert "\n    X = data" not in drill.messages[1].content  # of a script no more than its titles
            assert "```" not in drill.reply
    assert seen == {"Lines.", "Imports.", "Features.", "Columns.", "Model.", "Plan.", "Script.", "Steps."}
    assert len(whole) > sum(whole) > len(whole) / 2
