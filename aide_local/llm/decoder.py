"""llama.cpp at its low level: load, tokenize, generate. Imported by the model process alone.

Prompts are decoded in blocks that begin at multiples of ``BLOCK``, and only whole blocks of an earlier prompt
are reused. Every block is then computed in the same shape, from cache or not, so that a reply does not
depend on what was generated before it: a resumed run writes what the unbroken one would have written.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import llama_cpp as lib

from aide_local.llm.lookup import MOST, Lookup

BLOCK = 256  # tokens


class DecoderError(Exception):
    """Something that the person must hear of; the process goes on."""


class Interrupted(Exception):  # noqa: N818 - not an error
    """The generation was cancelled."""


@dataclass(slots=True)
class Load:
    """What ``load`` is told. ``n_ctx`` None: the model's own, at most 16384."""

    path: str
    n_ctx: int | None
    threads: int
    gpu_layers: int
    lookup: bool = True  # guess what a reply copies from its prompt
    repack: bool = True  # weights laid out anew for the processor (AMX and the like): faster, where it works


@dataclass(slots=True)
class Request:
    """Sampling as in :class:`aide_local.types.Sampling`; ``temperature`` 0 is greedy."""

    prompt: str
    seed: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    max_tokens: int
    stop: list[str]
    grammar: str | None


