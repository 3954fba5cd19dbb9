"""Sprites of a palette: a network that tells how likely each colour is in each pixel.

Its output f [B, K, H, W] is what the pixels around say. What a pixel says itself is known without any network: for
x_t = alpha c + sigma eps, the density at x_t of colour c. By Bayes' rule the logits are their sum,

    log p(c | x_t) = f_c - |x_t - alpha c|^2 / (2 sigma^2) + constant,

and x0_hat = E[x0 | x_t] = sum_c p(c | x_t) c, as for embeddings in Dieleman et al. 2022 (arXiv:2211.15089, section 3).
So schedule, samplers and guidance are those of any other prediction. Near the clean end f hardly matters; a network
that predicts nothing, f = 0, is right about pixels that are independent and uniform.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sprites.colour import from_hexadecimals

SHARPEST = 0.02  # sigma below which the density is not made sharper; colours are further apart


class Colours:
    """The K colours that a pixel may have, transparent first in RGBA: float32 [K, C] in [-1, 1], premultiplied."""

    def __init__(self, palette: Sequence[str], channels: int) -> None:
        """palette: as "d19b62"."""
        rgb = torch.from_numpy(from_hexadecimals(palette)) / 127.5 - 1
        if channels == 4:
            rgb = torch.cat([torch.full((1, 4), -1.0), F.pad(rgb, (0, 1), value=1.0)])
        self.table = rgb

    def __len__(self) -> int:
        return len(self.table)

    def products(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x . c [B, K, H, W] of x [B, C, H, W], and |c|^2 [K, 1, 1]; in full precision under autocast too, since they
        are divided by a small sigma^2."""
        table = self.table.to(x)
        with torch.autocast(x.device.type, enabled=False):
            return torch.einsum("bchw,kc->bkhw", x, table), table.square().sum(1)[:, None, None]

    def index(self, x0: Tensor) -> Tensor:
        """Which colour is nearest to each pixel of x0 [B, C, H, W]: int64 [B, H, W]."""
        x_c, c_c = self.products(x0)
        return (2 * x_c - c_c).argmax(1)

    def logits(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """log p(c | x_t) but for a constant in each pixel: [B, K, H, W]."""
        x_c, c_c = self.products(x_t)
        return output + alpha * (x_c - alpha * c_c / 2) / sigma.clamp(min=SHARPEST) ** 2

    def expected(self, logits: Tensor) -> Tensor:
        """x0_hat [B, C, H, W] of logits [B, K, H, W]."""
        with torch.autocast(logits.device.type, enabled=False):
            return torch.einsum("bkhw,kc->bchw", logits.softmax(1), self.table.to(logits))

    def loss(self, logits: Tensor, x0: Tensor, sigma: Tensor) -> Tensor:
        """Of each sample, [B]: cross-entropy of its colours, and the squared error of x0_hat."""
        entropy = F.cross_entropy(logits, self.index(x0), reduction="none")
        error = (self.expected(logits) - x0).square().flatten(1).mean(1)
        return entropy.flatten(1).mean(1) + 4 * error / (sigma.flatten() ** 2 + 0.01)
