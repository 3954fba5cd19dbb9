"""Guidance against its formulas, and that only the predictions that are needed are computed."""

import pytest
import torch

from ddpm.context.condition import Condition
from ddpm.diffusion import guidance
from ddpm.diffusion.guidance import (
    adaptive_projected,
    clip,
    dynamic_threshold,
    extrapolated,
    limited_interval,
    rescaled,
)
from ddpm.diffusion.prediction import PREDICTIONS, target, to_eps, to_x0
from ddpm.diffusion.schedule import make_schedule

B, K, SHAPE = 5, 3, (4, 2, 6)
T = torch.tensor([9, 3, 7, 0, 5])
MIXES = {
    "extrapolated": lambda: extrapolated,
    "adaptive_projected": adaptive_projected,
    "rescaled": lambda: rescaled(extrapolated),
    "rescaled adaptive_projected": lambda: rescaled(adaptive_projected(0.3, 0.2, 0.4), 0.5),
}
every_mix = pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)


def condition(context, scales=None, away=None) -> Condition:
    """Of contexts [B, V], or [B, M, V]."""
    contexts = context if context.ndim == 3 else context[:, None]
    return Condition(contexts, contexts.new_ones(contexts.shape[:2]) if scales is None else scales, away)


def classifier_free(denoise, context, scale, scales=None, away=None, **how):
    return guidance.classifier_free(denoise, condition(context, scales, away), scale, **how)