class Decoder:
    """One loaded model and its context.

    Raises:
        DecoderError: llama.cpp does not load the file, or there is no memory for its context.
    """

    def __init__(self, load: Load, cancelled: Callable[[], bool]) -> None:
        self._log: list[str] = []
        self._log_callback = lib.llama_log_callback(self._keep_log)
        lib.llama_log_set(self._log_callback, ctypes.c_void_p(0))
        lib.llama_backend_init()
        parameters = lib.llama_model_default_params()
        parameters.n_gpu_layers = 999 if load.gpu_layers < 0 else load.gpu_layers
        parameters.use_extra_bufts = load.repack
        model = lib.llama_model_load_from_file(os.fsencode(load.path), parameters)
        if not model:
            raise DecoderError(f"llama.cpp does not load it: {self._last_error()}")
        self.model = model
        self.vocab = lib.llama_model_get_vocab(model)
        self.n_ctx_train = int(lib.llama_model_n_ctx_train(model))
        context = lib.llama_context_default_params()
        wanted = load.n_ctx or min(self.n_ctx_train, 16384)
        context.n_ctx = min(wanted, self.n_ctx_train) if self.n_ctx_train else wanted
        context.n_batch = context.n_ubatch = BLOCK
        context.n_threads = context.n_threads_batch = load.threads
        self._cancelled = cancelled
        self._abort = lib.ggml_abort_callback(lambda data: self._cancelled())
        context.abort_callback = self._abort
        made = lib.llama_init_from_model(model, context)
        if not made:
            raise DecoderError(
                f"there is not enough memory for a context of {context.n_ctx} tokens: {self._last_error()}"
            )
        self.context = made
        self.n_ctx = int(lib.llama_n_ctx(made))
        self.n_vocab = int(lib.llama_vocab_n_tokens(self.vocab))
        self._kept: list[int] = []  # tokens of whole blocks that the cache holds
        self._pieces: dict[int, bytes] = {}
        self._batch = lib.llama_batch_init(1 + MOST, 0, 1)
        self._lookup = self._try_out() and load.lookup

    def _try_out(self) -> bool:
        """Decode a few tokens: where the processor's kernels crash, it is now, and the loader can do without.

        Whether the model's memory lets the last token be taken back; that of a recurrent model does not.
        """
        memory = lib.llama_get_memory(self.context)
        length = min(BLOCK, self.n_ctx - 1)
        self._decode([0] * length)
        self._decode([0])
        rewinds = bool(lib.llama_memory_seq_rm(memory, 0, length, -1))
        lib.llama_memory_clear(memory, False)
        return rewinds

    def _keep_log(self, level: int, text: bytes, data: Any) -> None:
        if level >= 3:  # warnings and errors
            self._log = [*self._log[-20:], text.decode("utf-8", "replace").strip()]

    def _last_error(self) -> str:
        lines = [line for line in self._log if line]
        return "; ".join(lines[-3:])[:400] or "no reason given"

    # ---- text and tokens ----

    def tokenize(self, text: str) -> list[int]:
        """Special tokens in the text are parsed; the model's BOS is put first if the text has none."""
        content = text.encode("utf-8", "replace")
        size = len(content) + 16
        tokens = (lib.llama_token * size)()
        found = lib.llama_tokenize(self.vocab, content, len(content), tokens, size, False, True)
        if found < 0:
            size = -found
            tokens = (lib.llama_token * size)()
            found = lib.llama_tokenize(self.vocab, content, len(content), tokens, size, False, True)
        ids = list(tokens[:found])
        if lib.llama_vocab_get_add_bos(self.vocab):
            first = int(lib.llama_vocab_bos(self.vocab))
            if ids[:1] != [first]:
                ids.insert(0, first)
        return ids

    def _piece(self, token: int) -> bytes:
        """The token's bytes, of whatever length; control tokens are empty."""
        if token not in self._pieces:
            size = 64
            while True:
                buffer = (ctypes.c_char * size)()
                found = lib.llama_token_to_piece(self.vocab, token, buffer, size, 0, False)
                if found >= 0:
                    break
                size = -found
            self._pieces[token] = buffer.raw[:found]
        return self._pieces[token]

    def special(self) -> dict[str, str]:
        """Names that chat templates use for the text of special tokens."""
        texts = {}
        for name, token in (
            ("bos_token", int(lib.llama_vocab_bos(self.vocab))),
            ("eos_token", int(lib.llama_vocab_eos(self.vocab))),
        ):
            text = lib.llama_vocab_get_text(self.vocab, token) if token >= 0 else b""
            texts[name] = (text or b"").decode("utf-8", "replace")
        return texts

    # ---- generation ----

    def generate(self, request: Request) -> Iterator[str | dict[str, Any]]:
        """Newly written text, then one dict: how it ended and what it cost.

        Raises:
            DecoderError: the prompt does not fit, or the grammar is invalid.
            Interrupted: it was cancelled.
        """
        tokens = self.tokenize(request.prompt)
        if len(tokens) >= self.n_ctx:
            raise DecoderError(f"the prompt has {len(tokens)} tokens, the context holds {self.n_ctx}")
        grammar = self._grammar(request.grammar) if request.grammar else None
        chain = self._chain(request)
        try:
            start = time.perf_counter()
            cached = self._prefill(tokens)
            middle = time.perf_counter()
            count = guessed = 0
            finish = "length"
            text = _Text(request.stop)
            most = min(request.max_tokens, self.n_ctx - len(tokens))
            for token, was_guessed in self._sample(chain, grammar, tokens, most):
                count += 1
                guessed += was_guessed
                if lib.llama_vocab_is_eog(self.vocab, token):
                    finish = "stop"
                    break
                new = text.add(self._piece(token))
                if new:
                    yield new
                if text.stopped:
                    finish = "stop"
                    break
            rest = text.flush()
            if rest:
                yield rest
            yield {
                "text": text.whole,
                "finish": finish,
                "prompt_tokens": len(tokens) - cached,
                "cached_tokens": cached,
                "completion_tokens": count,
                "speculated_tokens": guessed,
                "prefill_ms": 1000 * (middle - start),
                "decode_ms": 1000 * (time.perf_counter() - middle),
            }
        finally:
            self._forget(len(self._kept))
            lib.llama_sampler_free(chain)
            if grammar:
                lib.llama_sampler_free(grammar)

    def _prefill(self, tokens: list[int]) -> int:
        """Decode the prompt; returns how many tokens were in the cache."""
        same = 0
        limit = min(len(self._kept), (len(tokens) - 1) // BLOCK * BLOCK)  # the last token gives the logits
        while same < limit and self._kept[same] == tokens[same]:
            same += 1
        same -= same % BLOCK
        if not self._forget(same):
            same = 0
        for place in range(same, len(tokens), BLOCK):
            block = tokens[place : place + BLOCK]
            self._decode(block)
            if len(block) == BLOCK:
                self._kept += block
        return same

    def _forget(self, place: int) -> bool:
        """Drop what the cache holds from ``place`` on; False, and all of it, where the model cannot."""
        memory = lib.llama_get_memory(self.context)
        self._kept = self._kept[:place]
        if place and lib.llama_memory_seq_rm(memory, 0, place, -1):
            return True
        lib.llama_memory_clear(memory, False)
        self._kept = []
        return place == 0

    def _decode(self, tokens: list[int]) -> None:
        """Logits are those after the last token."""
        batch = (lib.llama_token * len(tokens))(*tokens)
        self._run(lib.llama_batch_get_one(batch, len(tokens)))

    def _decode_each(self, tokens: list[int], place: int) -> None:
        """Logits are those after each token; the first is at ``place`` of the context."""
        self._batch.n_tokens = len(tokens)
        for row, token in enumerate(tokens):
            self._batch.token[row], self._batch.pos[row] = token, place + row
            self._batch.n_seq_id[row], self._batch.seq_id[row][0], self._batch.logits[row] = 1, 0, 1
        self._run(self._batch)

    def _run(self, batch: Any) -> None:
        if self._cancelled():
            raise Interrupted
        code = lib.llama_decode(self.context, batch)
        if code == 2 or (code != 0 and self._cancelled()):
            raise Interrupted
        if code != 0:
            raise DecoderError(f"llama_decode returned {code}: {self._last_error()}")

    def _sample(self, chain: Any, grammar: Any, prompt: list[int], most: int) -> Iterator[tuple[int, bool]]:
        """The tokens of the reply, at most ``most``, each with whether it was guessed."""
        lookup = Lookup(prompt) if self._lookup and not grammar else None
        place, right = len(prompt), 0  # tokens that are in the context; guesses that came
        guess: list[int] = []
        for left in reversed(range(most)):
            token = int(lib.llama_sampler_sample(chain, self.context, right if guess else -1))
            if grammar:
                token = self._under_grammar(chain, grammar, token)
            came = right < len(guess) and guess[right] == token
            yield token, came
            if left == 0:
                return
            if lookup:
                lookup.add(token)
            if came:
                place, right = place + 1, right + 1
                continue
            if right < len(guess):
                lib.llama_memory_seq_rm(lib.llama_get_memory(self.context), 0, place, -1)
            if lookup:
                lookup.confirmed(right, len(guess))
                guess = lookup.guess(left - 1)
            if guess:
                self._decode_each([token, *guess], place)
            else:
                self._decode([token])
            place, right = place + 1, 0

    def _under_grammar(self, chain: Any, grammar: Any, token: int) -> int:
        """The sampled token if the grammar allows it, else one sampled among those that it allows."""
        if not self._allowed(grammar, [token]):
            logits = lib.llama_get_logits_ith(self.context, -1)
            data = (lib.llama_token_data * self.n_vocab)()
            for at in range(self.n_vocab):
                data[at] = lib.llama_token_data(at, logits[at], 0.0)
            candidates = lib.llama_token_data_array(data, self.n_vocab, -1, False)
            lib.llama_sampler_apply(grammar, ctypes.byref(candidates))
            lib.llama_sampler_apply(chain, ctypes.byref(candidates))
            token = int(candidates.data[candidates.selected].id)
        lib.llama_sampler_accept(grammar, token)
        return token

    def _allowed(self, grammar: Any, tokens: list[int]) -> bool:
        data = (lib.llama_token_data * len(tokens))(
            *[lib.llama_token_data(token, 1.0, 0.0) for token in tokens]
        )
        candidates = lib.llama_token_data_array(data, len(tokens), -1, False)
        lib.llama_sampler_apply(grammar, ctypes.byref(candidates))
        return bool(candidates.data[0].logit > -1e30)

    def _grammar(self, text: str) -> Any:
        """An invalid grammar kills a process later on; here it is NULL."""
        grammar = lib.llama_sampler_init_grammar(self.vocab, text.encode(), b"root")
        if not grammar:
            raise DecoderError(f"the grammar is invalid: {self._last_error()}")
        return grammar

    def _chain(self, request: Request) -> Any:
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


class _Text:
    """Bytes of tokens → text, without ever splitting a character; ends before a stop string."""

    def __init__(self, stop: list[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = stop
        self._longest = max((len(text) for text in stop), default=0)
        self._shown = 0
        self.whole = ""
        self.stopped = False

    def add(self, piece: bytes) -> str:
        before = len(self.whole)
        self.whole += self._decoder.decode(piece)
        for stop in self._stop:
            place = self.whole.find(stop, max(0, before - len(stop)))
            if place >= 0:
                self.whole = self.whole[:place]
                self.stopped = True
        return self._show(len(self.whole) if self.stopped else len(self.whole) - max(0, self._longest - 1))

    def flush(self) -> str:
        if not self.stopped:
            self.whole += self._decoder.decode(b"", final=True)
        return self._show(len(self.whole))

    def _show(self, end: int) -> str:
        new = self.whole[self._shown : end]
        self._shown = max(self._shown, end)
        return new
