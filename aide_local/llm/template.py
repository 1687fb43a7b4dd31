"""Chat templates: from messages to the text that a model was trained on.

The template is the GGUF's own (``tokenizer.chat_template``, Jinja), rendered in a sandboxed environment with
the names that such templates expect (Hugging Face ``apply_chat_template``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aide_local.errors import ModelError
from aide_local.types import Message

# For a model without one: the most common form (ChatML).
_FALLBACK = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class ChatTemplate:
    """One model's template.

    Raises:
        ModelError: the template does not parse.
    """

    def __init__(self, source: str, special: Mapping[str, str]) -> None:
        import jinja2
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: ""  # a prompt must not depend on the day
        environment.filters["tojson"] = _to_json
        self._special = dict(special)
        try:
            self._template = environment.from_string(source or _FALLBACK)
        except jinja2.TemplateError as error:
            raise ModelError(
                f"The chat template in the model file does not parse: {error}.",
                "Get the file again from its publisher, or another conversion of the model.",
            ) from error

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt with the opening of the assistant's turn; thinking is switched off if the template knows that.

        Templates that refuse a system role, or roles that do not alternate, get the system message as the
        beginning of the first user message.
        """
        import jinja2

        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._apply(turns)
        except (jinja2.TemplateError, TypeError):
            try:
                return self._apply(_fold_system(turns))
            except (jinja2.TemplateError, TypeError) as error:
                raise ModelError(
                    f"The chat template in the model file cannot be used: {error}.",
                    "Use another conversion of the model.",
                ) from error

    def _apply(self, turns: list[dict[str, str]]) -> str:
        return str(
            self._template.render(
                messages=turns, add_generation_prompt=True, enable_thinking=False, tools=None, **self._special
            )
        )


def _fold_system(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    if len(turns) < 2 or turns[0]["role"] != "system":
        return turns
    first = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
    return [first, *turns[2:]]


def _raise(message: str) -> None:
    import jinja2

    raise jinja2.TemplateError(message)


def _to_json(value: Any, indent: int | None = None) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)
