"""Samplers: from noise to a sprite, step by step along a grid of timesteps.

A sampler is (denoise, x, timesteps, schedule, noise, on_step) -> x0. It knows only a denoiser (x_t, t) -> x0_hat;
guidance and grid are chosen outside. x: [B, C, H, W] at timesteps[0], wherever that is; timesteps: int64 [S], strictly
falling, after which comes the clean image; `noise` is needed by stochastic samplers. It returns x0 [B, C, H, W].

To add a sampler, write such a function, or find its (eta, order), and enter it in `SAMPLERS`.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ddpm.diffusion.prediction import Denoiser, to_eps
from ddpm.diffusion.schedule import Schedule

OnStep = Callable[[int, Tensor, Tensor], None]  # (step, x_t, x0_hat)


class SampleNoise:
    """Noise with a generator for each sample, seeded from (seed, index): a sprite does not depend on its batch.

    Drawn on the CPU, so that the same seed gives the same sprite on any device; by numpy, since torch's CPU generator
    keeps only 32 bits of its seed, and of 10,000 sprites two would share their noise in one case of a hundred.
    """

    def __init__(self, seed: int, indices: Sequence[int], device: torch.device | str = "cpu"):
        self.generators = [np.random.default_rng([seed, i]) for i in indices]
        self.device = device

    def __call__(self, shape: tuple[int, ...]) -> Tensor:
        """Standard normal [B, *shape], one draw from each sample's generator."""
        draws = [g.standard_normal(shape, np.float32) for g in self.generators]
        return torch.from_numpy(np.stack(draws)).to(self.device)


def tables(timesteps: Tensor, schedule: Schedule, x: Tensor) -> tuple[Tensor, Tensor]:
    """alpha and sigma of the timesteps and, last, of the clean image: float64 [S + 1, 1, 1, 1]."""
    return schedule.at(torch.cat([timesteps, timesteps.new_tensor([-1])]), x.double())


@torch.no_grad()
def integrate(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Tensor,
    schedule: Schedule,
    noise: SampleNoise | None = None,
    on_step: OnStep | None = None,
    *,
    eta: float,
    order: int,
) -> Tensor:
    """The loop of every sampler here but Heun's, from x_t at one timestep to x_s at the next:

        x_s = alpha_s * d + sqrt(sigma_s^2 - std^2) * (x_t - alpha_t * d) / sigma_t + std * noise

    d stands for x0_hat all along the step in lambda = log(alpha / sigma). Order 1 takes x0_hat at the start of the
    step. Order 2 extrapolates to the middle of the step, on the line through x0_hat of this step and of the one before.
    The first step is of order 1, and so is any from pure noise or to the clean image, where lambda is infinite.

    std is eta times the standard deviation of q(x_s | x_t, x0): eta = 0 is deterministic, eta = 1 ancestral. Raises
    ValueError for eta > 0 without `noise`.
    """
    if eta and noise is None:
        raise ValueError("a stochastic sampler (eta > 0) needs the argument noise")
    alpha, sigma = tables(timesteps, schedule, x)
    lambdas, before = (alpha / sigma).log(), x
    for step, t in enumerate(timesteps):
        (alpha_t, alpha_s), (sigma_t, sigma_s) = alpha[step : step + 2], sigma[step : step + 2]
        x0 = d = denoise(x, t.expand(len(x)).to(x.device))
        if on_step:
            on_step(step, x, x0)
        h = lambdas[step + 1] - lambdas[step]
        if order == 2 and step and h.isfinite():
            d = x0 + (x0 - before) * h / (lambdas[step] - lambdas[step - 1]) / 2
        # Standard deviation of q(x_s | x_t, x0), times eta: DDPM eq. 7 with beta = 1 - (alpha_t / alpha_s)^2.
        std = eta * sigma_s / sigma_t * (1 - (alpha_t / alpha_s) ** 2).sqrt()
        eps = to_eps("x0", d, x, alpha_t, sigma_t)
        x = (alpha_s * d + (sigma_s**2 - std**2).clamp(min=0).sqrt() * eps).to(x0.dtype)
        if noise and eta and sigma_s > 0:
            x = x + std.to(x) * noise(x.shape[1:])
        before = x0
    return x


@torch.no_grad()
def heun(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Tensor,
    schedule: Schedule,
    noise: SampleNoise | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Heun's method (Karras et al. 2022, arXiv:2206.00364, algorithm 1): deterministic, second order, two calls a step.

    It solves dy / dsigma_hat = eps, where y = x / alpha and sigma_hat = sigma / alpha. The step to the clean image, and
    one from pure noise, whose sigma_hat is infinite, are of first order, that is DDIM. Where sigma_hat falls more than
    threefold, as from the last timestep of the cosine schedule, the paper's step would go beyond the second x0_hat, and
    ends there instead.
    """
    alpha, sigma = tables(timesteps, schedule, x)
    for step, t in enumerate(timesteps):
        (alpha_t, alpha_s), (sigma_t, sigma_s) = alpha[step : step + 2], sigma[step : step + 2]
        x0 = denoise(x, t.expand(len(x)).to(x.device))
        if on_step:
            on_step(step, x, x0)
        eps = to_eps("x0", x0, x, alpha_t, sigma_t)
        x = (alpha_s * x0 + sigma_s * eps).to(x0.dtype)
        if alpha_t > 0 and sigma_s > 0:
            # y_s = y_t + (sigma_hat_s - sigma_hat_t) (eps_t + eps_s) / 2, where eps = (y - x0_hat) / sigma_hat.
            weight = ((sigma_t / alpha_t * alpha_s / sigma_s - 1) / 2).clamp(max=1)
            x0_s = denoise(x, timesteps[step + 1].expand(len(x)).to(x.device))
            x = (alpha_s * (x0 + weight * (x0_s - x0)) + sigma_s * eps).to(x0.dtype)
    return x


SAMPLERS: dict[str, Callable[..., Tensor]] = {
    # DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2). The paper's
    # sigma_s / sigma_t x - alpha_s (exp(-h) - 1) D is DDIM's step with D for x0_hat.
    "dpmpp_2m": partial(integrate, eta=0.0, order=2),
    # SDE-DPM-Solver++(2M), from the same paper:
    # x_s = sigma_s / sigma_t exp(-h) x_t + alpha_s (1 - exp(-2h)) D + sigma_s sqrt(1 - exp(-2h)) noise.
    # Since std for eta = 1 is sigma_s sqrt(1 - exp(-2h)), that is ancestral sampling with D for x0_hat.
    "dpmpp_2m_sde": partial(integrate, eta=1.0, order=2),
    "heun": heun,
    # DDIM (Song et al. 2020, arXiv:2010.02502, eq. 12 and 16).
    "ddim": partial(integrate, eta=0.0, order=1),
    # Ancestral sampling (Ho et al. 2020, arXiv:2006.11239, eq. 6-7): each step draws from q(x_s | x_t, x0_hat), with
    # the lower of the two variances of section 3.2; with all T timesteps, the paper's algorithm 2.
    "ddpm": partial(integrate, eta=1.0, order=1),
}
FRESH = tuple(name for name, sampler in SAMPLERS.items() if getattr(sampler, "keywords", {}).get("eta"))  # noise a step
STEPS = {"dpmpp_2m": 8, "heun": 10, "ddim": 50, "ddpm": 1000}  # that suit them
OTHERS = 12  # steps of all others
