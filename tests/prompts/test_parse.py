"""Plan and code out of any reasonable reply."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.prompts.parse import parse_reply

CODE = "import json\nprint(json.dumps({}))\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"I will print.\n```python\n{CODE}```",
        f"I will print.\n```py\n{CODE}```\nDone.",
        f"I will print.\n```\n{CODE}```",
        f"I will print.\n~~~python\n{CODE}~~~",
        f"I will print.\n```python\n{CODE}",  # the fence never closes
        f"## Plan\nI will print.\n## Code\n```python\n{CODE}```",
        f"<think>first ```python\nx=1\n``` no</think>I will print.\n```python\n{CODE}```",
        f"I will print.\n\n{CODE}",  # no fence
        f"I will print.\r\n```python\r\n{CODE}```",
        "I will print.\n  ```python\n  import json\n  print(json.dumps({}))\n  ```",
    ],
)
def test_plan_and_code_are_found(reply: str) -> None:
    parsed = parse_reply(reply)
    assert parsed.code.strip() == CODE.strip()
    assert parsed.plan.startswith("I will print.")


def test_of_several_blocks_the_longest_that_parses_is_the_script() -> None:
    blocks = f"Use\n```python\nx = 1\n```\nthen\n```python\n{CODE}```\nrun\n"
    reply = blocks + "```bash\npip install a b c d e f g h i j\n```"
    assert parse_reply(reply).code == CODE


def test_a_block_that_does_not_parse_is_still_the_script_when_it_is_the_only_one() -> None:
    assert parse_reply("plan\n```python\nx = (\n```").code == "x = (\n"


def test_an_unfinished_thought_holds_no_code() -> None:
    assert parse_reply("<think>let me see ```python\nx = 1\n").code == ""


def test_a_reply_of_prose_has_a_plan_and_no_code() -> None:
    parsed = parse_reply("I am not sure what to do.")
    assert parsed.code == ""
    assert parsed.plan == "I am not sure what to do."


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_any_text_is_parsed_without_an_exception(text: str) -> None:
    parsed = parse_reply(text)
    assert isinstance(parsed.code, str)


@given(
    st.lists(
        st.sampled_from(["a = 1", "for i in range(3):\n    print(i)", "import os", "x = '''```'''"]),
        min_size=1,
    )
)
def test_a_fenced_script_comes_back_as_it_was(lines: list[str]) -> None:
    code = "\n".join(lines) + "\n"
    assert ast.dump(ast.parse(parse_reply(f"plan\n```python\n{code}```").code)) == ast.dump(ast.parse(code))
