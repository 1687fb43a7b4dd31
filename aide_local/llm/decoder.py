"""Write replies with a loaded model. Imported by the model process alone.

Prompts are decoded in blocks that begin at multiples of the context's block size, and only whole blocks of an earlier
prompt are reused. Every block is then computed in the same shape, from cache or not, so that a reply does not depend on
what was generated before it: a resumed run writes what the unbroken one would have written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from aide_local.llm.context import Context, DecoderError
from aide_local.llm.lookup import Lookup
from aide_local.llm.messages import Finished, Generate, Piece
from aide_local.llm.reply_text import ReplyText
from aide_local.llm.sampler import Sampler


class Decoder:
    """Generates with one context; the beginning of a prompt that the last one had, too, is not computed again."""

    def __init__(self, context: Context, *, lookup: bool) -> None:
        self._context = context
        self._vocabulary = context.vocabulary
        self._guesses = lookup and context.rewinds
        self._kept: list[int] = []  # tokens of whole blocks that the cache holds

    def generate(self, request: Generate) -> Iterator[Piece | Finished]:
        """Yield the text as it is written, then how it ended and what it cost.

        Raises:
            DecoderError: the prompt does not fit, or the grammar is invalid.
            Interrupted: it was cancelled.
        """
        tokens = self._vocabulary.tokenize(request.prompt)
        room = self._context.n_ctx - len(tokens)
        if room <= 0:
            raise DecoderError(
                f"the prompt has {len(tokens)} tokens, the context holds {self._context.n_ctx}"
            )
        with Sampler(self._context, request) as sampler:
            try:
                start = time.perf_counter()
                cached = self.prefill(tokens)
                middle = time.perf_counter()
                count = guessed = 0
                finish = "length"
                text = ReplyText(request.stop)
                lookup = Lookup(tokens) if self._guesses and not request.grammar else None
                for token, was_guessed in self._write(
                    sampler, lookup, len(tokens), min(request.max_tokens, room)
                ):
                    count += 1
                    guessed += was_guessed
                    if self._vocabulary.ends_reply(token):
                        finish = "stop"
                        break
                    if new := text.add(self._vocabulary.piece(token)):
                        yield Piece(new)
                    if text.stopped:
                        finish = "stop"
                        break
                if rest := text.flush():
                    yield Piece(rest)
                yield Finished(
                    text=text.whole,
                    finish=finish,
                    prompt_tokens=len(tokens) - cached,
                    cached_tokens=cached,
                    completion_tokens=count,
                    speculated_tokens=guessed,
                    prefill_ms=1000 * (middle - start),
                    decode_ms=1000 * (time.perf_counter() - middle),
                )
            finally:
                self._forget(len(self._kept))

    def prefill(self, tokens: list[int]) -> int:
        """Decode the prompt; return how many of its tokens were in the cache."""
        block = self._context.block
        same = 0
        limit = min(len(self._kept), (len(tokens) - 1) // block * block)  # the last token gives the logits
        while same < limit and self._kept[same] == tokens[same]:
            same += 1
        same -= same % block
        if not self._forget(same):
            same = 0
        for place in range(same, len(tokens), block):
            part = tokens[place : place + block]
            self._context.decode(part)
            if len(part) == block:
                self._kept += part
        return same

    def _forget(self, place: int) -> bool:
        """Drop what the cache holds from ``place`` on; if the model cannot, drop all of it and return False."""
        rewound = self._context.rewind(place)
        self._kept = self._kept[:place] if rewound else []
        return rewound

    def _write(
        self, sampler: Sampler, lookup: Lookup | None, place: int, most: int
    ) -> Iterator[tuple[int, bool]]:
        """Yield at most ``most`` tokens of the reply, each with whether it was guessed.

        ``place`` counts the tokens that are in the context, ``right`` the guesses of the last batch that came.
        """
        right = 0
        guess: list[int] = []
        for left in reversed(range(most)):
            token = sampler.sample(right if guess else -1)
            came = right < len(guess) and guess[right] == token
            yield token, came
            if left == 0:
                return
            if lookup:
                lookup.add(token)
            if came:
                place, right = place + 1, right + 1
                continue
            if right < len(guess):
                self._context.rewind(place)
            if lookup:
                lookup.record(right, len(guess))
                guess = lookup.guess(left - 1)
            if guess:
                self._context.decode_each([token, *guess], place)
            else:
                self._context.decode([token])
            place, right = place + 1, 0
