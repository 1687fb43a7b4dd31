"""What a model can do on tasks never seen in training, operator by operator. Needs no torch.

    python -m models.training.evaluate --quick                 # the figures of the model card
    python -m models.training.evaluate --model other.gguf      # any GGUF file

Every prompt is packed by the product's own packer and answered by the product's own engine; every script is
executed on made-up data of its task, and its predictions are read and scored by the product's own code. The
tasks, histories and bugs come from seeds that training never uses.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from aide_local.evaluate.score import ScoreError
from aide_local.llm.llama import LlamaModel
from aide_local.llm.registry import bundled_models
from aide_local.prompts.build import Request, Templates
from aide_local.prompts.pack import Packer
from aide_local.prompts.parse import parse_reply
from aide_local.run.assemble import LONGEST_REPLY
from aide_local.run.precheck import ast_hash, screen
from aide_local.sandbox.interpreter import probe
from aide_local.search.digest import digest_lines
from aide_local.task import Task
from aide_local.types import Operator, Sampling
from models.training.corpus import bank, execution
from models.training.corpus.bugs import BUGS
from models.training.corpus.cases import Case, cases, failing
from models.training.corpus.changes import difference, merge, with_other
from models.training.corpus.data import write_input
from models.training.corpus.history import recipe_in
from models.training.corpus.recipes import Facts, Recipe, covers, fits
from models.training.corpus.render import script

FIRST_SEED = 10_000_000  # of failing scripts; the bank's are far below
TEMPERATURE = 0.7  # the product's default
SECONDS = 60.0  # of one script on 300 rows; a product run gives minutes, on more rows


@dataclass(slots=True)
class Answer:
    """One generation and what became of its script."""

    operator: str
    task: str
    kind: str
    metric: str
    code: bool = False
    runs: bool = False
    beats_constant: bool = False
    own_beats_constant: bool = False
    score: float | None = None  # on the rows of the made-up test file; None where it does not run
    gains: bool = False  # scores better than its parent, on the same few rows
    own_gains: bool = False  # the corpus' own answer does
    names_right: bool = False
    changed: bool = False
    plan_holds: bool = False  # it names the recipe that the change which it announces leads to
    plan_suits: bool = False  # that recipe is one for the rows and columns of the task
    plan_matches: bool = False  # it holds, and the script is exactly that recipe's
    bug: str = ""
    error: str = ""
    tokens: int = 0
    decode_ms: float = 0.0
    hash: str = ""


@dataclass(slots=True)
class Examiner:
    """Asks the model, executes what it writes."""

    engine: LlamaModel
    modules: frozenset[str] = field(default_factory=frozenset)
    packages: str = ""
    known: dict[tuple[str, int], Answer] = field(default_factory=dict)

    def ask(self, case: Case, seed: int) -> tuple[Answer, str, str]:
        """The answer so far, and the reply's plan and code."""
        task = case.history.task
        reply_tokens = min(LONGEST_REPLY, self.engine.info.n_ctx // 3)
        packer = Packer(
            self.engine,
            Templates(self.engine.info.prompt_profile),
            task,
            packages=self.packages,
            limits="",
            n_ctx=self.engine.info.n_ctx,
            reply_tokens=reply_tokens,
        )
        parent = case.parent
        digest = digest_lines(case.history.tree, parent.id if parent else None)
        request = Request.of(case.operator, digest, parent, case.other, case.hint)
        packed = packer.pack(request)
        sampling = self.engine.info.recommended(
            Sampling(seed, temperature=TEMPERATURE, max_tokens=LONGEST_REPLY)
        )
        answer = Answer(case.operator.value, task.name, task.kind.value, task.metric)
        text, cut = "", False
        for chunk in self.engine.generate(packed.prompt, sampling):
            if chunk.generation:
                text, cut = chunk.generation.text, chunk.generation.finish == "length"
                answer.tokens = chunk.generation.completion_tokens
                answer.decode_ms = chunk.generation.decode_ms
        reply = parse_reply(text, cut=cut)
        answer.code = bool(reply.code)
        return answer, reply.plan, reply.code

    def judge(self, answer: Answer, case: Case, code: str, seed: int) -> None:
        """Execute the script on made-up data; fill in what came of it, of the corpus' own answer, and of the parent."""
        self._judge(answer, case, code, seed)
        own = self._judged(case, case.code, seed)
        answer.own_beats_constant = own.beats_constant
        if case.parent is not None and case.operator is not Operator.DEBUG:
            parent = self._judged(case, case.parent.code, seed)
            answer.gains = better(case.history.task, answer.score, parent.score)
            answer.own_gains = better(case.history.task, own.score, parent.score)

    def _judged(self, case: Case, code: str, seed: int) -> Answer:
        """What becomes of a script of the corpus."""
        if (code, seed) not in self.known:
            self.known[code, seed] = Answer("", "", "", "")
            self._judge(self.known[code, seed], case, code, seed)
        return self.known[code, seed]

    def _judge(self, answer: Answer, case: Case, code: str, seed: int) -> None:
        task = case.history.task
        if not code:
            answer.error = "no code"
            return
        _, refused = screen(code, self.modules, {})
        if refused is None:
            answer.hash = ast_hash(code)
        answer.names_right = not _foreign_names(code, case)
        folder = Path(tempfile.mkdtemp(prefix="evaluate-"))
        try:
            error = refused or execution.execute(code, task, folder, seed, SECONDS)
            if error is not None:
                answer.error = error.one_line()
                return
            try:
                answer.score, constant = self._marks(case, folder, seed)
            except ScoreError as outside:  # of the metric's domain: the product fails such a node, too
                answer.error = str(outside)
                return
            answer.beats_constant = better(task, answer.score, constant)
            answer.runs = True
        finally:
            shutil.rmtree(folder)

    @staticmethod
    def _marks(case: Case, folder: Path, seed: int) -> tuple[float, float]:
        task = case.history.task
        truth = write_input(
            replace(task, n_train=execution.ROWS), folder / "again", seed, execution.ROWS, execution.TEST_ROWS
        )
        return execution.marks(task, folder, truth)


def better(task: Task, one: float | None, other: float | None) -> bool:
    """Whether ``one`` is the better score; what has none is worse than all, and not better than another that has none."""
    if one is None or other is None:
        return one is not None
    return task.direction.sign * one > task.direction.sign * other


def _foreign_names(code: str, case: Case) -> bool:
    """Whether a task.json key, a target, the id or a file is misnamed in the script."""
    known = {
        "target", "targets", "id", "kind", "metric", "classes", "numeric", "categorical", "datetime", "text", "boolean",
        "outputs", "predict", "name", "direction", "columns", "time", "group",
    }  # fmt: skip
    keys = set(re.findall(r'task\["(\w+)"\]', code))
    files = set(re.findall(r'"((?:input|working)/[^"]*)"', code))
    return bool(keys - known) or bool(
        files
        - {
            "input/train.csv",
            "input/test.csv",
            "input/task.json",
            "input/sample_submission.csv",
            "working/submission.csv",
        }
    )


def _unseen(name: str, number: int) -> Iterator[Case]:
    """Moments of one run on a task that training never saw. A case holds until the next one is taken: the run goes on."""
    return itertools.islice(cases(random.Random(f"evaluate {name} {number}")), 40)


def drafts(examiner: Examiner, tasks: int, each: int) -> Iterator[Answer]:
    """``each`` drafts at each moment of ``tasks`` new runs that asks for one, until there are tasks * each."""
    for number in range(tasks):
        case = next((case for case in _unseen("draft", number) if case.operator is Operator.DRAFT), None)
        for seed in range(each if case is not None else 0):
            assert case is not None
            answer, plan, code = examiner.ask(case, seed)
            answer.task = f"draft {number}"
            examiner.judge(answer, case, code, number)
            judge_plan(answer, case, plan)
            yield answer


def judge_plan(answer: Answer, case: Case, plan: str) -> None:
    """Fill in whether the plan names a recipe, for a parent the one that the announced change leads to; whether it suits the
    task; and whether it is what the script does."""
    facts = case.history.facts
    announced, _, rest = ("", "", plan) if case.parent is None else plan.partition(". ")
    recipe = _recipe(rest)
    if recipe is None:
        return
    answer.plan_holds = case.parent is None or _leads_to(case, announced, recipe)
    whole = case.parent is not None or covers(recipe, facts)  # an improvement may drop what does not help
    answer.plan_suits = answer.plan_holds and whole and fits(recipe, facts)
    answer.plan_matches = answer.plan_holds and answer.hash == _hash_of(recipe, facts)


def _recipe(plan: str) -> Recipe | None:
    """The recipe that a plan, or its second sentence, names; None where that is none."""
    try:
        return recipe_in(plan)
    except ValueError:
        return None


def _hash_of(recipe: Recipe, facts: Facts) -> str:
    """Of the recipe's script; empty where an estimator lacks a parameter, or has one of no such name."""
    try:
        return ast_hash(script(recipe, facts))
    except KeyError:
        return ""


def improvements(examiner: Examiner, count: int) -> Iterator[Answer]:
    """Improvements and merges, each in the middle of a run of its own."""
    number = asked = 0
    while asked < count:
        number += 1
        eligible = (case for case in _unseen("improve", number) if case.parent is not None)
        case = next(itertools.islice(eligible, number % 6, None), None)
        if case is None:
            continue
        assert case.parent is not None
        asked += 1
        answer, plan, code = examiner.ask(case, number)
        answer.task = f"improve {number}"
        examiner.judge(answer, case, code, number)
        if answer.hash:
            answer.changed = answer.hash != ast_hash(case.parent.code)
            judge_plan(answer, case, plan)
        yield answer


def _leads_to(case: Case, announced: str, recipe: Recipe) -> bool:
    """Whether what the plan announces leads from the parent, or from both, to the recipe."""
    assert case.parent is not None
    facts, recipes = case.history.facts, case.history.recipes
    parent = recipes[case.parent.id]
    if case.other is not None:
        ways = {merge(random.Random(seed), parent, recipes[case.other.id], facts) for seed in range(40)}
        return announced == f"merge #{case.parent.id} and #{case.other.id}" and recipe in ways
    return announced in (difference(parent, recipe), *_brought_in(parent, recipe, facts))


def _brought_in(parent: Recipe, recipe: Recipe, facts: Facts) -> Iterator[str]:
    """The words of the changes that bring an estimator in and lead to ``recipe``; one comes with one of several scalings."""
    used = {estimator.name for estimator in parent.estimators}
    for other in recipe.estimators:
        for seed in range(40 if other.name not in used else 0):
            for change in with_other(random.Random(seed), parent, facts, other):
                if change.recipe == recipe:
                    yield change.words


def repairs(examiner: Examiner, each: int) -> Iterator[Answer]:
    """Scripts with each kind of bug, their real errors, the model's fixes."""
    for number, bug in enumerate(BUGS):
        done, seed = 0, FIRST_SEED + 1000 * number  # so that every bug is in scripts of other runs
        while done < each and seed < FIRST_SEED + 1000 * number + 400:
            seed += 1
            case = failing(seed, bug.name)
            if case is None:
                continue
            error = bank.error_of(case)
            if error is None:
                continue
            done += 1
            question = case.case(error)
            answer, _, code = examiner.ask(question, seed)
            answer.bug, answer.task = bug.name, f"debug {seed}"
            examiner.judge(answer, question, code, case.node.id)
            yield answer


def variety(examiner: Examiner, count: int) -> int:
    """Distinct programs among ``count`` first drafts for one task; what does not parse is none."""
    case = next(
        case
        for number in itertools.count()
        for case in _unseen("variety", number)
        if case.operator is Operator.DRAFT and not len(case.history.tree)
    )
    codes = (examiner.ask(case, seed)[2] for seed in range(count))
    return len({ast_hash(code) for code in codes if code and screen(code, examiner.modules, {})[1] is None})


def share(answers: list[Answer], what: str) -> str:
    """``27 of 30 (90 %)``."""
    good = sum(getattr(answer, what) for answer in answers)
    return f"{good} of {len(answers)} ({100 * good / max(1, len(answers)):.0f} %)"


def report(answers: list[Answer], distinct: int, asked: int) -> str:
    """The figures as Markdown."""
    by: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by[answer.operator].append(answer)
    lines = [
        "| operator | replies with code | names right | run | beat the constant guess | the corpus' own answers beat it |",
        "|---|---|---|---|---|---|",
    ]
    for operator, ones in by.items():
        columns = ("code", "names_right", "runs", "beats_constant", "own_beats_constant")
        cells = (share(ones, what) for what in columns)
        lines.append(f"| {operator} | " + " | ".join(cells) + " |")
    lines.append("")
    fixed: dict[str, list[bool]] = defaultdict(list)
    for one in by["debug"]:
        fixed[one.bug].append(one.runs)
    weak = sorted(
        (sum(runs) / len(runs), f"{bug} {sum(runs)} of {len(runs)}")
        for bug, runs in fixed.items()
        if not all(runs)
    )
    seconds = sum(answer.decode_ms for answer in answers) / 1000
    lines += [
        f"- draft, the plan suits the columns and rows: {share(by['draft'], 'plan_suits')};"
        f" the script is exactly its plan's: {share(by['draft'], 'plan_matches')}",
        *(_changes(operator, [one for one in by[operator] if one.hash]) for operator in ("improve", "merge")),
        f"- debug, fixed at the first try: {share(by['debug'], 'runs')}, of {len(fixed)} kinds of bug",
        f"- kinds not always fixed: {', '.join(said for _, said in weak) or 'none'}",
        f"- distinct programs among {asked} drafts for one task, temperature {TEMPERATURE}: {distinct}",
        f"- tasks: {len({answer.task for answer in answers})}; generations: {len(answers) + asked};"
        f" {sum(answer.tokens for answer in answers) / max(seconds, 1e-9):.0f} tokens/s",
    ]
    errors = Counter(
        f"{one.operator}: {re.sub('[0-9]+', 'N', one.error)[:90]}" for one in answers if one.error
    )
    lines += ["", "What failed most:", ""]
    lines += [f"- {count} × {error}" for error, count in errors.most_common(12)]
    return "\n".join(lines)


def _changes(operator: str, answers: list[Answer]) -> str:
    """What became of those that parse."""
    return (
        f"- {operator}, script changed: {share(answers, 'changed')}; the recipe that the plan names is what the announced"
        f" change leads to: {share(answers, 'plan_holds')}; and the script is exactly that recipe's:"
        f" {share(answers, 'plan_matches')}; the recipe suits the columns and rows, too: {share(answers, 'plan_suits')};"
        f" better than the parent on the {execution.TEST_ROWS} rows of the made-up test file: {share(answers, 'gains')},"
        f" the corpus' own answers: {share(answers, 'own_gains')}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=None, help="default: the bundled starter")
    parser.add_argument("--quick", action="store_true", help="about 450 generations in place of 1,400")
    parser.add_argument(
        "--json", type=Path, default=None, help="write every answer here, a line each, at once"
    )
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    execution.warm()
    path = given.model or bundled_models() / "starter.gguf"
    engine = LlamaModel(path)
    interpreter = probe()
    examiner = Examiner(engine, interpreter.modules, interpreter.card())
    tasks, each, improve, per_bug = (15, 8, 100, 2) if given.quick else (40, 10, 500, 5)
    answers: list[Answer] = []
    with closing(engine), (given.json or Path(os.devnull)).open("w") as log:
        for answer in itertools.chain(
            drafts(examiner, tasks, each),
            improvements(examiner, improve),
            repairs(examiner, per_bug),
        ):
            answers.append(answer)
            print(json.dumps(asdict(answer)), file=log, flush=True)
            print(f"\r{len(answers)} {answer.operator}", end="", file=sys.stderr)
        distinct = variety(examiner, 100)
    print(file=sys.stderr)
    print(report(answers, distinct, 100))


if __name__ == "__main__":
    main()
