"""The options of a search, by what they are about, as keywords of :class:`aide_local.types.RunSettings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aide_local.basics.units import seconds, size
from aide_local.cli.options import at_least, between, option
from aide_local.errors import SettingsError
from aide_local.types import RunSettings

D = RunSettings()


def search(
    *,
    steps: option(
        int | None,
        f"Scripts that the model writes ({D.STEPS}; with --time-limit: as many as fit). The playbook and the tuner are bounded by time and by --tune.",
    ) = D.steps,  # type: ignore[valid-type]
    time_limit: option(str | None, "Wall time of the whole run with its delivery: 10m, 2h.") = None,  # type: ignore[valid-type]
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = D.seed,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = D.folds,
    start: option(list[Path] | None, "A script of your own to begin with; once for each.") = None,  # type: ignore[valid-type]
    playbook: Annotated[
        str, typer.Option(help="on, off, or a folder of scripts added to the bundled ones.")
    ] = D.playbook,
    history: Annotated[
        str, typer.Option(help="auto: begin with the best scripts of similar tasks of this home; off.")
    ] = D.history,
    tune: Annotated[
        float,
        typer.Option(help="Share of the execution time for tuning parameters without the model; 0: off."),
    ] = D.tune,
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
    """Return the settings of what is tried.

    Raises:
        SettingsError: a value cannot be used.
    """
    at_least(steps, 0, "--steps")
    at_least(folds, 2, "--folds")
    between(debug_prob, 0, 1, "--debug-prob")
    between(tune, 0, 0.95, "--tune")
    if history not in ("auto", "off"):
        raise SettingsError(f"--history {history!r} is not known.", "Say auto or off.")
    return {
        "steps": steps,
        "time_limit": seconds(time_limit, "--time-limit"),
        "seed": seed,
        "folds": folds,
        "starts": tuple(_script(path) for path in start or ()),
        "playbook": playbook if playbook in ("on", "off") else str(Path(playbook).absolute()),
        "history": history,
        "tune": tune,
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
    n_ctx: option(int | None, "Tokens of the model's context.") = D.n_ctx,  # type: ignore[valid-type]
    max_tokens: option(int | None, "Tokens of a reply.") = D.max_tokens,  # type: ignore[valid-type]
    threads: option(int | None, "Threads of the model.") = D.threads,  # type: ignore[valid-type]
    gpu_layers: Annotated[int, typer.Option(help="Layers on the GPU; -1: all that fit.")] = D.gpu_layers,
    model_digest: Annotated[
        bool,
        typer.Option(
            "--model-digest", help="The model, not the rules, writes the journal's line of each node."
        ),
    ] = D.model_digest,
    prompts: option(Path | None, "Folder of prompt templates that override ours.") = None,  # type: ignore[valid-type]
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
    cores: option(int | None, "Cores for the model and the candidates together (all).") = D.cores,  # type: ignore[valid-type]
    parallel: option(int | None, "Nodes that execute at once (as many as keep the cores busy).") = D.parallel,  # type: ignore[valid-type]
    memory: Annotated[
        str, typer.Option(help="Memory of a candidate, with all its processes.")
    ] = f"{D.memory >> 30}g",
    timeout: option(
        str | None, "Wall time of one execution, which is one fold (10m; at most a fifth of the time left)."
    ) = None,  # type: ignore[valid-type]
    sandbox: Annotated[
        str, typer.Option(help="auto, strict, landlock, or limits (confines nothing).")
    ] = D.sandbox,
    gpu: Annotated[bool, typer.Option("--gpu", help="Candidates may use the GPU (NVIDIA, AMD).")] = D.gpu,
    python: option(Path | None, "Interpreter of the candidates.") = None,  # type: ignore[valid-type]
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
        "memory": size(memory, "--memory"),
        "timeout": seconds(timeout, "--timeout"),
        "sandbox": sandbox,
        "gpu": gpu,
        "python": str(python.absolute()) if python else None,
    }


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
