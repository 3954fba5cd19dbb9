"""Samplers: from noise to a sprite, step by step along a grid of timesteps.

A sampler is (denoise, x, timesteps, schedule, noise, on_step) -> x0. It knows only a denoiser (x_t, t) -> x0_hat;
guidance and grid are chosen outside. It may start anywhere: x is then x_t at timesteps[0]. To add a sampler, write such
a function and enter it in `SAMPLERS`.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ddpm.guidance import Denoiser
from ddpm.prediction import to_eps
from ddpm.schedule import Schedule

OnStep = Callable[[int, Tensor, Tensor], None]  # (step, x_t, x0_hat)


class SampleNoise:
    """Noise with a generator for each sample, seeded from (seed, index): a sprite does not depend on its batch.

    Drawn on the CPU, so that the same seed gives the same sprite on any device; by numpy, since torch's CPU generator
    keeps only 32 bits of its seed, and of 10,000 sprites two would share their noise in one case of a hundred.
    """

    def __init__(self, seed: int, indices: range | list[int], device: torch.device | str = "cpu"):
        self.generators = [np.random.default_rng([seed, i]) for i in indices]
        self.device = device

    def __call__(self, shape: tuple[int, ...]) -> Tensor:
        """Standard normal [B, *shape], one draw from each sample's generator."""
        draws = [g.standard_normal(shape, np.float32) for g in self.generators]
        return torch.from_numpy(np.stack(draws)).to(self.device)


@torch.no_grad()
def ddim(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Tensor,
    schedule: Schedule,
    noise: SampleNoise | None = None,
    on_step: OnStep | None = None,
    *,
    eta: float = 0.0,
) -> Tensor:
    """DDIM (Song et al. 2020, arXiv:2010.02502, eq. 12 and 16).

    x: [B, C, H, W] at timesteps[0]; timesteps: int64 [S], strictly falling; after the last one comes the clean image.
    eta = 0 is deterministic, eta = 1 is ancestral; `noise` is needed for eta > 0. Returns x0 [B, C, H, W].
    """
    if eta and noise is None:
        raise ValueError("a stochastic sampler (eta > 0) needs the argument noise")
    for step, (t, s) in enumerate(zip(timesteps, [*timesteps[1:], timesteps.new_tensor(-1)], strict=True)):
        batch_t = t.expand(len(x)).to(x.device)
        alpha_t, sigma_t = schedule.at(batch_t, x.double())
        alpha_s, sigma_s = schedule.at(s.expand(len(x)).to(x.device), x.double())
        x0 = denoise(x, batch_t)
        eps = to_eps("x0", x0, x, alpha_t, sigma_t)
        # Standard deviation of q(x_s | x_t, x0), times eta: DDPM eq. 7 with beta = 1 - (alpha_t / alpha_s)^2.
        std = eta * sigma_s / sigma_t * (1 - (alpha_t / alpha_s) ** 2).sqrt()
        if on_step:
            on_step(step, x, x0)
        x = (alpha_s * x0 + (sigma_s**2 - std**2).clamp(min=0).sqrt() * eps).to(x0.dtype)
        if eta and s >= 0:
            x = x + std.to(x) * noise(x.shape[1:])
    return x


def ddpm(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Tensor,
    schedule: Schedule,
    noise: SampleNoise | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Ancestral sampling (Ho et al. 2020, arXiv:2006.11239, eq. 6-7): each step draws from q(x_s | x_t, x0_hat).

    It is DDIM with eta = 1, with the lower of the two variances of the paper's section 3.2; with all T timesteps, the
    paper's algorithm 2.
    """
    return ddim(denoise, x, timesteps, schedule, noise, on_step, eta=1.0)


@torch.no_grad()
def dpmpp_2m(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Tensor,
    schedule: Schedule,
    noise: SampleNoise | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2): deterministic, second order, one call a step.

    Steps in lambda = log(alpha / sigma). The first step, and any from or to an infinite lambda (pure noise, the clean
    image), is of first order, that is DDIM.
    """
    before: tuple[Tensor, Tensor] | None = None  # lambda and x0_hat of the step before
    for step, (t, s) in enumerate(zip(timesteps, [*timesteps[1:], timesteps.new_tensor(-1)], strict=True)):
        (alpha_t, sigma_t), (alpha_s, sigma_s) = (
            schedule.at(u[None], x.new_zeros(1, 1, 1, 1).double()) for u in (t, s)
        )
        lambda_t, lambda_s = (alpha_t / sigma_t).log(), (alpha_s / sigma_s).log()
        x0 = d = denoise(x, t.expand(len(x)).to(x.device))
        h = lambda_s - lambda_t
        if before and h.isfinite():
            r = (lambda_t - before[0]) / h
            d = x0 + (x0 - before[1]) / (2 * r)
        if on_step:
            on_step(step, x, x0)
        # sigma_s / sigma_t x + (alpha_s - alpha_t sigma_s / sigma_t) D is the paper's eq. with exp(-h) written out.
        ratio = sigma_s / sigma_t
        x = (ratio * x + (alpha_s - alpha_t * ratio) * d).to(x0.dtype)
        before = (lambda_t, x0)
    return x


SAMPLERS: dict[str, Callable[..., Tensor]] = {"ddpm": ddpm, "ddim": ddim, "dpmpp_2m": dpmpp_2m}
