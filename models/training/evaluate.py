"""Examine what a model can do on tasks never seen in training, operator by operator. Needs no torch.

    python -m models.training.evaluate --quick                 # the figures of the model card
    python -m models.training.evaluate --model other.gguf      # any GGUF file

Every prompt is packed by the product's own packer and answered through the product's own model process; every script is
executed on made-up data of its task, and its predictions are read and scored by the product's own code. The
tasks, histories and bugs come from seeds that training never uses.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from aide_local.llm.llama import LlamaModel
from aide_local.llm.registry import bundled_models
from aide_local.run.precheck import ast_hash, screen
from aide_local.sandbox.interpreter import probe
from aide_local.types import Operator
from models.training.corpus import bank, execution
from models.training.corpus.bugs import BUGS
from models.training.corpus.cases import Case, cases, failing_script
from models.training.examination.answer import Answer
from models.training.examination.examiner import Examiner
from models.training.examination.figures import report
from models.training.examination.plans import judge_plan

FIRST_SEED = 10_000_000  # of failing scripts; the bank's are far below


def _unseen(name: str, number: int) -> Iterator[Case]:
    """Yield moments of one run on a task that training never saw. A case is valid until the next one is taken: the run goes on."""
    return itertools.islice(cases(random.Random(f"evaluate {name} {number}")), 40)


def drafts(examiner: Examiner, tasks: int, each: int) -> Iterator[Answer]:
    """Yield the answers to ``each`` drafts for each of ``tasks`` new runs."""
    for number in range(tasks):
        case = next((case for case in _unseen("draft", number) if case.operator is Operator.DRAFT), None)
        for seed in range(each if case is not None else 0):
            assert case is not None
            answer, plan, code = examiner.ask(case, seed)
            answer.task = f"draft {number}"
            examiner.judge(answer, case, code, number)
            judge_plan(answer, case, plan)
            yield answer


def improvements(examiner: Examiner, count: int) -> Iterator[Answer]:
    """Yield the answers to improvements and merges, each in the middle of a run of its own."""
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


def repairs(examiner: Examiner, each: int) -> Iterator[Answer]:
    """Yield the fixes of scripts with each kind of bug, asked for with their real errors."""
    for number, bug in enumerate(BUGS):
        done, seed = 0, FIRST_SEED + 1000 * number  # so that every bug is in scripts of other runs
        while done < each and seed < FIRST_SEED + 1000 * number + 400:
            seed += 1
            case = failing_script(seed, bug.name)
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
    """Return the number of distinct programs among ``count`` first drafts for one task; what does not parse is none."""
    case = next(
        case
        for number in itertools.count()
        for case in _unseen("variety", number)
        if case.operator is Operator.DRAFT and not len(case.history.tree)
    )
    codes = (examiner.ask(case, seed)[2] for seed in range(count))
    return len({ast_hash(code) for code in codes if code and screen(code, examiner.modules, {})[1] is None})


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
    model = LlamaModel(path)
    interpreter = probe()
    examiner = Examiner(model, interpreter.modules, interpreter.card())
    tasks, each, improve, per_bug = (15, 8, 100, 2) if given.quick else (40, 10, 500, 5)
    answers: list[Answer] = []
    with closing(model), (given.json or Path(os.devnull)).open("w") as log:
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
