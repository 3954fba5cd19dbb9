"""Scaled dot-product attention with masks, their builders, and the attention blocks of the UNet.

A mask acts on the scores, before the softmax. Boolean: True = may attend, so that `&` and `|` are and and or. Additive:
added to the scores, 0 or -inf or any bias; there `+` is and, `torch.maximum` is or. How they look: docs/masks.md.

Beware: the boolean masks of `nn.MultiheadAttention` and of the transformer layers of torch mean the opposite (True =
ignore): `other_convention` converts. Those of `F.scaled_dot_product_attention` mean what they mean here.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


def key_mask(keep: Tensor) -> Tensor:
    """From a flag for each token, boolean [B, M], True = may be seen: [B, 1, 1, M], for every head and query."""
    if keep.dtype != torch.bool or keep.dim() != 2:
        raise ValueError(f"key_mask wants boolean flags [B, M], got {keep.dtype} of shape {tuple(keep.shape)}")
    return keep[:, None, None]


def causal_mask(n: int, device: torch.device | str | None = None) -> Tensor:
    """Token i sees tokens 0 to i: boolean [n, n]."""
    return torch.ones(n, n, dtype=torch.bool, device=device).tril()


def additive(mask: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Boolean to additive: 0 where True, -inf where False."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, -math.inf)


def boolean(mask: Tensor) -> Tensor:
    """Additive to boolean; raises ValueError where it holds anything but 0 and -inf, which no boolean mask can say."""
    if not mask.is_floating_point() or not ((mask == 0) | (mask == -math.inf)).all():
        raise ValueError(f"only an additive mask of nothing but 0 and -inf has a boolean form, got {mask}")
    return mask == 0


def other_convention(mask: Tensor) -> Tensor:
    """A mask of `nn.MultiheadAttention` as one of ours, and back: boolean ones flip, additive ones are the same."""
    return ~mask if mask.dtype == torch.bool else mask


def plain_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """The formula, written out; the softmax in at least float32."""
    scores = (q @ k.mT) * q.shape[-1] ** -0.5
    if bias is not None:
        scores = scores + bias
    return torch.softmax(scores, -1, torch.promote_types(scores.dtype, torch.float32)).to(v.dtype) @ v


def check_shapes(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> None:
    """Raises ValueError for what `attention` does not take."""
    shapes = [tuple(x.shape) for x in (q, k, v)]
    fit = all(x.dim() == 4 for x in (q, k, v)) and q.shape[:2] == k.shape[:2] and q.shape[3] == k.shape[3]
    if not fit or k.shape[:3] != v.shape[:3]:
        raise ValueError(f"q, k, v {shapes} are not [B, heads, N, D], [B, heads, M, D], [B, heads, M, E]")
    if mask is None:
        return
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ValueError(f"a mask is boolean (True = may attend) or additive, got {mask.dtype}")
    scores = (*q.shape[:3], k.shape[2])
    try:
        mask.expand(scores)
    except RuntimeError as e:
        raise ValueError(
            f"mask of shape {tuple(mask.shape)} does not broadcast to [B, heads, N, M] = {scores} "
            "(flags [B, M] of tokens: key_mask)"
        ) from e


def overflows(x: Tensor) -> Tensor:
    """Rows that are not finite, or so large that their products may not be: [..., N, D] -> [..., N, 1]."""
    wide = torch.promote_types(x.dtype, torch.float32)
    return ~(x.detach().abs().sum(-1, keepdim=True, dtype=wide) < torch.finfo(wide).max ** 0.5)


def tame(x: Tensor) -> bool:
    """Whether even D times the largest number is too small for any row of x [..., N, D] to overflow: a quarter of the
    time of a look at each row."""
    if not x.numel():
        return True
    largest = max(abs(end.item()) for end in x.detach().aminmax())  # NaN, if there is any
    return largest * x.shape[-1] < torch.finfo(torch.promote_types(x.dtype, torch.float32)).max ** 0.5


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q k^T / sqrt(D) + mask) v (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).

    q: [B, heads, N, D]; k: [B, heads, M, D]; v: [B, heads, M, E]; mask: boolean or additive, broadcastable to
    [B, heads, N, M]. Returns [B, heads, N, E]. Raises ValueError for what does not fit.

    With a mask, a row that may attend to nothing gives zeros, in value and gradient. A token has no part in rows that
    may not see it, even if it is NaN or inf; rows that see such a token (or one beyond 1e19: `overflows`) are NaN.
    """
    check_shapes(q, k, v, mask)
    # torch's fused kernel for bfloat16 on the CPU takes 9 times as long backwards as the two products written out.
    slow = q.device.type == "cpu" and q.dtype == torch.bfloat16
    attend = plain_attention if slow else F.scaled_dot_product_attention
    if mask is None:
        return attend(q, k, v)
    q, k, v = q.contiguous(), k.contiguous(), v.contiguous()  # one order in memory: sums round alike on both ways below
    mask = mask[(None,) * (4 - mask.dim())]  # four dimensions, of which any may be 1
    # Cast before looking for -inf: a large negative bias may round to it.
    bias = additive(mask, q.dtype) if mask.dtype == torch.bool else mask.to(q.dtype)
    seen = bias != -math.inf
    # A softmax over -inf alone is NaN in value and gradient: let such a row attend, then zero what it got.
    empty = ~seen.any(-1, keepdim=True)
    bias = bias.masked_fill(empty, 0.0)
    # On the CPU it is cheap to see that all is finite. On a GPU it would wait for the device. An exported graph cannot
    # branch on values, and takes it to be so.
    exported = torch.compiler.is_exporting()
    if exported or (q.device.type == "cpu" and all(map(tame, (q, k, v)))):
        y = attend(q, k, v, bias)
        return y.masked_fill(empty, 0.0) if exported or empty.any() else y
    rows, tokens = overflows(q), overflows(k) | overflows(v)
    # NaN + -inf and NaN * 0 are NaN, so a mask does not keep NaN out. Compute without it, then set to NaN the rows that
    # may see one.
    y = attend(q.masked_fill(rows, 0.0), k.masked_fill(tokens, 0.0), v.masked_fill(tokens, 0.0), bias)
    spoilt = rows | (seen & tokens.mT).any(-1, keepdim=True)
    return (y + torch.zeros_like(spoilt, dtype=y.dtype).masked_fill(spoilt, math.nan)).masked_fill(empty, 0.0)


