"""The loop's own cost for a node: all but generation and execution, on a tree of 20 and of 2,000 nodes.

    python -m benchmarks.overhead

The store, the policy, the digest, the prompt packer with the starter's own tokenizer and the snapshots are the
product's; the reply comes at once and the execution takes no time. Target: 50 ms at 20 nodes, 150 ms at 2,000.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event as Flag
from threading import Lock

from aide_local.evaluate.compare import Rival
from aide_local.evaluate.cores import CoreBudget
from aide_local.evaluate.protocol import Evaluation
from aide_local.events import Event, NodeFinished
from aide_local.home import Home
from aide_local.llm.protocol import Chunk, LanguageModel
from aide_local.prompts.build import Templates
from aide_local.prompts.pack import Packer
from aide_local.run.assemble import llama
from aide_local.run.execution_lane import Scale
from aide_local.run.loop import Ending, Parts, Run
from aide_local.run.sources import Sources
from aide_local.run.writer import Writer
from aide_local.search.tree import Tree
from aide_local.store.database import DuckRunStore
from aide_local.store.run_store import create_run
from aide_local.tasks.load import load_task
from aide_local.types import (
    FoldScore,
    Generation,
    Message,
    Node,
    NodeError,
    NodeState,
    Operator,
    RunSettings,
    Sampling,
    Summary,
)

TASK = Path(__file__).parent.parent / "sample_tasks" / "bike_demand"
SCRIPT = (
    "import pandas as pd\n" + "\n".join(f"step_{n} = pd.Series([{n}])" for n in range(40)) + "\nprint({n})\n"
)


class AtOnce:
    """A model with the real template and tokenizer, whose replies cost nothing and are all different."""

    def __init__(self, real: LanguageModel) -> None:
        self._real = real
        self.info = real.info

    def render(self, messages: Sequence[Message]) -> str:
        return self._real.render(messages)

    def count(self, text: str) -> int:
        return self._real.count(text)

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        text = f"A plan.\n```python\n{SCRIPT.replace('{n}', str(sampling.seed))}```"
        yield Chunk("", Generation(text=text, finish="stop", completion_tokens=500, seed=sampling.seed))

    def cancel(self) -> None: ...

    def close(self) -> None: ...


class NoExecution:
    """An evaluator that returns a result of five folds in no time; one node in five fails."""

    def evaluate(
        self,
        node: int,
        code: str,
        *,
        rival: Rival | None = None,
        wall: float | None = None,
        on_output: Callable[[int, str], None] | None = None,
        on_fold: Callable[[FoldScore], None] | None = None,
        cancel: Flag | None = None,
    ) -> Evaluation:
        made = result(node)
        return Evaluation(metric=made.metric, complete=made.complete, folds=made.folds, error=made.error)


def result(node: int) -> Node:
    """Return a finished node as a search might have made it."""
    rng = random.Random(node)
    parent = rng.randrange(node) if node > 5 else None
    operator = Operator.DRAFT if parent is None else Operator.IMPROVE
    code = SCRIPT.replace("{n}", str(node))
    plan = f"A gradient boosting with {node} trees and a feature of the hour. It should help."
    if rng.random() < 0.2:
        error = NodeError("exception", "KeyError", f"'column {node}'", 3)
        return Node(
            id=node,
            operator=operator,
            parent=parent,
            state=NodeState.BUGGY,
            plan=plan,
            code=code,
            error=error,
        )
    metric = 0.5 + rng.random() / 10
    folds = tuple(FoldScore(fold, metric + rng.gauss(0, 0.01)) for fold in range(5))
    return Node(
        id=node, operator=operator, parent=parent, state=NodeState.VALID, plan=plan, code=code,
        metric=metric, complete=True, folds=folds,
    )  # fmt: skip


def measure(nodes: int, more: int, real: LanguageModel, place: Path) -> list[float]:
    """Return the seconds for each of ``more`` nodes on a tree that holds ``nodes``."""
    settings = RunSettings.paper(steps=nodes + more, seed=1)
    task = load_task(TASK)
    store: DuckRunStore = create_run(
        Home(place), task=task, settings=settings, model=real.info, sandbox="limits", versions={}
    )
    for node in range(nodes):
        store.put_node(result(node))
    model = AtOnce(real)
    packer = Packer(
        model, Templates(real.info.prompt_profile), task,
        packages="pandas, scikit-learn, xgboost", limits="60 s", n_ctx=real.info.n_ctx,
        reply_tokens=real.info.n_ctx // 3,
    )  # fmt: skip

    modules = frozenset({"pandas"})

    def writer(
        emit: Callable[[Event], None], halted: Callable[[], bool], sampling: Callable[[], Sampling]
    ) -> Writer:
        return Writer(
            model, packer, store, modules, sampling=sampling, model_lock=Lock(), emit=emit, halted=halted
        )

    def deliver(tree: Tree, ending: Ending) -> Summary:
        return Summary(
            run_id=store.run_id, task=task.name, metric=task.metric, direction=task.direction.value
        )

    run = Run(
        Parts(
            store=store,
            settings=settings,
            tree=Tree.of(store.nodes(), task.direction),
            model=model,
            writer=writer,
            sampling=lambda settings: Sampling(0),
            evaluator=NoExecution(),
            cores=CoreBudget(),
            sources=Sources(()),
            modules=modules,
            reads=lambda tree: tree,
            deliver=deliver,
            reserve=lambda tree: 0.0,
            scale=Scale(gain=0.0, constant=None),
            started=lambda: Event(time.time()),
            close=store.close,
        )
    )
    moments = [time.perf_counter()]
    moments += [time.perf_counter() for event in run.events() if isinstance(event, NodeFinished)]
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=100, help="nodes measured for each size")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "home")
        real = llama(None, home)(RunSettings())
        try:
            for size, target in ((20, 50), (2000, 150)):
                seconds = measure(size, options.nodes, real, Path(place) / str(size))
                milliseconds = sorted(1000 * one for one in seconds)
                print(
                    f"{size:5} nodes: median {statistics.median(milliseconds):.1f} ms,"
                    f" p95 {milliseconds[int(0.95 * len(milliseconds))]:.1f} ms a node (target {target} ms)"
                )
        finally:
            real.close()


if __name__ == "__main__":
    main()
