"""Prompts fit the context window, token-exactly, and say what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.errors import PromptError
from aide_local.prompts.build import Request, Templates
from aide_local.prompts.pack import Packer
from aide_local.task import Task
from aide_local.types import Message, Operator
from tests.factories import buggy, churn_task, valid


class Words:
    """A tokenizer whose tokens are words and line ends."""

    def render(self, messages: Sequence[Message]) -> str:
        return "".join(f"<{m.role}>\n{m.content}\n" for m in messages) + "<assistant>\n"

    def count(self, text: str) -> int:
        return len(text.replace("\n", " \n ").split(" "))


def packer(
    n_ctx: int = 4000, reply: int = 500, columns: int = 3, description: str = "", profile: str = "standard"
) -> Packer:
    return Packer(
        Words(),
        Templates(profile),
        churn_task(columns, description),
        packages="python 3.11",
        limits="4 GB",
        n_ctx=n_ctx,
        reply_tokens=reply,
    )


def improve(digest: int = 3, code_lines: int = 10, output: str = "") -> Request:
    parent = valid(1, 0.8, code="\n".join(f"x{n} = {n}" for n in range(code_lines)), output=output)
    return Request.of(Operator.IMPROVE, [f"#{n} draft: 0.{n} plan" for n in range(digest)], parent)


@pytest.mark.parametrize("profile", ["standard", "starter"])
def test_the_static_part_is_the_same_for_every_operator_and_comes_first(profile: str) -> None:
    made = packer(profile=profile)
    parent = buggy(1)
    requests = [
        Request.of(Operator.DRAFT, []),
        improve(),
        Request.of(Operator.DEBUG, ["#0 draft: 0.5"], parent),
        Request.of(Operator.MERGE, [], valid(1, 0.5), valid(2, 0.6)),
    ]
    prompts = [made.pack(request).prompt for request in requests]
    static = Words().render([made.system]).removesuffix("<assistant>\n")
    assert all(prompt.startswith(static) for prompt in prompts)


@pytest.mark.parametrize("profile", ["standard", "starter"])
def test_digest_comes_before_the_parent_and_the_error_after_it(profile: str) -> None:
    prompt = (
        packer(profile=profile)
        .pack(Request.of(Operator.DEBUG, ["#0 draft: 0.5 the digest"], buggy(1)))
        .prompt
    )
    assert prompt.index("the digest") < prompt.index("print(missing_1)") < prompt.index("NameError")


def test_what_fits_is_not_shortened() -> None:
    assert packer().pack(improve()).dropped == ()


@settings(max_examples=40, deadline=None)
@given(
    n_ctx=st.integers(900, 3000),
    digest=st.integers(0, 300),
    code_lines=st.integers(1, 600),
    output=st.text(alphabet="ab \n", max_size=4000),
)
def test_a_packed_prompt_never_exceeds_the_budget(
    n_ctx: int, digest: int, code_lines: int, output: str
) -> None:
    made = packer(n_ctx, 200)
    packed = made.pack(improve(digest, code_lines, output))
    assert packed.tokens == Words().count(packed.prompt)
    assert packed.tokens <= n_ctx - 200


def test_every_section_left_out_is_named() -> None:
    packed = packer(1100, 200).pack(improve(200, 500, "z " * 3000))
    sections = [note.split(":")[0] for note in packed.dropped]
    assert sections == ["digest", "output", "digest", "parent script"]


def test_a_long_description_and_a_wide_table_are_shortened_once_for_the_whole_run() -> None:
    made = packer(2000, 200, columns=300, description="word " * 5000)
    assert [note.split(":")[0] for note in made.static_dropped] == ["description", "columns"]
    assert made.pack(improve()).dropped[:2] == made.static_dropped


def test_a_context_smaller_than_the_static_part_is_an_error_that_names_the_mend() -> None:
    with pytest.raises(PromptError, match=r"--n-ctx \d+"):
        packer(300, 200)


def test_the_reask_repeats_the_conversation_with_the_reply() -> None:
    again = packer().reask(improve(), "I forgot the code")
    assert again is not None
    assert again.prompt.index("I forgot the code") < again.prompt.rindex("no Python code")


def test_a_long_hint_is_shortened_when_nothing_else_is_left() -> None:
    made = packer(1500, 200)
    packed = made.pack(Request.of(Operator.DRAFT, [], hint="note " * 2000))
    assert packed.tokens <= 1300
    assert [note.split(":")[0] for note in packed.dropped] == ["hint"]
    assert "A hint from the person who runs this: note note" in packed.prompt
    sections = made.pack(replace(improve(), hint="note " * 2000)).dropped
    assert [note.split(":")[0] for note in sections] == ["digest", "parent script", "hint"]
    assert made.pack(replace(improve(), hint="note " * 9)).dropped == ()


def test_the_summary_of_a_node_leaves_out_script_then_plan() -> None:
    made = packer(1500, 200)
    script = "\n".join(f"x{n} = {n}" for n in range(500))
    node = valid(1, 0.8, code=script)
    assert made.summary(valid(1, 0.8), "#1").dropped == ()
    assert [note.split(":")[0] for note in made.summary(node, "#1").dropped] == ["script"]
    packed = made.summary(replace(node, plan="thinking about it " * 500), "#1")
    assert packed.tokens == Words().count(packed.prompt) <= 1300
    assert packed.dropped[0] == "script: 0 of 500 lines"
    assert packed.dropped[1].startswith("plan: ")


def wording(task: Task, code: str, output: str) -> str:
    return f"{task.metric}\n{code}\nprinted\n{output}"


def test_a_review_leaves_out_the_beginning_of_the_output_then_the_middle_of_the_script() -> None:
    made = packer(1000, 200)
    whole = made.review(wording, "x = 1", "a 0.5", reply_tokens=400)
    assert (whole.prompt, whole.dropped) == (
        Words().render([Message("user", "auc\nx = 1\nprinted\na 0.5")]),
        (),
    )
    packed = made.review(wording, "x = 1", "a 0.5 " * 900, reply_tokens=400)
    assert 590 <= packed.tokens == Words().count(packed.prompt) <= 600
    assert [note.split(":")[0] for note in packed.dropped] == ["output"]
    assert packed.prompt.index("x = 1") < packed.prompt.index("…") < packed.prompt.rindex("0.5")
    script = "\n".join(f"x{n} = {n}" for n in range(500))
    packed = made.review(wording, script, "a 0.5 " * 900, reply_tokens=400)
    assert packed.tokens <= 600
    assert [note.split(":")[0] for note in packed.dropped] == ["output", "script"]
    assert "x0 = 0" in packed.prompt
    assert "x499 = 499" in packed.prompt


def test_a_review_may_take_what_the_context_holds_beside_its_own_short_reply() -> None:
    """It is no script, so the room kept for a script is its prompt's."""
    assert packer(1500, 600).review(wording, "x = 1", "a " * 1000, reply_tokens=400).dropped == ()
