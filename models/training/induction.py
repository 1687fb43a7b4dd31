"""Initial weights that already copy: heads that look one back, and heads that look for what followed this before.

A small model trained for an hour does not find induction heads by itself (LOG.md), and without them
it guesses every value that it should copy. Here they are put in at the start, as mimetic initialisation does for vision
(Trockman and Kolter, 2023); training refines them. The circuit is the one of "In-context Learning and Induction Heads"
(Olsson et al., 2022): block 0 writes the token before into each position, block 1 compares the current token with that and
copies the token found.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.training.model import HEAD, Llama, rotary_frequencies

SAME = 0.5  # length of what all embeddings share, next to a length of 1 that is their own
SHARP = 6.0  # of the heads that look back, per rotating pair
MATCH = 2.8  # square root of the score's gain in the heads that compare
BACK, COPY = 0.7, 0.25  # gains of what is written


@torch.no_grad()
def wire(model: Llama) -> None:
    """Set embeddings and the attention of blocks 0 and 1; needs a width of at least four heads and two blocks."""
    width, heads = model.shape.width, model.shape.heads
    embedding = model.token_embd.weight
    shared = torch.nn.functional.normalize(torch.randn(width), dim=0)
    own = torch.nn.functional.normalize(torch.randn_like(embedding), dim=1)
    embedding.copy_(
        torch.nn.functional.normalize(own - torch.outer(own @ shared, shared), dim=1) + SAME * shared
    )
    scale = width**0.5 / (1 + SAME**2) ** 0.5  # of a normed embedding's own part
    # The directions that each of the two heads reads of a token, and those that it writes to: 64 each, none shared.
    read = _directions(width, 2 * HEAD, shared)
    write = _directions(width, 2 * HEAD, shared)
    first, second = model.blk[0], model.blk[1]
    for head in range(2):
        rows = slice(head * HEAD, (head + 1) * HEAD)
        query, key = _look_back(1)
        first.attn_q.weight[rows] = torch.outer(query, shared) / (scale * SAME)
        first.attn_k.weight[rows] = torch.outer(key, shared) / (scale * SAME)
        first.attn_v.weight[rows] = read[rows]
        first.attn_output.weight[:, rows] = write[rows].T * (BACK / scale * (width / HEAD) ** 0.5)
    # Every head of block 1 compares some of those directions in its pairs that do not rotate, and copies its share.
    copied = torch.linalg.qr(torch.randn(width, width))[0]
    still = HEAD // 2
    for head in range(heads):
        rows = slice(head * HEAD, (head + 1) * HEAD)
        compared = (torch.arange(still) + head * still) % (2 * HEAD)
        for weight, directions in ((second.attn_q.weight, read), (second.attn_k.weight, write)):
            weight[rows] *= 0.1
            weight[head * HEAD + still : (head + 1) * HEAD] = MATCH * directions[compared]
        second.attn_v.weight[rows] = copied[rows]
        second.attn_output.weight[:, rows] = COPY * copied[rows].T


def _directions(width: int, count: int, avoided: Tensor) -> Tensor:
    """Return ``count`` orthonormal rows, orthogonal to ``avoided``, too."""
    basis = torch.linalg.qr(torch.cat([avoided[:, None], torch.randn(width, count)], dim=1))[0]
    return basis[:, 1:].T.contiguous()


def _look_back(distance: int) -> tuple[Tensor, Tensor]:
    """Return a query and a key, the same at every token, whose score is largest ``distance`` positions back."""
    angle = rotary_frequencies() * distance
    strength = SHARP * (rotary_frequencies() > 1e-3).float()
    query = torch.stack([strength, torch.zeros_like(strength)], dim=1).flatten()
    # The key's pair is turned ahead, so that it stands as the query does when it is `distance` positions behind.
    key = torch.stack([strength * angle.cos(), strength * angle.sin()], dim=1).flatten()
    return query, key