def autoguidance(denoise, weak, context, scale, scales=None, **how):
    return guidance.autoguidance(denoise, weak, condition(context, scales), scale, **how)


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


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def rms(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(1).square().mean(1).sqrt()


def weak(x, t, context):
    return Spy()(0.8 * x, t, context) + 0.1


@every_mix
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_and_one_are_exact_and_cheap_in_a_batch_of_scales(mix, dtype):
    x, context = draw(dtype)
    cond, uncond = parts(x, context)
    scale = torch.tensor([0.0, 1.0, 3.0, 1.0, 0.0])
    spy, strong, other = Spy(), Spy(), Spy()
    plain = classifier_free(spy, context, scale, mix=mix())
    auto = autoguidance(strong, lambda *a: other(*a) + 1, context, scale, mix=mix())
    for _ in range(2):  # a mix may remember
        for out, zero in ((plain(x, T), uncond), (auto(x, T), cond + 1)):
            assert torch.equal(out[[0, 4]], zero[[0, 4]]) and torch.equal(out[[1, 3]], cond[[1, 3]])
            assert not torch.allclose(out[2], cond[2]) and out.dtype == dtype
    assert (spy.rows, strong.rows, other.rows) == ([6, 6], [3, 3], [3, 3])
    for seen, _, c in spy.calls:
        asks_uncond = seen[(c == 0).all(1)]
        assert torch.equal(asks_uncond, x[[0, 2, 4]])


@every_mix
def test_zero_and_one_forget_what_a_mix_remembers(mix):
    x, context = draw()
    cond, uncond = parts(x, context)
    scales = iter([3.0, 1.0, 0.0])
    guided = classifier_free(Spy(), context, lambda t: next(scales), mix=mix())
    guided(x, T)
    assert torch.equal(guided(x, T), cond) and torch.equal(guided(x, T), uncond)


@every_mix
@pytest.mark.parametrize("kind", ["cfg", "auto", "interval", "composition"])
def test_a_row_does_not_depend_on_its_batch(kind, mix):
    g = torch.Generator().manual_seed(2)
    xs = torch.randn(3, B, *SHAPE, generator=g, dtype=torch.float64)
    context, weights, negative = (torch.randn(B, *n, generator=g, dtype=torch.float64) for n in ((2, K), (2,), (K,)))
    scale = torch.tensor([3.0, 0.0, 1.0, 0.25, -0.5]).double()

    def run(rows: list[int]) -> torch.Tensor:
        c, s = context[rows], scale[rows]
        guided = {
            "cfg": lambda: classifier_free(Spy(), c[:, 0], s, away=negative[rows], mix=mix()),
            "auto": lambda: autoguidance(Spy(), weak, c, s, scales=weights[rows], mix=mix()),
            "interval": lambda: classifier_free(
                Spy(), c[:, 0], limited_interval(s, make_schedule("linear", 10), 0.02, 0.2), mix=mix()
            ),
            "composition": lambda: classifier_free(Spy(), c, s, scales=weights[rows], away=negative[rows], mix=mix()),
        }[kind]()
        return torch.stack([guided(x[rows], T[rows]) for x in xs], 1)

    together = run([*range(B)])
    close(run([4, 2, 0, 3, 1]), together[[4, 2, 0, 3, 1]])
    close(torch.cat([run([i]) for i in range(B)]), together)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_guiding_eps_x0_or_v_is_the_same(kind):
    x, context = draw()
    alpha, sigma = make_schedule("cosine", 10).at(T, x)
    theirs = [target(kind, x0, to_eps("x0", x0, x, alpha, sigma), alpha, sigma) for x0 in parts(x, context)]
    mixed = to_x0(kind, extrapolated(*theirs, torch.tensor(3.5).double()), x, alpha, sigma)
    torch.testing.assert_close(classifier_free(Spy(), context, 3.5)(x, T), mixed, rtol=1e-9, atol=1e-9)


# Limited interval

SCHEDULE = make_schedule("cosine", 20, zero_terminal=True)
LEVELS = SCHEDULE.sigma / SCHEDULE.alpha


@pytest.mark.parametrize(
    ("low", "high", "inside"),
    [
        (0.0, float("inf"), range(20)),
        (LEVELS[5].item(), LEVELS[12].item(), range(6, 13)),
        (LEVELS[12].item(), float("inf"), range(13, 20)),
        (0.0, LEVELS[0].item() / 2, range(0)),
    ],
)
@pytest.mark.parametrize("scale", [3.0, torch.linspace(2, 5, 20).double()])
def test_the_interval_guides_just_the_timesteps_in_it(low, high, inside, scale):
    x, context = (v.repeat(4, *[1] * (v.ndim - 1)) for v in draw())
    t, spy = torch.arange(20), Spy()
    out = classifier_free(spy, context, limited_interval(scale, SCHEDULE, low, high))(x, t)
    plain, cond = classifier_free(Spy(), context, scale)(x, t), Spy()(x, t, context)
    within = torch.tensor([i in inside for i in range(20)])
    assert torch.equal(out[within], plain[within]) and torch.equal(out[~within], cond[~within])
    assert spy.rows == [20 + len(inside)]


@pytest.mark.parametrize("scale", [-0.5, 0.0, 0.4, 1.0])
def test_outside_of_the_interval_a_scale_up_to_one_stays(scale):
    x, context = draw()
    out = classifier_free(Spy(), context, limited_interval(scale, SCHEDULE, 0.1, 0.2))(x, T)
    assert torch.equal(out, classifier_free(Spy(), context, scale)(x, T))


# Compositions and negatives


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("weights", [None, torch.ones(B, 1)])
def test_a_composition_of_one_is_plain(scale, weights):
    x, context = draw(torch.float32)
    one, plain = Spy(), Spy()
    out = classifier_free(one, context[:, None], scale, scales=weights)(x, T)
    assert torch.equal(out, classifier_free(plain, context, scale)(x, T)) and one.rows == plain.rows


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("away", [False, True])
def test_each_term_of_a_composition_has_a_scale_of_its_own(scale, away):
    x, a = draw()
    b, c, weights = a.flip(0), a.flip(1), torch.linspace(-1, 1.5, 3 * B).double().view(B, 3)
    negative = 0.5 - a if away else None
    out = classifier_free(Spy(), torch.stack([a, b, c], 1), scale, scales=weights, away=negative)(x, T)
    u = Spy()(x, T, negative if away else 0 * a)
    terms = [w.view(-1, 1, 1, 1) * (Spy()(x, T, m) - u) for m, w in zip((a, b, c), weights.T, strict=True)]
    close(out, u + scale * sum(terms))


def test_a_term_of_weight_zero_costs_and_changes_nothing():
    x, context = draw()
    spy, without = Spy(), Spy()
    more = torch.stack([context, context.flip(0)], 1)
    weights = torch.tensor([[1.0, 0.0]]).expand(B, 2)
    out = classifier_free(spy, more, 3.0, scales=weights)(x, T)
    assert torch.equal(out, classifier_free(without, context, 3.0)(x, T)) and spy.rows == without.rows == [2 * B]


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("w", [0.1, 0.3, 2.0])
def test_one_context_in_two_parts_is_one_context(w, scale):
    x, context = draw()
    spy, weights = Spy(), torch.tensor([w, 1 - w]).expand(B, 2)
    out = classifier_free(spy, torch.stack([context, context], 1), scale, scales=weights)(x, T)
    torch.testing.assert_close(out, classifier_free(Spy(), context, scale)(x, T), rtol=1e-6, atol=1e-6)
    assert spy.rows == [2 * B if scale == 1 else 3 * B]  # what 1 - w rounds to asks for nothing


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
def test_a_negative_context_takes_the_place_of_none(scale):
    x, context = draw()
    cond, against = Spy()(x, T, context), Spy()(x, T, context.flip(0))
    out = classifier_free(Spy(), context, scale, away=context.flip(0))(x, T)
    close(out, against + scale * (cond - against))


@pytest.mark.parametrize(("scale", "weights"), [(0, (1, 0)), (1, (1, 0)), (3, (1, 0)), (2, (0.5, 1.5)), (1.5, (2, -1))])
def test_ideal_denoisers_give_the_score_of_the_tilted_density(scale, weights):
    """Data N(m, v); p(c | x0) is proportional to N(centre_c; x0, width). What is guided must be the gradient of
    log p(x_t) + sum_c scale * weight_c * log p(c | x_t), with p(c | x_t) the mean of p(c | x0) over p(x0 | x_t)."""
    g = torch.Generator().manual_seed(1)
    m, centres = (torch.randn(*n, *SHAPE, generator=g, dtype=torch.float64) for n in ((), (2,)))
    v, width = 0.7, 0.4
    x, schedule = draw()[0].requires_grad_(), make_schedule("linear", 10)
    alpha, sigma = schedule.at(T, x)

    def ideal(x_t, t, context):
        a, s = schedule.at(t, x_t)
        told = context.sum(1).view(-1, 1, 1, 1)
        precision = 1 / v + (a / s) ** 2 + told / width
        return (m / v + a * x_t / s**2 + torch.einsum("bk,k...->b...", context, centres) / width) / precision

    def log_normal(at, mean, variance):
        return -((at - mean) ** 2 / variance).sum() / 2

    posterior = 1 / (1 / v + (alpha / sigma) ** 2)
    mean = posterior * (m / v + alpha * x / sigma**2)
    density = log_normal(x, alpha * m, alpha**2 * v + sigma**2)
    for centre, weight in zip(centres, weights, strict=True):
        density = density + scale * weight * log_normal(centre, mean, posterior + width)
    (score,) = torch.autograd.grad(density, x)
    both = torch.eye(2, dtype=torch.float64).expand(B, 2, 2)
    x0 = classifier_free(ideal, both, scale, scales=torch.tensor([weights]).expand(B, 2))(x.detach(), T)
    torch.testing.assert_close((alpha * x0 - x.detach()) / sigma**2, score, rtol=1e-8, atol=1e-8)


# Autoguidance


@pytest.mark.parametrize("scale", [-1.0, 0.5, 3.0])
def test_autoguidance_is_the_formula_with_one_context(scale):
    x, context = draw()
    strong, w = Spy()(x, T, context), weak(x, T, context)
    close(autoguidance(Spy(), weak, context, scale)(x, T), w + scale * (strong - w))
    weights = torch.tensor([[0.4, 0.9]], dtype=torch.float64).expand(B, 2)
    out = autoguidance(Spy(), weak, torch.stack([context, context.flip(0)], 1), scale, scales=weights)(x, T)
    three = [[f(x, T, c) for c in (context, context.flip(0), 0 * context)] for f in (Spy(), weak)]
    strong, w = (0.4 * a + 0.9 * b - 0.3 * none for a, b, none in three)
    close(out, w + scale * (strong - w))


@pytest.mark.parametrize("scale", [-1.0, 0.0, 1.0, 3.0])
def test_a_network_is_not_guided_by_itself(scale):
    x, context = draw(torch.float32)
    assert torch.equal(autoguidance(Spy(), Spy(), context, scale)(x, T), Spy()(x, T, context))


def test_the_weak_network_is_not_called_at_one_nor_the_strong_one_at_zero():
    x, context = draw()
    strong, other = Spy(), Spy()
    autoguidance(strong, other, context, 1.0)(x, T)
    assert (strong.rows, other.rows) == ([B], [])
    autoguidance(strong, other, context, 0.0)(x, T)
    assert (strong.rows, other.rows) == ([B], [B])


# Rescaled


def scales(s: float) -> torch.Tensor:
    return torch.full((B, 1, 1, 1), s, dtype=torch.float64)


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.7, 1.0])
def test_rescaled_is_that_of_diffusers(phi):
    theirs = pytest.importorskip("diffusers.guiders.guider_utils").rescale_noise_cfg
    cond, uncond = parts(*draw())
    plain, out = extrapolated(cond, uncond, scales(4)), rescaled(extrapolated, phi)(cond, uncond, scales(4))
    close(out, theirs(plain, cond, phi))
    std = [p.flatten(1).std(1) for p in (plain, out, cond)]
    close(std[1], (1 - phi) * std[0] + phi * std[2])
    assert (std[0] > 1.1 * std[2]).any() and (phi > 0 or torch.equal(out, plain))


