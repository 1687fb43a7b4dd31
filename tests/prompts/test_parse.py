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


SCRIPT = "import pandas as pd\ntrain = pd.read_csv('input/train.csv')\nprint(train)\n"
DRAFT = f"```python\n{SCRIPT}leak = train['y']  # no, that is wrong\n```\n"


@pytest.mark.parametrize(
    "thought",
    [
        f"Let me think.\n{DRAFT}Without it.\n</think>\n",  # the chat template opened the thought
        f"Let me think.\n{DRAFT}</think>\nor\n{DRAFT}</think>",
        f"<think>\n{DRAFT}No.</think>\n",
        f"Let me think.\n{DRAFT[:-4]}</think>\n",  # the fence within the thought never closes
        f"<thinking>{DRAFT[:-4]}wait, no</thinking>\n",
        f"Perhaps\n```python\ntag = '</think>'\n```\nor\n{DRAFT}</think>\n",
        "Inline:\n```x = 1```\nNo.\n</think>\n",
    ],
)
def test_code_of_a_thought_is_not_the_script(thought: str) -> None:
    parsed = parse_reply(f"{thought}I will print.\n```python\n{CODE}```\n")
    assert (parsed.plan, parsed.code) == ("I will print.", CODE)


def test_a_thought_after_the_script_leaves_it_alone() -> None:
    assert parse_reply(f"I will print.\n```python\n{CODE}```\n<think>good?</think>").code == CODE


@pytest.mark.parametrize(
    "line",
    [
        "text = re.sub(r'<think>.*?</think>', '', text)",
        "end = '</think>'",
        "begin = '<think>'",
        'help = """\n<think>\nno\n</think>\n"""',
    ],
)
def test_tags_of_a_thought_within_the_script_are_part_of_it(line: str) -> None:
    code = f"import re\n{line}\nprint(text)\n"
    assert parse_reply(f"plan\n```python\n{code}```\nbye").code == code


def test_tags_of_a_thought_within_a_script_that_is_wrong_or_cut_are_part_of_it() -> None:
    code = "import re\ntext = re.sub(r'<think>.*?</think>', '', text)\nx = (\n"
    assert parse_reply(f"plan\n```python\n{code}```\nbye").code == code
    assert parse_reply(f"plan\n```python\n{code}", cut=True).code == code


@pytest.mark.parametrize("quotes", ['"""', "'''"])
@pytest.mark.parametrize("inner", ["```\nx\n```", "```python\nx\n```", "```", "```\nx\n```\n\n```\ny\n```"])
def test_a_fence_line_within_a_string_does_not_end_the_script(quotes: str, inner: str) -> None:
    code = f"import os\ntext = {quotes}\n{inner}\n{quotes}\nprint(text)\n"
    parsed = parse_reply(f"I print.\n```python\n{code}```\nDone:\n```\nx\n```\n")
    assert (parsed.plan, parsed.code) == ("I print.", code)


FRAGMENT = "First the imports:\n```python\nimport os\n```\nThe whole:\n"


def test_the_open_block_of_a_reply_that_was_cut_is_the_script_not_a_fragment_before_it() -> None:
    reply = f"{FRAGMENT}```python\n{SCRIPT}for c in train:\n    train[c] = train[c].fill(tr"
    assert parse_reply(reply, cut=True).code.endswith("fill(tr\n")
    assert parse_reply(reply).code == "import os\n"


def test_a_whole_script_stands_when_the_model_went_on_until_it_was_cut() -> None:
    reply = f"plan\n```python\n{SCRIPT}```\nOr only\n```python\nimport pandas as p"
    assert parse_reply(reply, cut=True).code == SCRIPT
    assert parse_reply(f"{FRAGMENT}```python\n{SCRIPT}```\nAs you see, the (", cut=True).code == SCRIPT


@pytest.mark.parametrize(
    "unit",
    [
        "```python\n</think>\n",
        "```python\ns = '''\n```\n",
        "```\n",
        "<think>",
        "</think>\n",
        "~~~a\nx</think>x\n",
        "` ",
    ],
)
@pytest.mark.timeout(60)
def test_a_long_reply_of_any_kind_is_parsed_in_time(unit: str) -> None:
    """20 times longer takes about 20 times longer, not 400: seconds, where it would be hours."""
    parse_reply(unit * (200_000 // len(unit)), cut=True)


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