def zeroed(layer: nn.Module) -> nn.Module:
    """The layer with its parameters at zero, so that the branch it closes adds nothing at the start."""
    for p in layer.parameters():
        nn.init.zeros_(p)
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
        q, k, v = rearrange(
            self.qkv(self.norm(x)), "b (three heads d) h w -> three b heads (h w) d", three=3, heads=self.heads
        )
        y = rearrange(attention(q, k, v, mask), "b heads (h w) d -> b h w (heads d)", h=h, w=w)
        return x + self.out(y.movedim(-1, 1))


class CrossAttention(nn.Module):
    """Residual attention of the pixels of a feature map to tokens; starts as the identity.

    The output has no bias, so that nothing is added to a sample whose tokens are all dropped.
    """

    def __init__(self, width: int, token_width: int):
        super().__init__()
        self.heads = width // math.gcd(width, 32)
        self.norm = nn.GroupNorm(1, width)
        self.q = nn.Conv2d(width, width, 1)
        self.kv = nn.Linear(token_width, 2 * width)
        self.out = zeroed(nn.Conv2d(width, width, 1, bias=False))

    def forward(self, x: Tensor, tokens: Tensor, keep: Tensor) -> Tensor:
        """x [B, C, H, W], tokens [B, M, E], keep boolean [B, M], False = dropped -> [B, C, H, W]."""
        h, w = x.shape[-2:]
        mask = key_mask(keep)
        if keep.shape != tokens.shape[:2]:
            raise ValueError(f"flags of shape {tuple(keep.shape)} for tokens of shape {tuple(tokens.shape)}")
        q = rearrange(self.q(self.norm(x)), "b (heads d) h w -> b heads (h w) d", heads=self.heads)
        # The mask keeps a dropped token out of the attention; NaN in it would still reach the gradient of kv.
        tokens = tokens.masked_fill(~keep[..., None], 0.0)
        k, v = rearrange(self.kv(tokens), "b m (two heads d) -> two b heads m d", two=2, heads=self.heads)
        y = rearrange(attention(q, k, v, mask), "b heads (h w) d -> b h w (heads d)", h=h, w=w)
        return x + self.out(y.movedim(-1, 1))
