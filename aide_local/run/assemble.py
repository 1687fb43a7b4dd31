"""Put a run together from its parts: the one place that knows every implementation.

``start`` and ``resume`` give a :class:`aide_local.run.loop.Run`; iterate over its ``events()``.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Lock

from aide_local import __version__
from aide_local.errors import ModelError, SettingsError, StoreError
from aide_local.evaluate.assemble import Opened, open_evaluator
from aide_local.evaluate.final import Final
from aide_local.evaluate.reported import (
    REVIEW_SCHEMA,
    REVIEW_TOKENS,
    Review,
    Reviewer,
    read_review,
    review_text,
)
from aide_local.events import Event, RunStarted
from aide_local.home import Home
from aide_local.llm.grammar import json_schema_grammar
from aide_local.llm.llama import LlamaModel
from aide_local.llm.protocol import LanguageModel
from aide_local.llm.registry import resolve
from aide_local.prompts.build import Templates
from aide_local.prompts.pack import Packer
from aide_local.report.deliver import Deliver, write_files
from aide_local.run.full_disk import require_room
from aide_local.run.loop import Parts, Run
from aide_local.run.precheck import modules_of
from aide_local.run.writer import Writer
from aide_local.sandbox.host.select import create_sandbox
from aide_local.sandbox.interpreter import Interpreter, probe
from aide_local.sandbox.protocol import Sandbox
from aide_local.search.policy import make_policy
from aide_local.search.tree import Tree
from aide_local.store.database import DuckRunStore
from aide_local.store.run_store import create_run, open_run
from aide_local.task import Mode, Task
from aide_local.types import Generation, RunSettings, Sampling

ModelMaker = Callable[[RunSettings], LanguageModel]

LONGEST_REPLY = 4096  # tokens, where --max-tokens does not say


def llama(model: str | None, home: Home) -> ModelMaker:
    """The product's model for ``--model`` (a path, a name, or None for the default).

    Raises:
        ModelError: there is no such model, or its checksum is not the registered one.
    """
    entry = resolve(model, home)

    def make(settings: RunSettings) -> LanguageModel:
        return LlamaModel(
            entry.path,
            name=entry.name,
            sha256=entry.sha256,
            n_ctx=settings.n_ctx,
            threads=settings.threads or _model_threads(settings),
            gpu_layers=settings.gpu_layers,
        )

    return make


def _model_threads(settings: RunSettings) -> int:
    """The cores that candidates leave free; at least half, for while nothing executes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - settings.parallel, cores // 2)


def start(
    task: Task, settings: RunSettings, *, home: Home, make_model: ModelMaker, out: Path | None = None
) -> Run:
    """A new run in ``home``. ``out`` receives the deliverables; None: ``deliverables/`` in the run's folder.

    Raises:
        AideError: the model, the task, the sandbox or the home folder cannot be used. Nothing is left behind
            but a run without nodes, which ``aide-local runs`` shows as failed.
    """
    require_room(home.root)
    with ExitStack() as undo:
        interpreter = probe(settings.python)
        sandbox = create_sandbox(settings.sandbox, python=_python(settings), gpu=settings.gpu)
        undo.callback(sandbox.close)
        model = make_model(settings)
        undo.callback(model.close)
        _packer(model, task, settings, home, interpreter)  # too small a context is told before a run is made
        store = create_run(
            home,
            task=task,
            settings=settings,
            model=model.info,
            sandbox=sandbox.level.value,
            versions=_versions(interpreter),
            out=out.absolute() if out is not None else None,
        )
        undo.callback(store.close)
        undo.callback(store.set_state, "failed", "it could not be set up")
        run = _assemble(store, task, settings, home, model, sandbox, interpreter, resumed=False)
        undo.pop_all()
        return run


