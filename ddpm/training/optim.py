"""The gradient of training, which the cores share, and its optimiser: Muon for the convolutions inside the network,
AdamW for all else."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ddpm.config import OptimConfig
from ddpm.network.unet import ContextUNet
from ddpm.runs.transfer import Taken
from ddpm.system.devices import autocast_dtype, on_cores

T = TypeVar("T")
Group = dict[str, Any]  # of an optimiser: parameters, and their learning rates now and at the peak
MUONS = 4  # optimisers that the hidden weights are shared among
QUINTIC = (3.4445, -4.7750, 2.0315)  # a, b, c of x <- a x + b x^3 + c x^5, by Jordan 2024
ITERATIONS = 5
NAMED = 5.0  # factor on the learning rate of embeddings, where a trained network meets other names
FALL = 0.4  # share of the steps; others are compared in docs/experiments.md


def learning_rate(step: int, steps: int, warmup: int) -> float:
    """Factor on the peak learning rate at step 1 ... steps: a linear rise, then 1, then a linear fall to zero over the
    last `FALL` of the steps (Hägele et al. 2024, arXiv:2405.18392)."""
    rise = min(1.0, step / max(warmup, 1))
    return rise * min(1.0, (steps - step + 1) / (FALL * steps))


def matrix(weight: Tensor) -> Tensor:
    """A convolution's weight [O, I, H, W] as a matrix [O, H * W * I]; over the same memory if it is channels-last."""
    return weight.detach().permute(0, 2, 3, 1).reshape(len(weight), -1)


def add_gradients(model: nn.Module, losses: Callable[[T], Tensor], parts: Sequence[T], factor: float) -> Tensor:
    """Add the gradient of `factor` times the sum of all losses to that of the weights. Returns the losses, [n].

    losses: of the samples of a part. What is added does not depend on which core was first (`on_cores`).
    """
    weights = list(model.parameters())

    def gradient(part: T) -> tuple[Tensor, Sequence[Tensor | None]]:
        loss = losses(part)
        return loss.detach(), torch.autograd.grad(factor * loss.sum(), weights, allow_unused=True)

    found = on_cores(gradient, parts)
    for _, gradients in found:
        for weight, grad in zip(weights, gradients, strict=True):
            if grad is not None:
                weight.grad = grad if weight.grad is None else weight.grad + grad
    return torch.cat([loss for loss, _ in found])


def orthogonal(gradient: Tensor, dtype: torch.dtype) -> Tensor:
    """Nearly the semi-orthogonal matrix next to one [R, C]: U S V^T -> U V^T but for singular values of 0.7 to 1.2.

    By Newton-Schulz iterations, each of which takes every singular value x to a x + b x^3 + c x^5 (`QUINTIC`).
    dtype: what to compute in.
    """
    a, b, c = QUINTIC
    tall = gradient.shape[0] > gradient.shape[1]
    x = (gradient.mT if tall else gradient).to(dtype)
    x = x / x.norm().clamp(min=1e-7)  # none above 1
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Steps a matrix along the semi-orthogonal one next to its momentum, so that every direction is learnt at the same
    speed (Jordan 2024, kellerjordan.github.io/posts/muon).

    The steps are those of torch.optim.Muon, which computes in bfloat16 everywhere. A processor without instructions for
    that would spend more time on it than on all else of a step; here it computes in float32.
    """

    def __init__(self, params: Any, lr: float, momentum: float):
        super().__init__(params, {"lr": lr, "momentum": momentum})
        self.dtype = autocast_dtype("auto", self.param_groups[0]["params"][0].device) or torch.float32

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step along the gradients, which all of the matrices have."""
        for group in self.param_groups:
            for weight in group["params"]:
                state, keep = self.state[weight], group["momentum"]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                momentum = state["momentum_buffer"]
                momentum.lerp_(weight.grad, 1 - keep)
                direction = weight.grad.lerp(momentum, keep)  # Nesterov's, which looks a step ahead
                rows, columns = weight.shape
                rate = group["lr"] * math.sqrt(max(1, rows / columns))
                weight.add_(orthogonal(direction, self.dtype), alpha=-rate)


class Optimizers:
    """Steps the parameters of `model`, a ContextUNet, by `parts`: optimisers by name.

    Muon takes the hidden convolutions; stem, head, biases, norms and embeddings, which are no matrices or not hidden,
    go to AdamW, as Muon's author advises.

    What is taken over from another model learns at `config.kept_rate` times the rates, and the hidden convolutions as
    many times faster as they are larger than new ones: Muon's steps have one size, so the larger a weight the less they
    turn it. Embeddings are then all that tells a trained network of new categories and tags, and learn faster.
    """

    def __init__(self, model: ContextUNet, config: OptimConfig, taken: Taken = Taken()):
        old = {id(p) for name, p in model.named_parameters() if name in taken.kept}
        named = {id(p) for name, p in model.named_parameters() if name in taken.told_anew}
        hidden = [m.weight for m in model.hidden] if config.optimizer == "muon" else []
        ids = {id(p) for p in hidden}
        rest = [p for p in model.parameters() if id(p) not in ids]
        self.hidden = [(p, nn.Parameter(matrix(p))) for p in hidden]

        def groups(weights: Sequence[Tensor], stepped: Sequence[Tensor], lr: float, grown: float) -> list[Group]:
            """Those of one peak rate each. stepped: what stands for the weights. grown: factor for what is kept."""
            by_rate: dict[float, list[Tensor]] = {}
            for weight, stands in zip(weights, stepped, strict=True):
                factor = config.kept_rate * grown if id(weight) in old else NAMED if id(weight) in named else 1.0
                by_rate.setdefault(factor * lr, []).append(stands)
            return [{"params": these, "lr": rate, "peak": rate} for rate, these in by_rate.items()]

        self.on_cpu = next(model.parameters()).device.type == "cpu"
        self.parts: dict[str, torch.optim.Optimizer] = {
            "adamw": torch.optim.AdamW(
                groups(rest, rest, config.lr, 1.0), lr=config.lr, weight_decay=config.weight_decay, fused=True
            )
        }
        count = min(MUONS, len(hidden))
        for i in range(count):  # cores share them
            weights, views = zip(*self.hidden[i::count], strict=True)
            self.parts[f"muon{i}"] = Muon(
                groups(weights, views, config.muon_lr, taken.growth),
                lr=config.muon_lr,
                momentum=config.muon_momentum,
            )

    def step(self, factor: float) -> None:
        """One step along the gradients, at `factor` times the peak learning rates; leaves no gradient behind."""
        for weight, view in self.hidden:
            assert weight.grad is not None
            view.grad = matrix(weight.grad)
            weight.grad = None
        for part in self.parts.values():
            for group in part.param_groups:
                group["lr"] = factor * group["peak"]
        if self.on_cpu:
            on_cores(lambda part: part.step(), list(self.parts.values()))
        else:
            for part in self.parts.values():
                part.step()
        for part in self.parts.values():
            part.zero_grad()
