"""A small decoder in exactly the shape that llama.cpp calls ``llama``.

Pre-norm blocks of causal attention (heads of 64, rotary positions on interleaved pairs) and SwiGLU,
RMSNorm, no biases, tied input and output embeddings. Nothing is permuted at export: a weight here
is the tensor of that name there. The first half of each head's pairs rotates, the other half does not
(llama.cpp's ``rope_freqs.weight``): what is turned by a thousand positions cannot be compared with what is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

HEAD = 64  # width of an attention head
CONTEXT = 3072  # longest sequence, in tokens
ROPE_BASE = 10_000.0
NORM_EPSILON = 1e-5
STILL = 1e10  # a rotary frequency divided by this does not turn in any context


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that fixes the tensors' sizes. ``depth`` is the one dial; width follows from it."""

    depth: int
    width: int
    hidden: int  # of the feed-forward part
    vocabulary: int

    @classmethod
    def of(cls, depth: int, vocabulary: int) -> Shape:
        """Return the shape of a depth: width 64 per layer up to 4 layers, then wider more slowly: small models gain from layers.

        Widths stay multiples of 64, so that Q8_0 blocks of 32 fill every row.
        """
        width = HEAD * (depth if depth <= 4 else 4 + (depth - 4) // 3)
        return cls(depth, width, hidden=-(-width * 8 // 3 // 64) * 64, vocabulary=vocabulary)

    @property
    def heads(self) -> int:
        return self.width // HEAD


def rotary_divisors() -> Tensor:
    """Return the divisors of the frequencies of the HEAD / 2 pairs (llama.cpp's ``rope_freqs.weight``)."""
    return torch.cat([torch.ones(HEAD // 4), torch.full((HEAD // 4,), STILL)])


def rotary_frequencies() -> Tensor:
    """Return the radians per position of each of the HEAD / 2 pairs."""
    return ROPE_BASE ** (-torch.arange(0, HEAD, 2, dtype=torch.float32) / HEAD) / rotary_divisors()


def rotary_table(length: int) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of position times frequency: two tensors of (length, HEAD / 2)."""
    angle = torch.outer(torch.arange(length, dtype=torch.float32), rotary_frequencies())
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (x[2i], x[2i+1]) of (..., length, HEAD) by their position's angle."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).to(x.dtype)


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + NORM_EPSILON)
        return (wide * self.weight).to(x.dtype)


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, hidden = shape.width, shape.hidden
        self.heads = shape.heads
        self.attn_norm = Norm(width)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_norm = Norm(width)
        self.ffn_gate = nn.Linear(width, hidden, bias=False)
        self.ffn_up = nn.Linear(width, hidden, bias=False)
        self.ffn_down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Return states of the shape that came: (batch, length, width)."""
        batch, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, length, self.heads, HEAD).transpose(1, 2)

        normed = self.attn_norm(x)
        query = rotate(split(self.attn_q(normed)), cos, sin)
        key = rotate(split(self.attn_k(normed)), cos, sin)
        mixed = F.scaled_dot_product_attention(query, key, split(self.attn_v(normed)), is_causal=True)
        x = x + self.attn_output(mixed.transpose(1, 2).reshape(batch, length, width))
        normed = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


class Llama(nn.Module):
    """The network: called with (batch, length) token ids, it returns the normed states, (batch, length, width).

    Logits come from :meth:`logits` for the positions that need them only: prompts are long, and the
    loss counts replies.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.output_norm = Norm(shape.width)
        cos, sin = rotary_table(CONTEXT)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if parameter.ndim < 2:
                continue
            spread = 0.02 if "token_embd" in name else parameter.shape[1] ** -0.5 * 0.6
            if name.endswith(("attn_output.weight", "ffn_down.weight")):
                spread = spread / (2 * self.shape.depth) ** 0.5
            nn.init.normal_(parameter, std=spread)

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        x = self.token_embd(tokens)
        if torch.is_autocast_enabled(tokens.device.type):
            x = x.to(torch.get_autocast_dtype(tokens.device.type))
        cos, sin = self.cos[:length], self.sin[:length]
        for block in self.blk:
            x = block(x, cos, sin)
        return self.output_norm(x)

    def logits(self, states: Tensor) -> Tensor:
        """Return (n, vocabulary) logits of (n, width) states."""
        return F.linear(states, self.token_embd.weight)

    def matrices(self) -> list[nn.Parameter]:
        """Return the blocks' matrices: Muon trains them."""
        return [p for name, p in self.named_parameters() if p.ndim == 2 and "token_embd" not in name]

    def others(self) -> list[nn.Parameter]:
        """Return embeddings and gains: AdamW trains them."""
        chosen = {id(p) for p in self.matrices()}
        return [p for p in self.parameters() if id(p) not in chosen]
