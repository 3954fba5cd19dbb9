"""uncond + s * (cond - uncond), at the price of the rows that it needs."""

import pytest
import torch

from ddpm.guidance import classifier_free, clip

B, K, SHAPE = 5, 3, (4, 2, 6)
T = torch.tensor([9, 3, 7, 0, 5])


class Spy:
    """A context denoiser that mixes x, t and context in an odd way, and notes its calls."""

    def __init__(self):
        self.calls: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def __call__(self, x, t, context):
        self.calls.append((x, t, context))
        gain = (context @ torch.tensor([1.0, -2.0, 0.3], dtype=x.dtype)).view(-1, 1, 1, 1)
        return torch.sin(x * (1 + gain)) + t.view(-1, 1, 1, 1) * 0.1 + gain

    @property
    def rows(self) -> list[int]:
        return [len(x) for x, _, _ in self.calls]


def draw(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(B, *SHAPE, generator=g, dtype=dtype), torch.rand(B, K, generator=g, dtype=dtype) + 0.1


def parts(x: torch.Tensor, context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return Spy()(x, T, context), Spy()(x, T, torch.zeros_like(context))


@pytest.mark.parametrize("scale", [-2.0, -0.5, 0.3, 0.999, 1.5, 2, 7.5])
def test_the_formula(scale):
    x, context = draw()
    cond, uncond = parts(x, context)
    out = classifier_free(Spy(), context, scale)(x, T)
    torch.testing.assert_close(out, (1 - scale) * uncond + scale * cond, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0, 1, 0.0, 1.0])
def test_zero_and_one_are_exact_and_cost_one_pass(scale, dtype):
    x, context = draw(dtype)
    spy = Spy()
    out = classifier_free(spy, context, scale)(x, T)
    assert torch.equal(out, parts(x, context)[0 if scale else 1])
    assert out.dtype == dtype and spy.rows == [B]


@pytest.mark.parametrize("scale", [-1.0, 0.5, 4.0])
def test_any_other_scale_costs_two_rows_a_sample_in_one_call(scale):
    x, context = draw()
    spy = Spy()
    guided = classifier_free(spy, context, scale)
    guided(x, T)
    guided(x, T)
    assert spy.rows == [2 * B, 2 * B]


def test_only_the_rows_that_are_needed():
    x, context = draw()
    scale = torch.tensor([0.0, 3.0, 1.0, 0.0, -0.5]).double()
    spy = Spy()
    classifier_free(spy, context, scale)(x, T)
    [(seen_x, seen_t, seen_context)] = spy.calls
    wanted = [(i, True) for i in range(B) if scale[i] != 0] + [(i, False) for i in range(B) if scale[i] != 1]
    zero = torch.zeros(K)
    found = [
        (i, bool((c != zero).any()))
        for row, t, c in zip(seen_x, seen_t, seen_context, strict=True)
        for i in range(B)
        if torch.equal(row, x[i]) and t == T[i] and (torch.equal(c, context[i]) or (c == zero).all())
    ]
    assert sorted(found) == sorted(wanted) and len(seen_x) == len(wanted) == 7


def test_a_scale_for_each_sample_is_so_many_separate_calls():
    x, context = draw()
    scale = torch.tensor([0.0, 3.0, 1.0, 0.25, -0.5]).double()
    out = classifier_free(Spy(), context, scale)(x, T)
    cond, uncond = parts(x, context)
    assert torch.equal(out[0], uncond[0]) and torch.equal(out[2], cond[2])
    for i, s in enumerate(scale.tolist()):
        alone = classifier_free(Spy(), context[i : i + 1], s)(x[i : i + 1], T[i : i + 1])
        torch.testing.assert_close(out[i : i + 1], alone, rtol=1e-12, atol=1e-12)


def test_an_all_zero_context_is_unconditional_at_any_scale():
    x, context = draw()
    _, uncond = parts(x, context)
    torch.testing.assert_close(classifier_free(Spy(), context * 0, 5.0)(x, T), uncond, rtol=1e-12, atol=1e-12)


def test_arguments_are_not_modified():
    x, context = draw()
    scale = torch.tensor([0.0, 3.0, 1.0, 0.25, -0.5])
    before = [a.clone() for a in (x, context, scale, T)]
    classifier_free(Spy(), context, scale)(x, T)
    assert all(torch.equal(a, b) for a, b in zip((x, context, scale, T), before, strict=True))


def test_clip():
    x, context = draw()
    wild = classifier_free(Spy(), context, 20.0)
    out = clip(wild)(x, T)
    assert wild(x, T).abs().max() > 1
    assert torch.equal(out, wild(x, T).clamp(-1, 1))
    assert clip(wild, 0.0, 0.5)(x, T).aminmax() == (0.0, 0.5)
