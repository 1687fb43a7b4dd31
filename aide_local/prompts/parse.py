"""Plan and code out of any reasonable reply."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

_THINK = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(
    r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_PYTHON = {"python", "py", "python3", ""}
_CODE_START = re.compile(r"^(import |from \w[\w.]* import |def |class |@|if __name__)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """``code`` is empty where the reply holds none."""

    plan: str
    code: str


def parse_reply(text: str) -> Reply:
    """Take plan and code from a reply with fences, several fences, an open fence, or none.

    Of several Python blocks the longest that parses is the script (models show fragments first);
    where none parses, the longest. The plan is the text outside the blocks, before the first one
    where there is any, else after.
    """
    visible = _THINK.sub("", text).replace("\r\n", "\n")
    if not visible.strip() and "</think>" in text:
        visible = text.rsplit("</think>", 1)[1]
    blocks = [m for m in _FENCE.finditer(visible) if m.group(2).lower() in _PYTHON and m.group(3).strip()]
    if blocks:
        chosen = max(blocks, key=lambda m: (_parses(m.group(3)), len(m.group(3))))
        before = visible[: blocks[0].start()]
        plan = before if before.strip() else visible[chosen.end() :]
        return Reply(_tidy(plan), _dedent(chosen.group(3)))
    start = _CODE_START.search(visible)
    if start and _parses(visible[start.start() :]):
        return Reply(_tidy(visible[: start.start()]), visible[start.start() :].strip() + "\n")
    return Reply(_tidy(visible), "")


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
