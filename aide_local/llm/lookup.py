"""Prompt lookup decoding: what a reply copies from its prompt is guessed, and confirmed several tokens at a time.

An improved script is its parent but for a few lines. If the last tokens written stand in the prompt, too, those that follow
them there are a guess at what comes next; a model decodes a token and a row of guesses in hardly more time than the
token alone, since either way all its weights are read once. Every token is sampled from the model's own distribution, guessed
or not, so the guesses change the speed only (Leviathan et al., arXiv 2211.17192; Saxena, "Prompt lookup decoding", 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 3  # tokens that must be the same before the next ones are guessed
FEWEST, MOST = 2, 16  # guesses at a time


class Lookup:
    """Guesses, from the tokens of a prompt and of the reply as it grows. Deterministic in both."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._prompt = list(prompt)
        self._after = {  # the last place counts: the parent's script comes after the journal
            tuple(self._prompt[at - WIDTH : at]): at for at in range(WIDTH, len(self._prompt))
        }
        self._last = self._prompt[-WIDTH:]
        self._place = len(self._prompt)  # in the prompt, of what is expected next
        self._count = FEWEST

    def add(self, token: int) -> None:
        """Take note that the reply goes on with ``token``."""
        self._last = [*self._last[1 - WIDTH :], token]
        if self._place < len(self._prompt) and self._prompt[self._place] == token:
            self._place += 1
        else:
            self._place = self._after.get(tuple(self._last), len(self._prompt))

    def guess(self, most: int) -> list[int]:
        """Return the tokens that may follow, at most ``most``; none if the reply goes its own way."""
        return self._prompt[self._place : self._place + max(0, min(self._count, most))]

    def record(self, right: int, guessed: int) -> None:
        """Take note that of the last ``guessed`` tokens the first ``right`` came: guess more, or fewer, the next time."""
        if guessed:
            self._count = min(MOST, 2 * self._count) if right == guessed else max(FEWEST, right)
