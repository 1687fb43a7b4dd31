"""The imports of the whole code: no cycle, and nothing heavy or foreign is loaded where it is not needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping

import grimp
import pytest


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


def graph_of(package: str) -> dict[str, set[str]]:
    """Return which modules each module imports, imports under ``TYPE_CHECKING`` included."""
    graph = grimp.build_graph(package, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def knots(imports: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle (strongly connected, Tarjan 1972)."""
    order: dict[str, int] = {}  # of the first visit
    lowest: dict[str, int] = {}  # first visit that is reached from the module
    path: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        path.append(module)
        for other in imports[module]:
            if other not in order:
                visit(other)
            if other in path:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == order[module]:
            group = path[path.index(module) :]
            del path[path.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in imports:
        if module not in order:
            visit(module)
    return found


def test_a_circle_of_imports_is_found() -> None:
    circle = {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": [], "e": ["a", "d"]}
    assert knots(circle) == [["b", "c"]]
    assert knots({"a": ["b", "c"], "b": ["c"], "c": []}) == []


@pytest.mark.parametrize("package", ["aide_local", "tui", "models"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert knots(graph_of(package)) == []
