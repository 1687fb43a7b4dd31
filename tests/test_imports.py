"""What imports what, seen from outside."""

from __future__ import annotations

import subprocess
import sys


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_engine_does_not_load_the_terminal_ui() -> None:
    loaded = loaded_by("import aide_local.run.assemble, aide_local.cli.main")
    assert not {name for name in loaded if name.split(".")[0] in ("textual", "tui")}


def test_the_main_process_does_not_load_llama_cpp() -> None:
    assert "llama_cpp" not in loaded_by("import aide_local.run.assemble")


def test_help_loads_nothing_heavy() -> None:
    loaded = loaded_by("import aide_local.cli.main")
    heavy = {"numpy", "pandas", "sklearn", "duckdb", "pyarrow", "jinja2", "textual", "llama_cpp", "rich"}
    assert not loaded & (heavy - {"rich"})
