"""Sampling: from the logits of a context to the next token, under a grammar if there is one."""

from __future__ import annotations

import ctypes
from types import TracebackType
from typing import Any, Self

import llama_cpp as lib

from aide_local.llm.context import Context
from aide_local.llm.messages import Generate


class Sampler:
    """The sampler of one reply; leaving its ``with`` block frees it.

    Raises:
        DecoderError: the grammar is invalid.
    """

    def __init__(self, context: Context, request: Generate) -> None:
        self._context = context
        self._grammar = context.grammar(request.grammar) if request.grammar else None
        self._chain = _chain(request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lib.llama_sampler_free(self._chain)
        if self._grammar:
            lib.llama_sampler_free(self._grammar)

    def sample(self, row: int) -> int:
        """Return a token from the logits of a row of the last batch (-1: the last row).

        A grammar is asked about the sampled token alone. The whole vocabulary is checked against it only if it refuses that one.
        """
        token = int(lib.llama_sampler_sample(self._chain, self._context.handle, row))
        if not self._grammar:
            return token
        if not self._allows(token):
            token = self._sample_allowed(row)
        lib.llama_sampler_accept(self._grammar, token)
        return token

    def _sample_allowed(self, row: int) -> int:
        size = self._context.vocabulary.size
        logits = self._context.logits(row)
        data = (lib.llama_token_data * size)()
        for token in range(size):
            data[token] = lib.llama_token_data(token, logits[token], 0.0)
        candidates = lib.llama_token_data_array(data, size, -1, False)
        lib.llama_sampler_apply(self._grammar, ctypes.byref(candidates))
        lib.llama_sampler_apply(self._chain, ctypes.byref(candidates))
        return int(candidates.data[candidates.selected].id)

    def _allows(self, token: int) -> bool:
        data = (lib.llama_token_data * 1)(lib.llama_token_data(token, 1.0, 0.0))
        candidates = lib.llama_token_data_array(data, 1, -1, False)
        lib.llama_sampler_apply(self._grammar, ctypes.byref(candidates))
        return bool(candidates.data[0].logit > -1e30)


def _chain(request: Generate) -> Any:
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    if request.temperature <= 0:
        samplers = [lib.llama_sampler_init_greedy()]
    else:
        samplers = [
            lib.llama_sampler_init_top_k(request.top_k),
            lib.llama_sampler_init_top_p(request.top_p, 1),
            lib.llama_sampler_init_min_p(request.min_p, 1),
            lib.llama_sampler_init_temp(request.temperature),
            lib.llama_sampler_init_dist(request.seed % 0xFFFFFFFF),  # all ones would mean: at random
        ]
    for sampler in samplers:
        lib.llama_sampler_chain_add(chain, sampler)
    return chain
