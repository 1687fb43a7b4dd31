"""Copy tasks: they teach a small model to read its prompt before it is asked to write scripts.

Trained on prompt-and-script pairs alone, a small model learns the scripts and ignores the prompt.
These tasks can only be answered by looking back: lists repeated, the target found among columns,
code repeated with one change. They wear the turns and the formats of the real prompts, so what is
learnt here (attention to "what followed this token before") is what improve and debug need.
"""

from __future__ import annotations

import itertools
import random
import string
from collections import deque
from collections.abc import Callable, Iterator

from aide_local.types import Message
from models.training.corpus.examples import Example, generate

_SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "ca",
    "co",
    "cu",
    "da",
    "de",
    "di",
    "do",
    "fa",
    "fe",
    "fi",
    "ga",
    "go",
    "ha",
    "he",
    "hi",
    "jo",
    "ka",
    "ke",
    "ki",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "mo",
    "mu",
    "na",
    "ne",
    "ni",
    "no",
    "pa",
    "pe",
    "pi",
    "po",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "tu",
    "va",
    "ve",
    "vi",
    "wa",
    "xa",
    "ye",
    "za",
    "zo",
]
_WORDS = [
    "age",
    "price",
    "rate",
    "city",
    "date",
    "total",
    "count",
    "score",
    "level",
    "income",
    "region",
    "width",
    "height",
    "load",
    "speed",
    "mass",
    "volume",
    "channel",
    "status",
    "balance",
    "days",
    "group",
    "zone",
    "sensor",
    "flow",
    "depth",
    "grade",
    "index",
    "code",
    "type",
    "size",
    "weight",
    "temp",
    "month",
    "year",
    "visits",
    "clicks",
    "amount",
    "ratio",
    "power",
    "torque",
    "signal",
    "offset",
    "share",
    "yield",
    "area",
    "floor",
    "owner",
    "model",
    "brand",
]
_PAIRS_AT_MOST = 14


def copy_tasks(seed: int) -> Iterator[Example]:
    """Yield copy tasks without end, the same for one seed; about one in four repeats a whole script of the corpus."""
    rng = random.Random(f"copy {seed}")
    scripts = _Scripts(seed)
    short: tuple[Callable[[random.Random], Example], ...] = (
        _repeat_list,
        _repeat_list,
        _find_target,
        _find_target,
        _look_up,
        _change_line,
        _change_line,
        _rename,
        _list_of_kind,
    )
    while True:
        if rng.random() < 0.25:
            yield _edit_script(rng, scripts)
        else:
            yield rng.choice(short)(rng)


def short_copy_tasks(seed: int, longest: int = 700) -> Iterator[Example]:
    """Yield only tasks of at most ``longest`` characters of reply and prompt: for the first minutes of training."""
    for example in copy_tasks(seed):
        size = len(example.reply) + sum(len(message.content) for message in example.messages)
        if size <= longest:
            yield example


def name(rng: random.Random) -> str:
    """Return a column name in one of the styles that people use; most are never seen twice."""
    style = rng.random()
    if style < 0.25:
        return rng.choice(_WORDS) + rng.choice(["", "_", "_"]) + rng.choice(_WORDS)
    if style < 0.5:
        made = "".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4)))
        return made + rng.choice(["", "", f"_{rng.choice(_WORDS)}", str(rng.randint(0, 99))])
    if style < 0.6:
        return "".join(part.capitalize() for part in rng.choices(_WORDS + _SYLLABLES, k=rng.randint(1, 3)))
    if style < 0.7:
        return (
            rng.choice(["f", "x", "var", "col", "V", "feat"])
            + rng.choice(["", "_"])
            + str(rng.randint(0, 400))
        )
    if style < 0.8:
        return " ".join(rng.choices(_WORDS, k=2)).title()
    if style < 0.9:
        letters = rng.choice([string.ascii_lowercase, string.ascii_uppercase])
        return "".join(rng.choices(letters, k=rng.randint(2, 8)))
    return "_".join(rng.choices(_WORDS + _SYLLABLES, k=rng.randint(2, 3)))


