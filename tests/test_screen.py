"""Refusing scripts before they run."""

from __future__ import annotations

from aide_local.screen import ast_hash, screen

MODULES = frozenset({"json", "pandas", "sklearn"})


def test_layout_comments_and_docstrings_do_not_make_a_script_new() -> None:
    assert ast_hash("import json\nx = 1\n") == ast_hash('"""Doc."""\nimport json  # why\n\n\nx = (1)\n')
    assert ast_hash("x = 1\n") != ast_hash("x = 2\n")


def test_a_script_that_does_not_parse_is_refused_with_its_line() -> None:
    _, error = screen("x = 1\ny = (\n", MODULES, {})
    assert error is not None
    assert (error.kind, error.type, error.line) == ("syntax", "SyntaxError", 2)


def test_a_null_byte_is_a_syntax_error_and_not_a_crash() -> None:
    _, error = screen("x = 1\0", MODULES, {})
    assert error is not None
    assert error.kind == "syntax"


def test_an_import_that_is_not_installed_is_refused() -> None:
    _, error = screen("import json\nfrom lightgbm.sklearn import LGBMClassifier\n", MODULES, {})
    assert error is not None
    assert (error.kind, error.line) == ("import", 2)
    assert "lightgbm" in error.message


def test_an_import_guarded_by_try_is_let_through() -> None:
    code = "try:\n    import lightgbm\nexcept ImportError:\n    lightgbm = None\n"
    assert screen(code, MODULES, {})[1] is None


def test_a_repeated_script_is_refused_naming_the_earlier_node() -> None:
    digest, error = screen("x = 1", MODULES, {ast_hash("x = 1  # again"): 7})
    assert error is not None
    assert error.kind == "repeat"
    assert "node 7" in error.message
    assert digest