def test_rescaled_leaves_a_flat_picture_as_it_is():
    flat = torch.full((B, *SHAPE), 0.5, dtype=torch.float64)
    assert torch.equal(rescaled(extrapolated)(flat, flat, scales(3)), flat)


# Adaptive projected


def test_adaptive_projected_without_its_parts_extrapolates():
    cond, uncond = parts(*draw())
    mix = adaptive_projected(eta=1, largest=float("inf"), momentum=0)
    for s in (0.5, 2, 5):
        close(mix(cond, uncond, scales(s)), extrapolated(cond, uncond, scales(s)))
    assert torch.equal(mix(cond, cond, scales(4)), cond)


@pytest.mark.parametrize("largest", [0.05, 0.4, 1e3])
def test_the_projected_step_is_orthogonal_and_short(largest):
    cond, uncond = parts(*draw())
    assert (rms(cond - uncond) > 0.4).any() and (rms(cond - uncond) < 1e3).all()
    for eta in (0, 1):
        step = adaptive_projected(eta, largest, momentum=0)(cond, uncond, scales(3)) - cond
        along = (step * cond).flatten(1).mean(1) / rms(cond)
        assert (rms(step) <= 2 * largest * (1 + 1e-12)).all()
        assert (along.abs() < 1e-12).all() if eta == 0 else (along.abs() > 1e-3).all()
        if eta == 1:
            close(rms(step), 2 * rms(cond - uncond).clamp(max=largest))


