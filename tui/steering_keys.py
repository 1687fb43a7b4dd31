"""The keys of a run's screen that steer the run, with the questions they ask the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import ActiveBinding, BindingType
from textual.screen import Screen

from aide_local.basics.units import parse_duration
from aide_local.cli.options import at_least
from aide_local.errors import AideError, SettingsError
from aide_local.run.loop import Run
from aide_local.run.steering import check_step
from aide_local.search.tree import Tree
from aide_local.task import Direction
from aide_local.types import Node, NodeState, Operator, Step
from tui import keys
from tui.dialogs import Ask, Confirm, Editor
from tui.live import LiveRun
from tui.solution_tree import SolutionTree


class SteeringKeys(Screen[None]):
    """The part of the run's screen that changes the run. ``live`` is None if the run is not one of this process."""

    BINDINGS: ClassVar[list[BindingType]] = keys.STEERING

    live: LiveRun | None = None
    solution: Tree = Tree((), Direction.MAXIMIZE)

    @property
    def node(self) -> Node | None:
        """Return the node under the cursor."""
        at = self.query_one(SolutionTree).cursor_node
        if at is None or at.data is None or at.data not in self.solution:
            return None
        return self.solution[at.data]

    # ---- which keys work ----

    @property
    def can_be_steered(self) -> bool:
        """Return whether the run goes on in this window."""
        return self.live is not None and not self.live.ended

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let steering keys work for a run that goes on here, and `resume` for any other; help and footer show what works."""
        if action in keys.STEERING_ACTIONS and not self.can_be_steered:
            return None
        return (
            False if action == "resume" and self.can_be_steered else super().check_action(action, parameters)
        )

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """Return the bindings as the footer shows them: without what cannot be done; in a paused run, space goes on."""
        found = super().active_bindings
        paused = self.live is not None and self.live.paused
        for pressed, one in found.items():
            if not one.enabled:
                found[pressed] = one._replace(binding=replace(one.binding, show=False))
            elif paused and one.binding.action == "pause":
                found[pressed] = one._replace(binding=replace(one.binding, description="Go on"))
        return found

    def on_key(self, event: events.Key) -> None:
        """Say why a steering key does nothing, if it does nothing."""
        one = self.active_bindings.get(event.key)
        if one is not None and not one.enabled and one.binding.action in keys.STEERING_ACTIONS:
            self.steer(lambda run: None, "")

    def steer(self, act: Callable[[Run], object], done: str) -> None:
        """Let ``act`` change the run; show ``done``, or why nothing was done."""
        if self.live is None or not self.can_be_steered:
            self.notify(
                "Only a run that is going on in this window can be steered. Press r to go on with it here.",
                severity="warning",
                markup=False,
            )
            return
        try:
            act(self.live.run)
        except AideError as error:
            self.notify(f"{error.message} {error.fix}", severity="error", markup=False)
            return
        self.notify(done, markup=False)

    def _ask_step(self, operator: Operator, parent: Node | None, question: str) -> None:
        """Ask for a hint, then for the step. A step that cannot be made is refused before anything is typed."""
        step = Step(operator, parent.id if parent else None)

        def on_answer(hint: str | None) -> None:
            if hint is not None:
                self.steer(
                    lambda run: run.ask(replace(step, hint=hint.strip())),
                    "It is made next, after what is in flight.",
                )

        try:
            check_step(self.solution, step)
        except AideError as error:
            self.notify(f"{error.message} {error.fix}", severity="warning", markup=False)
        else:
            self.app.push_screen(Ask(question, placeholder="a hint for the model, or nothing"), on_answer)

    def action_pause(self) -> None:
        live = self.live
        paused = live is not None and live.paused
        self.steer(
            lambda run: run.unpause() if paused else run.pause(),
            "Going on." if paused else "Pausing: what is in flight ends, nothing new begins.",
        )

    def action_stop(self) -> None:
        def on_answer(yes: bool | None) -> None:
            if yes:
                self.steer(lambda run: run.stop(), "Ending the search; the best so far is delivered.")

        self.app.push_screen(Confirm("End this search and deliver the best so far?"), on_answer)

    def action_improve(self) -> None:
        if self.node is not None:
            self._ask_step(Operator.IMPROVE, self.node, f"Improve #{self.node.id} next. How?")

    def action_debug(self) -> None:
        if self.node is not None:
            step = Step(Operator.DEBUG, self.node.id)
            self.steer(lambda run: run.ask(step), f"#{self.node.id} is debugged next.")

    def action_draft(self) -> None:
        self._ask_step(Operator.DRAFT, None, "A new draft next. What should it try?")

    def action_merge(self) -> None:
        marks = self.query_one(SolutionTree).marks
        if len(marks) != 2:
            self.notify("Mark two valid nodes with m first.", severity="warning")
            return
        one, other = sorted(marks)
        step = Step(Operator.MERGE, one, other)
        self.steer(lambda run: run.ask(step), f"#{one} and #{other} are merged next.")

    def action_again(self) -> None:
        node = self.node
        if node is None or node.operator is Operator.HUMAN:
            self.notify("A script written by hand has no seed.", severity="warning")
            return
        step = Step(node.operator, node.parent, node.other, node.hint)
        self.steer(lambda run: run.ask(step), f"The step of #{node.id} is made again with another seed.")

    def action_edit(self) -> None:
        node = self.node
        if node is None or not node.code or node.state is NodeState.PENDING:
            self.notify("There is no finished script to edit here.", severity="warning")
            return

        def on_answer(code: str | None) -> None:
            if code is not None:
                step = Step(Operator.HUMAN, node.id)
                self.steer(
                    lambda run: run.ask(step, code), f"Your script runs next, as a child of #{node.id}."
                )

        self.app.push_screen(Editor(f"Script of #{node.id}; yours becomes its child.", node.code), on_answer)

    def action_ban(self) -> None:
        self._toggle("ban", "never chosen or delivered again; x takes it back")

    def action_pin(self) -> None:
        self._toggle("pin", "stays among the parents and in the ensemble; p takes it back")

    def _toggle(self, mark: str, meaning: str) -> None:
        """Set or take back the mark of the node under the cursor."""
        node = self.node
        if node is None or self.live is None:
            return
        tree = self.live.run.tree
        on = node.id in (tree.banned if mark == "ban" else tree.pinned)
        kind = f"un{mark}" if on else mark
        marked = {"ban": "banned", "pin": "pinned"}[mark]
        done = f"no longer {marked}" if on else f"{marked}: {meaning}"
        self.steer(lambda run: run.mark(kind, node.id), f"#{node.id} is {done}.")

    def action_change(self) -> None:
        if self.live is None:
            return
        now = self.live.run.settings
        limit = f"{now.time_limit:.0f}s" if now.time_limit else "none"
        shown = f"steps={now.steps} time={limit} temperature={now.temperature:g} policy={now.policy}"

        def on_answer(answer: str | None) -> None:
            if answer is not None and answer != shown:
                self.steer(lambda run: run.change(**_changes(answer)), "Changed from the next step on.")

        self.app.push_screen(Ask("Change what you like; the rest stays.", shown), on_answer)


def _changes(text: str) -> dict[str, object]:
    """Return the settings in ``steps=30 time=2h``.

    Raises:
        SettingsError: a part cannot be read.
    """
    changes: dict[str, object] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        try:
            match name:
                case "steps":
                    changes["steps"] = int(value)
                    at_least(int(value), 1, "steps")
                case "time":
                    changes["time_limit"] = None if value == "none" else parse_duration(value, "time")
                case "temperature":
                    changes["temperature"] = float(value)
                case "policy":
                    changes["policy"] = value
                case _:
                    raise SettingsError(
                        f"{name!r} cannot be changed here.", "Known: steps, time, temperature, policy."
                    )
        except ValueError as error:
            raise SettingsError(f"{part!r} is not a number.", "Write for example steps=30.") from error
    return changes