def names(rng: random.Random, count: int) -> list[str]:
    """Return distinct names."""
    return list(dict.fromkeys(name(rng) for _ in range(count * 2)))[:count]


def _value(rng: random.Random) -> str:
    return rng.choice(
        [
            str(rng.randint(0, 5000)),
            f"{rng.uniform(0, 1):.{rng.randint(1, 4)}f}",
            f'"{name(rng)}"',
            rng.choice(["True", "False", "None"]),
        ]
    )


def _example(system: str, user: str, reply: str, focus: list[tuple[int, int]] | None = None) -> Example:
    return Example((Message("system", system), Message("user", user)), reply, "copy", tuple(focus or ()))


def _column_line(rng: random.Random, column: str) -> tuple[str, str]:
    """Return a line as in the data overview, and its kind."""
    kind = rng.choice(["numeric", "numeric", "numeric", "categorical", "boolean", "datetime", "text"])
    if kind == "numeric":
        low = rng.randint(-50, 400)
        return f"{column} numeric {low}..{low + rng.randint(1, 3000)}", kind
    if kind == "categorical":
        return f"{column} categorical {rng.randint(3, 40)}: {', '.join(names(rng, 3))}, …", kind
    if kind == "datetime":
        return f"{column} datetime {rng.randint(1990, 2010)}-01-01..{rng.randint(2011, 2026)}-06-30", kind
    return f"{column} {kind}", kind


def _repeat_list(rng: random.Random) -> Example:
    items = names(rng, rng.randint(3, 18))
    joint = rng.choice([", ", "\n", " ", "; "])
    reply = joint.join(items)
    if rng.random() < 0.3:
        reply = "[" + ", ".join(f'"{item}"' for item in items) + "]"
    return _example("Repeat.", joint.join(items), reply)


def _find_target(rng: random.Random) -> Example:
    columns = names(rng, rng.randint(3, 14))
    target, key = rng.sample(columns, 2)
    system = f"kind: regression\ntarget: {target}\ncolumns:\n" + "\n".join(
        _column_line(rng, column)[0] for column in columns
    )
    reply = rng.choice(
        [
            f'y = train["{target}"]\nkey = test["{key}"]\n',
            f'X = train.drop(columns=["{target}", "{key}"])\ny = train["{target}"]\n',
            f'target = "{target}"\nkey = "{key}"\n',
        ]
    )
    spots = [(at, at + len(word)) for word in (target, key) for at in _places(reply, f'"{word}"')]
    return _example(system, f"key: {key}", reply, spots)


def _look_up(rng: random.Random) -> Example:
    """Show a table of names and values, and ask for some."""
    count = rng.randint(4, _PAIRS_AT_MOST)
    table = {word: _value(rng) for word in names(rng, count)}
    asked = rng.sample(sorted(table), min(len(table), rng.randint(1, 4)))
    listing = "\n".join(f"{key} = {value}" for key, value in table.items())
    return _example(listing, "give: " + ", ".join(asked), "\n".join(f"{key} = {table[key]}" for key in asked))


def _list_of_kind(rng: random.Random) -> Example:
    """Ask which columns are of a kind, in order."""
    described = [(*_column_line(rng, column), column) for column in names(rng, rng.randint(4, 12))]
    kind = rng.choice(described)[1]
    found = [column for _, its_kind, column in described if its_kind == kind]
    listing = "columns:\n" + "\n".join(line for line, _, _ in described)
    return _example(listing, f"which are {kind}?", f"{kind} = [" + ", ".join(f'"{c}"' for c in found) + "]")


