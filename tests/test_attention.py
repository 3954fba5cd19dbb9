"""Attention worked by hand, against torch's own, and what a mask promises."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ddpm.attention import SelfAttention, attention, plain_attention

B, HEADS, N, M, D = 2, 3, 5, 7, 4


def close(a, b, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def qkv(dtype: torch.dtype = torch.float64, seed: int = 0, grad: bool = False) -> list[torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    tensors = [torch.randn(B, HEADS, rows, D, generator=g, dtype=torch.float64).to(dtype) for rows in (N, M, M)]
    return [x.requires_grad_(grad) for x in tensors]


def random_mask(*shape: int, seed: int = 1) -> torch.Tensor:
    """True with probability 0.6, and at least once in each row."""
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[..., 0] |= ~mask.any(-1)
    return mask


def additive(mask: torch.Tensor, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, -math.inf)


def test_by_hand():
    # One query, D = 4, so scores are q.k / 2 = log 2 and log 6: weights 1/4 and 3/4.
    q = torch.tensor([1.0, 0, 0, 0]).double().view(1, 1, 1, 4)
    k = torch.tensor([[2 * math.log(2), 5, 6, 7], [2 * math.log(6), 8, 9, 1]], dtype=torch.float64).view(1, 1, 2, 4)
    v = torch.tensor([[8.0], [4.0]]).double().view(1, 1, 2, 1)
    for attend in (attention, plain_attention):
        close(attend(q, k, v).item(), 0.25 * 8 + 0.75 * 4)
    close(attention(q, k, v, torch.tensor([True, False])).item(), 8.0)
    # log 3 more on the first makes the scores equal.
    close(attention(q, k, v, torch.tensor([math.log(3), 0], dtype=torch.float64)).item(), 6.0)


def test_plain_attention_is_the_formula_in_float64():
    q, k, v = qkv()
    weights = torch.einsum("bhnd,bhmd->bhnm", q, k) / D**0.5
    weights = weights.exp() / weights.exp().sum(-1, keepdim=True)
    close(plain_attention(q, k, v), torch.einsum("bhnm,bhmd->bhnd", weights, v))


def test_plain_attention_is_the_fused_one():
    q, k, v = qkv()
    bias = torch.randn(B, 1, N, M, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    close(plain_attention(q, k, v), attention(q, k, v), 1e-10)
    close(plain_attention(q, k, v, bias), attention(q, k, v, bias), 1e-10)


def test_bfloat16_is_as_near_as_its_rounding():
    exact, rounded = attention(*qkv(), random_mask(N, M)), attention(*qkv(torch.bfloat16), random_mask(N, M))
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.double(), exact, rtol=0.02, atol=0.03)


@pytest.mark.parametrize("shape", [(M,), (N, M), (HEADS, 1, M), (B, 1, 1, M), (B, HEADS, N, M), (B, HEADS, N, 1)])
def test_boolean_is_additive_and_broadcasts(shape):
    mask = random_mask(*shape)
    out = attention(*qkv(), mask)
    assert out.shape == (B, HEADS, N, D)
    close(out, attention(*qkv(), additive(mask)))
    close(out, attention(*qkv(), mask.broadcast_to(B, HEADS, N, M).clone()))
    if shape[-1] == M:
        assert (out - attention(*qkv())).abs().max() > 1e-3  # the mask does something


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_additive_mask_may_have_a_dtype_of_its_own(dtype):
    mask = additive(random_mask(N, M))
    out = attention(*qkv(dtype), mask)
    assert out.dtype == dtype
    assert torch.equal(out, attention(*qkv(dtype), mask.to(dtype)))


@pytest.mark.parametrize("masked", [None, "boolean", "additive"])
def test_against_multihead_attention_with_the_same_weights(masked):
    torch.manual_seed(0)
    E = HEADS * D
    theirs = nn.MultiheadAttention(E, HEADS, batch_first=True, dtype=torch.float64)
    nn.init.normal_(theirs.in_proj_bias)
    query, memory = torch.randn(B, N, E).double(), torch.randn(B, M, E).double()
    heads = lambda x: x.view(B, -1, HEADS, D).transpose(1, 2)
    projections = zip(
        (query, memory, memory), theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True
    )
    q, k, v = (heads(F.linear(x, w, b)) for x, w, b in projections)
    mask = random_mask(N, M)
    ours_mask, their_mask = {
        None: (None, None),
        "boolean": (mask, ~mask),  # torch's means the opposite
        "additive": (additive(mask), additive(mask)),
    }[masked]
    ours = theirs.out_proj(attention(q, k, v, ours_mask).transpose(1, 2).flatten(2))
    close(ours, theirs(query, memory, memory, attn_mask=their_mask, need_weights=False)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", ["boolean", "additive"])
def test_rows_with_nothing_to_attend_are_zero_in_value_and_gradient(dtype, form):
    mask = random_mask(B, 1, N, M)
    mask[0, :, 2] = False
    q, k, v = qkv(dtype, grad=True)
    out = attention(q, k, v, mask if form == "boolean" else additive(mask, dtype))
    assert (out[0, :, 2] == 0).all() and (out[1] != 0).any()
    out.square().sum().backward()
    assert all(x.grad.isfinite().all() for x in (q, k, v))
    assert (q.grad[0, :, 2] == 0).all() and (q.grad[1] != 0).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_empty_row_gives_no_gradient_to_keys_and_values(dtype):
    q, k, v = qkv(dtype, grad=True)
    out = attention(q, k, v, torch.zeros(N, M, dtype=torch.bool))
    out.sum().backward()
    assert (out == 0).all()
    assert all((x.grad == 0).all() for x in (q, k, v))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_lowest_float32_as_a_mask_is_no_nan(dtype):
    # Rounded to bfloat16 it is -inf: such a row attends to nothing there.
    mask = torch.zeros(N, M)
    mask[1] = torch.finfo(torch.float32).min
    assert attention(*qkv(dtype), mask).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("form", ["boolean", "additive"])
def test_masked_keys_and_values_change_no_bit(dtype, form):
    mask = random_mask(N, M)
    mask[:, [1, 4]] = False
    mask[:, 0] = True
    q, k, v = qkv(dtype)
    given = mask if form == "boolean" else additive(mask, dtype)
    before = attention(q, k, v, given)
    k[:, :, [1, 4]], v[:, :, [1, 4]] = 1e4, -1e4
    assert torch.equal(attention(q, k, v, given), before)
    v[:, :, 0] += 1
    assert not torch.equal(attention(q, k, v, given), before)


@pytest.mark.parametrize("shape", [(N,), (M, N), (HEADS + 1, N, M), (1, B, HEADS, N, M)])
@pytest.mark.parametrize("dtype", [torch.bool, torch.float64])
def test_a_mask_that_does_not_fit_names_both_shapes(shape, dtype):
    with pytest.raises(ValueError) as e:
        attention(*qkv(), torch.ones(shape, dtype=dtype))
    assert str(tuple(shape)) in str(e.value) and str((B, HEADS, N, M)) in str(e.value)


@pytest.mark.parametrize("attend", [attention, plain_attention])
def test_weights_sum_to_one(attend):
    q, k, _ = qkv()
    weights = attend(q, k, torch.eye(M).double().expand(B, HEADS, M, M))  # values that show the weights
    assert (weights >= 0).all()
    close(weights.sum(-1), torch.ones(B, HEADS, N).double())


def test_masked_weights_are_zero_and_the_rest_sums_to_one():
    q, k, _ = qkv()
    mask = random_mask(N, M)
    weights = attention(q, k, torch.eye(M).double().expand(B, HEADS, M, M), mask)
    assert (weights[:, :, ~mask] == 0).all()
    close(weights.sum(-1), torch.ones(B, HEADS, N).double())


def filled(width: int) -> SelfAttention:
    torch.manual_seed(0)
    block = SelfAttention(width).double()
    for p in block.parameters():
        nn.init.normal_(p, std=0.3)
    return block


def test_self_attention_starts_as_the_identity():
    x = torch.randn(2, 12, 3, 5)
    assert torch.equal(SelfAttention(12)(x), x)


def test_self_attention_is_that_of_torch_with_the_same_weights():
    block = filled(12)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(block.qkv.weight[:, :, 0, 0])
        theirs.in_proj_bias.copy_(block.qkv.bias)
        theirs.out_proj.weight.copy_(block.out.weight[:, :, 0, 0])
        theirs.out_proj.bias.copy_(block.out.bias)
    x, mask = torch.randn(2, 12, 3, 5).double(), random_mask(15, 15)
    pixels = block.norm(x).flatten(2).mT
    expected = theirs(pixels, pixels, pixels, attn_mask=~mask, need_weights=False)[0].mT.view_as(x)
    close(block(x, mask), x + expected)


def test_self_attention_knows_no_order_of_pixels():
    block, x = filled(12), torch.randn(2, 12, 3, 5).double()
    close(block(x.flip(2, 3)), block(x).flip(2, 3))


@pytest.mark.parametrize(("width", "heads"), [(32, 1), (96, 3), (48, 3), (12, 3)])
def test_heads_are_as_wide_as_fits_up_to_32(width, heads):
    block = SelfAttention(width)
    assert block.heads == heads
    assert block(torch.ones(2, width, 3, 4)).shape == (2, width, 3, 4)
