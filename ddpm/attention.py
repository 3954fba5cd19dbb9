"""Scaled dot-product attention with masks, and the self-attention block of the UNet.

A mask acts on the scores, before the softmax. Boolean: True = may attend. Additive: added to the scores, 0 or -inf or
any bias. Beware: the boolean masks of `torch.nn.MultiheadAttention` mean the opposite (True = ignore).
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


def plain_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """The formula, written out; the softmax in at least float32."""
    scores = (q @ k.mT) * q.shape[-1] ** -0.5
    if bias is not None:
        scores = scores + bias
    return torch.softmax(scores, -1, torch.promote_types(scores.dtype, torch.float32)).to(v.dtype) @ v


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q k^T / sqrt(D) + mask) v (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).

    q: [B, heads, N, D]; k, v: [B, heads, M, D]; mask: boolean or additive, broadcastable to [B, heads, N, M].
    Returns [B, heads, N, D]. A row that may attend to nothing gives zeros, in value and gradient. Raises ValueError for
    a mask that does not broadcast.
    """
    # torch's fused kernel for bfloat16 on the CPU takes 9 times as long backwards as the two products written out.
    slow = q.device.type == "cpu" and q.dtype == torch.bfloat16
    attend = plain_attention if slow else F.scaled_dot_product_attention
    if mask is None:
        return attend(q, k, v)
    scores = (*q.shape[:-1], k.shape[-2])
    try:
        mask = mask.broadcast_to(scores)
    except RuntimeError as e:
        raise ValueError(f"mask of shape {tuple(mask.shape)} does not broadcast to [B, heads, N, M] = {scores}") from e
    if mask.dtype == torch.bool:
        mask = torch.zeros(scores, dtype=q.dtype, device=q.device).masked_fill(~mask, float("-inf"))
    mask = mask.to(q.dtype)  # before the look for -inf, to which a large negative bias may round
    # A softmax over -inf alone is NaN in value and gradient: let such a row attend, then zero what it got.
    empty = (mask == float("-inf")).all(-1, keepdim=True)
    out = attend(q, k, v, mask.masked_fill(empty, 0.0))
    return out.masked_fill(empty, 0.0)


def zeroed(layer: nn.Module) -> nn.Module:
    """The layer with weights and bias at zero, so that the branch it closes adds nothing at the start."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class SelfAttention(nn.Module):
    """Residual self-attention over the pixels of a feature map [B, C, H, W]; starts as the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.heads = width // math.gcd(width, 32)
        self.norm = nn.GroupNorm(1, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        h, w = x.shape[-2:]
        qkv = rearrange(
            self.qkv(self.norm(x)), "b (three heads d) h w -> three b heads (h w) d", three=3, heads=self.heads
        )
        y = rearrange(attention(*qkv, mask), "b heads (h w) d -> b (heads d) h w", h=h, w=w)
        return x + self.out(y.contiguous(memory_format=torch.channels_last))
