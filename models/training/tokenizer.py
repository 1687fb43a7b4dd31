"""Byte-level BPE, trained on the corpus itself, and the encoding of an example for the loss.

Before merging, text is split into single digits, then as GPT-2 does; llama.cpp knows this as ``smollm``. With single
digits a number is spelled alike after a space and after ``=``, so a model can copy it. The special tokens are those of
``chat_template.jinja``. Ids are final: merges are learnt once and kept with the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jinja2
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from aide_local.types import Message
from models.training.corpus.examples import Example

PAD, END = "<|pad|>", "<|end|>"
SPECIAL = (PAD, END, "<|system|>", "<|user|>", "<|assistant|>")  # ids 0 to 4
PRE = "smollm"  # what llama.cpp calls the split
TEMPLATE = Path(__file__).with_name("chat_template.jinja")


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as the trainer sees it.

    ``tokens`` is prompt and reply, (length,) int32; ``weights``, (length,) float32, is the weight of
    the loss on predicting that token: 0 in the prompt, 1 in the reply, more where a choice is made.
    """

    tokens: np.ndarray
    weights: np.ndarray
    operator: str

    def __len__(self) -> int:
        return len(self.tokens)


class Encoder:
    """A trained tokenizer with the chat template."""

    def __init__(self, tokenizer: Tokenizer, focus_weight: float = 2.5) -> None:
        self.tokenizer = tokenizer
        self.focus_weight = focus_weight
        self._template = jinja2.Environment(autoescape=False).from_string(TEMPLATE.read_text("utf-8"))

    @classmethod
    def load(cls, path: Path) -> Encoder:
        return cls(Tokenizer.from_file(str(path)))

    @cached_property
    def end(self) -> int:
        found = self.tokenizer.token_to_id(END)
        assert found is not None  # every tokenizer that `train_tokenizer` made has it
        return found

    def __len__(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt with the opening of the assistant's turn."""
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return self._template.render(messages=turns, add_generation_prompt=True)

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def encode(self, example: Example) -> Encoded:
        """Encode prompt and reply apart, as they are when the model is used."""
        prompt = self.ids(self.render(example.messages))
        reply = self.tokenizer.encode(example.reply, add_special_tokens=False)
        weights = np.ones(len(reply.ids) + 1, dtype=np.float32)
        for place, (start, stop) in enumerate(reply.offsets):
            if any(start < last and first < stop for first, last in example.focus):
                weights[place] = self.focus_weight
        tokens = np.array([*prompt, *reply.ids, self.end], dtype=np.int32)
        return Encoded(
            tokens, np.concatenate([np.zeros(len(prompt), dtype=np.float32), weights]), example.operator
        )


def splitter() -> pre_tokenizers.PreTokenizer:
    """Return the split into single digits, then GPT-2's words, as bytes."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn merges on ``texts``; the first ids are the special tokens, the next the 256 bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = splitter()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
