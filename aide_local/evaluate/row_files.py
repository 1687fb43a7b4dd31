"""Files that belong to a row because they are named after its id: ``images/1234.png`` for the row 1234.

Candidates see new ids, so they see these files under the new ids, too: ``input/images/{id}.png`` means
for them what it means for the person. Where the task keeps the test rows' files in a folder of their own
(``train/``, ``test/``), the rows of a fold's test.csv find theirs there; what only training rows have
(``train/masks/``) is not shown for them. Where the training rows' files lie in folders that each hold some of
the rows, the folder may be the label (``cat/``, ``dog/``): rows of test.csv find theirs in one folder then.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

Named = tuple[Path, str]  # a file, and its path inside input/

_MOST_MENTIONS = 50  # file names that are looked for in the columns


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of one row; ``ending`` is what follows the id in its name."""

    source: Path
    folder: str
    ending: str
    own: str = ""  # its own name, where it is shown under that as well


@dataclass(frozen=True, slots=True)
class RowFiles:
    """``fixed`` files are shown as they are; the others by row of the training and of the test file."""

    fixed: tuple[Named, ...]
    train: dict[int, list[RowFile]]
    test: dict[int, list[RowFile]]
    counterpart: dict[str, str | None]  # folder of training rows' files → of test rows'; None: none

    def of_fold(
        self,
        train_rows: Iterable[int],
        shown: Iterable[tuple[bool, int]],
        train_ids: Iterable[str],
        test_ids: Iterable[str],
    ) -> Iterator[Named]:
        """Yield what is linked into an input. ``shown`` are test.csv's rows: (of the test file?, row)."""
        yield from self.fixed
        if not self.train and not self.test:
            return
        for row, name in zip(train_rows, train_ids, strict=True):
            for file in self.train.get(row, ()):
                yield from _under(file, file.folder, name)
        for (of_test, row), name in zip(shown, test_ids, strict=True):
            for file in (self.test if of_test else self.train).get(row, ()):
                folder = file.folder if of_test else self.counterpart.get(file.folder, file.folder)
                if folder is not None:
                    yield from _under(file, folder, name)


def _under(file: RowFile, folder: str, name: str) -> Iterator[Named]:
    yield file.source, f"{folder}{name}{file.ending}"
    if file.own:
        yield file.source, f"{folder}{file.own}"


def match(
    files: Sequence[Named],
    train_ids: NDArray[np.object_],
    test_ids: NDArray[np.object_],
    is_mentioned: Callable[[Sequence[str]], bool],
) -> RowFiles:
    """Sort files into those of rows and the others.

    A folder's files are its rows' when at least half of them are named after an id. ``is_mentioned`` says
    whether one of some file names, or paths of as many parts, stands in a column: such files keep their own
    names as well.
    """
    of_train = {str(name): row for row, name in enumerate(train_ids)}
    of_test = {str(name): row for row, name in enumerate(test_ids)}
    sorted_out, fixed = _sort_folders(files, of_train, of_test)
    training = {
        one.folder: _Rows({of_train[name] for name in one.in_train.values()}, one.endings)
        for one in sorted_out
        if not one.in_test
    }
    testing = {one.folder: one.endings for one in sorted_out if not one.in_train}
    groups = _alternatives(training)
    telling = {folder for group in groups if len(group) > 1 for folder in group}

    train: dict[int, list[RowFile]] = {}
    test: dict[int, list[RowFile]] = {}
    for one in sorted_out:
        names = [PurePosixPath(path) for path in (*one.in_train, *one.in_test)][:_MOST_MENTIONS]
        keep = is_mentioned([name.name for name in names])
        # A column with the folder in it says what the folder says: nothing is hidden by moving the file.
        hidden = one.folder in telling and not is_mentioned(["/".join(name.parts[-2:]) for name in names])
        for source, path in one.inside:
            of_training = path in one.in_train
            if not of_training and path not in one.in_test:
                fixed.append((source, path))
                continue
            known, index, rows = (
                (one.in_train, of_train, train) if of_training else (one.in_test, of_test, test)
            )
            own = PurePosixPath(path).name
            ending = own[len(known[path]) :]
            rows.setdefault(index[known[path]], []).append(
                RowFile(source, one.folder, ending, own if keep and hidden else "")
            )
            if keep and not hidden:
                fixed.append((source, path))
    return RowFiles(tuple(fixed), train, test, _counterparts(training, testing, groups))


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A folder of rows' files; ``in_train`` and ``in_test`` are the ids of its paths."""

    folder: str
    inside: list[Named]
    in_train: dict[str, str]
    in_test: dict[str, str]

    @property
    def endings(self) -> frozenset[str]:
        named = (*self.in_train.items(), *self.in_test.items())
        return frozenset(PurePosixPath(path).name[len(name) :].lower() for path, name in named)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The training rows that have a file in a folder, and what follows their ids."""

    rows: set[int]
    endings: frozenset[str]


def _sort_folders(
    files: Sequence[Named], of_train: dict[str, int], of_test: dict[str, int]
) -> tuple[list[_Sorted], list[Named]]:
    """Return the folders whose files are rows' own, and the other files."""
    fixed: list[Named] = []
    folders: dict[str, list[Named]] = {}
    for file in files:
        folders.setdefault(_folder(file[1]), []).append(file)
    sorted_out: list[_Sorted] = []
    for folder, inside in folders.items():
        in_train = {path: found for _, path in inside if (found := _id_of(path, of_train)) is not None}
        in_test = {path: found for _, path in inside if (found := _id_of(path, of_test)) is not None}
        if 2 * len(in_train.keys() | in_test.keys()) < len(inside):
            fixed += inside
            continue
        if in_train.keys() & in_test.keys():  # the same ids in both files: the folder's name decides
            (in_train if "test" in folder.lower() else in_test).clear()
        sorted_out.append(_Sorted(folder, inside, in_train, in_test))
    return sorted_out, fixed


