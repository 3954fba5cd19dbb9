"""Categories as context, and the mask that hides it in training.

A context is a row of K weights: one-hot for a category, any weights for a mixture, all zeros for "no context"."""

import torch
import torch.nn.functional as F
from torch import Tensor


def one_hot(labels: Tensor, categories: int) -> Tensor:
    """int64 [B] labels -> float32 [B, K] contexts."""
    return F.one_hot(labels, categories).float()


def mask_context(context: Tensor, keep_probability: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Hide the context of some samples, so that one network learns to denoise with and without it.

    Draws a Bernoulli(keep_probability) mask per sample: 1 keeps a row of `context` [B, V], 0 zeroes it (Ho & Salimans
    2022, arXiv:2207.12598, algorithm 1, whose p_uncond is 1 - keep_probability). Returns the masked context, a new
    tensor, and the mask, float32 [B]. Only training calls this; sampling chooses its contexts itself.
    """
    keep = torch.full((len(context),), keep_probability, device=generator.device)
    mask = torch.bernoulli(keep, generator=generator).to(context.device)
    return context * mask[:, None], mask
