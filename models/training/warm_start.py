"""Weights and vocabulary out of an exported model, to train it further without the checkpoint of its training."""

from __future__ import annotations

from pathlib import Path

import gguf
import torch
from tokenizers import Tokenizer, decoders, models
from torch import Tensor

from models.training.model import rotary_divisors
from models.training.tokenizer import SPECIAL, splitter


def weights_of(path: Path) -> dict[str, Tensor]:
    """Return the tensors by name, float32; 8-bit ones are what llama.cpp computes with.

    Raises:
        ValueError: the file's rotary frequencies are not those of :mod:`models.training.model`.
    """
    weights = {
        tensor.name: torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy()).float()
        for tensor in gguf.GGUFReader(path).tensors
    }
    divisors = weights.pop("rope_freqs.weight", None)
    if divisors is None or not torch.equal(divisors, rotary_divisors()):
        raise ValueError(f"{path}: other rotary frequencies than this code trains; begin with random weights")
    return weights


def tokenizer_of(path: Path) -> Tokenizer:
    """Return the model's vocabulary and merges: the same ids for every text, but that numbers are split as they are now."""
    reader = gguf.GGUFReader(path)
    tokens: list[str] = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = splitter()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def training_of(path: Path) -> str:
    """Return the words of its metadata on its training: ``9000 steps, …``."""
    return str(gguf.GGUFReader(path).fields["aide.training"].contents())
