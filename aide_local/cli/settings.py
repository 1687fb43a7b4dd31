"""The options of a search, by what they are about, as keywords of :class:`aide_local.types.RunSettings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aide_local.basics.units import parse_duration, parse_size
from aide_local.cli.options import at_least, between
from aide_local.errors import SettingsError
from aide_local.types import RunSettings

D = RunSettings()


def search(
    *,
    steps: Annotated[
        int | None,
        typer.Option(
            help=f"Scripts that the model writes ({D.STEPS}; with --time-limit: as many as fit); the playbook and the tuner"
            " are bounded by time and by --tune.",
            show_default=False,
        ),
    ] = D.steps,
    time_limit: Annotated[
        str | None,
        typer.Option(help="Wall time of the whole run with its delivery: 10m, 2h.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = D.seed,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = D.folds,
    start: Annotated[
        list[Path] | None,
        typer.Option(help="A script of your own to begin with; once for each.", show_default=False),
    ] = None,
    playbook: Annotated[
        str, typer.Option(help="on, off, or a folder of scripts added to the bundled ones.")
    ] = D.playbook,
    history: Annotated[
        str, typer.Option(help="auto: begin with the best scripts of similar tasks of this home; off.")
    ] = D.history,
    tune: Annotated[
        str, typer.Option(help="Share of the execution time for tuning without the model, such as 0.5; off.")
    ] = f"{D.tune:g}",
) -> dict[str, Any]:
    """Return the settings of what is tried.

    Raises:
        SettingsError: a value cannot be used.
    """
    at_least(steps, 1, "--steps")
    at_least(folds, 2, "--folds")
    if history not in ("auto", "off"):
        raise SettingsError(f"--history {history!r} is not known.", "Say auto or off.")
    return {
        "steps": steps,
        "time_limit": parse_duration(time_limit, "--time-limit"),
        "seed": seed,
        "folds": folds,
        "starts": tuple(_script(path) for path in start or ()),
        "playbook": playbook if playbook in ("on", "off") else str(Path(playbook).absolute()),
        "history": history,
        "tune": tuner_share(tune, "--tune"),
    }


def rules(
    *,
    policy: Annotated[str, typer.Option(help="Search policy: greedy.")] = D.policy,
    drafts: Annotated[int, typer.Option(help="Drafts before anything is improved.")] = D.num_drafts,
    debug_prob: Annotated[
        float, typer.Option(help="Chance to debug a failed node, after the drafts.")
    ] = D.debug_prob,
    racing: Annotated[
        bool, typer.Option(help="Stop nodes that are clearly behind after each fold.")
    ] = D.racing,
    refit: Annotated[bool, typer.Option(help="What is delivered learns from all rows once more.")] = D.refit,
) -> dict[str, Any]:
    """Return the settings of how it is searched.

    Raises:
        SettingsError: a value cannot be used.
    """
    between(debug_prob, 0, 1, "--debug-prob")
    return {
        "policy": policy,
        "num_drafts": drafts,
        "debug_prob": debug_prob,
        "racing": racing,
        "refit": refit,
    }


def model_use(
    *,
    temperature: Annotated[
        float, typer.Option(help="Of the model's sampling; 0: always the likeliest.")
    ] = D.temperature,
    n_ctx: Annotated[
        int | None, typer.Option(help="Tokens of the model's context.", show_default=False)
    ] = D.n_ctx,
    max_tokens: Annotated[
        int | None, typer.Option(help="Tokens of a reply.", show_default=False)
    ] = D.max_tokens,
    threads: Annotated[
        int | None, typer.Option(help="Threads of the model.", show_default=False)
    ] = D.threads,
    gpu_layers: Annotated[int, typer.Option(help="Layers on the GPU; -1: all that fit.")] = D.gpu_layers,
    model_digest: Annotated[
        bool,
        typer.Option(
            "--model-digest", help="The model, not the rules, writes the journal's line of each node."
        ),
    ] = D.model_digest,
    prompts: Annotated[
        Path | None, typer.Option(help="Folder of prompt templates that override ours.", show_default=False)
    ] = None,
) -> dict[str, Any]:
    """Return the settings of how the model is used.

    Raises:
        SettingsError: a value cannot be used.
    """
    at_least(n_ctx, 256, "--n-ctx")
    at_least(max_tokens, 16, "--max-tokens")
    at_least(threads, 1, "--threads")
    if temperature < 0:
        raise SettingsError(f"--temperature {temperature} is negative.", "Give 0 or more.")
    return {
        "temperature": temperature,
        "n_ctx": n_ctx,
        "max_tokens": max_tokens,
        "threads": threads,
        "gpu_layers": gpu_layers,
        "model_digest": model_digest,
        "prompts": str(prompts.absolute()) if prompts else None,
    }


def execution(
    *,
    cores: Annotated[
        int | None,
        typer.Option(help="Cores for the model and the candidates together (all).", show_default=False),
    ] = D.cores,
    parallel: Annotated[
        int | None,
        typer.Option(help="Nodes that execute at once (as many as keep the cores busy).", show_default=False),
    ] = D.parallel,
    memory: Annotated[
        str, typer.Option(help="Memory of a candidate, with all its processes.")
    ] = f"{D.memory >> 30}g",
    timeout: Annotated[
        str | None,
        typer.Option(
            help="Wall time of one execution, which is one fold (10m; at most a fifth of the time left).",
            show_default=False,
        ),
    ] = None,
    sandbox: Annotated[
        str, typer.Option(help="auto, strict, landlock, or limits (confines nothing).")
    ] = D.sandbox,
    gpu: Annotated[bool, typer.Option("--gpu", help="Candidates may use the GPU (NVIDIA, AMD).")] = D.gpu,
    python: Annotated[
        Path | None, typer.Option(help="Interpreter of the candidates.", show_default=False)
    ] = None,
) -> dict[str, Any]:
    """Return the settings of how scripts are executed.

    Raises:
        SettingsError: a value cannot be used.
    """
    at_least(cores, 1, "--cores")
    at_least(parallel, 1, "--parallel")
    return {
        "cores": cores,
        "parallel": parallel,
        "memory": parse_size(memory, "--memory"),
        "timeout": parse_duration(timeout, "--timeout"),
        "sandbox": sandbox,
        "gpu": gpu,
        "python": str(python.absolute()) if python else None,
    }


def tuner_share(text: str, name: str) -> float:
    """Return the tuner's share; ``off`` is 0.

    Raises:
        SettingsError: it is neither ``off`` nor a share.
    """
    try:
        share = 0.0 if text == "off" else float(text)
    except ValueError:
        raise SettingsError(f"{name} {text!r} is not known.", "Say off, or a share such as 0.5.") from None
    between(share, 0, 0.95, name)
    return share


def _script(path: Path) -> str:
    """Return the text of a script that the person names.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"--start {path} cannot be read: {error}.", "Give a Python file in UTF-8."
        ) from error
