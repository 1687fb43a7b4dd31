"""What can be checked of the documents without running the product: links, the list of decisions, the map of the modules.

python -m docs.check    # prints each problem with its file; exit code 1 if there is one
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from docs.draw import PICTURE, ROOT, picture

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
FOLDERS = ("docs", "models", "sample_tasks", ".")


def documents() -> list[Path]:
    """Return every Markdown file of the project."""
    found = [path for folder in FOLDERS[:-1] for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(without_code(text))
    }


def without_code(text: str) -> str:
    return FENCED.sub("", text)


def broken_links(path: Path) -> Iterator[str]:
    """Yield a sentence for each link to a file or a heading that is not there."""
    for link in LINK.findall(without_code(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue  # of the web: not ours to check without a network
        file, _, anchor = link.partition("#")
        target = path if not file else path.parent / file
        if not target.exists():
            yield f"{path.relative_to(ROOT)}: there is no {link}"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text("utf-8")):
            yield f"{path.relative_to(ROOT)}: {file or path.name} has no heading #{anchor}"


def unlisted_decisions() -> Iterator[str]:
    """Yield a sentence for each decision that the list of decisions lacks."""
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text("utf-8")
    for path in sorted(folder.glob("[0-9]*.md")):
        if f"({path.name})" not in listed:
            yield f"docs/decisions/README.md: {path.name} is not listed"


def old_picture() -> Iterator[str]:
    """Yield a sentence if the map of the modules is not that of the code."""
    if not PICTURE.exists() or PICTURE.read_text("utf-8") != picture():
        yield f"{PICTURE.relative_to(ROOT)} is not that of the code: python -m docs.draw"


def problems() -> list[str]:
    """Return every problem, a sentence each."""
    links = [problem for path in documents() for problem in broken_links(path)]
    return [*links, *unlisted_decisions(), *old_picture()]


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or "Documents: links, decisions, map of the modules are in order.")
    sys.exit(bool(found))
