"""Noise schedules against their closed forms, and the grids that samplers walk along."""

import math

import pytest
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

from ddpm.diffusion.schedule import (
    ALPHA_BARS,
    GRIDS,
    Schedule,
    even_timesteps,
    make_schedule,
    timestep_grid,
    trailing_timesteps,
    zero_terminal_snr,
)

EVERY = [(name, T, zero) for name in ALPHA_BARS for T in (7, 500, 1000) for zero in (False, True)]


def close(a, b, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def linear_betas(T: int) -> list[float]:
    return [1e-4 + t * (0.02 - 1e-4) / (T - 1) for t in range(T)]


@pytest.mark.parametrize("zero", [False, True])
def test_a_shift_moves_the_log_snr_and_nothing_else(zero):
    plain, moved = make_schedule("cosine", 100, zero), make_schedule("cosine", 100, zero, -2 * math.log(2))
    torch.testing.assert_close(moved.log_snr, plain.log_snr - 2 * math.log(2))
    torch.testing.assert_close(moved.alpha**2 + moved.sigma**2, torch.ones(100, dtype=torch.float64))
    assert (moved.alpha[-1] == 0) == zero


def test_the_shift_hides_the_mean_of_a_block_as_much_as_a_pixel_was_hidden():
    """Of N x N pixels of one colour, as a sprite enlarged N times has them."""
    N, plain = 3, make_schedule("cosine", 50)
    moved = make_schedule("cosine", 50, log_snr_shift=-2 * math.log(N))
    of_block = (moved.alpha / (moved.sigma / N)) ** 2  # the mean of N^2 pixels has 1 / N of the deviation
    torch.testing.assert_close(of_block, plain.snr)


@pytest.mark.parametrize("T", [500, 1000])
def test_linear_is_the_product_of_one_minus_beta(T):
    alpha_bar = [math.exp(sum(math.log1p(-b) for b in linear_betas(T)[: t + 1])) for t in range(T)]
    close(make_schedule("linear", T).alpha ** 2, torch.tensor(alpha_bar, dtype=torch.float64))


def test_linear_with_500_steps_is_that_of_the_course():
    # The course makes 501 betas and numbers its timesteps 1 ... 500, so that a factor more is in its product.
    betas = (0.02 - 1e-4) * torch.linspace(0, 1, 501, dtype=torch.float64) + 1e-4
    course = torch.cumsum((1 - betas).log(), 0).exp()[1:]
    ours = make_schedule("linear", 500)
    torch.testing.assert_close(ours.alpha, course.sqrt(), rtol=0.011, atol=0)
    assert 0.07 < ours.alpha[-1] < 0.09  # with 500 steps, a good deal of signal is left at the end


@pytest.mark.parametrize("T", [6, 250, 1000])
def test_cosine_is_equation_17(T):
    def f(t: int) -> float:
        return math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2

    expected = [f(t) / f(0) for t in range(1, T)]
    alpha_bar = make_schedule("cosine", T).alpha ** 2
    close(alpha_bar[:-1], torch.tensor(expected, dtype=torch.float64))
    close((alpha_bar[-1] / alpha_bar[-2]).item(), 1 - 0.999)  # the last beta would be 1, and is held at 0.999


@pytest.mark.parametrize(("name", "theirs"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")])
@pytest.mark.parametrize("T", [500, 1000])
def test_parity_with_diffusers(name, theirs, T):
    reference = DDPMScheduler(num_train_timesteps=T, beta_schedule=theirs).alphas_cumprod.double()
    torch.testing.assert_close(make_schedule(name, T).alpha ** 2, reference, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("name", "T", "zero"), EVERY)
def test_variance_preserving_and_log_snr_strictly_falling(name, T, zero):
    schedule = make_schedule(name, T, zero)
    assert len(schedule) == T == len(schedule.sigma)
    assert schedule.alpha.dtype == schedule.sigma.dtype == torch.float64
    close(schedule.alpha**2 + schedule.sigma**2, torch.ones(T, dtype=torch.float64))
    assert (schedule.log_snr.diff() < 0).all()
    assert schedule.log_snr[:-1].isfinite().all()
    assert (schedule.log_snr[-1] == -math.inf) == zero
    close(schedule.log_snr[:-1], 2 * (schedule.alpha / schedule.sigma).log()[:-1])


@pytest.mark.parametrize("name", ALPHA_BARS)
@pytest.mark.parametrize("T", [9, 1000])
def test_zero_terminal_snr(name, T):
    plain = ALPHA_BARS[name](T)
    rescaled = zero_terminal_snr(plain)
    assert rescaled[-1] == 0
    close(rescaled[0], plain[0])
    # sqrt(alpha_bar) is moved and stretched, so the ratios of its differences stay.
    a, b = plain.sqrt().diff(), rescaled.sqrt().diff()
    close(b / b[0], a / a[0], 1e-8)
    betas = 1 - torch.cat([plain[:1], plain[1:] / plain[:-1]])
    close(rescaled, (1 - rescale_zero_terminal_snr(betas)).cumprod(0))
    close(make_schedule(name, T, zero_terminal=True).alpha ** 2, rescaled)


@pytest.mark.parametrize(("name", "T", "says"), [("square", 10, "linear, cosine"), ("linear", 1, "at least 2")])
def test_bad_schedules_are_refused(name, T, says):
    with pytest.raises(ValueError, match=says):
        make_schedule(name, T)


@pytest.mark.parametrize(("T", "steps"), [(1000, 20), (1000, 7), (500, 3), (17, 16), (10, 9), (100, 99), (1000, 1)])
def test_trailing_timesteps(T, steps):
    grid = trailing_timesteps(T, steps)
    assert grid.dtype == torch.int64 and grid.shape == (steps,)
    assert grid[0] == T - 1
    assert grid[-1] >= 0
    assert (grid.diff() < 0).all()
    gaps = -grid.diff().double()
    assert ((gaps - T / steps).abs() <= 1).all()  # as even as whole numbers can be
    assert abs(grid[-1] + 1 - T / steps) <= 1  # as is the step to the clean image


def test_trailing_timesteps_for_every_number_of_steps():
    for T in (2, 13, 50):
        for steps in range(1, T + 1):
            grid = trailing_timesteps(T, steps)
            assert len(set(grid.tolist())) == steps and grid.min() >= 0 and grid.max() == grid[0] == T - 1
        assert trailing_timesteps(T, T).tolist() == list(range(T - 1, -1, -1))


@pytest.mark.parametrize("steps", [7, 20, 30, 250, 600])
def test_trailing_timesteps_are_those_of_diffusers(steps):
    scheduler = DDPMScheduler(num_train_timesteps=1000, timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    assert torch.equal(trailing_timesteps(1000, steps), scheduler.timesteps)


LEVELS = {
    "log_snr": lambda schedule: schedule.log_snr,
    "middle": lambda schedule: schedule.log_snr,
    "karras": lambda schedule: (schedule.sigma / schedule.alpha) ** (1 / 7),
}


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("name", ALPHA_BARS)
@pytest.mark.parametrize("T", [2, 3, 10, 40, 1000])
def test_a_grid_of_any_length_falls_strictly_from_the_noise(grid, name, T, zero):
    schedule = make_schedule(name, T, zero)
    for steps in range(1, T + 1) if T < 100 else (1, 2, 3, 20, 21, 100, 600, 999, 1000):
        timesteps = timestep_grid(grid, schedule, steps)
        assert timesteps.dtype == torch.int64 and timesteps.shape == (steps,)
        assert (timesteps.diff() < 0).all()
        assert timesteps[0] == T - 1 and timesteps[-1] >= 0
        assert timesteps[-1] == 0 or steps == 1 or grid in ("uniform", "middle")
        assert torch.equal(timestep_grid(grid, schedule, steps), timesteps)
    assert timesteps.tolist() == list(range(T - 1, -1, -1))


@pytest.mark.parametrize("grid", LEVELS)
@pytest.mark.parametrize(
    ("name", "T", "zero", "steps"),
    [("linear", 1000, False, 20), ("linear", 1000, True, 20), ("cosine", 5000, False, 20), ("cosine", 5000, True, 7)],
)
def test_a_grid_is_even_in_its_level_up_to_half_a_timestep(grid, name, T, zero, steps):
    schedule = make_schedule(name, T, zero)
    level, timesteps = LEVELS[grid](schedule), timestep_grid(grid, schedule, steps)
    # Nearly pure noise, lambda < -5.1, is only stepped from: the rest of the grid is even without it. One grid spans
    # lambda = -3 to 2.5 only.
    low, high = (-6, 5) if grid == "middle" else (-10.2, math.inf)
    noisiest, cleanest = ((schedule.log_snr >= low) & (schedule.log_snr <= high)).nonzero()[[-1, 0], 0].tolist()
    assert (noisiest == T - 1) == (grid != "middle" and name == "linear" and not zero)
    assert (cleanest == 0) == (grid != "middle")
    rest = timesteps if noisiest == T - 1 else timesteps[1:]
    gap = level.diff().abs()
    room = torch.maximum(gap[rest.clamp(max=T - 2)], gap[(rest - 1).clamp(min=0)]) / 2
    ideal = torch.linspace(level[noisiest].item(), level[cleanest].item(), len(rest), dtype=torch.float64)
    assert ((level[rest] - ideal).abs() <= room + 1e-12).all()
    assert room.max() < (ideal[0] - ideal[1]).abs()  # or that would say nothing


def test_timesteps_that_would_be_the_same_are_moved():
    log_snr = torch.tensor([9.0, 1.0, 0.8, 0.6, 0.4, 0.0], dtype=torch.float64)
    schedule = Schedule(log_snr.sigmoid().sqrt(), (-log_snr).sigmoid().sqrt())
    # Nearest to log-SNR 0, 3, 6 and 9 are the timesteps 5, 1, 0 and 0.
    assert even_timesteps(schedule, schedule.log_snr, 4).tolist() == [5, 2, 1, 0]
    assert even_timesteps(schedule, schedule.log_snr, 3).tolist() == [5, 1, 0]  # 0, 4.5 and 9


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
@pytest.mark.parametrize(("grid", "option"), [("log_snr", "use_lu_lambdas"), ("karras", "use_karras_sigmas")])
@pytest.mark.parametrize("T", [500, 1000])
@pytest.mark.parametrize("steps", [5, 10, 16])
def test_grids_are_those_of_diffusers(grid, option, T, steps):
    schedule = make_schedule("linear", T)
    theirs = DPMSolverMultistepScheduler(T, **{option: True})
    theirs.alphas_cumprod = schedule.alpha**2
    theirs.set_timesteps(steps)
    timesteps = timestep_grid(grid, schedule, steps)
    # Theirs are the nearest in log-SNR, ours in the level that is even, so at most a timestep lies between.
    assert ((timesteps - theirs.timesteps).abs() <= (grid == "karras")).all()
    # Before rounding, their sigma / alpha lies between those of the timesteps next to ours.
    sigma_hat = schedule.sigma / schedule.alpha
    low, high = (sigma_hat[(timesteps + side).clamp(0, T - 1)] for side in (-1, 1))
    assert (theirs.sigmas[:-1] >= low * (1 - 1e-6)).all() and (theirs.sigmas[:-1] <= high * (1 + 1e-6)).all()


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [0, -3, 11])
def test_grids_refuse_a_number_of_steps(grid, steps):
    with pytest.raises(ValueError, match=rf"between 1 and the 10 timesteps of the model, got {steps}"):
        timestep_grid(grid, make_schedule("linear", 10), steps)


def test_an_unknown_grid_is_refused():
    with pytest.raises(ValueError, match="unknown grid 'quadratic': choose one of middle, uniform, log_snr, karras"):
        timestep_grid("quadratic", make_schedule("linear", 10), 5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_at_gathers_per_sample_and_minus_one_is_clean(dtype):
    schedule = make_schedule("cosine", 11)
    t = torch.tensor([10, -1, 0, 4])
    alpha, sigma = schedule.at(t, torch.zeros(4, 3, 5, 6, dtype=dtype))
    assert alpha.shape == sigma.shape == (4, 1, 1, 1) and alpha.dtype == sigma.dtype == dtype
    assert alpha[1] == 1 and sigma[1] == 0
    for row, step in ((0, 10), (2, 0), (3, 4)):
        assert alpha[row].item() == schedule.alpha[step].to(dtype).item()
        assert sigma[row].item() == schedule.sigma[step].to(dtype).item()
    assert schedule.at(t, torch.zeros(4, 9))[0].shape == (4, 1)


def test_add_noise_by_hand():
    schedule = Schedule(torch.tensor([0.8, 0.6], dtype=torch.float64), torch.tensor([0.6, 0.8], dtype=torch.float64))
    x0, eps = torch.ones(3, 2, 4, 5).double(), torch.full((3, 2, 4, 5), 10.0).double()
    x_t = schedule.add_noise(x0, eps, torch.tensor([1, 0, -1]))
    for row, value in enumerate((0.6 + 8.0, 0.8 + 6.0, 1.0)):
        close(x_t[row], torch.full((2, 4, 5), value, dtype=torch.float64))


def test_forward_noising_has_the_mean_and_variance_of_q():
    N, g = 40_000, torch.Generator().manual_seed(0)
    schedule = make_schedule("linear", 1000)
    t = torch.tensor([0, 130, 700, 999])
    x0 = torch.tensor([0.9, -0.5, 1.0, -1.0]).double().view(4, 1).expand(4, N)
    x_t = schedule.add_noise(x0, torch.randn(4, N, generator=g, dtype=torch.float64), t)
    alpha, sigma = schedule.alpha[t], schedule.sigma[t]
    assert ((x_t.mean(1) - alpha * x0[:, 0]).abs() < 5 * sigma / N**0.5).all()
    assert ((x_t.var(1) / sigma**2 - 1).abs() < 5 * (2 / N) ** 0.5).all()


@pytest.mark.parametrize("T", [60, 1000])
def test_one_step_composes_with_q(T):
    schedule, beta = make_schedule("linear", T), torch.tensor(linear_betas(T)[1:], dtype=torch.float64)
    # q(x_t | x_{t-1}) = N(sqrt(1 - beta) x_{t-1}, beta) after q(x_{t-1} | x0) is q(x_t | x0).
    close(schedule.alpha[1:], (1 - beta).sqrt() * schedule.alpha[:-1])
    close(schedule.sigma[1:] ** 2, (1 - beta) * schedule.sigma[:-1] ** 2 + beta)


def test_noising_step_by_step_and_at_once_agree():
    N, T, x0, g = 20_000, 60, 0.7, torch.Generator().manual_seed(1)
    x = torch.full((N,), x0, dtype=torch.float64)
    for beta in linear_betas(T):
        x = (1 - beta) ** 0.5 * x + beta**0.5 * torch.randn(N, generator=g, dtype=torch.float64)
    once = make_schedule("linear", T).add_noise(
        torch.full((1, N), x0).double(), torch.randn(1, N, generator=g).double(), torch.tensor([T - 1])
    )
    assert abs(x.mean() - once.mean()) < 5 * (2 * x.var() / N) ** 0.5
    assert abs(x.var() / once.var() - 1) < 5 * (4 / N) ** 0.5
