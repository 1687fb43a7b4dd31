"""The messages between the main process and the model process: typed values, one JSON array a line on the wire."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

# ---- from the main process ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Load a model. ``n_ctx`` None: the model's own context, at most 16,384 tokens. Answered by ``Loaded`` or ``Failed``."""

    path: str
    n_ctx: int | None = None
    threads: int = 1  # a model that fits the processor's cache uses one
    gpu_layers: int = 0  # negative: all
    lookup: bool = True  # guess what a reply copies from its prompt
    repack: bool = (
        True  # weights laid out anew for the processor (AMX and the like): faster, if it survives that
    )


@dataclass(frozen=True, slots=True)
class CountTokens:
    """Count the tokens of a text. Answered by ``Counted``."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate:
    """Write a reply. Sampling is that of :class:`aide_local.types.Sampling`; ``temperature`` 0 is greedy.

    Answered by any number of ``Piece``, then one of ``Finished``, ``Stopped`` or ``Failed``.
    """

    prompt: str
    seed: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    max_tokens: int
    stop: tuple[str, ...] = ()
    grammar: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the generation in flight. Not answered: ``Stopped`` ends the generation, if it was still going on."""


# ---- from the model process ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The facts of the loaded model; ``special`` names the texts of special tokens for the chat template."""

    n_ctx: int
    n_ctx_train: int
    n_params: int
    gpu: bool
    special: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """The number of tokens."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Newly written text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of a reply and what it cost; the fields are those of :class:`aide_local.types.Generation`."""

    text: str
    finish: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    speculated_tokens: int
    prefill_ms: float
    decode_ms: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The generation was cancelled."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The request cannot be served; the process goes on. ``reason`` is for the person."""

    reason: str


Message = Load | CountTokens | Generate | Cancel | Loaded | Counted | Piece | Finished | Stopped | Failed
_TYPES: dict[str, type[Message]] = {
    one.__name__: one
    for one in (Load, CountTokens, Generate, Cancel, Loaded, Counted, Piece, Finished, Stopped, Failed)
}


def encode(message: Message) -> bytes:
    """Return the message as one line of JSON."""
    return json.dumps([type(message).__name__, asdict(message)], ensure_ascii=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message that :func:`encode` made a line of; lists stand where tuples stood."""
    name, fields = json.loads(line)
    return _TYPES[name](**fields)
