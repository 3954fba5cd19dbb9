"""eps, x0 and v say the same thing: conversions, losses and weights."""

import pytest
import torch

from ddpm.diffusion.prediction import (
    FLOOR,
    LOSS_WEIGHTS,
    PREDICTIONS,
    Diffusion,
    loss_weight,
    stratified_timesteps,
    target,
    to_eps,
    to_x0,
    towards_middle,
)
from ddpm.diffusion.schedule import make_schedule

SHAPE = (5, 3, 4, 6)
T = 50
TIMES = torch.tensor([0, 7, 23, 41, 48])


def close(a, b, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def normal(seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def noised(zero: bool = False, t: torch.Tensor = TIMES, dtype: torch.dtype = torch.float64):
    """schedule, x0, eps, x_t, alpha, sigma with a timestep of its own for each sample."""
    schedule, x0, eps = make_schedule("cosine", T, zero), normal(0, dtype), normal(1, dtype)
    return schedule, x0, eps, schedule.add_noise(x0, eps, t), *schedule.at(t, x0)


def test_targets_by_hand():
    x0, eps, alpha, sigma = (torch.tensor(v) for v in (2.0, 3.0, 0.6, 0.8))
    assert target("x0", x0, eps, alpha, sigma) == 2
    assert target("eps", x0, eps, alpha, sigma) == 3
    close(target("v", x0, eps, alpha, sigma), torch.tensor(0.6 * 3 - 0.8 * 2), 1e-6)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_the_true_prediction_gives_x0_and_eps(kind):
    _, x0, eps, x_t, alpha, sigma = noised()
    truth = target(kind, x0, eps, alpha, sigma)
    close(to_x0(kind, truth, x_t, alpha, sigma), x0)
    close(to_eps(kind, truth, x_t, alpha, sigma), eps)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_any_prediction_is_the_target_of_its_x0_and_eps(kind):
    *_, x_t, alpha, sigma = noised()
    guess = normal(2)  # right or wrong
    x0, eps = (f(kind, guess, x_t, alpha, sigma) for f in (to_x0, to_eps))
    close(target(kind, x0, eps, alpha, sigma), guess)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_x0_and_eps_of_any_prediction_make_up_x_t(kind):
    *_, x_t, alpha, sigma = noised()
    x0, eps = (f(kind, normal(2), x_t, alpha, sigma) for f in (to_x0, to_eps))
    close(alpha * x0 + sigma * eps, x_t)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_x0_and_eps_of_a_guided_mixture_are_the_mixtures_of_x0_and_eps(kind):
    *_, x_t, alpha, sigma = noised()
    scale = torch.tensor([-1.0, 0.0, 0.5, 1.0, 7.5]).double().view(5, 1, 1, 1)
    mix = lambda cond, uncond: uncond + scale * (cond - uncond)
    for turn in (to_x0, to_eps):
        turned = lambda p, turn=turn: turn(kind, p, x_t, alpha, sigma)
        close(turned(mix(normal(2), normal(3))), mix(turned(normal(2)), turned(normal(3))), 1e-9)


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("weighting", LOSS_WEIGHTS)
def test_the_target_is_the_only_prediction_without_loss(kind, weighting):
    schedule, x0, eps, _, alpha, sigma = noised(dtype=torch.float32)
    diffusion, truth = Diffusion(schedule, kind, weighting), target(kind, x0, eps, alpha, sigma)
    loss = lambda prediction: diffusion.loss(lambda *_: prediction, x0, torch.zeros(5, 2), TIMES, eps)
    assert torch.equal(loss(truth), torch.zeros(5))
    assert (loss(truth + 0.1) > 0).all()


def test_loss_is_the_mean_square_of_each_sample():
    schedule, x0, eps, x_t, *_ = noised(dtype=torch.float32)
    context = torch.rand(5, 2)

    def model(x, t, c):
        torch.testing.assert_close(x, x_t)
        assert torch.equal(t, TIMES) and torch.equal(c, context)
        return eps + torch.arange(5.0).view(5, 1, 1, 1)

    loss = Diffusion(schedule, "eps").loss(model, x0, context, TIMES, eps)
    assert loss.shape == (5,)
    close(loss, torch.arange(5.0) ** 2, 1e-5)


@pytest.mark.parametrize("gamma", [0.5, 5.0])
def test_min_snr_is_the_same_loss_of_x0_whatever_is_predicted(gamma):
    schedule, x0, eps, x_t, alpha, sigma = noised()
    wrong, snr = normal(2), schedule.snr[TIMES]
    expected = snr.clamp(max=gamma) * (wrong - x0).square().flatten(1).mean(1)
    for kind in PREDICTIONS:
        prediction = target(kind, wrong, to_eps("x0", wrong, x_t, alpha, sigma), alpha, sigma)
        error = prediction - target(kind, x0, eps, alpha, sigma)
        close(loss_weight(kind, "min_snr", snr, gamma) * error.square().flatten(1).mean(1), expected)


def test_min_snr_through_the_loss_agrees():
    schedule, x0, eps, *_ = noised(dtype=torch.float32)
    wrong = normal(2, torch.float32)

    def losses(kind):
        def model(x, t, c):
            alpha, sigma = schedule.at(t, x)
            return target(kind, wrong, to_eps("x0", wrong, x, alpha, sigma), alpha, sigma)

        return Diffusion(schedule, kind, "min_snr").loss(model, x0, torch.zeros(5, 2), TIMES, eps)

    assert (losses("x0") > 0).all()
    for kind in ("eps", "v"):
        torch.testing.assert_close(losses(kind), losses("x0"), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_weight_v_is_the_squared_error_of_v_whatever_is_predicted(kind):
    """But for the floor, which matters at the ends alone."""
    schedule, x0, eps, x_t, alpha, sigma = noised()
    wrong = normal(2), to_eps("x0", normal(2), x_t, alpha, sigma)
    loss = {
        k: (target(k, *wrong, alpha, sigma) - target(k, x0, eps, alpha, sigma)).square().flatten(1).mean(1)
        for k in PREDICTIONS
    }
    part = {"x0": sigma**2 / (sigma**2 + FLOOR), "eps": alpha**2 / (alpha**2 + FLOOR), "v": torch.ones_like(alpha)}
    close(loss_weight(kind, "v", schedule.snr[TIMES]) * loss[kind], loss["v"] * part[kind].flatten())


def test_weight_v_is_finite_at_both_ends():
    ends = torch.tensor([0.0, 1e12])
    assert loss_weight("x0", "v", ends).tolist() == pytest.approx([1 / 1.01, 100])
    assert loss_weight("eps", "v", ends).tolist() == pytest.approx([100, 1 / 1.01])
    assert loss_weight("v", "v", ends).tolist() == [1, 1]


def test_weight_none_is_one():
    for kind in PREDICTIONS:
        assert torch.equal(loss_weight(kind, "none", torch.tensor([0.0, 3.0, 900.0])), torch.ones(3))


def test_eps_is_refused_at_zero_terminal_snr_and_says_why():
    with pytest.raises(ValueError, match=r"pure noise.*alpha = 0.*'v' or 'x0'"):
        Diffusion(make_schedule("linear", T, zero_terminal=True), "eps")
    Diffusion(make_schedule("linear", T), "eps")


@pytest.mark.parametrize("kind", ["v", "x0"])
def test_min_snr_is_refused_at_zero_terminal_snr_and_says_why(kind):
    assert loss_weight(kind, "min_snr", torch.zeros(1)) == 0  # nothing would be learnt at T-1
    with pytest.raises(ValueError, match=r"last timestep.*choose loss weight 'none'"):
        Diffusion(make_schedule("linear", T, zero_terminal=True), kind, "min_snr")
    Diffusion(make_schedule("linear", T), kind, "min_snr")


@pytest.mark.parametrize("kind", ["v", "x0"])
def test_v_and_x0_work_at_zero_terminal_snr(kind):
    t = torch.tensor([T - 1, T - 1, 0, T - 1, 3])
    schedule, x0, eps, x_t, alpha, sigma = noised(True, t, torch.float32)
    diffusion, truth = Diffusion(schedule, kind), target(kind, x0, eps, alpha, sigma)
    assert torch.equal(x_t[0], eps[0])
    assert diffusion.loss(lambda *_: truth + 1, x0, torch.zeros(5, 2), t, eps).isfinite().all()
    x0_hat = diffusion.denoiser(lambda *_: truth)(x_t, t, torch.zeros(5, 2))
    torch.testing.assert_close(x0_hat, x0, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("names", [("epsilon", "none"), ("v", "snr")])
def test_unknown_names(names):
    with pytest.raises(ValueError, match=f"unknown .*choose one of {'eps, x0, v' if names[0] != 'v' else 'none, '}"):
        Diffusion(make_schedule("linear", T), *names)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_denoiser_gives_x0_and_passes_everything_on(kind):
    schedule, x0, eps, x_t, alpha, sigma = noised()
    context, seen = torch.rand(5, 2), []

    def model(*arguments):
        seen.extend(arguments)
        return target(kind, x0, eps, alpha, sigma)

    close(Diffusion(schedule, kind).denoiser(model)(x_t, TIMES, context), x0)
    assert all(a is b for a, b in zip(seen, (x_t, TIMES, context), strict=True))


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_stratified_timesteps_lie_one_in_each_stratum(batch):
    t = stratified_timesteps(batch, 1000, torch.Generator().manual_seed(3))
    assert t.dtype == torch.int64 and t.shape == (batch,)
    assert t.min() >= 0 and t.max() <= 999
    # One offset for all: sorted, they are the same distance apart, to the whole number.
    if batch > 1:
        assert ((t.sort().values.diff() - 1000 / batch).abs() <= 1).all()


def test_stratified_timesteps_of_a_full_batch_are_each_timestep_once():
    for seed in range(5):
        t = stratified_timesteps(40, 40, torch.Generator().manual_seed(seed))
        assert sorted(t.tolist()) == list(range(40))
        assert (t.diff() % 40 != 1).any()  # in no order, not even one that starts anywhere


def test_each_place_of_the_batch_is_uniform_and_reaches_both_ends():
    bins, draws = 10, 3000
    g = torch.Generator().manual_seed(0)
    t = torch.stack([stratified_timesteps(3, bins, g) for _ in range(draws)])
    for place in t.T:
        counts = torch.bincount(place, minlength=bins).double()
        assert len(counts) == bins
        expected = draws / bins
        assert (counts - expected).square().sum() / expected < 33.7  # chi-square, 9 degrees of freedom, p = 1e-4


@pytest.mark.parametrize("T", [2, 1000])
def test_timesteps_towards_the_middle_are_logit_normal(T):
    """Of as many as there are timesteps, the share below x is that of normal numbers below log(x / (1 - x))."""
    t = towards_middle(torch.arange(T), T)
    assert t.dtype == torch.int64 and t.min() >= 0 and t.max() < T
    assert (t.diff() >= 0).all() and torch.equal(t.flip(0), T - 1 - t)
    for x in torch.linspace(0.1, 0.9, 9).tolist():
        below = torch.distributions.Normal(0.0, 1.0).cdf(torch.tensor(x / (1 - x)).log()).item()
        assert (t < x * T).double().mean().item() == pytest.approx(below, abs=2.5 / T)


def test_stratified_timesteps_depend_on_the_generator_alone():
    draw = lambda seed: stratified_timesteps(33, 1000, torch.Generator().manual_seed(seed))
    state = torch.get_rng_state()
    assert torch.equal(draw(5), draw(5))
    assert not torch.equal(draw(5), draw(6))
    assert torch.equal(torch.get_rng_state(), state)