def resume(
    run_id: str,
    *,
    home: Home,
    make_model: ModelMaker | None = None,
    out: Path | None = None,
    **changes: object,
) -> Run:
    """Go on with a run that was killed, stopped or reached its number of steps.

    ``changes`` replace settings (``steps``, ``time_limit``). The model is the run's own, found by the path or
    name that it was started with, and must have the same checksum.

    Raises:
        AideError: there is no such run, another process has it, or its model is not to be found.
    """
    with ExitStack() as undo:
        store = open_run(home, run_id)
        undo.callback(store.close)
        settings = replace(store.settings(), **changes)  # type: ignore[arg-type]
        if changes:
            store.put_settings(settings)
        if out is not None:
            store.set_out(out.absolute())
        task = store.task()
        interpreter = probe(settings.python)
        sandbox = create_sandbox(settings.sandbox, python=_python(settings), gpu=settings.gpu)
        undo.callback(sandbox.close)
        made_with = store.model()
        model = (make_model or llama(made_with.reference, home))(settings)
        undo.callback(model.close)
        if made_with.sha256 and model.info.sha256 != made_with.sha256:
            raise ModelError(
                f"The run was made with another model: {made_with.name} with the checksum {made_with.sha256[:12]}…,"
                f" but {model.info.name} has {model.info.sha256[:12]}….",
                "Bring the first model file back, or start a new run.",
            )
        store.set_state("running")
        run = _assemble(store, task, settings, home, model, sandbox, interpreter, resumed=True)
        undo.pop_all()
        return run


def _assemble(
    store: DuckRunStore,
    task: Task,
    settings: RunSettings,
    home: Home,
    model: LanguageModel,
    sandbox: Sandbox,
    interpreter: Interpreter,
    *,
    resumed: bool,
) -> Run:
    lock = Lock()
    packer = _packer(model, task, settings, home, interpreter)
    review = _reviewer(model, packer, store, settings, lock) if task.mode is Mode.REPORTED else None
    try:
        opened = open_evaluator(task, settings, sandbox, store.folder, review)
    except OSError as error:
        raise StoreError(
            f"The run's folder {store.folder} cannot be written: {error.strerror or error}.",
            "Make room or choose another --home.",
        ) from error
    store.set_constant_score(opened.constant_score)
    tree = Tree.of(store.nodes(), task.direction)

    def writer(emit: Callable[[Event], None], halted: Callable[[], bool]) -> Writer:
        sampling = model.info.recommended(
            Sampling(0, temperature=settings.temperature, max_tokens=settings.max_tokens or LONGEST_REPLY)
        )
        return Writer(
            model,
            packer,
            store,
            interpreter.modules | modules_of(task),
            sampling=sampling,
            model_lock=lock,
            emit=emit,
            halted=halted,
            model_digest=settings.model_digest,
        )

    def started() -> Event:
        return RunStarted(
            time.time(),
            store.run_id,
            task.name,
            task.metric,
            task.direction.value,
            model.info.name,
            str(store.folder),
            settings.steps,
            opened.constant_score,
            resumed,
            task.notes,
        )

    def close() -> None:
        with ExitStack() as all_of_them:
            all_of_them.callback(store.close)
            all_of_them.callback(model.close)
            all_of_them.callback(sandbox.close)

    return Run(
        Parts(
            store=store,
            settings=settings,
            tree=tree,
            policy=make_policy(settings),
            model=model,
            writer=writer,
            evaluator=opened.evaluator,
            deliver=_deliver(store, task, opened, model, sandbox),
            gain_scale=opened.gain_scale,
            started=started,
            close=close,
        )
    )


def _python(settings: RunSettings) -> Path | None:
    return Path(settings.python) if settings.python else None


