"""Fit a prompt into the context window, token-exactly, and say what was left out.

The budget is ``n_ctx`` minus the tokens kept for the reply. Counts are the model's own tokenizer's
on the rendered prompt, so there is no estimate to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aide_local.errors import PromptError
from aide_local.prompts.build import (
    Request,
    StaticPart,
    Templates,
    reask_message,
    system_message,
    user_message,
)
from aide_local.task import Task
from aide_local.types import Message, Node, Operator

# The static part may take this share of the budget before its task description and columns are cut.
_STATIC_SHARE = 0.6
_DIGEST_SHARE = 0.25
_LADDER = (
    StaticPart(6000, 60), StaticPart(4000, 50), StaticPart(2500, 40), StaticPart(1500, 30),
    StaticPart(800, 20), StaticPart(400, 12), StaticPart(0, 6), StaticPart(0, 0),
)  # fmt: skip


class Tokenizer(Protocol):
    """The part of an engine that packing needs."""

    def render(self, messages: Sequence[Message]) -> str: ...
    def count(self, text: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Packed:
    """A rendered prompt, its tokens, and one entry for every section shortened or left out."""

    prompt: str
    tokens: int
    dropped: tuple[str, ...]


class Packer:
    """Packs every prompt of one run; ``system`` is fixed at construction, byte for byte.

    Raises:
        PromptError: the shortest static part does not fit into the budget.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        templates: Templates,
        task: Task,
        *,
        packages: str,
        limits: str,
        n_ctx: int,
        reply_tokens: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.templates = templates
        self.task = task
        self.n_ctx = n_ctx
        self.budget = n_ctx - reply_tokens
        self.static_dropped: tuple[str, ...] = ()
        probe = user_message(templates, task, Request(Operator.DRAFT))
        needed = 0
        for part in _LADDER:
            self.system = system_message(templates, task, packages, limits, part)
            needed = tokenizer.count(tokenizer.render([self.system, probe]))
            last = part == _LADDER[-1]
            if needed <= self.budget * (1.0 if last else _STATIC_SHARE):
                break
        else:
            raise PromptError(
                f"The context of {n_ctx} tokens is too small: the task's fixed part of the prompt takes {needed}"
                f" and the reply is given {reply_tokens}.",
                f"Give --n-ctx {_round_up(needed + reply_tokens + 512)} or more, or a smaller --max-tokens.",
            )
        cut = []
        if part.description < len(task.description):
            cut.append(f"description: first {part.description} of {len(task.description)} characters")
        if part.columns < len(task.columns):
            cut.append(f"columns: first {part.columns} of {len(task.columns)}")
        self.static_dropped = tuple(cut)

    def pack(self, request: Request) -> Packed:
        """The prompt of one step.

        Shortened in this order until it fits: the output of the parent, the digest (from its end),
        the error, the second parent's script, the parent's script (from its middle), the person's hint.

        Raises:
            PromptError: it does not fit even then.
        """
        return self._pack(request)[1]

    def reask(self, request: Request, reply: str) -> Packed | None:
        """The same conversation with the reply and a request for code; None where that does not fit."""
        shown, packed = self._pack(request)
        conversation = [
            self.system,
            user_message(self.templates, self.task, shown),
            Message("assistant", reply[:2000]),
            reask_message(self.templates),
        ]
        prompt = self.tokenizer.render(conversation)
        tokens = self.tokenizer.count(prompt)
        return Packed(prompt, tokens, packed.dropped) if tokens <= self.budget else None

    def summary(self, node: Node, line: str) -> Packed:
        """Ask for one sentence on a finished node; ``line`` is its line of the journal.

        The script is cut until it fits (from its middle), then the plan.

        Raises:
            PromptError: it does not fit even without script and plan.
        """

        def prompt(lines: int, plan: int) -> str:
            values = {
                "node": replace(node, plan=node.plan[:plan]),
                "line": line,
                "code": _middle_out(script, lines),
            }
            return self.tokenizer.render(
                [self.system, Message("user", self.templates.render("summary", **values))]
            )

        script = node.code.splitlines()
        whole = len(node.plan)
        return self._shrunk(
            self.budget,
            ("script", "lines", len(script), lambda n: prompt(n, whole)),
            ("plan", "characters", whole, lambda n: prompt(0, n)),
        )

    def review(
        self, wording: Callable[[Task, str, str], str], code: str, output: str, *, reply_tokens: int
    ) -> Packed:
        """Ask what an execution came to, without the system message; ``wording`` makes it a text.

        The output is cut until it fits (from its beginning), then the script (from its middle).

        Raises:
            PromptError: it does not fit even without output and script.
        """

        def prompt(characters: int, lines: int) -> str:
            end = output if characters >= len(output) else "…" + output[len(output) - characters :]
            shown = code if lines >= len(script) else _middle_out(script, lines)
            return self.tokenizer.render([Message("user", wording(self.task, shown, end))])

        script = code.splitlines()
        return self._shrunk(
            self.n_ctx - reply_tokens,
            ("output", "characters", len(output), lambda n: prompt(n, len(script))),
            ("script", "lines", len(script), lambda n: prompt(0, n)),
        )

    def _shrunk(self, budget: int, *parts: tuple[str, str, int, Callable[[int], str]]) -> Packed:
        """The prompt with as much of its parts as fits, the last ones longest.

        A part has a name, a unit, its size, and the prompt with n units of it, none of the parts before it and all
        of those after it.
        """
        dropped: list[str] = []
        for name, unit, size, prompt in parts:

            def fits(n: int, prompt: Callable[[int], str] = prompt) -> bool:
                return self.tokenizer.count(prompt(n)) <= budget

            keep = _most(size, fits)
            shown = prompt(keep)
            if keep < size:
                dropped.append(f"{name}: {keep} of {size} {unit}")
            tokens = self.tokenizer.count(shown)
            if tokens <= budget:
                return Packed(shown, tokens, tuple(dropped))
        raise _too_long(tokens, budget)

    def _pack(self, request: Request) -> tuple[Request, Packed]:
        dropped = list(self.static_dropped)
        request, note = self._limit_digest(request)
        if note:
            dropped.append(note)
        tokens, prompt = self._measure(request)
        for shorten in (
            self._cut_output,
            self._cut_digest,
            self._cut_error,
            self._cut_other,
            self._cut_parent,
            self._cut_hint,
        ):
            if tokens <= self.budget:
                break
            request, note = shorten(request)
            if note:
                dropped.append(note)
            tokens, prompt = self._measure(request)
        if tokens > self.budget:
            raise _too_long(tokens, self.budget)
        return request, Packed(prompt, tokens, tuple(dropped))

    def _measure(self, request: Request) -> tuple[int, str]:
        prompt = self.tokenizer.render([self.system, user_message(self.templates, self.task, request)])
        return self.tokenizer.count(prompt), prompt

    def _fits(self, request: Request) -> bool:
        return self._measure(request)[0] <= self.budget

    def _limit_digest(self, request: Request) -> tuple[Request, str]:
        """The digest has a budget of its own, whether or not the rest would leave it more."""
        limit = int(self.budget * _DIGEST_SHARE)
        keep = _most(
            len(request.digest), lambda n: self.tokenizer.count("\n".join(request.digest[:n])) <= limit
        )
        return self._with_digest(request, keep)

    def _cut_digest(self, request: Request) -> tuple[Request, str]:
        keep = _most(len(request.digest), lambda n: self._fits(replace(request, digest=request.digest[:n])))
        return self._with_digest(request, keep)

    def _with_digest(self, request: Request, keep: int) -> tuple[Request, str]:
        if keep >= len(request.digest):
            return request, ""
        note = f"digest: {keep} of {len(request.digest)} lines"
        return replace(request, digest=request.digest[:keep]), note

    def _cut_output(self, request: Request) -> tuple[Request, str]:
        return self._cut_text(request, "output", keep_end=True)

    def _cut_error(self, request: Request) -> tuple[Request, str]:
        return self._cut_text(request, "error", keep_end=False)

    def _cut_hint(self, request: Request) -> tuple[Request, str]:
        return self._cut_text(request, "hint", keep_end=False)

    def _cut_text(self, request: Request, name: str, *, keep_end: bool) -> tuple[Request, str]:
        text: str = getattr(request, name)
        if not text:
            return request, ""

        def cut(n: int) -> Request:
            kept = (text[len(text) - n :] if keep_end else text[:n]) if n else ""
            return replace(request, **{name: kept})  # type: ignore[arg-type]

        keep = _most(len(text), lambda n: self._fits(cut(n)))
        return (
            (request, "") if keep == len(text) else (cut(keep), f"{name}: {keep} of {len(text)} characters")
        )

    def _cut_other(self, request: Request) -> tuple[Request, str]:
        return self._cut_code(request, "other_code")

    def _cut_parent(self, request: Request) -> tuple[Request, str]:
        return self._cut_code(request, "parent_code")

    def _cut_code(self, request: Request, name: str) -> tuple[Request, str]:
        lines: list[str] = getattr(request, name).splitlines()
        if not lines:
            return request, ""

        def cut(n: int) -> Request:
            return replace(request, **{name: _middle_out(lines, n)})  # type: ignore[arg-type]

        keep = _most(len(lines), lambda n: self._fits(cut(n)))
        label = name.replace("_", " ").replace("code", "script")
        return (request, "") if keep == len(lines) else (cut(keep), f"{label}: {keep} of {len(lines)} lines")


def _most(top: int, fits: Callable[[int], bool]) -> int:
    """Largest n in [0, top] for which ``fits(n)``, given that smaller is never harder to fit; else 0."""
    if fits(top):
        return top
    low, high = 0, top
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _middle_out(lines: list[str], keep: int) -> str:
    """``keep`` of the lines, the first and the last of them."""
    if keep >= len(lines):
        return "\n".join(lines)
    head, tail = lines[: (keep + 1) // 2], lines[len(lines) - keep // 2 :]
    return "\n".join([*head, f"# … {len(lines) - keep} lines left out …", *tail])


def _too_long(tokens: int, budget: int) -> PromptError:
    return PromptError(
        f"The prompt of {tokens} tokens does not fit into the {budget} that the context leaves.",
        f"Give --n-ctx {_round_up(tokens + 1024)} or more.",
    )


def _round_up(tokens: int) -> int:
    return -(-tokens // 1024) * 1024
