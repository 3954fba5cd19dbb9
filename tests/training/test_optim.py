"""Which parameters Muon and AdamW take, and their steps against closed forms and torch's own."""

import pytest
import torch

from ddpm.config import OptimConfig
from ddpm.network.unet import ContextUNet
from ddpm.training import optim
from ddpm.training.optim import Muon, Optimizers, matrix, orthogonal


def trained(kind: str, steps: int, factor: float = 1.0, device: str = "cpu"):
    """A small network before and after some steps, and its optimisers."""
    torch.manual_seed(0)
    model = ContextUNet(3, 2, (16, 32), 1, (1,), separable=(0,)).to(device)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)  # no layer at zero
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizers = Optimizers(model, OptimConfig(optimizer=kind, lr=1e-3, muon_lr=0.02))
    for _ in range(steps):
        x = torch.randn(4, 3, 8, 8)
        model(x, torch.arange(4), torch.eye(2).repeat(2, 1)).square().mean().backward()
        optimizers.step(factor)
    return model, before, optimizers


def test_every_parameter_is_stepped_by_one_optimiser_and_hidden_convolutions_by_muon():
    model, before, optimizers = trained("muon", 1)
    stepped = {
        name: [p for group in part.param_groups for p in group["params"]] for name, part in optimizers.parts.items()
    }
    every = [p for params in stepped.values() for p in params]
    assert sum(p.numel() for p in every) == sum(p.numel() for p in model.parameters())
    hidden = {m.weight.data_ptr() for m in model.hidden}
    assert {p.data_ptr() for name in stepped if name.startswith("muon") for p in stepped[name]} == hidden
    assert len(hidden) > 1 < len(stepped) - 1
    assert model.stem.weight.data_ptr() not in hidden and model.head.weight.data_ptr() not in hidden
    assert all(not torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert all(p.grad is None for p in model.parameters())


def test_the_matrix_of_a_weight_is_that_of_the_unfolded_convolution():
    conv = torch.nn.Conv2d(8, 16, 3, bias=False).to(memory_format=torch.channels_last)
    x = torch.randn(1, 8, 3, 3)
    assert matrix(conv.weight).data_ptr() == conv.weight.data_ptr()
    assert torch.allclose(conv(x).flatten(), matrix(conv.weight) @ x.permute(0, 2, 3, 1).flatten(), atol=1e-5)


def test_a_step_of_muon_is_the_nearest_semi_orthogonal_matrix():
    """The first step from a gradient U S V^T is lr * sqrt(max(1, rows / columns)) * U V^T, but for the tolerance of the
    Newton-Schulz iteration (Jordan 2024: singular values of 0.7 to 1.2)."""
    model, _, _ = trained("muon", 0)
    optimizers = Optimizers(model, OptimConfig(muon_lr=0.02))
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    expected = []
    for conv in model.hidden:
        out, inputs, height, width = conv.weight.shape
        U, S, Vh = torch.linalg.svd(torch.randn(out, height * width * inputs), full_matrices=False)
        gradient = 50 * (U * torch.linspace(1, 3, len(S)) @ Vh)
        conv.weight.grad = gradient.view(out, height, width, inputs).permute(0, 3, 1, 2)
        expected.append((matrix(conv.weight).clone(), U @ Vh))
    optimizers.step(0.5)
    for conv, (before, nearest) in zip(model.hidden, expected, strict=True):
        update = (before - matrix(conv.weight)) / (0.5 * 0.02 * max(1, before.shape[0] / before.shape[1]) ** 0.5)
        values = torch.linalg.svdvals(update)
        assert values.min() > 0.6 and values.max() < 1.3
        assert torch.nn.functional.cosine_similarity(update.flatten(), nearest.flatten(), dim=0) > 0.95


@pytest.mark.parametrize("shape", [(32, 90), (90, 32), (16, 16)])
def test_muon_is_torchs_to_the_last_bit_where_it_computes_in_bfloat16(monkeypatch, shape):
    monkeypatch.setattr(optim, "autocast_dtype", lambda *_: torch.bfloat16)
    torch.manual_seed(0)
    ours = torch.nn.Parameter(torch.randn(shape))
    theirs = torch.nn.Parameter(ours.detach().clone())
    steppers = (
        Muon([ours], lr=0.02, momentum=0.9),
        torch.optim.Muon([theirs], lr=0.02, momentum=0.9, weight_decay=0.0),
    )
    for _ in range(4):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        for stepper in steppers:
            stepper.step()
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("has_bf16", [False, True])
def test_muon_computes_in_what_the_processor_has(monkeypatch, has_bf16):
    seen = []
    monkeypatch.setattr("ddpm.system.devices.cpu_has_bf16", lambda: has_bf16)
    monkeypatch.setattr(optim, "orthogonal", lambda x, dtype: seen.append(dtype) or orthogonal(x, dtype))
    trained("muon", 1)
    assert set(seen) == {torch.bfloat16 if has_bf16 else torch.float32}


@pytest.mark.parametrize("rows", [8, 40])
def test_the_iterations_treat_each_singular_value_alone(rows):
    """In float32 a matrix U S V^T becomes U f(S) V^T, f being the odd polynomial of degree 5 five times over."""
    U, S, Vh = torch.linalg.svd(torch.randn(rows, 20), full_matrices=False)
    a, b, c = optim.QUINTIC
    x = S / S.norm()
    for _ in range(optim.ITERATIONS):
        x = a * x + b * x**3 + c * x**5
    torch.testing.assert_close(orthogonal(U * S @ Vh, torch.float32), U * x @ Vh, rtol=1e-3, atol=1e-4)
    assert torch.equal(orthogonal(torch.zeros(rows, 20), torch.float32), torch.zeros(rows, 20))


def test_adamw_alone_is_torchs():
    model, _, _ = trained("adamw", 3)
    torch.manual_seed(0)
    other = ContextUNet(3, 2, (16, 32), 1, (1,), separable=(0,))
    for p in other.parameters():
        torch.nn.init.normal_(p, std=0.1)
    reference = torch.optim.AdamW(other.parameters(), lr=1e-3, weight_decay=0.01)
    for _ in range(3):
        x = torch.randn(4, 3, 8, 8)
        other(x, torch.arange(4), torch.eye(2).repeat(2, 1)).square().mean().backward()
        reference.step()
        reference.zero_grad()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_a_rate_of_zero_changes_nothing():
    model, before, _ = trained("muon", 2, factor=0.0)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
