"""What holds on a CPU holds on a GPU: skipped where there is none."""

from dataclasses import replace

import pytest
import torch
from conftest import ROOT

from ddpm.animation import Animator
from ddpm.config import Config, LogConfig, ModelConfig, OptimConfig, Sampling
from ddpm.context.condition import Condition
from ddpm.data.loading import load_data
from ddpm.network.attention import attention, causal_mask
from ddpm.runs.models import load_model
from ddpm.sampling import Sampler
from ddpm.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return Config(
        data=ROOT / "sprites",
        out=tmp_path_factory.mktemp("run"),
        steps=8,
        tags=True,
        endless="drawn",
        clips=0.5,
        deterministic=True,
        model=ModelConfig((16, 16, 32), 1, (1, 2), frames=4),
        optim=OptimConfig(batch=64, precision="fp32", warmup=2),
        log=LogConfig(evaluate=0),
    )


@pytest.fixture(scope="module")
def data(config):
    return load_data(config.data, config)


def test_a_captured_step_has_the_gradients_of_one_that_is_not(config, data):
    trainer = Trainer(config, data, GPU)
    for step in (1, 2, 3):
        batch, _ = trainer.batches(step)
        losses = trainer.accumulated(batch)
        plain = [p.grad.clone() for p in trainer.model.parameters() if p.grad is not None]
        trainer.model.zero_grad()
        torch.testing.assert_close(trainer.backward(batch), losses)
        captured = [p.grad for p in trainer.model.parameters() if p.grad is not None]
        torch.testing.assert_close(captured, plain)
        trainer.model.zero_grad()


def test_a_resumed_run_ends_as_one_that_was_not_stopped(config, data, tmp_path):
    whole = Trainer(replace(config, out=tmp_path / "whole"), data, GPU)
    stopped, resumed = (Trainer(replace(config, out=tmp_path / "run"), data, GPU) for _ in range(2))
    while whole.step < 8:
        whole.advance()
    while stopped.step < 4:
        stopped.advance()
    stopped.save()
    resumed.resume()
    while resumed.step < 8:
        resumed.advance()
    for a, b in zip(whole.ema.model.parameters(), resumed.ema.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_masked_attention_is_that_of_a_cpu(config):
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(3, 2, 8, 16, generator=g) for _ in range(3))
    k[0, 0, 6:] = torch.nan
    found = attention(q.to(GPU), k.to(GPU), v.to(GPU), causal_mask(8, GPU)).cpu()
    torch.testing.assert_close(found, attention(q, k, v, causal_mask(8)), rtol=1e-3, atol=1e-3, equal_nan=True)


@pytest.mark.parametrize("name", ["shipped", "walks"])
def test_sprites_and_walks_of_the_same_noise_are_the_same(name):
    model, spec = load_model(name)
    condition, how, found = Condition.of(spec.contexts()), Sampling(precision="fp32"), []
    for device in (CPU, GPU):
        model = model.to(device)
        found.append([Sampler(model, spec, how)(condition, 2.0, range(5)).cpu()])
        if spec.model.frames > 1:
            found[-1].append(Animator(model, spec, how)(condition, 2.0, range(5), 3).cpu())
    for a, b in zip(*found, strict=True):
        assert ((a - b).abs() > 1e-3).any(-3).float().mean() < 0.02
