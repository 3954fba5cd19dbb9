"""The exponential moving average of the weights: the network that is sampled from."""

import copy

import torch
from torch import nn


class EMA:
    """Keeps `model`, an averaged copy: ema += (1 - decay) * (weights - ema) after each optimiser step.

    The decay ramps up as (1 + step) / (10 + step), up to `decay`, so that the random start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Average in the weights after optimiser step `step`, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)
