"""The lines above and below a run: what it is, how far it is, what it uses."""

from __future__ import annotations

from rich.text import Text

from aide_local.search.digest import format_metric
from aide_local.search.tree import Tree
from aide_local.store.read import RunView
from aide_local.types import RunSettings
from tui.draw import bars, harmless, one_line
from tui.live import LiveRun
from tui.meter import Reading

UNCONFINED = "! UNCONFINED: scripts of this run see your files and the network"


def title_line(run_id: str, tree: Tree, view: RunView | None) -> Text:
    """Return the line above a run; ``view`` is None until its snapshot has been read."""
    course = bars([one.metric for one in tree.complete if one.metric is not None])
    task = one_line(f"{view.task.name}, {view.task.metric}, {view.info.model}") if view else ""
    shown = Text("  ".join(part for part in (task, course) if part) + "  ", "bold")
    if view is not None and view.sandbox == "limits":
        shown.append(f"{UNCONFINED}  ", "bold red")
    shown.append(run_id, "dim")
    return shown


def live_parts(live: LiveRun, tree: Tree, reading: Reading) -> list[str]:
    """Return the parts of the status line for a run of this process."""
    settings = live.run.settings
    parts = ["ended" if live.ended else "paused" if live.paused else "running", live.phase]
    parts += [*_progress(tree, settings), _best(tree)]
    if live.run.waiting:
        parts.append(f"{len(live.run.waiting)} asked for")
    if live.ended:
        return [*parts, _delivery(live.delivered)]
    limit = f"/{clock(settings.time_limit)}" if settings.time_limit else ""
    parts.append(f"{clock(live.run.elapsed())}{limit}")
    if live.speed:
        parts.append(
            f"writes {live.speed:.0f}, reads {live.prefill:.0f} tokens/s,"
            f" {live.cached:.0%} cached, {live.guessed:.0%} guessed"
        )
    return [*parts, reading.in_words()]


def view_parts(view: RunView, tree: Tree) -> list[str]:
    """Return the parts of the status line for a run of another process, or one that has ended."""
    parts = [view.info.state, view.info.stop_reason, *_progress(tree, view.settings), _best(tree)]
    return [*parts, clock(view.info.seconds), _delivery(view.summary.out if view.summary is not None else "")]


def _delivery(folder: str) -> str:
    """Return where submission, script and report lie; empty until they do."""
    return f"delivered to {folder}" if folder else ""


def _best(tree: Tree) -> str:
    return f"best {format_metric(tree.best.metric)} #{tree.best.id}" if tree.best else "no valid node yet"


def status_line(parts: list[str], trouble: str) -> Text:
    """Return the line below a run, and below it what went wrong."""
    shown = Text("  ".join(one_line(part) for part in parts if part))
    if trouble:
        shown.append(f"\n! {harmless(trouble)}", "red")
    return shown


def clock(seconds: float) -> str:
    """Return ``1:02:03``, without the hours if there are none."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _progress(tree: Tree, settings: RunSettings) -> list[str]:
    """Return how many nodes there are, and how many of the model's steps are begun."""
    parts = [f"{len(tree)} nodes"]
    if settings.written is not None:
        parts.append(f"step {tree.written}/{settings.written}")
    return parts
