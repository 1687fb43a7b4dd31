"""The writing lane: from a step to a script, with the model.

One step: prompt, reply, plan and code, at most one re-ask (of a reply without code, or of a script that
was tried already), and the screening that refuses a script before it costs an execution.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock

from aide_local.errors import Cancelled
from aide_local.events import Event, PromptPacked, ReplyFinished, TokensStreamed
from aide_local.llm.protocol import LanguageModel
from aide_local.prompts.build import Request
from aide_local.prompts.pack import Packed, Packer
from aide_local.prompts.parse import Reply, parse_reply
from aide_local.run.precheck import screen
from aide_local.search.digest import digest_line, digest_lines
from aide_local.search.tree import Tree
from aide_local.store.protocol import RunStore
from aide_local.types import Generation, Node, NodeError, NodeState, Sampling, Step


@dataclass(frozen=True, slots=True)
class Written:
    """A node with its plan and code; ``error`` is set where it must not be executed."""

    node: Node
    error: NodeError | None


class Writer:
    """Turns steps into scripts. ``model_lock`` keeps the model to one generation at a time.

    ``sampling`` and ``time_limit`` are asked at each step; the limit is what prompts say of the run's time (None:
    nothing). ``halted`` ends a reply that the model was not yet asked for when the run was stopped; ``writing`` says
    whether the model's present generation is a reply of this lane.
    """

    def __init__(
        self,
        model: LanguageModel,
        packer: Packer,
        store: RunStore,
        modules: frozenset[str],
        *,
        sampling: Callable[[], Sampling],
        model_lock: Lock,
        emit: Callable[[Event], None],
        halted: Callable[[], bool],
        time_limit: Callable[[], float | None] = lambda: None,
        model_digest: bool = False,
    ) -> None:
        self.model = model
        self.packer = packer
        self.store = store
        self.modules = modules
        self._sampling = sampling
        self.model_lock = model_lock
        self.emit = emit
        self.halted = halted
        self._time_limit = time_limit
        self.writing = False
        self.model_digest = model_digest
        self.summaries = store.summaries() if model_digest else {}

    def write(self, node: Node, tree: Tree, tried: Mapping[str, int]) -> Written:
        """Let the model write ``node``; ``tree`` is what it may know, ``tried`` the scripts so far by hash.

        Raises:
            ModelError: the model process keeps failing.
            Cancelled: the person, or the time limit, ended the generation.
        """
        parent = tree[node.parent] if node.parent is not None else None
        other = tree[node.other] if node.other is not None else None
        limit = self._time_limit()
        digest = digest_lines(self._summarised(tree) if self.model_digest else tree, node.parent, limit)
        request = Request.of(node.operator, digest, parent, other, node.hint, limit)
        packed = self.packer.pack(request)
        self.emit(PromptPacked(time.time(), node.id, packed.tokens, packed.dropped))
        node = replace(node, dropped=packed.dropped)
        generation, reply = self._ask(node, packed, "script")
        written = self._judged(node, generation, reply, tried)
        if not reply.code:
            again = self.packer.reask(request, generation.text)
            if again is not None:
                generation, second = self._ask(node, again, "reask")
                reply = Reply(second.plan or reply.plan, second.code)
                written = self._judged(node, generation, reply, tried)
        elif written.error is not None and written.error.repeats:
            generation, reply = self._ask(node, packed, "reask", hotter(self._sampling()))
            if reply.code:
                written = self._judged(node, generation, reply, tried)
        return written

    def _judged(self, node: Node, generation: Generation, reply: Reply, tried: Mapping[str, int]) -> Written:
        """``node`` with what the reply holds, and why it must not be executed, if so."""
        node = replace(node, plan=reply.plan, code=reply.code)
        if not reply.code:
            cut = f", cut at {generation.completion_tokens} tokens" if generation.finish == "length" else ""
            return Written(node, NodeError("no_code", "NoCode", f"the reply holds no Python code{cut}"))
        written = screened(node, self.modules, tried)
        error = written.error
        if error is not None and error.kind == "syntax" and generation.finish == "length":
            message = f"the reply was cut at {generation.completion_tokens} tokens, before the script's end"
            error = NodeError("syntax", "CutShort", message, error.line)
        return Written(written.node, error)

    def _summarised(self, tree: Tree) -> Tree:
        """The tree with the model's own sentence in the place of each finished node's plan."""
        for node in tree.nodes:
            if (
                node.state in (NodeState.VALID, NodeState.BUGGY)
                and node.code
                and node.id not in self.summaries
            ):
                packed = self.packer.summary(node, digest_line(tree, node))
                sampling = replace(self._sampling(), seed=node.seed, temperature=0.0, max_tokens=80)
                self.summaries[node.id] = self._generate(node, packed, sampling, "digest").text
        return replace(
            tree,
            nodes=tuple(replace(node, plan=self.summaries.get(node.id) or node.plan) for node in tree.nodes),
        )

    def _ask(
        self, node: Node, packed: Packed, purpose: str, sampling: Sampling | None = None
    ) -> tuple[Generation, Reply]:
        seed = node.seed + (1 if purpose == "reask" else 0)
        sampling = replace(sampling or self._sampling(), seed=seed)
        generation = self._generate(node, packed, sampling, purpose)
        return generation, parse_reply(generation.text, cut=generation.finish == "length")

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Raises Cancelled where the run was stopped before, which an model that was not busy has not noticed."""
        with self.model_lock:
            if self.halted():
                raise Cancelled
            self.writing = True
            try:
                yield
            finally:
                self.writing = False

    def _generate(self, node: Node, packed: Packed, sampling: Sampling, purpose: str) -> Generation:
        generation: Generation | None = None
        shown = purpose != "digest"  # a sentence on an earlier node is not this node's reply
        if shown:
            self.emit(TokensStreamed(time.time(), node.id, "", restart=True))
        with self._one_at_a_time():
            for chunk in self.model.generate(packed.prompt, sampling):
                if shown and chunk.restart:
                    self.emit(TokensStreamed(time.time(), node.id, "", restart=True))
                if shown and chunk.text:
                    self.emit(TokensStreamed(time.time(), node.id, chunk.text))
                generation = chunk.generation
                if generation is None and self.halted():
                    break
        if generation is None:
            raise Cancelled
        self.store.put_generation(
            node.id, node.attempts, purpose, packed.prompt, generation, sampling, packed.dropped
        )
        if shown:
            self.emit(ReplyFinished(time.time(), node.id, generation))
        return generation


def hotter(sampling: Sampling) -> Sampling:
    """The sampling for another idea, where the likeliest one was tried already: flatter, and with a longer tail."""
    return replace(
        sampling, temperature=max(1.0, 1.3 * sampling.temperature), min_p=min(sampling.min_p, 0.05)
    )


def screened(node: Node, modules: frozenset[str], tried: Mapping[str, int]) -> Written:
    """``node`` with the hash of its script, and the error that keeps it from being executed, if any."""
    ast_hash, error = screen(node.code, modules, tried)
    return Written(replace(node, ast_hash=ast_hash), error)


def new_node(node_id: int, step: Step, in_flight: tuple[int, ...] = ()) -> Node:
    """Return the pending node that a step asks for; ``in_flight`` are the nodes that its choice did not see."""
    return Node(
        id=node_id,
        operator=step.operator,
        parent=step.parent,
        other=step.other,
        hint=step.hint,
        seed=step.seed,
        origin=step.origin,
        plan=step.plan,
        code=step.code,
        in_flight=in_flight,
    )


def step_of(node: Node) -> Step:
    """Return the step that made a node, without its script."""
    return Step(
        node.operator, node.parent, node.other, node.hint, node.seed, origin=node.origin, plan=node.plan
    )
