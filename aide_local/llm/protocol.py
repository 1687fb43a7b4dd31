"""The contract of a language model with the run loop. Implemented by ``llama`` (the product) and ``scripted`` (tests)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from aide_local.types import Generation, Message, Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """The facts of a loaded model. ``metadata`` is the GGUF's, as text."""

    name: str
    path: Path | None
    sha256: str
    n_ctx: int
    n_ctx_train: int
    n_params: int
    size: int  # bytes
    gpu: bool  # layers were offloaded
    metadata: dict[str, str]

    @property
    def prompt_profile(self) -> str:
        """The family of prompt templates that the model was made for: "standard" unless the file names another."""
        return self.metadata.get("aide.prompt_profile", "standard")

    def follow_recommendations(self, sampling: Sampling) -> Sampling:
        """Return ``sampling`` with the ``top_k``, ``top_p`` and ``min_p`` that the file recommends (GGUF keys
        ``general.sampling.*``), if it does. The temperature stays: it is the person's."""
        top_k, top_p, min_p = (
            self.metadata.get(f"general.sampling.{key}") for key in ("top_k", "top_p", "min_p")
        )
        return replace(
            sampling,
            top_k=int(top_k) if top_k else sampling.top_k,
            top_p=float(top_p) if top_p else sampling.top_p,
            min_p=float(min_p) if min_p else sampling.min_p,
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Newly decoded text; the last chunk of a stream carries the finished ``generation``.

    ``restart``: the process died and the generation began again; what was streamed before is void.
    """

    text: str
    generation: Generation | None = None
    restart: bool = False


class LanguageModel(Protocol):
    """One loaded model. One generation at a time; ``cancel`` may be called from any thread."""

    @property
    def info(self) -> ModelInfo: ...

    def render(self, messages: Sequence[Message]) -> str:
        """Apply the model's chat template, with the opening of the assistant's turn."""
        ...

    def count(self, text: str) -> int:
        """Return the number of tokens of ``text`` (special tokens parsed) in the model's own tokenizer."""
        ...

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        """Stream the reply to a rendered prompt.

        ``grammar`` is GBNF; it is validated before use. A model process that dies in mid-generation
        is restarted and the generation repeated with the same seed; the stream then says ``restart``.

        Raises:
            ModelError: the prompt does not fit, the grammar is invalid, or the process died
                repeatedly.
            Cancelled: ``cancel`` was called.
        """
        ...

    def cancel(self) -> None:
        """End the generation in flight, if there is one, as soon as possible."""
        ...

    def close(self) -> None: ...
