"""The application: its screens, the runs that it executes, its preferences, its log."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen

from aide_local.errors import AideError, SettingsError
from aide_local.home import Home
from aide_local.run.assemble import llama, resume, start
from aide_local.run.loop import Run
from aide_local.store.read import list_runs
from aide_local.task import Task
from aide_local.types import RunSettings
from tui.dialogs import Ask, Confirm, Help, Reader, keys_now
from tui.home import SHOWN, HomeScreen
from tui.keys import key
from tui.live import LiveRun
from tui.models import ModelsScreen
from tui.new_run import NewRunScreen
from tui.run import RunScreen
from tui.settings import SettingsApp
from tui.sql import SqlScreen
from tui.text import inert

First = tuple[Task, RunSettings, str | None, Path | None]  # a run to begin with: …, model, out
_LOG = logging.getLogger("aide_local.window")
END_WITHIN = 20.0  # seconds for the runs to end when the program is left


class AideApp(SettingsApp):
    """``home`` is where runs lie; ``run_id`` is opened at once."""

    TITLE = "aide-local"
    CSS_PATH = "style.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-high")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        key("question_mark,f1", "help", "Help", "The keys that work here", group="app", footer=True),
        key("f12", "log", "Log", "What this window told so far", group="app"),
        key("ctrl+q", "leave", "Quit", "Leave the program", group="app"),
    ]

    def __init__(self, home: Home, run_id: str = "", first: First | None = None) -> None:
        super().__init__(home)
        self.live: dict[str, LiveRun] = {}
        self._open_first = run_id
        self._start_first = first
        self._starting: float | None = None  # when, in monotonic seconds
        self._told: list[tuple[str, str]] = []
        self.failed = False

    def on_mount(self) -> None:
        self.begin_settings()
        self.push_screen(HomeScreen(self.home))
        if self._open_first:
            self.open_run(self._open_first)
        if self._start_first is not None:
            self.begin(*self._start_first)
        self.set_interval(1.0, self._follow)

    def _follow(self) -> None:
        """Take what came from runs whose screen is not open, so that nothing piles up; what is waited for ticks."""
        if not self.is_running:
            return
        for live in self.live.values():
            if not (isinstance(self.screen, RunScreen) and self.screen.live is live):
                live.take()
        if isinstance(self.screen, HomeScreen | RunScreen):
            self.screen.show_status()

    @property
    def doing(self) -> str:
        """What the person waits for, in words; empty where it is nothing."""
        if self._starting is None:
            return ""
        return f"the model is being loaded, {time.monotonic() - self._starting:.0f} s"

    # ---- runs ----

    def new_run(self, path: str = "") -> None:
        def answered(form: tuple[Task, RunSettings, str | None] | None) -> None:
            if form is not None:
                self.begin(*form)

        if self._is_free():
            self.push_screen(NewRunScreen(self.home, path, self.preferences.model), answered)

    def begin(self, task: Task, settings: RunSettings, model: str | None, out: Path | None = None) -> None:
        self._launch(
            lambda: start(task, settings, home=self.home, make_model=llama(model, self.home), out=out)
        )

    def resume_run(self, run_id: str) -> None:
        """Go on with a run here; a finished one is asked for how many nodes in all."""
        if run_id in self.live and not self.live[run_id].ended:
            self.open_run(run_id)
            return
        if not self._is_free():
            return

        def answered(said: str | None) -> None:
            if said is None:
                return
            try:
                changes: dict[str, Any] = {"steps": int(said)} if said.strip() else {}
            except ValueError:
                self.notify(f"{said!r} is not a whole number.", severity="error", markup=False)
                return
            self._launch(lambda: resume(run_id, home=self.home, **changes))

        info = next((one for one in list_runs(self.home, latest=SHOWN) if one.id == run_id), None)
        has = f"It has {info.nodes} nodes. " if info is not None else ""
        self.push_screen(
            Ask(
                f"{has}Go on to how many in all?",
                placeholder="a number; nothing: as many as it was given, and deliver anew",
            ),
            answered,
        )

    def _is_free(self) -> bool:
        if self._starting is not None:
            self.notify("A run is being started: wait for its model.", severity="warning")
            return False
        going = [run_id for run_id, live in self.live.items() if not live.ended]
        if going:
            self.notify(
                "One run at a time: the model and the cores are its. Stop it first, or open it with enter.",
                severity="warning",
            )
        return not going

    @work(thread=True, group="launch")
    def _launch(self, make: Callable[[], Run]) -> None:
        """Loading the model takes a while, so it is done in a thread.

        A run that ended here gives its lock and its memory back first: it closes its files after its last event.
        """
        self._starting = time.monotonic()
        self.call_from_thread(self.notify, "The model is being loaded.", timeout=3)
        try:
            for ended in self.live.values():
                ended.wait(END_WITHIN)
            run = make()
        except AideError as error:
            self.call_from_thread(self.tell, error)
            return
        finally:
            self._starting = None
        self.call_from_thread(self._launched, run)

    def _launched(self, run: Run) -> None:
        live = LiveRun(run)
        live.begin()
        self.live[run.run_id] = live
        if isinstance(self.screen, RunScreen) and self.screen.run_id == run.run_id:
            self.screen.attach(live)
        else:
            self.push_screen(RunScreen(self.home, run.run_id, live))

    def open_run(self, run_id: str, node: int | None = None) -> None:
        self.push_screen(RunScreen(self.home, run_id, self.live.get(run_id), node))

    def open_sql(self) -> None:
        self.push_screen(SqlScreen(self.home))

    def open_models(self) -> None:
        self.push_screen(ModelsScreen(self.home))

    # ---- everywhere ----

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Shown for a while, kept in the log (f12) for as long as the window is open; errors also in its file."""
        shown = inert(message)
        self._told.append((severity, shown))
        if severity == "error":
            _LOG.error(shown)
        super().notify(shown, title=title, severity=severity, timeout=timeout, markup=False)

    def action_help(self) -> None:
        found = [one.binding for one in self.screen.active_bindings.values() if one.enabled]
        ours_first = sorted(found, key=lambda binding: not binding.id)
        self.push_screen(Help(keys_now(ours_first)))

    def action_log(self) -> None:
        text = "\n".join(f"{severity}: {message}" for severity, message in self._told)
        self.push_screen(
            Reader("Log", text or "Nothing was told yet.", f"errors are kept in {self.home.log}")
        )

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the screen by name, once however many keys it has, then Textual's own."""
        named = set()
        for one in screen.active_bindings.values():
            binding = one.binding
            if one.enabled and binding.id and binding.id not in named:
                named.add(binding.id)
                yield SystemCommand(
                    binding.description,
                    binding.tooltip or binding.description,
                    lambda action=binding.action, node=one.node: self.call_later(
                        self.run_action, action, node
                    ),
                )
        yield from super().get_system_commands(screen)

    def action_leave(self) -> None:
        going = [live for live in self.live.values() if not live.ended]
        if not going:
            self.exit()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._end()

        self.push_screen(
            Confirm(
                "A run is going on. Leave? It stops at once, nothing is lost, and r goes on with it later."
            ),
            answered,
        )

    async def action_quit(self) -> None:
        self.action_leave()

    def action_help_quit(self) -> None:
        """Ctrl+C: in place of Textual's words, which look for its own key."""
        self.notify("ctrl+c copies what is selected; ctrl+q leaves the program.")

    @work(thread=True)
    def _end(self) -> None:
        self.call_from_thread(
            self.notify, "The run is being stopped; then the window closes.", timeout=END_WITHIN
        )
        self.end_runs()
        self.call_from_thread(self.exit)

    def end_runs(self) -> None:
        """Stop what goes on, and wait for it: also where the window itself failed."""
        going = [live for live in self.live.values() if live.alive]
        for live in going:
            live.run.stop(now=True)
        for live in going:
            live.wait(END_WITHIN)

    def _handle_exception(self, error: Exception) -> None:
        """A fault of the window is kept in the log's file before Textual ends the window."""
        self.failed = True
        _LOG.error("the window failed", exc_info=error)
        super()._handle_exception(error)


def main(home: Home, run_id: str = "", first: First | None = None) -> int:
    """Run the app; returns the exit code. Warnings of libraries go to the home folder's log, not to the screen."""
    _log_to(home.log)
    calm_collector()
    app = AideApp(home, run_id, first)
    try:
        app.run()
    finally:
        app.end_runs()
    if app.failed:
        print(f"The window failed; {home.log} says where. No finished node is lost: open aide-local again.")
    return app.return_code or 0


def calm_collector() -> None:
    """Full garbage collections are rarer: with a tree of thousands of nodes each holds up a key for 40 ms.

    What the imports made is never looked at again; the oldest generation is collected every 200th time in place of every 10th.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 200)


def _log_to(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=path, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    except OSError as error:
        raise SettingsError(
            f"The log {path} cannot be written: {error.strerror}.", "Choose another folder with --home."
        ) from error
