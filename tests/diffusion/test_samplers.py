"""Samplers against closed forms, against diffusers, and their order of convergence."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, HeunDiscreteScheduler
from diffusers.schedulers import scheduling_ddpm

from ddpm.config import DiffusionConfig, ModelConfig, Sampling
from ddpm.context.condition import Condition
from ddpm.diffusion.samplers import SAMPLERS, SampleNoise, integrate
from ddpm.diffusion.schedule import GRIDS, Schedule, make_schedule, timestep_grid, trailing_timesteps
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler

SHAPE = (2, 3, 5)
MEAN, STD = 0.3, 0.4
DETERMINISTIC = ("ddim", "dpmpp_2m", "heun")
FINE = make_schedule("cosine", 100_000)  # so that rounding to whole timesteps is nothing


def close(a, b, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def points(schedule: Schedule, data: torch.Tensor):
    """The ideal denoiser of a finite data set: the posterior mean, a softmax over its points."""

    def denoise(x, t):
        alpha, sigma = schedule.at(t, x)
        distance = (x.flatten(1)[:, None] - alpha.view(-1, 1, 1) * data.flatten(1)).square().sum(-1)
        weights = torch.softmax(-distance / (2 * sigma.view(-1, 1) ** 2), dim=1)
        return (weights @ data.flatten(1)).view_as(x)

    return denoise


def gaussian(schedule: Schedule):
    """The ideal denoiser of data that is N(MEAN, STD^2) in each pixel."""

    def denoise(x, t):
        alpha, sigma = schedule.at(t, x)
        return MEAN + alpha * STD**2 / (alpha**2 * STD**2 + sigma**2) * (x - alpha * MEAN)

    return denoise


def gaussian_path(schedule: Schedule, x: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """Where the probability flow takes x from timestep `start` to `end` (-1: clean): it keeps the standard score."""
    (a, s), (b, r) = (schedule.at(torch.tensor([t]), x) for t in (start, end))
    return b * MEAN + ((b * STD) ** 2 + r**2).sqrt() / ((a * STD) ** 2 + s**2).sqrt() * (x - a * MEAN)


def run(name: str, denoise, x, timesteps, schedule, **options):
    return SAMPLERS[name](denoise, x, timesteps, schedule, SampleNoise(3, range(len(x))), **options)


# Closed forms


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("zero", [False, True])
def test_a_data_set_is_reached_point_by_point(name, zero):
    schedule = make_schedule("linear", 1000, zero)
    data = normal(3, *SHAPE, seed=1).sign()
    # The last sigma is 0.01, so that what remains to the nearest point is nothing.
    out = run(name, points(schedule, data), normal(40, *SHAPE), trailing_timesteps(1000, 100), schedule)
    distance, nearest = (out.flatten(1)[:, None] - data.flatten(1)).norm(dim=-1).min(1)
    assert distance.max() < 1e-6
    assert torch.bincount(nearest, minlength=3).min() >= 4  # every point, none of them seldom


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("zero", [False, True])
def test_gaussian_data_follow_the_probability_flow(name, zero):
    schedule, x = make_schedule("cosine", 1000, zero), normal(3, *SHAPE)
    out = run(name, gaussian(schedule), x, trailing_timesteps(1000, 500), schedule)
    close(out, gaussian_path(schedule, x, 999, -1), 6e-3 if name == "ddim" else 2e-3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_gaussian_data_have_their_mean_and_variance(name):
    schedule, N = make_schedule("cosine", 250), 4 * 3 * 50 * 50
    out = run(name, gaussian(schedule), normal(4, 3, 50, 50), trailing_timesteps(250, 250), schedule)
    assert abs(out.mean() - MEAN) < 5 * STD / N**0.5 + 1e-3
    assert abs(out.std() / STD - 1) < 5 / (2 * N) ** 0.5 + 0.015


def test_mean_and_variance_at_eta_one_half():
    # For Gaussian data the denoiser, and so each step, is linear: mean and variance can be carried along by hand.
    schedule, eta, T = make_schedule("linear", 100), 0.5, 100
    alpha, sigma = [1.0, *schedule.alpha.tolist()], [0.0, *schedule.sigma.tolist()]  # the first is the clean image
    mean, variance = 0.0, 1.0
    for i in range(T, 0, -1):
        a, s, b, r = alpha[i], sigma[i], alpha[i - 1], sigma[i - 1]
        std = eta * r / s * (1 - (a / b) ** 2) ** 0.5
        gain = a * STD**2 / (a**2 * STD**2 + s**2)  # x0_hat = gain * x + (1 - gain * a) * MEAN
        along = (r**2 - std**2) ** 0.5 / s
        slope = b * gain + along * (1 - a * gain)
        mean = slope * mean + (b - along * a) * (1 - gain * a) * MEAN
        variance = slope**2 * variance + std**2
    x, N = normal(4, 3, 50, 50), 30_000
    noise = SampleNoise(3, range(4))
    out = integrate(gaussian(schedule), x, trailing_timesteps(T, T), schedule, noise, eta=eta, order=1)
    assert abs(out.mean() - mean) < 5 * (variance / N) ** 0.5
    assert abs(out.var() / variance - 1) < 5 * (2 / N) ** 0.5


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 7, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_denoiser_that_always_says_c_gives_c(name, zero, steps, dtype):
    c = normal(3, *SHAPE, seed=4).to(dtype)
    out = run(
        name,
        lambda x, t: c,
        normal(3, *SHAPE).to(dtype),
        trailing_timesteps(40, steps),
        make_schedule("cosine", 40, zero),
    )
    assert out.dtype == dtype
    assert torch.equal(out, c)


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_step_is_the_denoiser(name):
    schedule, x = make_schedule("linear", 50), normal(3, *SHAPE)
    denoise = gaussian(schedule)
    close(run(name, denoise, x, torch.tensor([31]), schedule), denoise(x, torch.full((3,), 31)))


@pytest.mark.parametrize("name", SAMPLERS)
def test_on_step_and_denoiser_see_the_grid(name):
    schedule, seen, called = make_schedule("linear", 50), [], []

    def denoise(x, t):
        assert t.shape == (3,) and t.dtype == torch.int64 and (t == t[0]).all()
        called.append((t[0].item(), x.clone()))
        return 0.5 * x

    x, grid = normal(3, *SHAPE), torch.tensor([44, 30, 29, 5])
    before = x.clone()
    run(name, denoise, x, grid, schedule, on_step=lambda *a: seen.append(a))
    assert torch.equal(x, before) and torch.equal(called[0][1], x)
    if name == "heun":  # its second call of a step is at the next timestep
        assert [t for t, _ in called] == [44, 30, 30, 29, 29, 5, 5]
        called = called[::2]
    assert [t for t, _ in called] == grid.tolist() and [i for i, _, _ in seen] == [0, 1, 2, 3]
    for (_, x_t), (_, shown, x0) in zip(called, seen, strict=True):
        assert torch.equal(shown, x_t) and torch.equal(x0, 0.5 * x_t)


@pytest.mark.parametrize("name", SAMPLERS)
def test_starting_in_the_middle_is_the_rest_of_the_way(name):
    schedule, states = make_schedule("linear", 200), {}
    denoise, grid = gaussian(schedule), trailing_timesteps(200, 20)

    def sampler(x, timesteps, noise):
        keep = lambda step, x_t, _: states.setdefault(timesteps[step].item(), x_t.clone())
        return SAMPLERS[name](denoise, x, timesteps, schedule, noise, keep)

    whole = sampler(normal(3, *SHAPE), grid, SampleNoise(3, range(3)))
    again = SampleNoise(3, range(3))
    for _ in range(8):
        again(SHAPE)
    rest = sampler(states[grid[8].item()], grid[8:], None if name in DETERMINISTIC else again)
    # The first step of 2M forgets the step before, so it is near and no more.
    close(rest, whole, 0.02 if "2m" in name else 1e-10)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_second_order_pays_on_every_grid_and_schedule(grid, zero, schedule):
    # The hard case is the cosine schedule, at the end of which sigma_hat is 20,000, and 12 one step of 20 later.
    schedule, x = make_schedule(schedule, 1000, zero), normal(3, *SHAPE)
    true, grid = gaussian_path(schedule, x, 999, -1), timestep_grid(grid, schedule, 20)
    first, *second = (
        (SAMPLERS[name](gaussian(schedule), x, grid, schedule) - true).square().mean().sqrt() for name in DETERMINISTIC
    )
    assert first < 0.2 * STD and max(second) < first / 2


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("zero", [False, True])
def test_single_precision_is_enough(name, zero):
    schedule, x = make_schedule("cosine", 1000, zero), normal(3, *SHAPE).float()
    single, double = (
        run(name, gaussian(schedule), start, trailing_timesteps(1000, 50), schedule) for start in (x, x.double())
    )
    assert single.dtype == torch.float32
    close(single.double(), double, 1e-5)


# Order of convergence


def states_along(name: str, x: torch.Tensor, steps: int, start: int, end: int, noise=None) -> torch.Tensor:
    """x at timestep `end` of FINE, after `steps` steps of equal length from `start`, of Gaussian data."""
    grid, states = torch.linspace(start, end, steps + 1).round().long(), []
    SAMPLERS[name](gaussian(FINE), x, grid, FINE, noise, lambda _, x_t, __: states.append(x_t))
    return states[-1]


def error(name: str, steps: int, start: int = 83_200, end: int = 19_200) -> float:
    """Distance of a deterministic sampler from the exact path."""
    x = normal(3, *SHAPE)
    return (states_along(name, x, steps, start, end) - gaussian_path(FINE, x, start, end)).abs().max().item()


def spread(name: str, steps: int, start: int = 83_200, end: int = 19_200) -> tuple[float, float]:
    """Relative errors of a stochastic sampler in the mean (its dependence on the start) and variance of x_s given x_t.

    It is linear in x_t and its noises, of which each row here has just one, of 1: what comes out are its coefficients.
    """

    class UnitNoise:
        row = 1

        def __call__(self, shape: tuple[int, ...]) -> torch.Tensor:
            self.row += 1
            return torch.eye(steps + 2, dtype=torch.float64)[self.row].view(-1, 1, 1, 1)

    x = torch.eye(steps + 2, dtype=torch.float64)[1].view(-1, 1, 1, 1)
    out = states_along(name, x, steps, start, end, UnitNoise()).flatten()
    along, *noises = out[1:] - out[0]
    # x_t = a / b x_s + noise, and x_s has the variance v_s, so that x_s given x_t follows by Bayes.
    a, b = FINE.alpha[start], FINE.alpha[end]
    v_t, v_s = ((k * STD) ** 2 + 1 - k**2 for k in (a, b))
    mean, variance = a / b * v_s / v_t, v_s - (a / b * v_s) ** 2 / v_t
    return abs(along / mean - 1).item(), abs(torch.stack(noises).square().sum() / variance - 1).item()


def slope(measure) -> float:
    """Of log(1 / error) against log(steps), by least squares."""
    logs = torch.tensor([[math.log(n), -math.log(measure(n))] for n in (20, 40, 80, 160)], dtype=torch.float64)
    x, y = (logs - logs.mean(0)).T
    return (x @ y / (x @ x)).item()


@pytest.mark.parametrize(("name", "order"), [("ddim", 1), ("dpmpp_2m", 2), ("heun", 2)])
def test_order_of_convergence(name, order):
    assert slope(lambda steps: error(name, steps)) == pytest.approx(order, abs=0.3)


@pytest.mark.parametrize(("name", "order"), [("ddpm", 1), ("dpmpp_2m_sde", 2)])
def test_order_of_convergence_in_law(name, order):
    # A step of length h that holds x0_hat misses how it goes along with the noise of that same step, h^2 of variance.
    # 2M makes up for it one step later, when the noise is in the difference of two x0_hat, up to h^3.
    assert slope(lambda steps: spread(name, steps)[1]) == pytest.approx(order, abs=0.3)
    assert spread(name, 20)[0] < 1e-10  # the mean is exact, since x0_hat of x_t is itself the mean of later ones


def test_the_second_order_pays_at_20_steps():
    assert error("dpmpp_2m", 20) < error("ddim", 20) / 4


# Parity with diffusers, step by step: each of their steps is from our x_t


def exact(scheduler, schedule: Schedule, steps: int):
    """The scheduler on our timesteps with our tables in float64, so that the formulas alone are compared."""
    torch.testing.assert_close(scheduler.alphas_cumprod.double(), schedule.alpha**2, rtol=1e-4, atol=1e-7)
    scheduler.alphas_cumprod = schedule.alpha**2
    scheduler.set_timesteps(steps)
    grid = trailing_timesteps(len(schedule), steps)
    assert torch.equal(scheduler.timesteps.long().unique().flip(0), grid)
    if hasattr(scheduler, "sigmas"):
        sigma_hat = torch.cat([(schedule.sigma / schedule.alpha)[grid], torch.zeros(1)])
        twice = len(scheduler.sigmas) == 2 * steps
        scheduler.sigmas = sigma_hat.repeat_interleave(2)[1:-1] if twice else sigma_hat
    return scheduler


def our_states(name: str, denoise, x, timesteps, schedule, noise=None, **options) -> list[torch.Tensor]:
    states = []
    final = SAMPLERS[name](
        denoise, x, timesteps, schedule, noise, on_step=lambda _, x_t, __: states.append(x_t), **options
    )
    return [*states, final]


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("zero", [False, True])
def test_ddim_is_that_of_diffusers(eta, zero):
    schedule, x, steps = make_schedule("linear", 200, zero), normal(3, *SHAPE), 20
    denoise, noise = points(schedule, normal(4, *SHAPE, seed=1)), SampleNoise(3, range(3))
    scheduler = DDIMScheduler(
        200, clip_sample=False, prediction_type="sample", timestep_spacing="trailing", rescale_betas_zero_snr=zero
    )
    states = our_states("ddim", denoise, x, trailing_timesteps(200, steps), schedule, SampleNoise(3, range(3)), eta=eta)
    for i, t in enumerate(exact(scheduler, schedule, steps).timesteps):
        x = states[i]
        # At the last step diffusers adds noise of scale 0.
        drawn = noise(SHAPE).double() if eta else None
        theirs = scheduler.step(denoise(x, t.expand(3)), t.item(), x, eta, variance_noise=drawn).prev_sample
        close(states[i + 1], theirs, 1e-7)


@pytest.mark.parametrize("zero", [False, True])
def test_ddpm_is_that_of_diffusers(zero, monkeypatch):
    schedule, x, T = make_schedule("linear", 50, zero), normal(3, *SHAPE), 50
    denoise, noise = points(schedule, normal(4, *SHAPE, seed=1)), SampleNoise(3, range(3))
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda shape, **_: noise(shape[1:]).double())
    scheduler = DDPMScheduler(
        T,
        clip_sample=False,
        prediction_type="sample",
        variance_type="fixed_small",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=zero,
    )
    states = our_states("ddpm", denoise, x, trailing_timesteps(T, T), schedule, SampleNoise(3, range(3)))
    for i, t in enumerate(exact(scheduler, schedule, T).timesteps):
        x = states[i]
        close(states[i + 1], scheduler.step(denoise(x, t.expand(3)), t.item(), x).prev_sample, 1e-7)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
@pytest.mark.parametrize(("name", "theirs"), [("dpmpp_2m", "dpmsolver++"), ("dpmpp_2m_sde", "sde-dpmsolver++")])
@pytest.mark.parametrize("steps", [5, 20])
def test_dpmpp_2m_is_that_of_diffusers(name, theirs, steps):
    schedule, x = make_schedule("linear", 1000), normal(3, *SHAPE)
    denoise, noise = points(schedule, normal(4, *SHAPE, seed=1)), SampleNoise(3, range(3))
    scheduler = DPMSolverMultistepScheduler(
        1000,
        algorithm_type=theirs,
        solver_order=2,
        solver_type="midpoint",
        prediction_type="sample",
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )
    states = our_states(name, denoise, x, trailing_timesteps(1000, steps), schedule, SampleNoise(3, range(3)))
    for i, t in enumerate(exact(scheduler, schedule, steps).timesteps):
        x, drawn = states[i], noise(SHAPE)
        close(
            states[i + 1],
            scheduler.step(denoise(x, t.expand(3)), t, x, variance_noise=drawn).prev_sample.double(),
            1e-5,  # diffusers steps in float32
        )


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
@pytest.mark.parametrize("steps", [10, 20])
def test_heun_is_that_of_diffusers(steps):
    schedule, x = make_schedule("linear", 1000), normal(3, *SHAPE)
    denoise, grid = points(schedule, normal(4, *SHAPE, seed=1)), trailing_timesteps(1000, steps)
    scheduler = HeunDiscreteScheduler(
        1000, beta_start=1e-4, beta_end=0.02, prediction_type="sample", timestep_spacing="trailing"
    )
    scheduler = exact(scheduler, schedule, steps)
    states = our_states("heun", denoise, x, grid, schedule)
    alpha = torch.cat([schedule.alpha[grid], torch.ones(1)])
    for i in range(steps):
        y = states[i] / alpha[i]  # theirs is x / alpha, with noise sigma / alpha
        for t in grid[i : i + 2] if i < steps - 1 else grid[i:]:
            y = scheduler.step(denoise(schedule.alpha[t] * y, t.expand(3)), t, y).prev_sample
        close(states[i + 1], alpha[i + 1] * y, 1e-5)


# Noise, and the whole of it


def test_noise_depends_on_seed_and_index_alone():
    state = torch.get_rng_state()
    batch = SampleNoise(5, [3, 0, 8])
    first, second = batch(SHAPE), batch(SHAPE)
    assert first.shape == (3, *SHAPE) and not torch.equal(first, second)
    for row, index in enumerate((3, 0, 8)):
        alone = SampleNoise(5, [index])
        assert torch.equal(alone(SHAPE)[0], first[row]) and torch.equal(alone(SHAPE)[0], second[row])
    assert torch.equal(torch.get_rng_state(), state)


def test_noises_of_all_seeds_and_indices_differ():
    drawn = torch.cat([SampleNoise(seed, range(30))((4,)) for seed in range(5)])
    assert len(drawn.unique(dim=0)) == 150


def test_noise_is_standard_normal_and_uncorrelated_between_samples():
    N = 20_000
    a, b = SampleNoise(0, [0, 1])((N,))
    for x in (a, b):
        assert abs(x.mean()) < 5 / N**0.5 and abs(x.var() - 1) < 5 * (2 / N) ** 0.5
    assert abs((a * b).mean()) < 5 / N**0.5


@pytest.mark.parametrize("call", [SAMPLERS["ddpm"], SAMPLERS["dpmpp_2m_sde"], partial(integrate, eta=0.5, order=1)])
def test_stochastic_samplers_need_noise(call):
    with pytest.raises(ValueError, match="needs the argument noise"):
        call(lambda x, t: x, normal(2, *SHAPE), torch.tensor([3, 1]), make_schedule("linear", 5))


def test_deterministic_samplers_need_none():
    for name in DETERMINISTIC:
        SAMPLERS[name](lambda x, t: 0.5 * x, normal(2, *SHAPE), torch.tensor([3, 1]), make_schedule("linear", 5))


def small_model(prediction: str = "v") -> tuple[torch.nn.Module, ModelSpec]:
    config, diffusion = ModelConfig((16, 32), attention=(1,)), DiffusionConfig(timesteps=30, prediction=prediction)
    spec = ModelSpec(6, 4, ("a", "b", "c"), config, diffusion)
    torch.manual_seed(0)
    model = spec.build()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return model, spec


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_sampling_gives_the_same_sprite_whatever_the_batch(sampler, prediction):
    model, spec = small_model(prediction)
    context, scale = torch.eye(3)[[0, 1, 2, 2, 0]], torch.tensor([0.0, 1.0, 2.5, -1.0, 4.0])
    sample = Sampler(model, spec, Sampling(sampler=sampler, steps=6, seed=9))
    draw = lambda rows, batch: sample(Condition.of(context[rows]), scale[rows], rows, batch=batch)
    whole = draw([0, 1, 2, 3, 4], 256)
    assert whole.shape == (5, 4, 6, 6) and whole.abs().max() <= 1 and whole.isfinite().all()
    for again in (draw([0, 1, 2, 3, 4], 2), draw([4, 1, 0, 3, 2], 3)[[2, 1, 4, 3, 0]]):
        close(again, whole, 2e-4)
    close(draw([3], 1), whole[3:4], 2e-4)


@pytest.mark.parametrize(("prediction", "sampler", "steps"), [("v", "dpmpp_2m", 8), ("x0", "dpmpp_2m_sde", 12)])
def test_what_is_left_open_follows_what_is_predicted(prediction, sampler, steps):
    model, spec = small_model(prediction)
    settled = Sampler(model, spec).sampling
    assert (settled.sampler, settled.steps) == (sampler, steps)
    given = Sampler(model, spec, Sampling(sampler="heun", steps=3)).sampling
    assert (given.sampler, given.steps) == ("heun", 3)
    named = {name: Sampler(model, spec, Sampling(sampler=name)).sampling.steps for name in SAMPLERS}
    assert named == {"dpmpp_2m": 8, "dpmpp_2m_sde": 12, "heun": 10, "ddim": 30, "ddpm": 30}  # no more than there are
    short = dataclasses.replace(spec, diffusion=dataclasses.replace(spec.diffusion, timesteps=5))
    assert Sampler(model, short).sampling.steps == 5  # no more than there are


def test_sampling_starts_from_the_same_noise_at_every_scale_and_context():
    model, spec = small_model()
    starts = []
    for scale in (0.0, 3.0):
        keep = lambda step, x_t, _: starts.append(x_t) if step == 0 else None
        context = torch.eye(3)[[0, 1, 2]] if scale else torch.zeros(3, 3)
        Sampler(model, spec, Sampling(steps=2, seed=1))(Condition.of(context), scale, [4, 5, 6], on_step=keep)
    assert torch.equal(starts[0], starts[1])
    assert torch.equal(starts[0], SampleNoise(1, [4, 5, 6])((4, 6, 6)))


def test_sampling_clips_what_guidance_makes_of_x0():
    model, spec = small_model()
    seen = []
    sample = Sampler(model, spec, Sampling(steps=5, seed=1))
    sample(Condition.of(torch.eye(3)), 1000.0, range(3), on_step=lambda *a: seen.append(a))
    assert max(x0.abs().max() for _, _, x0 in seen) == 1


def test_sampling_leaves_the_random_state_and_asks_for_no_gradient():
    model, spec = small_model()
    state = torch.get_rng_state()
    out = Sampler(model, spec, Sampling(sampler="ddpm", steps=3))(Condition.of(torch.eye(3)), 2.0, range(3))
    assert torch.equal(torch.get_rng_state(), state) and not out.requires_grad


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sampler": "euler"}, "sampler must be one of 'auto', 'dpmpp_2m', .*, got 'euler'"),
        ({"grid": "sigma"}, "grid must be one of 'middle', 'uniform', 'log_snr', 'karras', got 'sigma'"),
        ({"steps": 31}, "between 1 and the 30 timesteps"),
        ({"steps": 0}, "steps must be positive, got 0"),
        ({"precision": "fp8"}, "precision must be one of 'auto', 'fp32', 'bf16', got 'fp8'"),
        ({"seed": -1}, "seed must not be negative"),
        ({"form": "auto"}, "needs a weak network"),
    ],
)
def test_sampling_refuses(options, says):
    model, spec = small_model()
    with pytest.raises(ValueError, match=says):
        Sampler(model, spec, Sampling(**options))
