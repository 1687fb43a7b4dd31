"""A model that replies from a script: for tests of the loop, never for a person's run."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence

from aide_local.errors import Cancelled
from aide_local.llm.protocol import Chunk, ModelInfo
from aide_local.types import Generation, Message, Sampling

Reply = Callable[[str, Sampling], str]
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


class ScriptedModel:
    """Replies with ``reply(prompt, sampling)``, or with the entry of a sequence that the seed chooses."""

    def __init__(self, reply: Reply | Sequence[str], *, n_ctx: int = 8192) -> None:
        self._reply = reply if callable(reply) else lambda prompt, sampling: reply[sampling.seed % len(reply)]
        self._cancelled = threading.Event()
        self.prompts: list[str] = []
        self.info = ModelInfo(
            name="scripted",
            path=None,
            sha256="",
            n_ctx=n_ctx,
            n_ctx_train=n_ctx,
            n_params=0,
            size=0,
            gpu=False,
            metadata={},
        )

    def render(self, messages: Sequence[Message]) -> str:
        return "".join(f"<{message.role}>\n{message.content}\n" for message in messages) + "<assistant>\n"

    def count(self, text: str) -> int:
        return len(_TOKEN.findall(text))

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        self._cancelled.clear()
        self.prompts.append(prompt)
        reply = self._reply(prompt, sampling)
        for start in range(0, len(reply), 200):
            if self._cancelled.is_set():
                raise Cancelled
            yield Chunk(reply[start : start + 200])
        yield Chunk(
            "",
            Generation(
                text=reply,
                finish="stop",
                prompt_tokens=self.count(prompt),
                completion_tokens=self.count(reply),
                seed=sampling.seed,
            ),
        )

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self._cancelled.set()
