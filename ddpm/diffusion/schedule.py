"""Noise schedules: alpha and sigma for every timestep, and the timestep grids that samplers walk along.

    x_t = alpha[t] * x0 + sigma[t] * eps,    alpha[t]^2 + sigma[t]^2 = 1    (variance preserving)

In the notation of DDPM (Ho et al. 2020, arXiv:2006.11239): alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar).
To add a schedule, write a function from T to alpha_bar and enter it in `ALPHA_BARS`; to add a grid, one from (schedule,
steps) to timesteps, and enter it in `GRIDS`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Schedule:
    """Tables of a variance-preserving diffusion with timesteps 0 (nearly clean) ... T-1 (nearly noise).

    alpha, sigma: float64 [T]. Index -1 is never used for t: samplers mean "clean" (alpha 1, sigma 0) by t = -1.
    """

    alpha: Tensor
    sigma: Tensor

    def __len__(self) -> int:
        return len(self.alpha)

    @property
    def snr(self) -> Tensor:
        """Signal-to-noise ratio alpha^2 / sigma^2, float64 [T]; 0 at the end of a zero-terminal-SNR schedule."""
        return (self.alpha / self.sigma) ** 2

    @property
    def log_snr(self) -> Tensor:
        """log(alpha^2 / sigma^2), float64 [T], strictly falling; may end at -inf."""
        return self.snr.log()

    def at(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma of timesteps t (int64 [B], -1 meaning clean), shaped [B, 1, 1, ...] for x, in its dtype."""
        shape = (-1, *[1] * (x.ndim - 1))
        clean, t = t < 0, t.clamp(min=0)
        alpha = torch.where(clean, 1.0, self.alpha.to(t.device)[t])
        sigma = torch.where(clean, 0.0, self.sigma.to(t.device)[t])
        return alpha.view(shape).to(x), sigma.view(shape).to(x)

    def add_noise(self, x0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """Draw x_t ~ q(x_t | x0) with the given noise: x0, eps [B, ...], t int64 [B] -> x_t [B, ...]."""
        alpha, sigma = self.at(t, x0)
        return alpha * x0 + sigma * eps


def linear(T: int) -> Tensor:
    """alpha_bar of betas rising linearly from 1e-4 to 0.02 (Ho et al. 2020), made for T = 1000.

    The "How Diffusion Models Work" course uses the same betas with T = 500.
    """
    return (1 - torch.linspace(1e-4, 0.02, T, dtype=torch.float64)).cumprod(0)


def cosine(T: int) -> Tensor:
    """alpha_bar along a squared cosine, betas at most 0.999 (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17)."""

    def f(u: Tensor) -> Tensor:
        return torch.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    u = torch.arange(T + 1, dtype=torch.float64) / T
    beta = (1 - f(u[1:]) / f(u[:-1])).clamp(max=0.999)
    return (1 - beta).cumprod(0)


ALPHA_BARS: dict[str, Callable[[int], Tensor]] = {"linear": linear, "cosine": cosine}


def zero_terminal_snr(alpha_bar: Tensor) -> Tensor:
    """Shift and scale sqrt(alpha_bar) so that the last is 0 and the first stays (Lin et al. 2023, arXiv:2305.08891)."""
    a = alpha_bar.sqrt()
    return ((a - a[-1]) * a[0] / (a[0] - a[-1])) ** 2


def make_schedule(name: str, T: int, zero_terminal: bool = False, log_snr_shift: float = 0.0) -> Schedule:
    """Build the named schedule of `ALPHA_BARS` with T timesteps, if asked rescaled to a terminal SNR of zero.

    log_snr_shift is added to log(alpha^2 / sigma^2) = logit(alpha_bar) at every timestep. For images of N times the
    edge it is -2 log(N), since the mean of N x N pixels has 1 / N^2 of their noise, so that what they show together
    would be hidden less (Hoogeboom et al. 2023, arXiv:2301.11093, section 3.1).
    """
    if name not in ALPHA_BARS:
        raise ValueError(f"unknown schedule {name!r}: choose one of {', '.join(ALPHA_BARS)}")
    if T < 2:
        raise ValueError(f"a schedule needs at least 2 timesteps, got {T}")
    alpha_bar = ALPHA_BARS[name](T)
    if zero_terminal:
        alpha_bar = zero_terminal_snr(alpha_bar)
    if log_snr_shift:
        alpha_bar = (alpha_bar.logit() + log_snr_shift).sigmoid()
    return Schedule(alpha_bar.sqrt(), (1 - alpha_bar).sqrt())


def trailing_timesteps(T: int, steps: int) -> Tensor:
    """`steps` distinct timesteps, evenly spaced from T-1 down (int64 [steps]); T need not be a multiple of steps.

    The grid starts at T-1, where sampling must start, rather than ending at 0 ("trailing" in Lin et al. 2023, table 2).
    """
    return (T - torch.arange(steps, dtype=torch.float64) * T / steps).round().long() - 1


# Below lambda = log(alpha / sigma) = -5.1 all is as good as pure noise. DPM-Solver's code leaves it out, since the end
# of the cosine schedule, where the log-SNR falls without bound, would take up much of a grid.
NOISE_LOG_SNR = 2 * -5.1
# Where a sprite takes shape: x0_hat hardly changes at a lambda below -3 and above 2.5. Found on 16x16 sprites; what few
# steps gain by it is told in docs/performance.md.
MIDDLE_LOG_SNR = (2 * -3.0, 2 * 2.5)


def even_timesteps(
    schedule: Schedule, level: Tensor, steps: int, log_snr: tuple[float, float] = (NOISE_LOG_SNR, math.inf)
) -> Tensor:
    """`steps` distinct timesteps from T-1 down (int64 [steps]), evenly spaced in `level`, a rising or falling [T].

    T-1 always comes first. The others are spread over the timesteps whose log-SNR lies between the two given: each is
    the timestep nearest in `level`, moved where two would be the same.
    """
    T, (noisiest, cleanest) = len(schedule), log_snr
    top = max(0, int((schedule.log_snr >= noisiest).sum()) - 1)
    bottom = min(top, int((schedule.log_snr > cleanest).sum()))
    spaced = torch.linspace(level[bottom].item(), level[top].item(), steps - int(top < T - 1), dtype=level.dtype)
    after = (spaced[: steps - 1, None] - level).abs().argmin(1).flip(0)
    t = torch.cat([torch.tensor([T - 1]), after])
    # t falls strictly if t + i never rises, and ends at 0 or above if t + i >= steps - 1.
    i = torch.arange(steps)
    return (t + i).cummin(0).values.clamp(min=steps - 1) - i


GRIDS: dict[str, Callable[[Schedule, int], Tensor]] = {
    # Uniform in lambda, as below, but only where that matters: for few steps.
    "middle": lambda schedule, steps: even_timesteps(schedule, schedule.log_snr, steps, MIDDLE_LOG_SNR),
    "uniform": lambda schedule, steps: trailing_timesteps(len(schedule), steps),
    # Uniform in lambda = log(alpha / sigma), as in DPM-Solver (Lu et al. 2022, arXiv:2206.00927).
    "log_snr": lambda schedule, steps: even_timesteps(schedule, schedule.log_snr, steps),
    # Uniform in sigma_hat^(1/7), where sigma_hat = sigma / alpha (Karras et al. 2022, arXiv:2206.00364, eq. 5).
    "karras": lambda schedule, steps: even_timesteps(schedule, (schedule.sigma / schedule.alpha) ** (1 / 7), steps),
}


def timestep_grid(name: str, schedule: Schedule, steps: int) -> Tensor:
    """The named grid of `GRIDS`: int64 [steps], strictly falling from T-1, with 1 <= steps <= T."""
    if name not in GRIDS:
        raise ValueError(f"unknown grid {name!r}: choose one of {', '.join(GRIDS)}")
    if not 1 <= steps <= len(schedule):
        raise ValueError(f"steps must be between 1 and the {len(schedule)} timesteps of the model, got {steps}")
    return GRIDS[name](schedule, steps)
