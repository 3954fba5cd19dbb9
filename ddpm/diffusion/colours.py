"""Sprites of a palette: a network that tells how likely each colour is in each pixel.

Its output f [B, K, H, W] is what the pixels around say. What a pixel says itself is known without any network: for
x_t = alpha c + sigma eps, the density at x_t of colour c. By Bayes' rule the logits are their sum,

    log p(c | x_t) = f_c - |x_t - alpha c|^2 / (2 sigma^2) + constant,

and x0_hat = E[x0 | x_t] = sum_c p(c | x_t) c, as for embeddings in Dieleman et al. 2022 (arXiv:2211.15089, section 3).
So schedule, samplers and guidance are those of any other prediction. Near the clean end f hardly matters; a network
that predicts nothing, f = 0, is right about pixels that are independent and uniform.
"""

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sprites.colour import from_hexadecimals

SHARPEST = 0.02  # sigma below which the density is not made sharper: 2 to 3 of 255 levels, less than the eye sees
SQUARES = 12.0  # weight of the squared error beside the cross-entropy: others are compared in docs/experiments.md
FLOOR = 0.01  # keeps the weight of that error finite where sigma is 0


class Colours:
    """The K colours that a pixel may have, transparent first in RGBA: float32 [K, C] in [-1, 1], premultiplied."""

    def __init__(self, palette: Sequence[str], channels: int) -> None:
        """palette: as "d19b62"."""
        rgb = torch.from_numpy(from_hexadecimals(palette)) / 127.5 - 1
        if channels == 4:
            rgb = torch.cat([torch.full((1, 4), -1.0, device="cpu"), F.pad(rgb, (0, 1), value=1.0)])
        self.table = rgb

    def __len__(self) -> int:
        return len(self.table)

    def to(self, device: torch.device) -> "Colours":
        """The same on a device."""
        moved = copy.copy(self)
        moved.table = self.table.to(device)
        return moved

    def products(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x . c [B, H, W, K] of x [B, C, H, W], and |c|^2 [K]; in full precision under autocast too, since they are
        divided by a small sigma^2."""
        table = self.table.to(x)
        with torch.autocast(x.device.type, enabled=False):
            return x.movedim(1, -1) @ table.mT, table.square().sum(1)

    def index(self, x0: Tensor) -> Tensor:
        """Which colour is nearest to each pixel of x0 [B, C, H, W]: int64 [B, H, W]."""
        x_c, c_c = self.products(x0)
        return (2 * x_c - c_c).argmax(-1)

    def density(self, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """log p(x_t | c) but for a constant in each pixel: [B, H, W, K]. alpha, sigma: [B, 1, 1, 1]."""
        x_c, c_c = self.products(x_t)
        precision = sigma.clamp(min=SHARPEST) ** -2
        return precision * alpha * x_c - precision * alpha**2 / 2 * c_c

    def logits(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """log p(c | x_t) but for a constant in each pixel: [B, H, W, K] of the network's output [B, K, H, W]."""
        return output.movedim(1, -1) + self.density(x_t, alpha, sigma)

    def mean(self, p: Tensor) -> Tensor:
        """The mean colour [B, C, H, W] under probabilities [B, H, W, K]."""
        with torch.autocast(p.device.type, enabled=False):
            return (p @ self.table.to(p)).movedim(-1, 1)

    def expected(self, logits: Tensor) -> Tensor:
        """x0_hat [B, C, H, W] of logits [B, H, W, K]."""
        return self.mean(logits.softmax(-1))

    def loss(self, logits: Tensor, x0: Tensor, sigma: Tensor) -> Tensor:
        """The mean over the pixels of each sample, [B], of

            -log p(c0 | x_t) + SQUARES |x0_hat - x0|^2 / (sigma^2 + FLOOR),

        where c0 is the colour of x0: the cross-entropy, and the squared error with the weight "v" of `loss_weight`.
        """
        log_p = logits.log_softmax(-1)
        entropy = -log_p.gather(-1, self.index(x0)[..., None]).flatten(1).mean(1)
        error = (self.mean(log_p.exp()) - x0).square().flatten(1).mean(1)
        return entropy + SQUARES * error / (sigma.flatten() ** 2 + FLOOR)
