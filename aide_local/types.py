"""The values that travel between the parts: nodes, steps, outcomes. Immutable, linked by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self


class Operator(StrEnum):
    """How a node is made from others (paper section 3; ``merge``, ``human`` and ``tune`` are ours)."""

    DRAFT = "draft"
    DEBUG = "debug"
    IMPROVE = "improve"
    MERGE = "merge"
    HUMAN = "human"
    TUNE = "tune"  # other values of the parent's hyperparameters, without the model


class Origin(StrEnum):
    """Who thought of a node."""

    MODEL = "model"
    PLAYBOOK = "playbook"
    PERSON = "person"
    HISTORY = "history"
    TUNER = "tuner"


class NodeState(StrEnum):
    PENDING = "pending"  # proposed, being written or executed
    VALID = "valid"
    BUGGY = "buggy"
    INTERRUPTED = "interrupted"  # was in flight when the run was killed, twice

    @property
    def glyph(self) -> str:
        """One sign for lists; the word or the result stands beside it."""
        return {"pending": "…", "valid": "✓", "buggy": "✗", "interrupted": "!"}[self.value]


class OutcomeKind(StrEnum):
    """How the execution of a script ended."""

    OK = "ok"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    CPU_TIME = "cpu_time"
    MEMORY = "memory"
    OUTPUT_FLOOD = "output_flood"
    DISK = "disk"
    PROCESSES = "processes"
    SIGNAL = "signal"
    REFUSED = "refused"  # stopped by policy: before it ran, or by the sandbox
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NodeError:
    """Why a node is buggy, short enough for a prompt."""

    kind: str  # OutcomeKind value, or "no_code", "syntax", "import", "repeat", "predictions", "score"
    type: str  # exception class, or a short name such as "MissingRows"
    message: str  # one paragraph, at most ~500 characters
    line: int | None = None  # of the candidate's own script
    traceback: str = ""  # tail, candidate's own frames first

    @property
    def repeats(self) -> bool:
        """The script is that of an earlier node."""
        return self.kind == "repeat"

    def one_line(self, width: int = 160) -> str:
        where = f" (line {self.line})" if self.line else ""
        text = f"{self.type}: {' '.join(self.message.split())}{where}"
        return text if len(text) <= width else text[: width - 1] + "…"


@dataclass(frozen=True, slots=True)
class Usage:
    """What an execution cost: seconds, bytes."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_memory: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class FoldScore:
    """One fold of one node; ``score`` is None when that fold failed."""

    fold: int
    score: float | None
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution of a script: what it was allowed, how it ended, what it printed last, what it cost.

    Limits are in seconds and bytes; None: unbounded. ``output`` is at most ``TAIL`` characters.
    """

    fold: int
    outcome: OutcomeKind
    exit_code: int | None = None
    signal: int | None = None
    output: str = ""
    usage: Usage = Usage()
    wall_limit: float | None = None
    cpu_limit: float | None = None
    memory_limit: int | None = None

    TAIL: ClassVar[int] = 4000


@dataclass(frozen=True, slots=True)
class Step:
    """The node to make next. With ``code`` there is nothing for the model to write."""

    operator: Operator
    parent: int | None = None
    other: int | None = None  # the second parent of a merge
    hint: str = ""  # words of the person, into the prompt
    seed: int = 0
    origin: Origin = Origin.MODEL
    code: str = ""
    plan: str = ""  # of the code


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One candidate script and its result.

    ``id`` is the step that made it, counted from 0 in a run. ``metric`` is the task's metric on the
    assembled out-of-fold column; it is None unless VALID. ``complete`` is False where racing
    stopped the node before its last fold: such a node is valid but never the best.
    """

    id: int
    operator: Operator
    parent: int | None = None
    other: int | None = None
    state: NodeState = NodeState.PENDING
    plan: str = ""
    code: str = ""
    metric: float | None = None
    complete: bool = False
    folds: tuple[FoldScore, ...] = ()
    error: NodeError | None = None
    output: str = ""  # tail of what the script printed
    usage: Usage = Usage()
    dropped: tuple[str, ...] = ()  # sections the prompt packer shortened or left out
    ast_hash: str = ""
    hint: str = ""
    seed: int = 0
    attempts: int = 1
    predictions: Path | None = None  # relative to the run's folder
    origin: Origin = Origin.MODEL
    in_flight: tuple[int, ...] = ()  # nodes that were not finished when this one was chosen
    settled: float | None = None  # seconds from the beginning of the run until it was finished


