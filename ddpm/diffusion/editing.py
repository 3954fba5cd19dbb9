"""Editing: a sampler or a denoiser, wrapped so that a sprite is changed instead of made from nothing.

Shapes: sprites x0 and noises x_T [B, C, H, W]; masks bool [B, 1, H, W], True where a sprite is painted anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from ddpm.diffusion.prediction import Denoiser
from ddpm.diffusion.samplers import SampleNoise, tables
from ddpm.diffusion.schedule import Schedule

Sample = Callable[..., Tensor]  # as those of `ddpm.diffusion.samplers.SAMPLERS`

# Strengths are even in lambda = log(alpha / sigma) between these two. At the first a denoiser still sees what each
# pixel was, at the last nothing of a sprite. Between them the share of changed pixels rises steadily
# (docs/editing.md).
KEPT, LOST = 2.5, -2.5
LEAST = 0.05  # alpha of a pixel whose colour can be told
ROUNDS = 3  # of the fixed-point iteration for each step backwards


class Edit(Protocol):
    """How R sprites come about, if not from noise alone. Indexing takes rows, as of a `Condition`."""

    def __getitem__(self, rows: Tensor) -> "Edit": ...

    def around(self, sample: Sample) -> Sample:
        """The sampler that edits: called as `sample`, with noise for x."""
        ...

    def keep(self, x: Tensor) -> Tensor:
        """What is sampled, with what must stay put back."""
        ...


def level(strength: float, schedule: Schedule) -> int:
    """The timestep that a sprite is noised to for a strength from 0 to 1; the last for 1, and -1, none, for 0."""
    if strength in (0, 1):
        return int(strength) * len(schedule) - 1
    return int((schedule.log_snr / 2 - (KEPT + strength * (LOST - KEPT))).abs().argmin())


@dataclass(frozen=True, eq=False)
class Change:
    """Sprites changed by noising them up to a level and denoising them from there (SDEdit: Meng et al. 2021,
    arXiv:2108.01073), all over or within a mask.

    Strength 0 gives a sprite back, bit for bit; 1 makes one from the noise alone. Outside a mask every bit stays.
    """

    x0: Tensor
    strength: float = 1.0
    mask: Tensor | None = None
    filled: bool = False
    """Whether no pixel may become transparent, as in a tile of ground."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"a strength is from 0, which changes nothing, to 1, got {self.strength:g}")

    def __getitem__(self, rows: Tensor) -> "Change":
        mask = None if self.mask is None else self.mask[rows]
        return replace(self, x0=self.x0[rows], mask=mask)

    def around(self, sample: Sample) -> Sample:
        def edited(
            denoise: Denoiser, x: Tensor, timesteps: Tensor, schedule: Schedule, noise: SampleNoise, *watch: object
        ) -> Tensor:
            t, x0 = level(self.strength, schedule), self.x0.to(x)
            if t < 0:
                return x0
            if self.filled:
                denoise = opaque(denoise)
            if self.mask is not None:
                denoise = keeping(denoise, x0, self.mask.to(x.device))
            if self.strength < 1:
                timesteps = torch.cat([timesteps.new_tensor([t]), timesteps[timesteps < t]])
                x = schedule.add_noise(x0, x, timesteps[:1].expand(len(x)))
            return sample(denoise, x, timesteps, schedule, noise, *watch)

        return edited

    def keep(self, x: Tensor) -> Tensor:
        x0 = self.x0.to(x)
        if self.strength == 0:
            return x0
        return x if self.mask is None else torch.where(self.mask.to(x.device), x, x0)


def keeping(denoise: Denoiser, x0: Tensor, mask: Tensor) -> Denoiser:
    """A denoiser that knows x0 outside the mask.

    A sampler that is told x0_hat = x0 somewhere takes x_t there along q(x_t | x0), as RePaint does (Lugmayr et al.
    2022, arXiv:2201.09865, eq. 8). That paper also takes steps back and again (section 4.2), to fit what is painted to
    what is known. Here that made no seam harder to see: there is none (docs/editing.md).
    """
    return lambda x_t, t: torch.where(mask, denoise(x_t, t), x0)


def opaque(denoise: Denoiser) -> Denoiser:
    """A denoiser of RGBA that makes every pixel opaque, in the colour that it would have where it is seen."""

    def denoised(x_t: Tensor, t: Tensor) -> Tensor:
        colour, alpha = ((denoise(x_t, t) + 1) / 2).split([3, 1], 1)
        seen = (colour / alpha.clamp(min=LEAST)).clamp(max=1)
        return torch.cat([seen, torch.ones_like(alpha)], 1) * 2 - 1

    return denoised


@dataclass(frozen=True, eq=False)
class From:
    """Sprites from given noises x_T, instead of those of a seed."""

    x_T: Tensor

    def __getitem__(self, rows: Tensor) -> "From":
        return From(self.x_T[rows])

    def around(self, sample: Sample) -> Sample:
        return lambda denoise, x, *rest: sample(denoise, self.x_T.to(x), *rest)

    def keep(self, x: Tensor) -> Tensor:
        return x


@torch.no_grad()
def inverted(denoise: Denoiser, x0: Tensor, timesteps: Tensor, schedule: Schedule, noise: SampleNoise) -> Tensor:
    """Noises x_T from which DDIM comes to x0 along the timesteps, int64 [S]: its steps backwards.

    Each step solves x_s = alpha_s d(x_t) + sigma_s / sigma_t (x_t - alpha_t d(x_t)) for x_t, where d is x0_hat, by
    iteration from d(x_s) (Pan et al. 2023, arXiv:2309.04907). Of few colours, many noises lead to one sprite. So the
    first step, from x0 to the last timestep, takes noise at random, which makes x_T as normal as that of sampling.
    """
    alpha, sigma = tables(timesteps, schedule, x0)
    t = timesteps[:, None].expand(-1, len(x0)).to(x0.device)
    x = schedule.add_noise(x0, noise(x0.shape[1:]), t[-1])
    for step in range(len(timesteps) - 2, -1, -1):
        (alpha_t, alpha_s), (sigma_t, sigma_s) = alpha[step : step + 2], sigma[step : step + 2]
        x_s, d = x, denoise(x, t[step + 1])
        for _ in range(ROUNDS):
            x = (alpha_t * d + sigma_t / sigma_s * (x_s - alpha_s * d)).to(x0)
            d = denoise(x, t[step])
        x = (alpha_t * d + sigma_t / sigma_s * (x_s - alpha_s * d)).to(x0)
    return x


def slerp(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """From noises a to b [B, ...] along a great circle (Shoemake 1985): share [B] from 0, a, to 1, b.

    On the straight line between two of them, noises would be weaker than any that a network has seen.
    """
    cos = torch.cosine_similarity(a.flatten(1), b.flatten(1)).clamp(-1, 1)
    angle, u = cos.acos().clamp(min=1e-4), share.to(a)
    first, second = (((part * angle).sin() / angle.sin()).view(-1, *[1] * (a.ndim - 1)) for part in (1 - u, u))
    return first * a + second * b
