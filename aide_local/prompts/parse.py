"""Plan and code out of any reasonable reply."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice

_TAG = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([\w+-]*)")
_PYTHON = {"python", "py", "python3", ""}
_CODE_START = re.compile(r"^(import |from \w[\w.]* import |def |class |@|if __name__)", re.MULTILINE)
_TRIES = 20  # blocks of a reply that are parsed only to find out where they end: keeps long replies cheap


@dataclass(frozen=True, slots=True)
class Reply:
    """``code`` is empty where the reply holds none."""

    plan: str
    code: str


def parse_reply(text: str, *, cut: bool = False) -> Reply:
    """Take plan and code from a reply with fences, several fences, an open fence, or none.

    Of several Python blocks the longest that parses is the script (models show fragments first);
    where none parses, the longest. The plan is the text outside the blocks, before the first one
    where there is any, else after. Thoughts are left out; what stands in a fence is never changed.

    ``cut``: the reply ended at its limit of tokens. Its last block, if that never closed, is then the script,
    though it does not parse, unless a longer one parses: a model that had not yet come to its end is told so,
    while one that went on after a whole script has written one.
    """
    pieces = _Scanner(text.replace("\r\n", "\n")).pieces()
    blocks = [n for n, piece in enumerate(pieces) if piece.code.strip()]
    if blocks:
        last = pieces[blocks[-1]]
        unfinished = last if cut and last.open else None
        chosen = max(blocks, key=lambda n: (pieces[n].parses or pieces[n] is unfinished, len(pieces[n].code)))
        plan = "".join(piece.text for piece in pieces[: blocks[0]])
        if not plan.strip():
            plan = "".join(piece.text for piece in pieces[chosen + 1 :])
        return Reply(_tidy(plan), _dedent(pieces[chosen].code))
    visible = "".join(piece.text for piece in pieces)
    start = _CODE_START.search(visible)
    if start and _parses(visible[start.start() :]):
        return Reply(_tidy(visible[: start.start()]), visible[start.start() :].strip() + "\n")
    return Reply(_tidy(visible), "")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the reply; ``code`` is what stands in it where it is a block of Python."""

    text: str
    code: str = ""
    parses: bool = False
    open: bool = False  # no fence closes it


class _Scanner:
    """Divides a reply into blocks and what is around them, without its thoughts.

    A fence line inside a string of a script does not close its block: the first one after which the block
    parses does, or the first of all. The tags of a thought count outside blocks only.
    """

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.tries = _TRIES
        self.closing: dict[str, list[int]] = {}  # numbers of the lines that can close a block, by their fence
        self.ending: list[int] = []  # numbers of the lines with the tag that ends a thought
        for number, line in enumerate(self.lines):
            bare = line.strip(" \t")
            if bare[:3] in ("```", "~~~") and not bare.strip(bare[0]):
                self.closing.setdefault(bare, []).append(number)
            if any(tag.group(1) for tag in _TAG.finditer(line)):
                self.ending.append(number)

    def pieces(self) -> list[_Piece]:
        """A thought whose opening tag was part of the prompt reaches from the beginning to its closing tag."""
        found: list[_Piece] = []
        thinking = False
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            fence = self._opening(at)
            if fence is not None:
                block, at = self._block(at, *fence, thinking)
                if not thinking:
                    found.append(block)
                continue
            done = 0
            for tag in _TAG.finditer(line):
                if not thinking:
                    found.append(_Piece(line[done : tag.start()]))
                if tag.group(1) and not thinking:
                    found.clear()
                thinking = not tag.group(1)
                done = tag.end()
            if done:
                self.lines[at] = line[done:]  # a fence may follow on the same line
                continue
            if not thinking:
                found.append(_Piece(line + "\n"))
            at += 1
        return found

    def _opening(self, at: int) -> tuple[str, str] | None:
        """The fence and the language, if the line opens a block."""
        line = self.lines[at]
        found = _FENCE.match(line)
        if found is None or at + 1 == len(self.lines) or _TAG.search(line):
            return None
        fence, language = found.groups()
        inline = line.rstrip().endswith("`") and line.strip() != fence  # ```x = 1```
        return None if inline else (fence, language.lower())

    def _block(self, at: int, fence: str, language: str, thinking: bool) -> tuple[_Piece, int]:
        """The block that begins on line ``at``, and the number of the line after it."""
        python = language in _PYTHON
        closing = self.closing.get(fence, [])
        first = bisect_right(closing, at)
        ends = closing[first : first + _TRIES] or [len(self.lines)]
        tag = self._end_of_thought(at, ends[0], thinking)
        for end in ends if python else ():
            if end > ends[0] or tag is not None:
                if not self.tries:
                    break
                self.tries -= 1
            code = self._between(at + 1, end)
            if _parses(code):
                return _Piece(self._between(at, end + 1), code, True, end == len(self.lines)), end + 1
            if '"""' not in code and "'''" not in code:
                break  # no string in which the fence could stand
        if tag is not None:
            return _Piece(self._between(at, tag)), tag
        end = ends[0]
        code = self._between(at + 1, end) if python else ""
        return _Piece(self._between(at, end + 1), code, False, end == len(self.lines)), end + 1

    def _end_of_thought(self, at: int, end: int, thinking: bool) -> int | None:
        """The line on which a thought ends whose own block, begun on line ``at``, was never closed before ``end``.

        Within a thought the tag may be anywhere; elsewhere, where it may be part of a script that is cut or
        wrong, only at the edge of a line.
        """
        for number in islice(self.ending, bisect_right(self.ending, at), None):
            if number >= end:
                break
            line = self.lines[number].strip()
            tags = [tag for tag in _TAG.finditer(line) if tag.group(1)]
            if thinking or tags[0].start() == 0 or tags[-1].end() == len(line):
                return number
        return None

    def _between(self, start: int, end: int) -> str:
        return "\n".join(self.lines[start:end]) + ("\n" if end < len(self.lines) else "")


def _parses(code: str) -> bool:
    try:
        ast.parse(_dedent(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(code.strip())


def _dedent(code: str) -> str:
    import textwrap

    return textwrap.dedent(code).strip("\n") + "\n"


def _tidy(plan: str) -> str:
    """Drop headings such as ``## Plan`` and squeeze blank lines; a plan is prose."""
    lines = [line.strip() for line in plan.strip().splitlines()]
    lines = [
        line
        for line in lines
        if not re.fullmatch(r"(#+\s*)?(plan|code|solution|script)\s*:?", line, re.IGNORECASE)
    ]
    tidy = re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip()
    return re.sub(r"^(#+\s*)?plan\s*:\s*", "", tidy, flags=re.IGNORECASE)