@dataclass(frozen=True, slots=True)
class Message:
    role: str  # "system", "user", "assistant"
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model samples; ``seed`` is always explicit (an unseeded instance repeats itself)."""

    seed: int
    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    max_tokens: int = 2048
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One finished reply of the model and what it cost (tokens, milliseconds)."""

    text: str
    finish: str  # "stop", "length", "cancelled"
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt, found in the KV cache
    completion_tokens: int = 0
    speculated_tokens: int = 0  # of the completion, guessed from the prompt and confirmed
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Exam:
    """The examination of a model that a run is a part of: one run for each of the sample tasks."""

    id: str
    tasks: tuple[str, ...]  # of the whole examination, in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What a run was asked to do, and the one source of its defaults.

    Stored with the run, so that ``resume`` continues the same search.
    """

    STEPS: ClassVar[int] = 20  # without a time limit
    LONGEST_EXECUTION: ClassVar[float] = 600.0  # seconds, of one fold, if nothing says less
    SHORTEST_EXECUTION: ClassVar[float] = 10.0  # seconds, however little time is left

    steps: int | None = None  # scripts that the model writes; None: as many as the time limit allows
    time_limit: float | None = None  # seconds
    seed: int = 0
    folds: int = 5
    cores: int | None = None  # of the processor, for the model and the candidates together; None: all
    parallel: int | None = None  # nodes that execute at once; None: as many as keep the cores busy
    lookahead: int | None = None  # exact search: nodes still pending when the next is chosen; None: parallel
    policy: str = "greedy"
    num_drafts: int = 5  # paper's defaults
    debug_prob: float = 0.5
    max_debug_depth: int = 3
    playbook: str = "on"  # "off", or a folder whose scripts are added to the bundled ones or replace them
    history: str = "auto"  # the best scripts of similar tasks of this home are tried first; "off": not
    starts: tuple[str, ...] = ()  # the person's own scripts (their code), tried first
    recalled: tuple[
        tuple[str, str], ...
    ] = ()  # (plan, code) of the past runs' scripts, found when the run began
    tune: float = 0.5  # share of the execution lane's seconds for the tuner; 0: off
    refit: bool = True  # what is delivered learns from all rows once more
    report_fraction: float = 0.1  # none below 500 training rows
    racing: bool = True
    temperature: float = 0.7
    max_tokens: int | None = None  # of a reply; None: at least a third of n_ctx, at most 4096
    n_ctx: int | None = None  # None: what the model was made for, at most 16384
    model_digest: bool = False  # the model writes the journal digest instead of the rules
    threads: int | None = None
    gpu_layers: int = -1
    memory: int = 4 * 2**30  # bytes, of a candidate's whole process tree
    timeout: float | None = None  # seconds, wall, of one execution (one fold); None: see execution_limit
    cpu_time: float | None = None
    python: str | None = None  # interpreter of the candidates; None: our own
    sandbox: str = "auto"
    gpu: bool = False  # candidates may use it; the model's part of it is gpu_layers
    prompts: str | None = None  # folder of templates that override ours
    exam: Exam | None = None  # None: a search

    @classmethod
    def paper(cls, **values: Any) -> Self:
        """Return the paper's own search: every node is the model's, one after the other, and nothing is fitted again."""
        return cls(**{"playbook": "off", "history": "off", "tune": 0.0, "refit": False, **values})

    @property
    def exact(self) -> bool:
        """Whether nodes come from the model alone: the tree then depends on the seed and never on timing."""
        return self.playbook == "off" and self.history == "off" and self.tune == 0

    @property
    def written(self) -> int | None:
        """How many scripts the model writes; None: as many as the time limit allows."""
        return self.STEPS if self.steps is None and self.time_limit is None else self.steps

    @property
    def pending(self) -> int:
        """How many earlier nodes the choice of the next one does not wait for, in an exact search."""
        return self.width(1) if self.lookahead is None else self.lookahead

    def width(self, cores: int) -> int:
        """Return how many nodes execute at once: one more than cores, so that none idles while a node is scored."""
        if self.parallel is not None:
            return self.parallel
        return 1 if self.exact else cores + 1

    def execution_limit(self, seconds_left: float | None) -> float:
        """Return the wall seconds of one execution: what the person said, else a fifth of the time left."""
        if self.timeout is not None:
            return self.timeout
        if seconds_left is None:
            return self.LONGEST_EXECUTION
        return min(self.LONGEST_EXECUTION, max(self.SHORTEST_EXECUTION, seconds_left / 5))


class RunState(StrEnum):
    """How a run stands; a list finds out the last two, no run says them of itself."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # its process is gone without an end
    DAMAGED = "damaged"

    @property
    def live(self) -> bool:
        return self in (RunState.RUNNING, RunState.PAUSED)


