"""What the network predicts (eps, x0 or v, or colours), the conversions between the three, and the training loss.

With x_t = alpha * x0 + sigma * eps and alpha^2 + sigma^2 = 1:

    v = alpha * eps - sigma * x0    (Salimans & Ho 2022, arXiv:2202.00512, section 4)

Each prediction is a linear map of (x_t, x0), so a mixture of predictions with weights that sum to one, such as
classifier-free guidance, is the same in all three. Of a set of few colours the network can tell how likely each is
instead: see ddpm/diffusion/colours.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ddpm.diffusion.colours import FLOOR, Colours
from ddpm.diffusion.schedule import Schedule

PREDICTIONS = ("eps", "x0", "v")
AT_ONCE = 128  # samples whose loss is looked at together
MIDDLE_FIRST = 0.5  # share of a training, its first part, whose noise is mostly in the middle
LOSS_WEIGHTS = ("none", "min_snr", "v")
Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> x0_hat
ContextDenoiser = Callable[..., Tensor]  # (x_t, t, context) -> x0_hat; a student's takes a guidance scale [B] too


def target(kind: str, x0: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """What a network of this kind should predict: eps, x0 or v."""
    return {"eps": lambda: eps, "x0": lambda: x0, "v": lambda: alpha * eps - sigma * x0}[kind]()


def to_x0(kind: str, prediction: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """x0 implied by a prediction. With eps it divides by alpha, and so cannot be had where alpha is 0."""
    if kind == "eps":
        return (x_t - sigma * prediction) / alpha
    return prediction if kind == "x0" else alpha * x_t - sigma * prediction


def to_eps(kind: str, prediction: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """eps implied by a prediction. With x0 it divides by sigma, and so cannot be had where sigma is 0."""
    if kind == "x0":
        return (x_t - alpha * prediction) / sigma
    return prediction if kind == "eps" else sigma * x_t + alpha * prediction


def loss_weight(kind: str, weighting: str, snr: Tensor, gamma: float = 5.0) -> Tensor:
    """Weight of the squared error of a prediction at this SNR.

    min_snr (Hang et al. 2023, arXiv:2303.09556) is min(SNR, gamma) on the squared error of x0. Since an error e in x0
    is SNR * e^2 in eps and (SNR + 1) * e^2 in v, it is divided by those factors for the other two.

    v is the squared error of v but for the floor, as in Li & He 2025 (arXiv:2511.13720), who predict x0 so: an error e
    in x0 is e / sigma in v, one in eps is e / alpha.
    """
    if weighting == "none" or (weighting, kind) == ("v", "v"):
        return torch.ones_like(snr)
    if weighting == "v":
        return 1 / (FLOOR + (1 if kind == "x0" else snr) / (1 + snr))
    per_x0 = {"x0": torch.ones_like(snr), "eps": snr, "v": snr + 1}[kind]
    return snr.clamp(max=gamma) / per_x0


@dataclass(frozen=True)
class Diffusion:
    """A schedule, a kind of prediction and a loss weight that fit together.

    Raises ValueError for unknown names, and for what cannot work with a terminal SNR of zero: eps, since there x_T
    holds no signal and x0 = (x_T - sigma * eps) / 0 has no value; min_snr, whose weight is 0 where sampling starts.
    """

    schedule: Schedule
    prediction: str = "v"
    weighting: str = "none"
    colours: Colours | None = None
    """Of the prediction "colours"."""

    def __post_init__(self) -> None:
        if self.prediction not in (*PREDICTIONS, "colours"):
            known = ", ".join((*PREDICTIONS, "colours"))
            raise ValueError(f"unknown prediction {self.prediction!r}: choose one of {known}")
        assert (self.colours is not None) == (self.prediction == "colours"), self.prediction
        if self.weighting not in LOSS_WEIGHTS:
            raise ValueError(f"unknown loss weight {self.weighting!r}: choose one of {', '.join(LOSS_WEIGHTS)}")
        if self.prediction == "eps" and self.schedule.alpha[-1] == 0:
            raise ValueError(
                "prediction 'eps' cannot work with zero terminal SNR: at the last timestep x_t is pure noise and x0 "
                "would be divided by alpha = 0; choose prediction 'v' or 'x0', or zero_terminal_snr = false"
            )
        if self.weighting == "min_snr" and self.schedule.alpha[-1] == 0:
            raise ValueError(
                "loss weight 'min_snr' cannot work with zero terminal SNR: it is 0 at the last timestep, where "
                "sampling starts, and nothing would be learnt; choose loss weight 'none', or zero_terminal_snr = false"
            )

    def to(self, device: torch.device) -> "Diffusion":
        """With its tables on a device, or each call would bring them there."""
        schedule = Schedule(self.schedule.alpha.to(device), self.schedule.sigma.to(device))
        return replace(self, schedule=schedule, colours=self.colours and self.colours.to(device))

    def loss(self, model: nn.Module, x0: Tensor, context: Tensor, t: Tensor, eps: Tensor, **more: Any) -> Tensor:
        """Weighted squared error of each sample, or what `Colours.loss` gives: x0, eps [B, C, H, W], context [B, V],
        t int64 [B] -> [B]. more: arguments of the network."""
        alpha, sigma = self.schedule.at(t, x0)
        x_t = alpha * x0 + sigma * eps
        predicted = model(x_t, t, context, **more).float()
        if self.colours:
            return self.colours.loss(self.colours.logits(predicted, x_t, alpha, sigma), x0, sigma)
        wanted = target(self.prediction, x0, eps, alpha, sigma)
        weight = loss_weight(self.prediction, self.weighting, (alpha / sigma).square().flatten())
        return weight * (predicted - wanted).square().flatten(1).mean(1)

    def denoiser(self, model: nn.Module, autocast: torch.dtype | None = None) -> ContextDenoiser:
        """The model as a function (x_t [B, C, H, W], t int64 [B], context [B, V]) -> x0_hat [B, C, H, W]; that of a
        student takes a guidance scale [B] too. Arguments by name go to the model.

        autocast: a lower precision for the network; all around it stays in that of x_t.
        """

        def denoise(x_t: Tensor, t: Tensor, *conditions: Tensor, **more: Any) -> Tensor:
            with torch.autocast(x_t.device.type, autocast, enabled=autocast is not None):
                predicted = model(x_t, t, *conditions, **more).to(x_t)
            alpha, sigma = self.schedule.at(t, x_t)
            if self.colours:
                return self.colours.expected(self.colours.logits(predicted, x_t, alpha, sigma))
            return to_x0(self.prediction, predicted, x_t, alpha, sigma)

        return denoise


def stratified_timesteps(batch: int, T: int, generator: torch.Generator) -> Tensor:
    """int64 [batch] timesteps, each uniform on 0 ... T-1, spread evenly over the batch in random order.

    One uniform offset shared by the batch lowers the variance of the loss (Kingma et al. 2021, arXiv:2107.00630, I.1).
    """
    device = generator.device
    offset = torch.rand((), generator=generator, dtype=torch.float64, device=device)
    u = (offset + torch.arange(batch, dtype=torch.float64, device=device) / batch) % 1
    return (u * T).long().clamp(max=T - 1)[torch.randperm(batch, generator=generator, device=device)]


def towards_middle(t: Tensor, T: int) -> Tensor:
    """int64 timesteps that are uniform on 0 ... T-1, moved to a logit-normal distribution, most of them in the middle:
    of a uniform u, sigmoid(z) with the normal z of the same rank (Esser et al. 2024, arXiv:2403.03206, eq. 19)."""
    u = (t.double() + 0.5) / T
    return (torch.special.ndtri(u).sigmoid() * T).long().clamp(max=T - 1)


def drawn_timesteps(batch: int, T: int, done: float, generator: torch.Generator) -> Tensor:
    """int64 [batch] timesteps for a step of training, of which so much is done (0 to 1): first those from which most is
    learnt, in the end each as often as others (Sun 2026, arXiv:2603.12517)."""
    t = stratified_timesteps(batch, T, generator)
    return towards_middle(t, T) if done <= MIDDLE_FIRST else t


def comparable_noise(x0: Tensor, timesteps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Timesteps int64 [N] and eps like x0 [N, ...] to compare models by: any of them get the same of a generator on the
    CPU."""
    return stratified_timesteps(len(x0), timesteps, generator), torch.randn(x0.shape, generator=generator)


@torch.no_grad()
def comparable_losses(
    diffusion: Diffusion,
    model: nn.Module,
    x0: Tensor,
    context: Tensor,
    generator: torch.Generator,
    on_samples: Callable[[int], object] = lambda count: None,
) -> tuple[Tensor, Tensor]:
    """`Diffusion.loss` of N samples at `comparable_noise`, [N], and the timesteps, int64 [N]. `on_samples` is called
    with how many more are done."""
    t, eps = comparable_noise(x0, len(diffusion.schedule), generator)
    found = []
    device = diffusion.schedule.alpha.device
    for part in zip(*(a.to(device).split(AT_ONCE) for a in (x0, context, t, eps)), strict=True):
        found.append(diffusion.loss(model, *part))
        on_samples(len(part[0]))
    return torch.cat(found), t
