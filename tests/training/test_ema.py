"""The average of the weights against its closed form."""

import math

import pytest
import torch
from torch import nn

from ddpm.training.ema import EMA


def layer(value: float = 0.0) -> nn.Linear:
    model = nn.Linear(3, 2, dtype=torch.float64)
    for p in model.parameters():
        nn.init.constant_(p, value)
    return model


def value(model: nn.Module) -> float:
    values = torch.cat([p.flatten() for p in model.parameters()])
    assert (values - values[0]).abs().max() < 1e-15
    return values[0].item()


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_the_ramp_leaves_a_product_of_the_start(steps):
    model = layer(0.0)
    ema = EMA(model, 1.0)
    for step in range(1, steps + 1):
        nn.init.constant_(model.weight, 1.0), nn.init.constant_(model.bias, 1.0)
        ema.update(model, step)
    # What is left of the start is the product of (1 + k) / (10 + k) over k = 1 ... n, that is (n+1)! 10! / (n+10)!.
    left = math.factorial(steps + 1) * math.factorial(10) / math.factorial(steps + 10)
    assert value(ema.model) == pytest.approx(1 - left, abs=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_the_average_is_the_weighted_sum_of_all_weights(decay):
    g = torch.Generator().manual_seed(0)
    history = torch.randn(50, generator=g, dtype=torch.float64).tolist()
    ema = EMA(layer(7.0), decay)
    for step, w in enumerate(history, 1):
        ema.update(layer(w), step)
    d = [min(decay, (1 + k) / (10 + k)) for k in range(1, 51)]
    terms = [(1 - d[k]) * math.prod(d[k + 1 :]) * w for k, w in enumerate(history)]
    assert value(ema.model) == pytest.approx(math.prod(d) * 7.0 + sum(terms), abs=1e-12)


def test_late_steps_use_the_full_decay():
    ema = EMA(layer(0.0), 0.99)
    ema.update(layer(1.0), 10_000)
    assert value(ema.model) == pytest.approx(0.01, abs=1e-12)


def test_constant_weights_stay():
    ema = EMA(layer(0.3), 0.99)
    for step in range(1, 20):
        ema.update(layer(0.3), step)
    assert value(ema.model) == pytest.approx(0.3, abs=1e-15)


def test_the_copy_is_independent_of_the_model_and_the_model_of_it():
    model = layer(1.0).train()
    ema = EMA(model, 0.9)
    nn.init.constant_(model.weight, 5.0)
    assert value(ema.model) == 1.0
    before = [p.clone() for p in model.parameters()]
    ema.update(model, 3)
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))
    pointers = {p.data_ptr() for p in model.parameters()}
    assert not pointers & {p.data_ptr() for p in ema.model.parameters()}
    assert model.training and not ema.model.training


def test_no_gradient():
    model = layer(1.0)
    ema = EMA(model, 0.9)
    model(torch.ones(4, 3).double()).sum().backward()
    ema.update(model, 1)
    assert all(p.requires_grad and p.grad is not None for p in model.parameters())
    assert all(not p.requires_grad and p.grad is None and p.grad_fn is None for p in ema.model.parameters())
