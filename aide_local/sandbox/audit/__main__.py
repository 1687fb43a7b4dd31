"""Attack the sandbox of this machine, with nothing but the standard library.

    python -m aide_local.sandbox.audit --level strict

The same as ``aide-local sandbox audit``, for an interpreter in which aide-local is not installed.
"""

from __future__ import annotations

import argparse
import sys

from aide_local.sandbox.audit.report import report
from aide_local.sandbox.protocol import Backend


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--level", default="strict", choices=["strict", "landlock", "limits", "none"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="without bombs")
    parser.add_argument("--only", default="", help="a group, or part of a name")
    parser.add_argument("--backend", default="namespaces", choices=[one.value for one in Backend])
    parser.add_argument("--warm", action="store_true", help="by forks of the warm server")
    given = parser.parse_args()
    return report(
        given.level,
        backend=given.backend,
        as_json=given.json,
        only=given.only,
        quick=given.quick,
        warm=given.warm,
    )


if __name__ == "__main__":
    sys.exit(main())
