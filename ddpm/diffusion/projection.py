"""Palette lock for any model: x0_hat is drawn to the colours of a palette while a sprite is still being sampled."""

import math

import torch
from torch import Tensor

from ddpm.diffusion.colours import Colours
from ddpm.diffusion.prediction import Denoiser
from ddpm.diffusion.samplers import SampleNoise
from ddpm.diffusion.schedule import Schedule

SHARE = 1 / 4  # of the steps, the last ones, that are projected
# Widths of the projection at the first and the last of them, in units of x. Wider ones draw all colours to the middle
# of the palette: from 0.3 on the sprites are worse than snapped ones (docs/palettes.md).
SOFTEST, HARDEST = 0.05, 0.02


def projected(
    denoise: Denoiser, colours: Colours, timesteps: Tensor, schedule: Schedule, noise: SampleNoise
) -> Denoiser:
    """A denoiser whose x0_hat nears the colours in the last quarter of the timesteps, int64 [S], those of a sampler.

    x0_hat becomes the mean of the colours c under weights exp(-|x0_hat - c|^2 / (2 w^2)), where w falls step by step.
    A projected x0_hat alone would be inconsistent, as the noise it was made from still says otherwise. So it is noised
    again, denoised again, and projected again, as in Predict-Project-Renoise (arXiv:2601.21033).
    """
    S = len(timesteps)
    first = S - max(1, round(SHARE * S))
    falling = torch.logspace(math.log10(SOFTEST), math.log10(HARDEST), S - first).tolist()
    widths = dict(zip(timesteps[first:].tolist(), falling, strict=True))

    def project(x0: Tensor, t: int) -> Tensor:
        return colours.expected(colours.density(x0, x0.new_ones(()), x0.new_tensor(widths[t])))

    def denoised(x_t: Tensor, t: Tensor) -> Tensor:
        x0, now = denoise(x_t, t), int(t[0])
        if now not in widths:
            return x0
        alpha, sigma = schedule.at(t, x_t)
        again = alpha * project(x0, now) + sigma * noise(x_t.shape[1:])
        return project(denoise(again, t), now)

    return denoised
