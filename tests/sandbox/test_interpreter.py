"""The candidates' interpreter says what it can import."""

from __future__ import annotations

import sys

import numpy
import pytest

from aide_local.errors import SettingsError
from aide_local.sandbox.interpreter import probe


def test_the_card_names_the_versions_that_are_installed() -> None:
    found = probe(sys.executable)
    minor = ".".join(numpy.__version__.split(".")[:2])
    assert found.card().startswith(
        f"python {sys.version_info.major}.{sys.version_info.minor}, numpy {minor}, "
    )


def test_modules_are_those_of_the_interpreter_and_of_its_library() -> None:
    modules = probe(sys.executable).modules
    assert {"json", "sys", "sklearn", "pandas"} <= modules
    assert "not_there_at_all" not in modules


def test_the_error_for_a_program_that_is_no_interpreter_names_the_option() -> None:
    for path in ("/no/such/python", "/bin/false"):
        with pytest.raises(SettingsError, match="--python") as caught:
            probe(path)
        assert path in caught.value.message
