"""Attention worked by hand, against torch's own, and what a mask promises."""

import doctest
import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.network.attention import (
    CrossAttention,
    SelfAttention,
    additive,
    attention,
    boolean,
    causal_mask,
    key_mask,
    other_convention,
    plain_attention,
)

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
FORMS = pytest.mark.parametrize(
    "form", [lambda mask: mask, lambda mask: additive(mask, torch.float64)], ids=["boolean", "additive"]
)
ROOT = Path(__file__).parents[2]
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


def eye(rows: int) -> Tensor:
    """Values that show the weights."""
    return torch.eye(rows).double().expand(B, HEADS, rows, rows)


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


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 4e-3), (torch.bfloat16, 0.03)])
def test_half_precision_is_as_near_as_its_rounding(dtype, tolerance):
    exact, rounded = attention(*qkv(), random_mask(N, M)), attention(*qkv(dtype), random_mask(N, M))
    assert rounded.dtype == dtype
    torch.testing.assert_close(rounded.double(), exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shape", [(M,), (N, M), (HEADS, 1, M), (B, 1, 1, M), (B, HEADS, N, M), (B, HEADS, N, 1)])
def test_boolean_is_additive_and_broadcasts(shape):
    mask = random_mask(*shape)
    out = attention(*qkv(), mask)
    assert out.shape == (B, HEADS, N, D)
    close(out, attention(*qkv(), additive(mask, torch.float64)))
    close(out, attention(*qkv(), mask.broadcast_to(B, HEADS, N, M).clone()))
    if shape[-1] == M:
        assert (out - attention(*qkv())).abs().max() > 1e-3  # the mask does something


@DTYPES
def test_an_additive_mask_may_have_a_dtype_of_its_own(dtype):
    mask = additive(random_mask(N, M), torch.float64)
    out = attention(*qkv(dtype), mask)
    assert out.dtype == dtype
    assert torch.equal(out, attention(*qkv(dtype), mask.to(dtype)))


def test_builders_by_hand():
    keep = torch.tensor([[True, False, True], [False, True, True]])
    assert key_mask(keep).shape == (2, 1, 1, 3)
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    both = key_mask(keep) & causal_mask(3)
    assert both[0, 0].tolist() == [[True, False, False], [True, False, False], [True, False, True]]
    either = key_mask(keep) | causal_mask(3)
    assert either[1, 0].tolist() == [[True, True, True], [True, True, True], [True, True, True]]
    assert either[0, 0].tolist() == [[True, False, True], [True, True, True], [True, True, True]]
    assert additive(keep).tolist() == [[0, -math.inf, 0], [-math.inf, 0, 0]]
    assert other_convention(keep).tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_conversions_are_inverses_and_keep_and_and_or(dtype):
    a, b = random_mask(B, 1, 1, M), random_mask(N, M, seed=2)
    assert additive(a, dtype).dtype == dtype
    assert torch.equal(boolean(additive(a, dtype)), a)
    assert torch.equal(boolean(additive(a, dtype) + additive(b, dtype)), a & b)
    assert torch.equal(boolean(torch.maximum(additive(a, dtype), additive(b, dtype))), a | b)
    for mask in (a, additive(a, dtype)):
        assert torch.equal(other_convention(other_convention(mask)), mask)


@pytest.mark.parametrize("mask", [torch.tensor([0, -1e9]), torch.tensor([False]), torch.tensor([0])])
def test_what_is_no_additive_mask_of_0_and_inf_has_no_boolean_form(mask):
    with pytest.raises(ValueError, match="0 and -inf"):
        boolean(mask)


def test_flags_of_tokens_are_not_taken_for_rows():
    keep = random_mask(B, M)
    with pytest.raises(ValueError, match="key_mask"):
        attention(*qkv(), keep)
    expected = torch.stack([attention(*(x[i : i + 1] for x in qkv()), keep[i])[0] for i in range(B)])
    close(attention(*qkv(), key_mask(keep)), expected)
    for wrong in (keep.int(), keep[0], keep[None]):
        with pytest.raises(ValueError, match="boolean flags"):
            key_mask(wrong)


def multihead(theirs: nn.MultiheadAttention, query: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
    """`nn.MultiheadAttention` out of our `attention` and its weights."""
    heads = lambda x: x.unflatten(-1, (theirs.num_heads, -1)).transpose(1, 2)
    projections = zip(
        (query, memory, memory), theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True
    )
    q, k, v = (heads(F.linear(x, w, b)) for x, w, b in projections)
    return theirs.out_proj(attention(q, k, v, mask).transpose(1, 2).flatten(2))


def decoder_layer(theirs: nn.TransformerDecoderLayer, x: Tensor, memory: Tensor, mask, memory_mask) -> Tensor:
    """`nn.TransformerDecoderLayer` out of our `attention` and its weights."""
    x = theirs.norm1(x + multihead(theirs.self_attn, x, x, mask))
    x = theirs.norm2(x + multihead(theirs.multihead_attn, x, memory, memory_mask))
    return theirs.norm3(x + theirs.linear2(F.relu(theirs.linear1(x))))


def their_layer(seed: int = 0) -> nn.TransformerDecoderLayer:
    torch.manual_seed(seed)
    layer = nn.TransformerDecoderLayer(HEADS * D, HEADS, 20, dropout=0.0, batch_first=True, dtype=torch.float64)
    for p in layer.parameters():
        nn.init.normal_(p, std=0.4)
    return layer


def sequences(grad: bool = False) -> list[Tensor]:
    g = torch.Generator().manual_seed(3)
    tensors = [torch.randn(B, rows, HEADS * D, generator=g, dtype=torch.float64) for rows in (N, M)]
    return [x.requires_grad_(grad) for x in tensors]


def flags(tokens: int, seed: int) -> Tensor:
    """[B, tokens], the first True, so that no causal row is empty."""
    keep = random_mask(B, tokens, seed=seed)
    keep[:, 0] = True
    assert not keep.all()
    return keep


@FORMS
@pytest.mark.parametrize("attn", [None, "all heads", "each head"])
@pytest.mark.parametrize("padded", [False, True])
def test_against_multihead_attention_with_the_same_weights(attn, padded, form):
    theirs, (query, memory) = their_layer().multihead_attn, sequences()
    mask, keep = random_mask(B, HEADS, N, M) if attn == "each head" else random_mask(N, M), flags(M, 4)
    mask[..., 0] = True
    ours = torch.ones(N, M, dtype=torch.bool)
    given = {}
    if attn:
        ours = ours & mask
        given["attn_mask"] = mask.flatten(0, 1) if attn == "each head" else mask
    if padded:
        ours = ours & key_mask(keep)
        given["key_padding_mask"] = keep
    given = {name: other_convention(form(mask)) for name, mask in given.items()}
    close(multihead(theirs, query, memory, form(ours)), theirs(query, memory, memory, need_weights=False, **given)[0])


@FORMS
def test_against_a_decoder_layer_with_the_same_weights(form):
    layer = their_layer()
    keep, memory_keep, memory_mask = flags(N, 5), flags(M, 6), random_mask(N, M, seed=7)
    memory_mask[:, 0] = True
    theirs = lambda mask: other_convention(form(mask))
    (x, memory), (their_x, their_memory) = sequences(grad=True), sequences(grad=True)
    out = decoder_layer(
        layer, x, memory, form(key_mask(keep) & causal_mask(N)), form(key_mask(memory_keep) & memory_mask)
    )
    expected = layer(
        their_x,
        their_memory,
        tgt_mask=theirs(causal_mask(N)),
        memory_mask=theirs(memory_mask),
        tgt_key_padding_mask=theirs(keep),
        memory_key_padding_mask=theirs(memory_keep),
    )
    close(out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    close(x.grad, their_x.grad)
    close(memory.grad, their_memory.grad)


def test_one_causal_pass_is_as_many_growing_passes_as_tokens():
    layers, (x, memory) = [their_layer(seed) for seed in (0, 1)], sequences()

    def decode(x: Tensor) -> Tensor:
        for layer in layers:
            x = decoder_layer(layer, x, memory, causal_mask(x.shape[1]), None)
        return x

    teacher_forced = decode(x)
    for n in range(1, N + 1):
        close(decode(x[:, :n])[:, -1], teacher_forced[:, n - 1])
    # With keys and values kept from step to step, the newest token attends to all there are: no mask.
    q, k, v = (torch.cat([y, y.flip(2)], 2)[:, :, :M] for y in qkv())
    parallel = attention(q, k, v, causal_mask(M))
    for n in range(1, M + 1):
        close(attention(q[:, :, n - 1 : n], k[:, :, :n], v[:, :, :n]), parallel[:, :, n - 1 : n])


def test_gradients_are_those_of_differences():
    # Additive masks may be learnt biases. One row sees nothing.
    q, k, v = qkv(grad=True)
    bias = additive(random_mask(B, 1, N, M), torch.float64).index_fill(2, torch.tensor(1), -math.inf)
    learnt = torch.randn(HEADS, N, M, dtype=torch.float64, generator=torch.Generator().manual_seed(8)).requires_grad_()
    assert torch.autograd.gradcheck(lambda q, k, v, learnt: attention(q, k, v, bias + learnt), (q, k, v, learnt))
    assert torch.autograd.gradcheck(lambda q, k, v: attention(q, k, v, boolean(bias)), (q, k, v))


@DTYPES
@FORMS
def test_rows_with_nothing_to_attend_are_zero_in_value_and_gradient(dtype, form):
    mask = random_mask(B, 1, N, M)
    mask[0, :, 2] = False
    q, k, v = qkv(dtype, grad=True)
    out = attention(q, k, v, form(mask))
    assert out.dtype == dtype
    assert (out[0, :, 2] == 0).all() and (out[1] != 0).any()
    out.square().sum().backward()
    assert all(x.grad.isfinite().all() for x in (q, k, v))
    assert (q.grad[0, :, 2] == 0).all() and (q.grad[1] != 0).any()


@DTYPES
@pytest.mark.parametrize(
    "mask", [torch.tensor(False), torch.zeros(N, M, dtype=torch.bool), torch.full((M,), -math.inf)]
)
@pytest.mark.parametrize("filled_with", [None, math.nan])
def test_where_all_rows_are_empty_nothing_gets_a_gradient(dtype, mask, filled_with):
    q, k, v = qkv(dtype)
    for x in (q, k, v):
        if filled_with is not None:
            x.fill_(filled_with)
        x.requires_grad_()
    out = attention(q, k, v, mask)
    out.sum().backward()
    assert (out == 0).all()
    assert all((x.grad == 0).all() for x in (q, k, v))


def test_no_keys_at_all_are_empty_rows():
    q, k, v = qkv()
    for mask in (None, torch.ones(N, 0, dtype=torch.bool), torch.ones(N, 1, dtype=torch.bool)):
        assert torch.equal(attention(q, k[:, :, :0], v[:, :, :0], mask), torch.zeros_like(q))


@DTYPES
def test_the_lowest_float32_as_a_mask_is_no_nan(dtype):
    # Rounded to bfloat16 or float16 it is -inf: such a row attends to nothing there.
    mask = torch.zeros(N, M)
    mask[1] = torch.finfo(torch.float32).min
    assert attention(*qkv(dtype), mask).isfinite().all()


def strided(x: Tensor) -> Tensor:
    """In the order of memory that a convolution leaves: the rows lie one after the other, last."""
    return x.mT.contiguous().mT


def gradients(out: Tensor, of: list[Tensor]) -> list[Tensor]:
    return torch.autograd.grad(out.float().sin().sum(), of)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@FORMS
@pytest.mark.parametrize("order", [Tensor.contiguous, strided])
@pytest.mark.parametrize("changed", ["keys", "values", "keys and values"])
@pytest.mark.parametrize("value", [1e4, math.nan, math.inf, -math.inf, "largest"])
def test_masked_tokens_change_no_bit_and_get_no_gradient(dtype, form, order, changed, value):
    value = torch.finfo(dtype).max if value == "largest" else value
    # Rows 0 and 1 see neither token 3 nor 5, row 2 only the one, the others both; nobody sees token 6.
    mask = random_mask(N, M)
    mask[:, 0], mask[:, 6], mask[:, [3, 5]] = True, False, True
    mask[:2, [3, 5]], mask[2, 5] = False, False
    before = [order(x).requires_grad_() for x in qkv(dtype)]
    q, k, v = (order(x) for x in qkv(dtype))
    for token in (3, 5, 6):
        k[:, :, token, 0] = value if "keys" in changed else 0.0
        v[:, :, token, 0] = value if "values" in changed else 0.0
    after = [x.requires_grad_() for x in (q, k, v)]
    out, expected = attention(*after, form(mask))[:, :, :2], attention(*before, form(mask))[:, :, :2]
    assert torch.equal(out, expected)
    got = gradients(out, after)
    assert all((grad[:, :, [3, 5, 6]] == 0).all() for grad in got[1:])
    assert all(torch.equal(a, b) for a, b in zip(got, gradients(expected, before), strict=True))
    v.data[:, :, 0] += 1
    assert not torch.equal(attention(q, k, v, form(mask))[:, :, :2], expected)


@DTYPES
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_not_hidden_from_those_who_see_it(dtype, value):
    q, k, v = qkv(dtype)
    v[0, 1, 4, 2] = value
    seen = random_mask(N, M)
    nan = attention(q, k, v, seen).isnan()
    assert torch.equal(nan[0, 1].all(-1), seen[:, 4]) and torch.equal(nan[0, 1].any(-1), seen[:, 4])
    assert nan.sum() == nan[0, 1].sum() and 0 < seen[:, 4].sum() < N
    q, k, v = qkv(dtype)
    q[1, 2, 3] = value
    nan = attention(q, k, v, seen).isnan()
    assert nan[1, 2, 3].all() and nan.sum() == D


@DTYPES
def test_what_is_large_but_finite_is_attended_to(dtype):
    q, k, v = qkv(dtype)
    k[0, 0, 2], v[:, 1, 3] = 1e4, 3e4
    mask = random_mask(N, M)
    exact = attention(q.double(), k.double(), v.double(), mask)
    torch.testing.assert_close(attention(q, k, v, mask).double(), exact, rtol=0.03, atol=0.03)


@pytest.mark.parametrize("value", [math.nan, 1e4])
def test_no_future_token_leaks(value):
    x = torch.randn(B, HEADS, N, D, generator=torch.Generator().manual_seed(9))
    before = attention(x, x, x, causal_mask(N))
    for n in range(1, N):
        changed = x.clone()
        changed[:, :, n:] = value
        changed.requires_grad_()
        out = attention(changed, changed, changed, causal_mask(N))[:, :, :n]
        assert torch.equal(out, before[:, :, :n])
        (grad,) = gradients(out, [changed])
        assert (grad[:, :, n:] == 0).all() and grad.isfinite().all() and (grad[:, :, :n] != 0).any()


@pytest.mark.parametrize("shape", [(N,), (M, N), (HEADS + 1, N, M), (1, B, HEADS, N, M)])
@pytest.mark.parametrize("dtype", [torch.bool, torch.float64])
def test_a_mask_that_does_not_fit_names_both_shapes(shape, dtype):
    with pytest.raises(ValueError) as e:
        attention(*qkv(), torch.ones(shape, dtype=dtype))
    assert str(tuple(shape)) in str(e.value) and str((B, HEADS, N, M)) in str(e.value)


def test_a_mask_of_integers_could_mean_either():
    with pytest.raises(ValueError, match="int64"):
        attention(*qkv(), torch.ones(N, M, dtype=torch.int64))


@pytest.mark.parametrize("mask", [None, torch.tensor(True)])
@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("change", [lambda x: x[:1], lambda x: x[:, :1], lambda x: x[0], lambda x: x[None]])
def test_queries_keys_and_values_that_do_not_fit_are_named(which, change, mask):
    tensors = qkv()
    tensors[which] = change(tensors[which])
    with pytest.raises(ValueError) as e:
        attention(*tensors, mask)
    assert all(str(tuple(x.shape)) in str(e.value) for x in tensors)


def test_fewer_values_than_keys_and_wider_keys_than_queries_are_errors():
    q, k, v = qkv()
    for wrong in ((q, k, v[:, :, 1:]), (q, k[:, :, 1:], v), (q[..., 1:], k, v)):
        with pytest.raises(ValueError, match="are not"):
            attention(*wrong)
    close(attention(q, k, v[..., 1:]), attention(q, k, v)[..., 1:])  # values may be of another width


MASKS = [
    None,
    random_mask(N, M),
    key_mask(random_mask(B, M)),
    additive(random_mask(B, HEADS, N, M), torch.float64),
    torch.linspace(-9, 9, N * M).view(N, M),
]


@pytest.mark.parametrize("mask", MASKS, ids=["none", "boolean", "key_mask", "additive", "bias"])
def test_weights_sum_to_one_and_are_zero_where_masked(mask):
    q, k, _ = qkv()
    weights = attention(q, k, eye(M), mask)
    assert (weights >= 0).all()
    close(weights.sum(-1), torch.ones(B, HEADS, N).double())
    if mask is not None:
        seen = mask if mask.dtype == torch.bool else mask > -math.inf
        assert torch.equal(weights > 0, seen.expand_as(weights))


def test_what_the_page_on_masks_says_its_code_prints():
    assert doctest.testfile(str(ROOT / "docs" / "masks.md"), module_relative=False).failed == 0


def filled(block: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    block = block.double()
    for p in block.parameters():
        nn.init.normal_(p, std=0.3)
    return block


def test_self_attention_starts_as_the_identity():
    x = torch.randn(2, 12, 3, 5)
    assert torch.equal(SelfAttention(12)(x), x)


def test_self_attention_is_that_of_torch_with_the_same_weights():
    block = filled(SelfAttention(12))
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
    block, x = filled(SelfAttention(12)), torch.randn(2, 12, 3, 5).double()
    close(block(x.flip(2, 3)), block(x).flip(2, 3))


@pytest.mark.parametrize(("width", "heads"), [(32, 1), (96, 3), (48, 3), (12, 3)])
def test_heads_are_as_wide_as_fits_up_to_32(width, heads):
    block = SelfAttention(width)
    assert block.heads == heads
    assert block(torch.ones(2, width, 3, 4)).shape == (2, width, 3, 4)


TOKENS = 6


def cross_inputs(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels, tokens, flags; sample 0 has one token dropped, sample 1 three, sample 2 all."""
    g = torch.Generator().manual_seed(1)
    x, tokens = torch.randn(3, 12, 3, 5, generator=g, dtype=torch.float64), torch.randn(3, 4, TOKENS, generator=g)
    keep = torch.tensor([[True, True, False, True], [False, False, True, False], [False] * 4])
    return x.to(dtype).contiguous(memory_format=torch.channels_last), tokens.to(dtype), keep


def test_cross_attention_starts_as_the_identity():
    x, tokens, keep = cross_inputs(torch.float32)
    out = CrossAttention(12, TOKENS)(x, tokens, keep)
    assert torch.equal(out, x) and out.is_contiguous(memory_format=torch.channels_last)


def test_cross_attention_is_that_of_torch_with_the_same_weights():
    block, (x, tokens, keep) = filled(CrossAttention(12, TOKENS)), cross_inputs()
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, kdim=TOKENS, vdim=TOKENS, dtype=torch.float64)
    keys, values = block.kv.weight.chunk(2)
    with torch.no_grad():
        theirs.q_proj_weight.copy_(block.q.weight[:, :, 0, 0])
        theirs.k_proj_weight.copy_(keys)
        theirs.v_proj_weight.copy_(values)
        theirs.in_proj_bias.copy_(torch.cat([block.q.bias, block.kv.bias]))
        theirs.out_proj.weight.copy_(block.out.weight[:, :, 0, 0])
    pixels = block.norm(x).flatten(2).mT
    expected = theirs(pixels, tokens, tokens, key_padding_mask=other_convention(keep), need_weights=False)[0].mT
    close(block(x, tokens, keep)[:2], (x + expected.view_as(x))[:2])  # theirs is NaN where all tokens are dropped


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("value", [1e4, math.nan, math.inf])
def test_dropped_tokens_change_no_bit_and_no_gradient(dtype, value):
    block, (x, tokens, keep) = filled(CrossAttention(12, TOKENS)).to(dtype), cross_inputs(dtype)
    wild = tokens.masked_fill(~keep[..., None], value)
    for given in (x, tokens, wild):
        given.requires_grad_()
    out, expected = block(x, wild, keep), block(x, tokens, keep)
    assert torch.equal(out, expected)
    assert torch.equal(out[2], x[2]) and not torch.equal(out[:2], x[:2])
    got = gradients(out, [wild, x, *block.parameters()])
    before = gradients(expected, [tokens, x, *block.parameters()])
    assert (got[0][~keep] == 0).all() and (got[0][keep] != 0).any()
    assert all(torch.equal(*pair) for pair in zip(got, before, strict=True))


def test_cross_attention_knows_no_order_of_tokens():
    block, (x, tokens, keep) = filled(CrossAttention(12, TOKENS)), cross_inputs()
    order = torch.tensor([2, 0, 3, 1])
    out = block(x, tokens, keep)
    close(block(x, tokens[:, order], keep[:, order]), out)
    assert (block(x, tokens[:, order], keep) - out)[:2].abs().max() > 1e-3  # flags that stay where they were
    close(block(x.flip(2, 3), tokens, keep), out.flip(2, 3))


@pytest.mark.parametrize("keep", [torch.ones(3, 5, dtype=torch.bool), torch.ones(3, 1) > 0, torch.ones(3, 4)])
def test_cross_attention_wants_a_boolean_flag_for_each_token(keep):
    x, tokens, _ = cross_inputs(torch.float32)
    with pytest.raises(ValueError, match=re.escape(str(tuple(keep.shape)))):
        CrossAttention(12, TOKENS)(x, tokens, keep)