def test_momentum_by_hand():
    ones = torch.ones(1, 1, 1, 2, dtype=torch.float64)
    mix = adaptive_projected(eta=1, largest=float("inf"), momentum=-0.5)
    steps = [mix(0 * ones, -gap * ones, 3 * ones[..., :1])[0, 0, 0, 0].item() for gap in (1.0, 2.0, 0.0)]
    assert steps == [2.0, 3.0, -1.5]  # twice 1, 2 - 0.5 * 1, 0 - 0.5 * 1.5
    assert adaptive_projected(1, 9, -0.5)(0 * ones, -ones, 3 * ones[..., :1])[0, 0, 0, 0] == 2  # a new run starts anew


@pytest.mark.parametrize(
    ("eta", "largest", "momentum"), [(0, 0.1, -0.5), (0.5, 0.3, 0.7), (1, 1e3, 0), (-1, 0.7, -0.9)]
)
def test_adaptive_projected_is_that_of_diffusers(eta, largest, momentum):
    theirs = pytest.importorskip("diffusers.guiders.adaptive_projected_guidance")
    x, context = draw()
    mix, buffer, s = adaptive_projected(eta, largest, momentum), theirs.MomentumBuffer(momentum), 3.0
    for step in range(4):
        cond, uncond = parts(x + step, context)
        radius = largest * cond[0].numel() ** 0.5
        wanted = theirs.normalized_guidance(cond, uncond, s - 1, buffer, eta, radius, use_original_formulation=True)
        close(mix(cond, uncond, scales(s)), wanted)


# What is kept


def test_dynamic_threshold_by_hand():
    x0 = torch.tensor([[3.0, -2.0, 1.0, 0.0, -5.0], [0.9, -0.8, 1.5, 0.1, 0.2]])  # middle sizes 2 and 0.8
    out = dynamic_threshold(lambda x, t: x, 0.5)(x0, T[:2])
    assert torch.equal(out, torch.tensor([[1.0, -1.0, 0.5, 0.0, -1.0], [0.9, -0.8, 1.0, 0.1, 0.2]]))


@pytest.mark.parametrize("share", [0.1, 0.9, 0.995, 1.0])
def test_dynamic_threshold_stays_in_range_and_leaves_what_is_in_it(share):
    x, _ = draw(torch.float32)
    keep = dynamic_threshold(lambda x, t: x, share)
    assert (keep(30 * x, T).abs() <= 1).all() and (30 * x).abs().max() > 1
    if share == 1:
        torch.testing.assert_close(keep(30 * x, T), x / x.flatten(1).abs().amax(1).view(-1, 1, 1, 1))
    assert torch.equal(keep(x.tanh(), T), x.tanh())


def no_context(x, t, context):
    return Spy()(x, t, 0 * context)


def test_on_gap_tells_how_far_the_two_are_apart():
    x, context = draw()
    cond, uncond = parts(x, context)
    told: list[tuple[torch.Tensor, torch.Tensor]] = []
    scale = torch.tensor([0.0, 3.0, 1.0, 0.25, -0.5])
    for make in (
        lambda: classifier_free(Spy(), context, scale, on_gap=lambda *a: told.append(a)),
        lambda: autoguidance(Spy(), no_context, context, scale, on_gap=lambda *a: told.append(a)),
    ):
        told.clear()
        guided = make()
        guided(x, T)
        guided(x, T)
        assert len(told) == 2
        for t, gap in told:
            assert torch.equal(t, T) and gap.shape == (B,)
            close(gap, rms(cond - uncond) * torch.tensor([0, 1, 0, 1, 1]))
