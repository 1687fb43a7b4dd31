"""A run that this process executes: a thread gathers its events, the screen takes them about ten times a second."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field

from aide_local import events
from aide_local.errors import AideError
from aide_local.run.loop import Run

LONGEST_STREAM = 40_000  # characters of a streamed reply or output that are kept for the screen


@dataclass(frozen=True, slots=True)
class Stream:
    """The end of a text that comes in, and how many lines the whole text has."""

    text: str = ""
    lines: int = 0

    def plus(self, more: str) -> Stream:
        """Return the stream with ``more`` at its end."""
        return Stream((self.text + more)[-LONGEST_STREAM:], self.lines + more.count("\n"))


NO_STREAM = Stream()


@dataclass(slots=True)
class LiveRun:
    """A run and what its events said so far. Start it with :meth:`begin`; all else is for the UI's thread."""

    run: Run
    phase: str = "starting"
    writing: str = ""  # the node whose reply comes in, and its operator
    executing: set[int] = field(default_factory=set)
    streams: dict[int, Stream] = field(default_factory=dict)  # replies, by node
    outputs: dict[int, Stream] = field(default_factory=dict)  # what candidates print, by node
    speed: float = 0.0  # tokens a second of the last reply
    prefill: float = 0.0  # tokens a second of its prompt
    cached: float = 0.0  # share of the prompt that was in the cache
    guessed: float = 0.0  # share of the reply that came from prompt lookup
    paused: bool = False
    ended: bool = False
    delivered: str = ""  # the folder with the submission, the best script and the report
    troubles: list[str] = field(default_factory=list)
    _queue: queue.SimpleQueue[events.Event | AideError] = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start the run in a thread."""
        self._thread = threading.Thread(target=self._gather, name="aide-ui-follow", daemon=True)
        self._thread.start()

    def _gather(self) -> None:
        try:
            for event in self.run.events():
                self._queue.put(event)
        except AideError as error:
            self._queue.put(error)

    @property
    def alive(self) -> bool:
        """Return whether the run's thread still works. When it ends, its last events may not have been taken yet."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the run's thread has ended, or for so many seconds."""
        if self._thread is not None:
            self._thread.join(seconds)

    def take(self) -> bool:
        """Apply all events that came; return whether there were any."""
        came = False
        while True:
            try:
                event = self._queue.get_nowait()
            except queue.Empty:
                break
            came = True
            self._apply(event)
        return came

    def _apply(self, event: events.Event | AideError) -> None:
        match event:
            case AideError():
                self.ended, self.phase = True, "failed"
                self.troubles.append(f"{event.message} {event.fix}".strip())
            case events.NodeProposed():
                self.writing = f"#{event.node} ({event.step.operator.value})"
            case events.TokensStreamed():
                before = NO_STREAM if event.restart else self.streams.get(event.node, NO_STREAM)
                self.streams[event.node] = before.plus(event.text)
            case events.ReplyFinished(generation=made):
                self.writing = ""
                if made.decode_ms > 0:
                    self.speed = 1000 * made.completion_tokens / made.decode_ms
                if made.prefill_ms > 0:
                    self.prefill = 1000 * made.prompt_tokens / made.prefill_ms
                self.cached = made.cached_tokens / max(1, made.cached_tokens + made.prompt_tokens)
                self.guessed = made.speculated_tokens / max(1, made.completion_tokens)
            case events.ExecutionStarted():
                self.executing.add(event.node)
            case events.OutputStreamed():
                self.outputs[event.node] = self.outputs.get(event.node, NO_STREAM).plus(event.text)
            case events.NodeFinished():
                self.executing.discard(event.node.id)
                self.streams.pop(event.node.id, None)
                self.outputs.pop(event.node.id, None)
            case events.Trouble():
                self.troubles.append(f"{event.message} {event.fix}".strip())
            case events.RunPaused():
                self.paused = True
            case events.RunResumed():
                self.paused = False
            case events.RunFinished():
                self.ended, self.phase = True, event.stop_reason
                self.delivered = event.summary.out if event.summary is not None else ""
            case _:
                pass  # scores and the best node are read from the tree
        if not self.ended:
            self.phase = self._work_in_words()

    def _work_in_words(self) -> str:
        """Return what is going on; a script can be written while another one is executed."""
        executing = ", ".join(f"#{node}" for node in sorted(self.executing))
        parts = (
            f"writing {self.writing}" if self.writing else "",
            f"executing {executing}" if executing else "",
        )
        return ", ".join(part for part in parts if part)
