"""Early stopping: the weights with the lowest loss on held-out sprites are kept, and training ends when it rises."""

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Lowest:
    """A copy of the averaged network as it was when its loss on held-out sprites was lowest."""

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model)
        self.loss, self.step, self.since = math.inf, 0, 0

    def offer(self, model: nn.Module, loss: float, step: int) -> None:
        """Take the weights of `model` if no loss was lower, else count one more validation without."""
        if loss < self.loss:
            self.model.load_state_dict(model.state_dict())
            self.loss, self.step, self.since = loss, step, 0
        else:
            self.since += 1

    def state_dict(self) -> dict[str, Tensor]:
        numbers = {"loss": self.loss, "step": float(self.step), "since": float(self.since)}
        weights = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()} | weights

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        numbers = {name: state[name].item() for name in ("loss", "step", "since")}
        self.loss, self.step, self.since = numbers["loss"], int(numbers["step"]), int(numbers["since"])
        self.model.load_state_dict({k.removeprefix("model."): v for k, v in state.items() if k.startswith("model.")})
