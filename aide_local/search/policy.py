"""The protocol of a search policy, ``ask(tree) -> Step``, and the random numbers of one step."""

from __future__ import annotations

import hashlib
import random
from typing import Protocol

from aide_local.search.tree import Tree
from aide_local.types import Step


class Policy(Protocol):
    """Chooses the next step: which operator, on which node.

    A policy keeps no state: its answer is a pure function of tree, settings, seed and step, so that a resumed run
    makes the decisions that the unbroken one would have made.
    """

    def ask(self, tree: Tree, step: int) -> Step:
        """Return the step that makes node ``step``; ``tree`` holds the nodes before it, pending ones included."""
        ...


def rng(seed: int, step: int, purpose: str) -> random.Random:
    """Return the random numbers of one step, independent of every other step and of the order of calls."""
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))
