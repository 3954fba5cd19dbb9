"""Guidance: from a denoiser that takes a context to one that is steered by it.

A context denoiser is (x_t, t, context) -> x0_hat; what comes out is a denoiser, (x_t, t) -> x0_hat, as samplers take.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ddpm.prediction import ContextDenoiser

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> x0_hat


def classifier_free(denoise: ContextDenoiser, context: Tensor, scale: float | Tensor) -> Denoiser:
    """Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598): uncond + s * (cond - uncond).

    context: [B, K]; scale s: one number, or one per sample [B]; any real. s = 0 is unconditional, s = 1 conditional,
    s > 1 guided (the paper's w is s - 1). The mixture of x0_hat is that of eps, since x_t is the same in both.

    One call of `denoise` a step, on just the rows that are needed: samples with s = 0 cost an unconditional row, with
    s = 1 a conditional one (which is returned bit for bit), all others both.
    """
    scale = torch.as_tensor(scale, dtype=context.dtype, device=context.device).expand(len(context))
    asks, asks_not = scale != 0, scale != 1  # samples that need the conditional, the unconditional prediction
    rows = torch.cat([asks.nonzero()[:, 0], asks_not.nonzero()[:, 0]])
    contexts = torch.cat([context[asks], torch.zeros_like(context[asks_not])])
    split = [int(asks.sum()), int(asks_not.sum())]

    def guided(x_t: Tensor, t: Tensor) -> Tensor:
        predicted = denoise(x_t[rows], t[rows], contexts)
        cond, uncond = predicted.new_zeros(x_t.shape), predicted.new_zeros(x_t.shape)
        cond[asks], uncond[asks_not] = predicted.split(split)
        return uncond + scale.view(-1, *[1] * (x_t.ndim - 1)) * (cond - uncond)

    return guided


def clip(denoise: Denoiser, low: float = -1.0, high: float = 1.0) -> Denoiser:
    """Keep x0_hat in the range of the data, which strong guidance leaves (Ho et al. 2020's clipped denoiser)."""
    return lambda x_t, t: denoise(x_t, t).clamp(low, high)