def _reserved(model: LanguageModel, settings: RunSettings) -> int:
    """Tokens of the context that a prompt leaves to the reply; a reply may use what the prompt left besides."""
    return settings.max_tokens or min(LONGEST_REPLY, model.info.n_ctx // 3)


def _refuse_beyond_the_starter(model: LanguageModel, task: Task, settings: RunSettings) -> None:
    """The bundled model knows one thing; told before it tries another. Raises SettingsError."""
    if model.info.prompt_profile != "starter":
        return
    if settings.model_digest:
        raise SettingsError(
            f"The model {model.info.name} writes scripts and nothing else, so it cannot write the journal.",
            "Leave --model-digest out, or choose another model.",
        )
    if task.mode is Mode.REPORTED or (task.mode is Mode.COMMAND and task.train is None):
        raise SettingsError(
            f"The model {model.info.name} writes scripts for tables that are scored on their predictions; a task of"
            f" mode `{task.mode}`{' without a training file' if task.mode is Mode.COMMAND else ''} is beyond it.",
            "Choose a coder model with --model (`aide-local models add FILE.gguf`).",
        )


def _packer(
    model: LanguageModel, task: Task, settings: RunSettings, home: Home, interpreter: Interpreter
) -> Packer:
    _refuse_beyond_the_starter(model, task, settings)
    override = Path(settings.prompts) if settings.prompts else home.prompts
    return Packer(
        model,
        Templates(model.info.prompt_profile, override if override.is_dir() else None),
        task,
        packages=interpreter.card(),
        limits=_limits_in_words(settings),
        n_ctx=model.info.n_ctx,
        reply_tokens=_reserved(model, settings),
    )


def _limits_in_words(settings: RunSettings) -> str:
    cores = max(1, (os.cpu_count() or 1) // settings.parallel)
    return (
        f"{settings.timeout:.0f} s for one execution, {settings.memory / 2**30:.1f} GiB of memory,"
        f" {cores} {'core' if cores == 1 else 'cores'}, no network"
    )


def _versions(interpreter: Interpreter) -> dict[str, str]:
    return {
        "aide-local": __version__,
        "python": interpreter.version,
        "platform": platform.platform(),
        **dict(interpreter.versions),
    }


def _reviewer(
    model: LanguageModel, packer: Packer, store: DuckRunStore, settings: RunSettings, lock: Lock
) -> Reviewer:
    """Return the function by which the model reviews an execution, under a grammar; each review is stored."""
    grammar = json_schema_grammar(REVIEW_SCHEMA)
    sampling = Sampling(settings.seed, temperature=0.0, max_tokens=REVIEW_TOKENS)

    def review(node: int, code: str, output: str) -> Review | None:
        packed = packer.review(review_text, code, output, reply_tokens=REVIEW_TOKENS)
        generation: Generation | None = None
        with lock:
            for chunk in model.generate(packed.prompt, sampling, grammar=grammar):
                generation = chunk.generation or generation
        if generation is None:
            return None
        store.put_generation(
            node, store.attempt(node), "review", packed.prompt, generation, sampling, packed.dropped
        )
        try:
            return read_review(generation.text)
        except ValueError:  # cut at its limit of tokens: the script's own line is left to decide
            return None

    return review


def _deliver(
    store: DuckRunStore, task: Task, opened: Opened, model: LanguageModel, sandbox: Sandbox
) -> Deliver:
    def deliver(tree: Tree, reason: str, seconds: float) -> dict[str, object]:
        out = store.out() or store.folder / "deliverables"
        try:
            out.mkdir(parents=True, exist_ok=True)
            final = opened.finalise(tree, out)
            summary = _summary(store, task, opened, model, sandbox, tree, final, reason, seconds)
            write_files(out, task, tree, summary)
        except OSError as error:
            raise StoreError(
                f"The deliverables cannot be written to {out}: {error.strerror or error}.",
                f"Choose another folder: aide-local resume {store.run_id} --out DIR.",
            ) from error
        return summary

    return deliver


def _summary(
    store: DuckRunStore,
    task: Task,
    opened: Opened,
    model: LanguageModel,
    sandbox: Sandbox,
    tree: Tree,
    final: Final | None,
    reason: str,
    seconds: float,
) -> dict[str, object]:
    """The keys of summary.json."""
    prompt_tokens, completion_tokens = store.tokens()
    return {
        "run_id": store.run_id,
        "task": task.name,
        "metric": task.metric,
        "direction": task.direction.value,
        "best_score": final.best_score if final else None,
        "ensemble_score": final.ensemble_score if final else None,
        "report_score": final.report_score if final else None,
        "best_report_score": final.best_report_score if final else None,
        "report_rows": final.report_rows if final else 0,
        "constant_score": opened.constant_score,
        "best_node": final.best if final else None,
        "ensemble": {str(node): weight for node, weight in final.weights} if final else {},
        "nodes": len(tree),
        "valid_nodes": len(tree.valid),
        "wall_seconds": round(seconds, 2),
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "model": model.info.name,
        "sandbox": sandbox.level.value,
        "stop_reason": reason,
        "out": str(store.out() or store.folder / "deliverables"),
    }