class StopReason(StrEnum):
    """Why a search ended."""

    STEPS = "all steps done"
    TIME = "time limit"
    PERSON = "stopped by the person"
    AT_ONCE = "stopped at once"
    MODEL = "model trouble"
    FAILURE = "failure"  # an error that the reader of the events is told

    @property
    def by_person(self) -> bool:
        return self in (StopReason.PERSON, StopReason.AT_ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run delivered: the content of ``summary.json``. Scores are the task's metric, None if there is none."""

    run_id: str
    task: str
    metric: str
    direction: str
    best_score: float | None = None  # out of fold, of the best single script
    ensemble_score: float | None = None  # out of fold, of what is delivered
    report_score: float | None = None  # on the report slice, of what is delivered
    best_report_score: float | None = None
    report_rows: int = 0
    constant_score: float | None = None
    best_node: int | None = None
    ensemble: dict[str, float] = field(default_factory=dict)  # node -> weight, the heaviest first
    combination: str = ""  # how the nodes are combined
    refitted: list[int] = field(default_factory=list)  # nodes that learnt from all rows once more
    estimate: float | None = None  # the number to show, of what is delivered
    interval: list[float | None] | None = None  # its 95 % interval: low, high
    estimate_source: str = ""  # the rows that it is on
    check_score: float | None = None  # the same on other rows
    warning: str = ""  # the two disagree by more than chance
    notes: list[str] = field(default_factory=list)  # what could not be used, a sentence each
    nodes: int = 0
    valid_nodes: int = 0
    wall_seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    sandbox: str = ""
    stop_reason: str = ""
    out: str = ""
    cores: int = 0
    writing_share: float | None = None  # of the wall time that the model wrote
    executing_share: float | None = None  # of the cores' time that scripts executed

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Summary:
        """Read a stored summary, of this or of an earlier version: keys that it lacks have their defaults."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def as_dict(self) -> dict[str, Any]:
        """Return the keys and values of ``summary.json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as listed: identity and state, without its nodes."""

    id: str
    task: str
    model: str
    state: str  # "running", "paused", "finished", "stopped", "failed"; of lists also "interrupted", "damaged"
    metric: str
    direction: str
    created: float  # seconds since the epoch
    nodes: int = 0
    valid: int = 0
    best: float | None = None
    folder: Path | None = None
    stop_reason: str = ""
    seconds: float = 0.0  # that it has gone on, in earlier processes too
    extra: dict[str, str] = field(default_factory=dict)
    """``course``: best so far after the last valid nodes; ``exam``: the examination that it is a part of."""
