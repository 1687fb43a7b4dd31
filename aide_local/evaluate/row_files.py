"""Files that belong to a row because they are named after its id: ``images/1234.png`` for the row 1234.

Candidates see new ids, so they see these files under the new ids, too: ``input/images/{id}.png`` means
for them what it means for the person. Where the task keeps the test rows' files in a folder of their own
(``train/``, ``test/``), the rows of a fold's test.csv find theirs there; what only training rows have
(``train/masks/``) is not shown for them.
"""

from __future__ import annotations

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
        """What is linked into a fold's input. ``shown`` are test.csv's rows: (of the test file?, row)."""
        yield from self.fixed
        if not self.train and not self.test:
            return
        for row, name in zip(train_rows, train_ids, strict=True):
            for file in self.train.get(row, ()):
                yield file.source, f"{file.folder}{name}{file.ending}"
        for (of_test, row), name in zip(shown, test_ids, strict=True):
            for file in (self.test if of_test else self.train).get(row, ()):
                folder = file.folder if of_test else self.counterpart.get(file.folder, file.folder)
                if folder is not None:
                    yield file.source, f"{folder}{name}{file.ending}"


def match(
    files: Sequence[Named],
    train_ids: NDArray[np.object_],
    test_ids: NDArray[np.object_],
    mentioned: Callable[[Sequence[str]], bool],
) -> RowFiles:
    """Sort files into those of rows and the others.

    A folder's files are its rows' when at least half of them are named after an id. ``mentioned`` says
    whether one of some file names stands in a column: such files keep their own names as well.
    """
    of_train = {str(name): row for row, name in enumerate(train_ids)}
    of_test = {str(name): row for row, name in enumerate(test_ids)}
    fixed: list[Named] = []
    train: dict[int, list[RowFile]] = {}
    test: dict[int, list[RowFile]] = {}
    folders: dict[str, list[Named]] = {}
    for file in files:
        folders.setdefault(_folder(file[1]), []).append(file)
    of_training, of_testing = set[str](), set[str]()
    for folder, inside in folders.items():
        in_train = {path: found for _, path in inside if (found := _id_of(path, of_train)) is not None}
        in_test = {path: found for _, path in inside if (found := _id_of(path, of_test)) is not None}
        if 2 * len(in_train.keys() | in_test.keys()) < len(inside):
            fixed += inside
            continue
        if in_train.keys() & in_test.keys():  # the same ids in both files: the folder's name decides
            (in_train if "test" in folder.lower() else in_test).clear()
        if not in_test:
            of_training.add(folder)
        if not in_train:
            of_testing.add(folder)
        names = [PurePosixPath(path).name for path in (*in_train, *in_test)]
        keep = mentioned(names[:_MOST_MENTIONS])
        for source, path in inside:
            known, index, rows = (in_train, of_train, train) if path in in_train else (in_test, of_test, test)
            if path not in known:
                fixed.append((source, path))
                continue
            name = known[path]
            ending = PurePosixPath(path).name[len(name) :]
            rows.setdefault(index[name], []).append(RowFile(source, folder, ending))
            if keep:
                fixed.append((source, path))
    return RowFiles(tuple(fixed), train, test, _counterparts(of_training, of_testing))


def _folder(path: str) -> str:
    """With a slash at its end, or empty."""
    return path[: path.rfind("/") + 1]


def _id_of(path: str, ids: dict[str, int]) -> str | None:
    name = PurePosixPath(path).name
    for candidate in (name, name.split(".", 1)[0], PurePosixPath(path).stem):
        if candidate in ids:
            return candidate
    return None


def _counterparts(of_training: set[str], of_testing: set[str]) -> dict[str, str | None]:
    if not of_testing:
        return {}
    found: dict[str, str | None] = {}
    for folder in of_training:
        renamed = folder.replace("train", "test").replace("Train", "Test").replace("TRAIN", "TEST")
        only = next(iter(of_testing)) if len(of_training) == len(of_testing) == 1 else None
        found[folder] = renamed if renamed in of_testing else only
    return found