def _line(rng: random.Random, pool: list[str]) -> str:
    a, b, c = (rng.choice(pool) for _ in range(3))
    a, b, c = (word.replace(" ", "_") for word in (a, b, c))
    return rng.choice(
        [
            f"{a} = {b}({c}={_value(rng)})",
            f"{a} = {b}[{_value(rng)}]",
            f"{a}, {b} = {c}.split({_value(rng)})",
            f"{a}.{b}({c}, {_value(rng)})",
            f'{a}["{b}"] = {c} * {_value(rng)}',
            f"for {a} in {b}:\n    {c}.append({a})",
            f"if {a} > {_value(rng)}:\n    {b} = {c}",
            f"from {a} import {b}, {c}",
            f"{a} = make({b}, {c}={_value(rng)}, {b}={_value(rng)})",
        ]
    )


def _change_line(rng: random.Random) -> Example:
    pool = names(rng, 8)
    lines = [_line(rng, pool) for _ in range(rng.randint(3, 10))]
    place = rng.randrange(len(lines))
    new = _line(rng, pool)
    changed = [*lines[:place], new, *lines[place + 1 :]]
    start = sum(len(line) + 1 for line in changed[:place]) + len("```python\n")
    return _example(
        "Repeat with one change.",
        f"parent:\n```python\n{_join(lines)}```\nreplace: {lines[place]}\nby: {new}",
        f"```python\n{_join(changed)}```",
        [(start, start + len(new))],
    )


def _rename(rng: random.Random) -> Example:
    pool = [word.replace(" ", "_") for word in names(rng, 6)]
    lines = [_line(rng, pool) for _ in range(rng.randint(2, 7))]
    old, new = rng.choice(pool), name(rng).replace(" ", "_")
    marked = [line.replace(old, "\0").replace("\0", new) for line in lines]
    return _example(
        "Repeat with one change.",
        f"parent:\n```python\n{_join(lines)}```\nrename {old} to {new}",
        f"```python\n{_join(marked)}```",
    )


def _join(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _places(text: str, word: str) -> list[int]:
    return [at + 1 for at in range(len(text)) if text.startswith(word, at)]


class _Scripts:
    """Scripts of the corpus, a few kept at hand so that most copy tasks do not compose a new one."""

    def __init__(self, seed: int) -> None:
        self._source = generate(seed + 50_000_000)
        self._kept: deque[str] = deque(maxlen=64)

    def one(self, rng: random.Random) -> str:
        if len(self._kept) < 16 or rng.random() < 0.3:
            for example in itertools.islice(self._source, 20):
                if "```python\n" in example.reply:
                    self._kept.append(example.reply.split("```python\n", 1)[1].split("```")[0])
                    break
        return rng.choice(self._kept)


def _edit_script(rng: random.Random, scripts: _Scripts) -> Example:
    """Repeat a whole script with a line replaced, left out or added, or a number changed."""
    lines = scripts.one(rng).splitlines()
    place = rng.randrange(len(lines))
    new = (
        "    " * ((len(lines[place]) - len(lines[place].lstrip())) // 4)
        + _line(rng, names(rng, 3)).split("\n")[0]
    )
    shown = _join(lines)
    kind = rng.random()
    if kind < 0.4 or not lines[place].strip():
        user = f"replace line {place + 1}: {lines[place].strip()}\nby: {new.strip()}"
        changed = [*lines[:place], new, *lines[place + 1 :]]
    elif kind < 0.6:
        user = f"leave out: {lines[place].strip()}"
        changed = [*lines[:place], *lines[place + 1 :]]
    elif kind < 0.8:
        user = f"after: {lines[place].strip()}\nadd: {new.strip()}"
        changed = [*lines[: place + 1], new, *lines[place + 1 :]]
    else:
        user, changed = "no change", lines
    start = sum(len(line) + 1 for line in changed[:place]) + len("```python\n")
    return _example(
        "Repeat with one change.",
        f"parent:\n```python\n{shown}```\n{user}",
        f"```python\n{_join(changed)}```",
        [(start, start + len(new))],
    )
