"""The vocabulary of a loaded model: from text to tokens and back. Imported by the model process alone."""

from __future__ import annotations

import ctypes
from typing import Any

import llama_cpp as lib


class Vocabulary:
    """The tokenizer that comes with the model file."""

    def __init__(self, model: Any) -> None:
        self.handle = lib.llama_model_get_vocab(model)
        self.size = int(lib.llama_vocab_n_tokens(self.handle))
        self._pieces: dict[int, bytes] = {}

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of the text. Special tokens in it are parsed; the model's BOS is put first if it has none."""
        content = text.encode("utf-8", "replace")
        size = len(content) + 16
        tokens = (lib.llama_token * size)()
        found = lib.llama_tokenize(self.handle, content, len(content), tokens, size, False, True)
        if found < 0:
            size = -found
            tokens = (lib.llama_token * size)()
            found = lib.llama_tokenize(self.handle, content, len(content), tokens, size, False, True)
        ids = list(tokens[:found])
        if lib.llama_vocab_get_add_bos(self.handle):
            first = int(lib.llama_vocab_bos(self.handle))
            if ids[:1] != [first]:
                ids.insert(0, first)
        return ids

    def piece(self, token: int) -> bytes:
        """Return the token's bytes, however long; control tokens have none."""
        if token not in self._pieces:
            size = 64
            while True:
                buffer = (ctypes.c_char * size)()
                found = lib.llama_token_to_piece(self.handle, token, buffer, size, 0, False)
                if found >= 0:
                    break
                size = -found
            self._pieces[token] = buffer.raw[:found]
        return self._pieces[token]

    def ends_reply(self, token: int) -> bool:
        """Whether the token ends a reply (end of turn, end of text)."""
        return bool(lib.llama_vocab_is_eog(self.handle, token))

    def special(self) -> dict[str, str]:
        """Return the texts of special tokens by the names that chat templates use for them."""
        texts = {}
        for name, token in (
            ("bos_token", int(lib.llama_vocab_bos(self.handle))),
            ("eos_token", int(lib.llama_vocab_eos(self.handle))),
        ):
            text = lib.llama_vocab_get_text(self.handle, token) if token >= 0 else b""
            texts[name] = (text or b"").decode("utf-8", "replace")
        return texts
