"""Chat templates as coder models carry them."""

from __future__ import annotations

import pytest

from aide_local.errors import ModelError
from aide_local.llm.template import ChatTemplate
from aide_local.types import Message

MESSAGES = [Message("system", "S"), Message("user", "U")]

# As in models that can think aloud: switched off by an empty thought.
THINKING = (
    "{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if message.role != 'system' %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)


def test_thinking_is_switched_off_where_the_template_knows_it() -> None:
    assert ChatTemplate(THINKING, {}).render(MESSAGES) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


def test_a_model_without_a_template_gets_chatml() -> None:
    assert ChatTemplate("", {}).render(MESSAGES) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
    )


def test_special_tokens_tools_and_filters_are_there() -> None:
    source = (
        "{{ bos_token }}{% if tools %}tools{% endif %}{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}"
        "{{ m.content | trim | tojson }}{% endfor %}{{ eos_token }}"
    )
    assert ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"}).render(MESSAGES) == '<s>"U"</s>'


def test_a_template_that_refuses_a_system_role_gets_one_user_message() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "[{{ m.role }}]{{ m.content }}{% endfor %}"
    )
    assert ChatTemplate(source, {}).render(MESSAGES) == "[user]S\n\nU"


def test_a_template_cannot_reach_the_machine() -> None:
    with pytest.raises(ModelError, match="cannot be used"):
        ChatTemplate("{{ messages.__class__.__mro__[1].__subclasses__() }}", {}).render(MESSAGES)


def test_a_template_that_does_not_parse_is_reported() -> None:
    with pytest.raises(ModelError, match="does not parse"):
        ChatTemplate("{% for %}", {})
