"""The app: it starts runs, shows its screens, keeps a log, and ends its runs when it is left."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

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
from tui import keys
from tui.dialogs import Ask, Confirm, Help, TextDialog
from tui.draw import harmless
from tui.home import HomeScreen
from tui.live import LiveRun
from tui.models import ModelsScreen
from tui.new_run import NewRunScreen
from tui.protocol import NewRun
from tui.run import RunScreen
from tui.settings import LATEST_RUNS
from tui.settings_app import SettingsApp
from tui.sql import SqlScreen

_LOG = logging.getLogger("aide_local.window")
END_WITHIN = 20.0  # seconds for the runs to end when the program is left


class Notice(NamedTuple):
    """A message to the person."""

    severity: str
    message: str


class AideApp(SettingsApp):
    """The window of all runs in ``home``. It opens ``run_id`` or starts ``new_run`` at once, if one is given.

    It is the :class:`tui.protocol.Window` of its screens.
    """

    TITLE = "aide-local"
    CSS_PATH = "style.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-high")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = keys.APP

    def __init__(self, home: Home, run_id: str = "", new_run: NewRun | None = None) -> None:
        super().__init__(home)
        self.live: dict[str, LiveRun] = {}
        self.notices: list[Notice] = []
        self.failed = False
        self._open_first = run_id
        self._start_first = new_run
        self._starting: float | None = None  # when a run began to be started, in monotonic seconds

    def on_mount(self) -> None:
        self.apply_settings()
        self.push_screen(HomeScreen(self))
        if self._open_first:
            self.open_run(self._open_first)
        if self._start_first is not None:
            self.start_run(self._start_first)
        self.set_interval(1.0, self._follow)

    def _follow(self) -> None:
        """Take the events of runs whose screen is not open, so that they do not pile up, and show how long things take."""
        if not self.is_running:
            return
        for live in self.live.values():
            if not (isinstance(self.screen, RunScreen) and self.screen.live is live):
                live.take()
        if isinstance(self.screen, HomeScreen | RunScreen):
            self.screen.show_status()

    @property
    def waiting_for(self) -> str:
        """Return what the person has to wait for, in words; empty if nothing."""
        if self._starting is None:
            return ""
        return f"the model is being loaded, {time.monotonic() - self._starting:.0f} s"

    # ---- runs ----

    def new_run(self) -> None:
        """Open the form of a new run, unless one is going on."""

        def on_answer(new: NewRun | None) -> None:
            if new is not None:
                self.start_run(new)

        if self._is_free():
            self.push_screen(NewRunScreen(self), on_answer)

    def start_run(self, new: NewRun) -> None:
        """Start a run in this process."""
        self._launch(
            lambda: start(
                new.task, new.settings, home=self.home, make_model=llama(new.model, self.home), out=new.out
            )
        )

    def resume_run(self, run_id: str) -> None:
        """Go on with a run in this process, after asking for how many nodes in all."""
        if run_id in self.live and not self.live[run_id].ended:
            self.open_run(run_id)
            return
        if not self._is_free():
            return

        def on_answer(answer: str | None) -> None:
            if answer is None:
                return
            try:
                changes: dict[str, Any] = {"steps": int(answer)} if answer.strip() else {}
            except ValueError:
                self.notify(f"{answer!r} is not a whole number.", severity="error", markup=False)
                return
            self._launch(lambda: resume(run_id, home=self.home, **changes))

        info = next((one for one in list_runs(self.home, latest=LATEST_RUNS) if one.id == run_id), None)
        has = f"It has {info.nodes} nodes. " if info is not None else ""
        self.push_screen(
            Ask(
                f"{has}Go on to how many in all?",
                placeholder="a number; empty: as many as it was given, and deliver anew",
            ),
            on_answer,
        )

    def _is_free(self) -> bool:
        """Return whether a run can be started; say why if not."""
        if self._starting is not None:
            self.notify("A run is being started: wait for its model.", severity="warning")
            return False
        going = self._going()
        if going:
            self.notify(
                "One run at a time: it needs the model and the cores. Stop it first, or open it with enter.",
                severity="warning",
            )
        return not going

    def _going(self) -> list[LiveRun]:
        return [live for live in self.live.values() if not live.ended]

    @work(thread=True, group="launch")
    def _launch(self, make: Callable[[], Run]) -> None:
        """Make a run and show it. It is made in a thread: loading the model takes a while.

        A run that ended here gives its lock and its memory back first: it closes its files after its last event.
        """
        self._starting = time.monotonic()
        self.call_from_thread(self.notify, "The model is being loaded.", timeout=3)
        try:
            for ended in self.live.values():
                ended.wait(END_WITHIN)
            run = make()
        except AideError as error:
            self.call_from_thread(self.report, error)
            return
        finally:
            self._starting = None
        self.call_from_thread(self._show_live, run)

    def _show_live(self, run: Run) -> None:
        live = LiveRun(run)
        live.begin()
        self.live[run.run_id] = live
        if isinstance(self.screen, RunScreen) and self.screen.run_id == run.run_id:
            self.screen.attach(live)
        else:
            self.push_screen(RunScreen(self, run.run_id, live))

    def open_run(self, run_id: str, node: int | None = None) -> None:
        """Show a run, with the cursor on ``node`` if one is given."""
        self.push_screen(RunScreen(self, run_id, self.live.get(run_id), node))

    def open_sql(self) -> None:
        """Show the SQL console."""
        self.push_screen(SqlScreen(self))

    def open_models(self) -> None:
        """Show the list of models."""
        self.push_screen(ModelsScreen(self))

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
        """Show a message for a while and keep it in the log (f12) of this session; errors are also kept in a file."""
        shown = harmless(message)
        self.notices.append(Notice(severity, shown))
        if severity == "error":
            _LOG.error(shown)
        super().notify(shown, title=title, severity=severity, timeout=timeout, markup=False)

    def action_help(self) -> None:
        found = [one.binding for one in self.screen.active_bindings.values() if one.enabled]
        ours_first = sorted(found, key=lambda binding: not binding.id)
        self.push_screen(Help(keys.help_lines(ours_first)))

    def action_log(self) -> None:
        text = "\n".join(f"{severity}: {message}" for severity, message in self.notices)
        self.push_screen(
            TextDialog("Log", text or "There is no message yet.", f"errors are kept in {self.home.log}")
        )

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield every action of the screen by name, once however many keys it has, then Textual's own."""
        named = set()
        for one in screen.active_bindings.values():
            binding = one.binding
            if one.enabled and binding.id and binding.id not in named:
                named.add(binding.id)
                yield SystemCommand(
                    binding.description,
                    keys.describe(binding),
                    lambda action=binding.action, node=one.node: self.call_later(
                        self.run_action, action, node
                    ),
                )
        yield from super().get_system_commands(screen)

    # ---- leaving ----

    def action_leave(self) -> None:
        if not self._going():
            self.exit()
            return

        def on_answer(yes: bool | None) -> None:
            if yes:
                self._end_and_exit()

        self.push_screen(
            Confirm(
                "A run is going on. Leave? It stops at once, nothing is lost, and r goes on with it later."
            ),
            on_answer,
        )

    async def action_quit(self) -> None:
        self.action_leave()

    def action_help_quit(self) -> None:
        """Answer ctrl+c; Textual's own words look for a key that is not bound here."""
        self.notify("ctrl+c copies what is selected; ctrl+q leaves the program.")

    @work(thread=True)
    def _end_and_exit(self) -> None:
        self.call_from_thread(
            self.notify, "The run is being stopped; then the window closes.", timeout=END_WITHIN
        )
        self.end_runs()
        self.call_from_thread(self.exit)

    def end_runs(self) -> None:
        """Stop the runs of this process and wait for their end, also if the window itself failed."""
        going = [live for live in self.live.values() if live.alive]
        for live in going:
            live.run.stop(now=True)
        for live in going:
            live.wait(END_WITHIN)

    def _handle_exception(self, error: Exception) -> None:
        """Write a fault of the window to the log's file before Textual ends the window."""
        self.failed = True
        _LOG.error("the window failed", exc_info=error)
        super()._handle_exception(error)


def main(home: Home, run_id: str = "", new_run: NewRun | None = None) -> int:
    """Run the app and return the exit code. Warnings of libraries go to the home folder's log, not to the screen.

    Raises:
        SettingsError: the log cannot be written.
    """
    _log_to(home.log)
    calm_collector()
    app = AideApp(home, run_id, new_run)
    try:
        app.run()
    finally:
        app.end_runs()
    if app.failed:
        print(f"The window failed; {home.log} says where. No finished node is lost: open aide-local again.")
    return app.return_code or 0


def calm_collector() -> None:
    """Make full garbage collections rarer: with a tree of thousands of nodes each holds up a key for 40 ms.

    What the imports made is never looked at again; the oldest generation is collected every 200th time instead of every 10th.
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
