"""The examiner: asks the model as the product does, executes what it writes, and judges what comes of it."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from aide_local.evaluate.score import ScoreError
from aide_local.llm.protocol import LanguageModel
from aide_local.prompts.build import Request, Templates
from aide_local.prompts.pack import Packer
from aide_local.prompts.parse import parse_reply
from aide_local.run.assemble import LONGEST_REPLY
from aide_local.run.precheck import ast_hash, screen
from aide_local.search.digest import digest_lines
from aide_local.types import Operator, Sampling
from models.training.corpus import execution
from models.training.corpus.cases import Case
from models.training.corpus.data import write_input
from models.training.examination.answer import Answer, better

TEMPERATURE = 0.7  # the product's default
SECONDS = 60.0  # of one script on 300 rows; a product run gives minutes, on more rows


@dataclass(slots=True)
class Examiner:
    """Asks the model and executes what it writes; ``known`` keeps what became of the corpus' own scripts."""

    model: LanguageModel
    modules: frozenset[str] = field(default_factory=frozenset)
    packages: str = ""
    known: dict[tuple[str, int], Answer] = field(default_factory=dict)

    def ask(self, case: Case, seed: int) -> tuple[Answer, str, str]:
        """Return the answer before it is judged, and the reply's plan and code."""
        task = case.history.task
        reply_tokens = min(LONGEST_REPLY, self.model.info.n_ctx // 3)
        packer = Packer(
            self.model,
            Templates(self.model.info.prompt_profile),
            task,
            packages=self.packages,
            limits="",
            n_ctx=self.model.info.n_ctx,
            reply_tokens=reply_tokens,
        )
        parent = case.parent
        digest = digest_lines(case.history.tree, parent.id if parent else None)
        request = Request.of(case.operator, digest, parent, case.other, case.hint)
        packed = packer.pack(request)
        sampling = self.model.info.follow_recommendations(
            Sampling(seed, temperature=TEMPERATURE, max_tokens=LONGEST_REPLY)
        )
        answer = Answer(case.operator.value, task.name, task.kind.value, task.metric)
        text, cut = "", False
        for chunk in self.model.generate(packed.prompt, sampling):
            if chunk.generation:
                text, cut = chunk.generation.text, chunk.generation.finish == "length"
                answer.tokens = chunk.generation.completion_tokens
                answer.decode_ms = chunk.generation.decode_ms
        reply = parse_reply(text, cut=cut)
        answer.code = bool(reply.code)
        return answer, reply.plan, reply.code

    def judge(self, answer: Answer, case: Case, code: str, seed: int) -> None:
        """Execute the script, the corpus' own answer and the parent on made-up data; fill in what came of each."""
        self._judge(answer, case, code, seed)
        own = self._judge_script(case, case.code, seed)
        answer.own_beats_constant = own.beats_constant
        if case.parent is not None and case.operator is not Operator.DEBUG:
            parent = self._judge_script(case, case.parent.code, seed)
            answer.gains = better(case.history.task, answer.score, parent.score)
            answer.own_gains = better(case.history.task, own.score, parent.score)

    def _judge_script(self, case: Case, code: str, seed: int) -> Answer:
        """Return what becomes of a script of the corpus."""
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


def _foreign_names(code: str, case: Case) -> bool:
    """Whether the script names a key of task.json or a file that there is not."""
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
