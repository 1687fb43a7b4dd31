"""Results that are not what they seem."""

from __future__ import annotations

from pathlib import Path

from aide_local.sandbox.audit.attack import Attack
from aide_local.sandbox.host.collect import ArtefactError, read_artefact

NAME = "submission.csv"
_CAP = 2**20


def _artefact(name: str, does: str, script: str) -> Attack:
    return Attack(
        group="artefacts",
        name=name,
        does=does,
        layer="openat2, no links, regular, one name, bounded",
        script=script,
    )


ATTACKS = (
    _artefact("link-to-secret", "leave a link to a file of the person's as its result", """
        os.symlink(WHERE["secret"], "working/submission.csv")
    """),
    _artefact("link-in-path", "leave a link to the person's folder in the way of its result", """
        os.symlink(WHERE["outside"], "working/folder"); os.symlink("folder/secret", "working/submission.csv")
    """),
    _artefact("link-to-proc", "leave a link to whoever reads it", """os.symlink("/proc/self/environ", "working/submission.csv")"""),
    _artefact("pipe", "leave a named pipe that nobody writes to", """os.mkfifo("working/submission.csv")"""),
    _artefact("socket", "leave a socket", """
        one = socket.socket(socket.AF_UNIX); one.bind("working/submission.csv")
    """),
    _artefact("directory", "leave a folder", """os.mkdir("working/submission.csv")"""),
    _artefact("names", "leave a file with a second name", """
        open("working/other", "w").write("SECRET"); os.link("working/other", "working/submission.csv")
    """),
    _artefact("sparse", "leave a file that seems to have 10 MB", """
        with open("working/submission.csv", "wb") as file: file.truncate(10_000_000)
    """),
    _artefact("odd-names", "leave names that hurt a terminal", r'''
        for name in (b"\x1b[2J", b"\xff\xfe", b"a\nb", b"-rf", b"x" * 255):
            try: open(b"working/" + name, "w").close()
            except OSError: pass
    '''),
    _artefact("locked-tree", "leave a tree that cannot be removed", """
        os.makedirs("working/a/b/c"); open("working/a/b/c/x", "w").close()
        for folder in ("working/a/b/c", "working/a/b", "working/a"): os.chmod(folder, 0)
    """),
)  # fmt: skip


def taken(working: Path) -> str:
    """How a hostile result was taken; empty if it was refused by name."""
    try:
        content = read_artefact(working, NAME, _CAP)
    except ArtefactError:
        return ""
    return f"taken as a result: {content[:40]!r}"
