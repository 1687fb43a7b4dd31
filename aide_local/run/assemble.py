"""Put a run together from its parts: the one place that knows every implementation.

``start`` and ``resume`` give a :class:`aide_local.run.loop.Run`; iterate over its ``events()``.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from aide_local import __version__
from aide_local.errors import ModelError, SettingsError, StoreError
from aide_local.evaluate.assemble import Opened, open_evaluator
from aide_local.evaluate.cores import CoreBudget, available_cores
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
from aide_local.run.delivery import Delivery, reserve
from aide_local.run.execution_lane import Scale
from aide_local.run.full_disk import require_room
from aide_local.run.loop import Parts, Run
from aide_local.run.precheck import modules_of
from aide_local.run.sources import Script, Sources, first_scripts, recall
from aide_local.run.writer import Writer
from aide_local.sandbox.host.select import create_sandbox
from aide_local.sandbox.interpreter import Interpreter, probe
from aide_local.sandbox.protocol import Sandbox
from aide_local.search.policies import make_policy
from aide_local.search.tree import Tree
from aide_local.search.tuner.choose import choose as choose_tuned
from aide_local.store.database import DuckRunStore
from aide_local.store.run_store import create_run, open_run
from aide_local.task import Mode, Task
from aide_local.types import Generation, Origin, RunSettings, RunState, Sampling

ModelMaker = Callable[[RunSettings], LanguageModel]

STARTER = "starter"  # the prompt profile of the bundled model
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
    """Return half of the cores, at least one: the other half is left to the candidates."""
    return max(1, len(available_cores()[: settings.cores]) // 2)


def start(
    task: Task, settings: RunSettings, *, home: Home, make_model: ModelMaker, out: Path | None = None
) -> Run:
    """Make a new run in ``home``. ``out`` receives the deliverables; None: ``deliverables/`` in the run's folder.

    Raises:
        AideError: the settings, the model, the task, the sandbox or the home folder cannot be used. Nothing is left
            behind but a run without nodes, which ``aide-local runs`` shows as failed.
    """
    require_room(home.root)
    with ExitStack() as undo:
        settings, trouble = recall(task, settings, home)
        setup = _set_up(task, settings, home, make_model, undo)
        store = create_run(
            home,
            task=task,
            settings=settings,
            model=setup.model.info,
            sandbox=setup.sandbox.level.value,
            versions=_versions(setup.interpreter),
            out=out.absolute() if out is not None else None,
        )
        undo.callback(store.close)
        undo.callback(store.set_state, RunState.FAILED, "it could not be set up")
        run = _assemble(store, setup, resumed=False, troubles=(trouble,) if trouble else ())
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
        made_with = store.model()
        setup = _set_up(store.task(), settings, home, make_model or llama(made_with.reference, home), undo)
        found = setup.model.info
        if made_with.sha256 and found.sha256 != made_with.sha256:
            raise ModelError(
                f"The run was made with another model: {made_with.name} with the checksum {made_with.sha256[:12]}…,"
                f" but {found.name} has {found.sha256[:12]}….",
                "Bring the first model file back, or start a new run.",
            )
        store.set_state(RunState.RUNNING)
        run = _assemble(store, setup, resumed=True)
        undo.pop_all()
        return run


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setup:
    """What a run is made of before it has a store: all that its settings may be refused for."""

    task: Task
    settings: RunSettings
    interpreter: Interpreter
    sandbox: Sandbox
    model: LanguageModel
    packer: Packer
    scripts: tuple[Script, ...]


def _set_up(task: Task, settings: RunSettings, home: Home, make_model: ModelMaker, undo: ExitStack) -> _Setup:
    """Load the model and open the sandbox; ``undo`` closes them again."""
    make_policy(settings)  # refuses a name that it does not know
    interpreter = probe(settings.python)
    scripts = first_scripts(task, settings, interpreter.modules)
    sandbox = create_sandbox(settings.sandbox, gpu=settings.gpu)
    undo.callback(sandbox.close)
    model = make_model(settings)
    undo.callback(model.close)
    return _Setup(
        task=task,
        settings=settings,
        interpreter=interpreter,
        sandbox=sandbox,
        model=model,
        packer=_packer(model, task, settings, home, interpreter),
        scripts=scripts,
    )


def _assemble(store: DuckRunStore, setup: _Setup, *, resumed: bool, troubles: tuple[str, ...] = ()) -> Run:
    task, settings, model = setup.task, setup.settings, setup.model
    lock = Lock()
    cores = CoreBudget(available_cores()[: settings.cores])
    review = _reviewer(model, setup.packer, store, settings, lock) if task.mode is Mode.REPORTED else None
    opened = _open(store, setup, cores, review)
    modules = setup.interpreter.modules | modules_of(task)
    starter = model.info.prompt_profile == STARTER

    def writer(
        emit: Callable[[Event], None], halted: Callable[[], bool], sampling: Callable[[], Sampling]
    ) -> Writer:
        return Writer(
            model,
            setup.packer,
            store,
            modules,
            sampling=sampling,
            model_lock=lock,
            emit=emit,
            halted=halted,
            time_limit=lambda: None if starter else settings.time_limit,
            model_digest=settings.model_digest,
        )

    def close() -> None:
        with ExitStack() as all_of_them:
            all_of_them.callback(store.close)
            all_of_them.callback(model.close)
            all_of_them.callback(setup.sandbox.close)

    tunes = settings.tune > 0 and task.mode is Mode.FOLDS
    return Run(
        Parts(
            store=store,
            settings=settings,
            tree=Tree.of(store.nodes(), task.direction),
            model=model,
            writer=writer,
            sampling=lambda settings: _sampling(model, settings),
            evaluator=opened.evaluator,
            cores=cores,
            sources=Sources(setup.scripts, choose_tuned if tunes else None),
            modules=modules,
            reads=_own_scripts if starter else lambda tree: tree,
            deliver=Delivery(store, task, opened, model.info.name, setup.sandbox.level.value, settings.refit),
            reserve=lambda tree: reserve(tree, settings.time_limit, refit=settings.refit),
            scale=Scale(gain=opened.gain_scale, constant=opened.constant_score),
            started=lambda: _started(store, setup, opened, resumed=resumed),
            troubles=troubles,
            close=close,
        )
    )


def _open(store: DuckRunStore, setup: _Setup, cores: CoreBudget, review: Reviewer | None) -> Opened:
    try:
        opened = open_evaluator(setup.task, setup.settings, setup.sandbox, store.folder, cores, review)
    except OSError as error:
        raise StoreError(
            f"The run's folder {store.folder} cannot be written: {error.strerror or error}.",
            "Make room or choose another --home.",
        ) from error
    store.set_constant_score(opened.constant_score)
    return opened


def _own_scripts(tree: Tree) -> Tree:
    """Return what the starter reads: it was trained on scripts like its own, and makes nonsense of others."""
    return tree.without((Origin.PLAYBOOK, Origin.HISTORY, Origin.TUNER))


def _sampling(model: LanguageModel, settings: RunSettings) -> Sampling:
    return model.info.follow_recommendations(
        Sampling(0, temperature=settings.temperature, max_tokens=settings.max_tokens or LONGEST_REPLY)
    )


def _started(store: DuckRunStore, setup: _Setup, opened: Opened, *, resumed: bool) -> RunStarted:
    task = setup.task
    return RunStarted(
        time.time(),
        store.run_id,
        task.name,
        task.metric,
        task.direction.value,
        setup.model.info.name,
        str(store.folder),
        setup.settings.written,
        opened.constant_score,
        resumed,
        task.notes,
    )


def _reserved(model: LanguageModel, settings: RunSettings) -> int:
    """Tokens of the context that a prompt leaves to the reply; a reply may use what the prompt left besides."""
    return settings.max_tokens or min(LONGEST_REPLY, model.info.n_ctx // 3)


def _refuse_beyond_the_starter(model: LanguageModel, task: Task, settings: RunSettings) -> None:
    """The bundled model knows one thing; told before it tries another. Raises SettingsError."""
    if model.info.prompt_profile != STARTER:
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
    cores = max(1, len(available_cores()[: settings.cores]) // settings.folds)
    return (
        f"{settings.execution_limit(settings.time_limit):.0f} s for one execution,"
        f" {settings.memory / 2**30:.1f} GiB of memory, {cores} {'core' if cores == 1 else 'cores'}, no network"
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