def _folder(path: str) -> str:
    """Return the folder of a path with a slash at its end, or nothing."""
    return path[: path.rfind("/") + 1]


def _id_of(path: str, ids: dict[str, int]) -> str | None:
    name = PurePosixPath(path).name
    for candidate in (name, name.split(".", 1)[0], PurePosixPath(path).stem):
        if candidate in ids:
            return candidate
    return None


def _alternatives(training: dict[str, _Rows]) -> list[list[str]]:
    """Return folders in groups in which no row is in two: ``cat/`` and ``dog/``, but not ``images/`` and ``masks/``."""
    groups: list[tuple[list[str], set[int]]] = []
    for folder in sorted(training):
        rows = training[folder].rows
        for names, taken in groups:
            if taken.isdisjoint(rows):
                names.append(folder)
                taken |= rows
                break
        else:
            groups.append(([folder], set(rows)))
    return [names for names, _ in groups]


def _counterparts(
    training: dict[str, _Rows], testing: dict[str, frozenset[str]], groups: list[list[str]]
) -> dict[str, str | None]:
    """Return the folder in which rows of test.csv find what lies in a training folder; see ``RowFiles``."""
    chosen: dict[int, str] = {}  # by the number of the group
    for at, group in enumerate(groups):
        renamed = re.sub("(?i)train", _as_test, _common(group))
        if renamed in testing:
            chosen[at] = renamed
    for folder in sorted(testing.keys() - set(chosen.values())):
        left = [at for at in range(len(groups)) if at not in chosen]
        if left:
            likest = max(left, key=lambda at: _likeness(groups[at], training, folder, testing[folder]))
            chosen[likest] = folder
    found: dict[str, str | None] = {}
    used = {*training, *chosen.values()}
    for at, group in enumerate(groups):
        counterpart = chosen.get(at)
        if counterpart is None and not testing:
            if len(group) == 1:
                continue
            tries = (f"{_common(group)}test{number}/" for number in itertools.chain([""], itertools.count(2)))
            counterpart = next(name for name in tries if name not in used)
            used.add(counterpart)
        found |= dict.fromkeys(group, counterpart)
    return found


def _likeness(
    group: list[str], training: dict[str, _Rows], folder: str, endings: frozenset[str]
) -> tuple[bool, bool, int, int]:
    """Return how well a group of training folders fits a folder of test rows, the weightiest sign first."""
    return (
        any(training[name].endings & endings for name in group),
        not any(_ANNOTATION.search(name) for name in group),
        len(_common([*group, folder])),
        sum(len(training[name].rows) for name in group),
    )


_ANNOTATION = re.compile("mask|label|annot|target|truth", re.IGNORECASE)  # what test rows do not have


def _as_test(found: re.Match[str]) -> str:
    word = found.group()
    return "TEST" if word.isupper() else "Test" if word[0].isupper() else "test"


def _common(folders: list[str]) -> str:
    """Return the folder that all lie in, or the only one itself; as :func:`_folder` writes it."""
    if len(folders) == 1:
        return folders[0]
    shared = os.path.commonpath(folders) if all(folders) else ""
    return f"{shared}/" if shared else ""
