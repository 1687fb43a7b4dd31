"""From a JSON schema to a GBNF grammar, for the small schemas that structured calls use.

Grammar format: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md. Properties come in the
order of the schema; a reply under the grammar is JSON without layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_RULES = {
    "string": r'"\"" char* "\""',
    "char": r'[^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" hex hex hex hex)',
    "hex": "[0-9a-fA-F]",
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "number": '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
}


def json_schema_grammar(schema: Mapping[str, Any]) -> str:
    """Return the schema as GBNF text with the rule ``root``.

    Raises:
        ValueError: the schema uses something that is not supported.
    """
    rules: dict[str, str] = {}
    rules["root"] = _value(schema, rules)
    for name in ("string", "char", "hex", "integer", "number", "boolean", "null"):
        rules[name] = _RULES[name]
    return "\n".join(f"{name} ::= {body}" for name, body in rules.items()) + "\n"


def _value(schema: Mapping[str, Any], rules: dict[str, str]) -> str:
    if "enum" in schema:
        return "(" + " | ".join(_literal(json.dumps(value)) for value in schema["enum"]) + ")"
    kind = schema.get("type")
    if isinstance(kind, list):
        return "(" + " | ".join(_value({**schema, "type": one}, rules) for one in kind) + ")"
    if kind == "string" and "maxLength" in schema:
        return rf'"\"" char{{0,{int(schema["maxLength"])}}} "\""'
    if kind in ("string", "integer", "number", "boolean", "null"):
        return str(kind)
    if kind == "array":
        name = f"item{len(rules)}"
        rules[name] = _value(schema["items"], rules)
        return f'"[" ({name} ("," {name})*)? "]"'
    if kind == "object":
        return _object(schema, rules)
    raise ValueError(f"not supported in a schema: {kind!r}")


def _object(schema: Mapping[str, Any], rules: dict[str, str]) -> str:
    properties = schema["properties"]
    if set(schema.get("required", ())) != set(properties):
        raise ValueError("every property of an object must be required")
    parts = [
        f"{_literal(json.dumps(name) + ':')} {_value(value, rules)}" for name, value in properties.items()
    ]
    separator = ' "," '
    return f'"{{" {separator.join(parts)} "}}"'


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
