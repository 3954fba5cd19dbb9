"""The averaged weights, which are what is sampled from; and a copy of them from before training went too far."""

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


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


class Kept:
    """Early stopping: a copy of the averaged network as it was when it was best, by the loss on held-out sprites or
    since sprites were learnt by heart.

    step: of its weights, 0 while there are none. since: validations without a lower loss since then. over: training has
    gone too far.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model)
        self.loss, self.step, self.since, self.over = math.inf, 0, 0, False

    def take(self, model: nn.Module, step: int) -> None:
        """Keep these weights."""
        self.model.load_state_dict(model.state_dict())
        self.step = step

    def offer(self, model: nn.Module, loss: float, step: int, patience: int) -> None:
        """Keep these weights if no loss on held-out sprites was lower, else lose patience."""
        if loss < self.loss:
            self.take(model, step)
            self.loss, self.since = loss, 0
        else:
            self.since += 1
            self.over = self.over or self.since >= patience

    def state_dict(self) -> dict[str, Tensor]:
        numbers = {"loss": self.loss, "step": self.step, "since": self.since, "over": self.over}
        weights = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        return {name: torch.tensor(float(value), dtype=torch.float64) for name, value in numbers.items()} | weights

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        numbers = {name: state[name].item() for name in ("loss", "step", "since", "over")}
        self.loss, self.step = numbers["loss"], int(numbers["step"])
        self.since, self.over = int(numbers["since"]), bool(numbers["over"])
        self.model.load_state_dict({k.removeprefix("model."): v for k, v in state.items() if k.startswith("model.")})
