"""llama.cpp's context: a loaded model and its cache of keys and values. Imported by the model process alone."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import llama_cpp as lib

from aide_local.llm.messages import Load
from aide_local.llm.vocabulary import Vocabulary

BLOCK = 256  # tokens that are decoded at a time
SMALL_BLOCK = 64
SMALL = 64 * 2**20  # bytes of weights


class DecoderError(Exception):
    """A request that cannot be served, with the reason for the person; the process goes on."""


class Interrupted(Exception):  # noqa: N818 - not an error
    """The generation was cancelled."""


class Context:
    """One loaded model with its context.

    A model whose weights fit the processor's cache is computed differently from a larger one. Attention takes longer than
    the weights there, so it is not fused: a row of guesses then costs half. Threads would wait for one another longer than they
    compute, so one thread does all. Blocks are short, so that more of a prompt is reused, and whether to cancel is asked between
    blocks only. The size of the weights decides, not a clock: a reply must not depend on how busy the machine was.

    Raises:
        DecoderError: llama.cpp does not load the file, or there is no memory for its context.
    """

    def __init__(self, load: Load, cancel_requested: Callable[[], bool]) -> None:
        self._log: list[str] = []
        self._log_callback = lib.llama_log_callback(self._keep_log)
        lib.llama_log_set(self._log_callback, ctypes.c_void_p(0))
        lib.llama_backend_init()
        self._cancel_requested = cancel_requested
        self.model = self._load_model(load)
        self.vocabulary = Vocabulary(self.model)
        self.n_ctx_train = int(lib.llama_model_n_ctx_train(self.model))
        self.n_params = int(lib.llama_model_n_params(self.model))
        self.gpu = bool(lib.llama_supports_gpu_offload())
        on_gpu = self.gpu and load.gpu_layers != 0
        small = not on_gpu and int(lib.llama_model_size(self.model)) <= SMALL
        self.block = SMALL_BLOCK if small else BLOCK
        self.handle = self._open(load, small)
        self.n_ctx = int(lib.llama_n_ctx(self.handle))
        self._batch = lib.llama_batch_init(self.block, 0, 1)
        self.rewinds = self._try_out()

    def _load_model(self, load: Load) -> Any:
        parameters = lib.llama_model_default_params()
        parameters.n_gpu_layers = 999 if load.gpu_layers < 0 else load.gpu_layers
        parameters.use_extra_bufts = load.repack
        model = lib.llama_model_load_from_file(os.fsencode(load.path), parameters)
        if not model:
            raise DecoderError(f"llama.cpp does not load it: {self._last_error()}")
        return model

    def _open(self, load: Load, small: bool) -> Any:
        parameters = lib.llama_context_default_params()
        wanted = load.n_ctx or min(self.n_ctx_train, 16384)
        parameters.n_ctx = min(wanted, self.n_ctx_train) if self.n_ctx_train else wanted
        parameters.n_batch = parameters.n_ubatch = self.block
        parameters.n_threads = parameters.n_threads_batch = 1 if small else load.threads
        if small:
            parameters.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        else:
            self._abort = lib.ggml_abort_callback(lambda data: self._cancel_requested())
            parameters.abort_callback = self._abort
        handle = lib.llama_init_from_model(self.model, parameters)
        if not handle:
            raise DecoderError(
                f"there is not enough memory for a context of {parameters.n_ctx} tokens: {self._last_error()}"
            )
        return handle

    def _try_out(self) -> bool:
        """Decode a few tokens, so that a processor on which the kernels crash does so now, while the loader can help it.

        Return whether the model's memory lets the last token be taken back; that of a recurrent model does not.
        """
        memory = lib.llama_get_memory(self.handle)
        length = min(self.block, self.n_ctx - 1)
        self.decode([0] * length)
        self.decode([0])
        rewinds = bool(lib.llama_memory_seq_rm(memory, 0, length, -1))
        lib.llama_memory_clear(memory, False)
        return rewinds

    def decode(self, tokens: list[int]) -> None:
        """Go on with at most ``block`` tokens; the logits are those after the last one."""
        batch = (lib.llama_token * len(tokens))(*tokens)
        self._run(lib.llama_batch_get_one(batch, len(tokens)))

    def decode_each(self, tokens: list[int], place: int) -> None:
        """Go on with at most ``block`` tokens, the first at ``place``; there are logits after each of them."""
        self._batch.n_tokens = len(tokens)
        for row, token in enumerate(tokens):
            self._batch.token[row], self._batch.pos[row] = token, place + row
            self._batch.n_seq_id[row], self._batch.seq_id[row][0], self._batch.logits[row] = 1, 0, 1
        self._run(self._batch)

    def logits(self, row: int) -> Any:
        """Return a pointer to the ``vocabulary.size`` logits after a token of the last batch (-1: the last one).

        It is valid until the next batch.
        """
        return lib.llama_get_logits_ith(self.handle, row)

    def rewind(self, place: int) -> bool:
        """Forget the tokens from ``place`` on. If the model cannot, forget all of them and return False."""
        memory = lib.llama_get_memory(self.handle)
        if place and lib.llama_memory_seq_rm(memory, 0, place, -1):
            return True
        lib.llama_memory_clear(memory, False)
        return place == 0

    def grammar(self, text: str) -> Any:
        """Return llama.cpp's sampler for a grammar.

        Raises:
            DecoderError: it is invalid. Using it nonetheless would kill the process later.
        """
        grammar = lib.llama_sampler_init_grammar(self.vocabulary.handle, text.encode(), b"root")
        if not grammar:
            raise DecoderError(f"the grammar is invalid: {self._last_error()}")
        return grammar

    def _run(self, batch: Any) -> None:
        if self._cancel_requested():
            raise Interrupted
        code = lib.llama_decode(self.handle, batch)
        if code == 2 or (code != 0 and self._cancel_requested()):
            raise Interrupted
        if code != 0:
            raise DecoderError(f"llama_decode returned {code}: {self._last_error()}")

    def _keep_log(self, level: int, text: bytes, data: Any) -> None:
        if level >= 3:  # warnings and errors
            self._log = [*self._log[-20:], text.decode("utf-8", "replace").strip()]

    def _last_error(self) -> str:
        lines = [line for line in self._log if line]
        return "; ".join(lines[-3:])[:400] or "no reason given"
