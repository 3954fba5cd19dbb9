import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from conftest import tiny_sprites, write_npy

from ddpm.checkpoint import load_model
from ddpm.config import Config, LogConfig, ModelConfig, OptimConfig
from ddpm.data import load_data, to_uint8
from ddpm.generate import generate
from ddpm.trainer import GroupMeans, NonFiniteLoss, Trainer, learning_rate

CPU = torch.device("cpu")


@pytest.fixture
def config(npy_folder, tmp_path):
    return Config(
        data=npy_folder,
        out=tmp_path / "run",
        steps=6,
        val_fraction=0.2,
        mirror=("*",),
        model=ModelConfig((16, 16), 1, (1,)),
        optim=OptimConfig(batch=8, precision="fp32", warmup=2),
        log=LogConfig(every=2, validate=3, snapshot=3, checkpoint=3, early=0.3, evaluate=4),
    )


def make(config):
    config.out.mkdir(exist_ok=True)
    data = load_data(config.data, mirror=config.mirror, val_fraction=config.val_fraction)
    return Trainer(config, data, CPU)


def train(trainer):
    """Run to the end; returns the scalars by step and the steps of the snapshots."""
    scalars, snapshots = {}, []
    note = lambda step, s: scalars.setdefault(step, {}).update(s)
    trainer.train(note, lambda model, step: snapshots.append(step), lambda model, step: {"evaluation/step": step})
    return scalars, snapshots


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_learning_rate_rises_then_falls_to_zero():
    rates = [learning_rate(k, 100, 10) for k in range(1, 101)]
    assert rates[0] == pytest.approx(0.1)
    assert np.argmax(rates) == 9
    assert rates[50] == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))
    assert 0 < rates[-1] < 1e-3
    assert all(a > b for a, b in itertools.pairwise(rates[9:]))


def test_group_means_by_hand():
    means = GroupMeans()
    names = {"by": ["a", "b", "c"]}
    means.add(torch.tensor([1.0, 2.0, 6.0]), {"by": torch.tensor([0, 2, 2])}, names)
    means.add(torch.tensor([5.0]), {"by": torch.tensor([0])}, names)
    assert means.pop() == {"by/a": 3.0, "by/c": 4.0}
    assert means.pop() == {}


def test_what_is_logged_and_when(config):
    scalars, snapshots = train(make(config))
    assert snapshots == [3, 6]
    assert sorted(scalars) == [2, 3, 4, 6]
    assert set(scalars[3]) == {"loss/validation"}
    assert {step: s["evaluation/step"] for step, s in scalars.items() if "evaluation/step" in s} == {4: 4, 6: 6}
    expected = {"loss/train", "train/learning_rate", "train/gradient_norm", "train/sprites_per_second"}
    expected |= {"loss_by_category/square", "loss_by_category/bar", "loss_by_context/kept"}
    expected |= {f"loss_by_timestep/quartile_{q}" for q in (1, 2, 3, 4)}
    assert expected <= set(scalars[6])
    by_quartile = [scalars[2][f"loss_by_timestep/quartile_{q}"] for q in (1, 2, 3, 4)]
    assert np.mean(by_quartile) == pytest.approx(scalars[2]["loss/train"], rel=1e-5)  # stratified: equal counts


def test_the_weights_of_an_early_step_are_kept(config):
    trainer, early = make(config), {}
    keep = lambda step, _: early.update(
        {k: v.clone() for k, v in trainer.ema.model.state_dict().items()} if step == 2 else {}
    )
    trainer.train(keep, lambda *_: None, lambda *_: {})
    kept, spec = load_model(config.out / "early.safetensors")
    assert spec == trainer.spec
    assert all(torch.equal(early[k], v) for k, v in kept.state_dict().items())
    assert not equal(kept, trainer.ema.model)


def test_same_seed_same_run_and_another_seed_another(config, tmp_path):
    a, b, c = (make(dataclasses.replace(config, out=tmp_path / str(i), seed=seed)) for i, seed in enumerate((0, 0, 1)))
    scalars = [train(t)[0] for t in (a, b, c)]
    assert equal(a.ema.model, b.ema.model) and not equal(a.ema.model, c.ema.model)
    assert scalars[0][6]["loss/train"] == scalars[1][6]["loss/train"]


def test_a_resumed_run_ends_as_one_that_was_not_stopped(config, tmp_path):
    whole = make(config)
    train(whole)
    run = make(dataclasses.replace(config, out=tmp_path / "stopped"))
    with pytest.raises(KeyboardInterrupt):
        run.train(lambda *_: None, stop_at(3), lambda *_: {})
    resumed = make(dataclasses.replace(config, out=tmp_path / "stopped"))
    assert resumed.resume().name == "step_00000003.safetensors"
    train(resumed)
    for name in ("model", "ema"):
        assert equal(whole.modules[name], resumed.modules[name])


def stop_at(step):
    def on_snapshot(model, at):
        if at == step:
            raise KeyboardInterrupt

    return on_snapshot


def test_nothing_to_resume_is_an_error(config):
    with pytest.raises(ValueError, match="nothing to resume"):
        make(config).resume()


def test_a_loss_that_is_not_finite_stops_and_says_what_to_try(config):
    trainer = make(config)
    train_to = trainer.diffusion
    trainer.diffusion = ExplodingLoss(train_to, at=4)
    with pytest.raises(NonFiniteLoss, match=r"step 4 .*--optim\.lr.*--resume"):
        train(trainer)
    assert all(p.isfinite().all() for p in trainer.model.parameters())


class ExplodingLoss:
    def __init__(self, diffusion, at):
        self.schedule, self.inner, self.at, self.calls = diffusion.schedule, diffusion, at, 0

    def loss(self, model, *args):
        loss = self.inner.loss(model, *args)
        if model.training:
            self.calls += 1
        return loss * math.inf if self.calls == self.at else loss


@pytest.mark.parametrize("channels", [3, 4])
def test_a_model_overfits_four_sprites(tmp_path, channels):
    images, labels = tiny_sprites(4, 8, channels, seed=5)
    assert len(np.unique(images.reshape(4, -1), axis=0)) == 4
    config = Config(
        data=write_npy(tmp_path / "data", images, labels),
        out=tmp_path / "run",
        steps=700,
        val_fraction=0.0,
        model=ModelConfig((32, 32), 1, (1,)),
        optim=OptimConfig(batch=32, lr=4e-3, precision="fp32", ema=0.98),
        log=LogConfig(every=100, snapshot=1000, checkpoint=1000, evaluate=0),
    )
    train(make(config))
    model, spec = load_model(config.out)
    n = 10
    context = torch.eye(2).repeat_interleave(n, 0)
    sprites = to_uint8(generate(model, spec, context, 1.0, seed=0, indices=range(2 * n), steps=30))
    distance = np.abs(sprites[:, None].astype(int) - images[None]).mean((2, 3, 4))  # [20, 4]
    nearest = distance.argmin(1)
    assert (labels[nearest] == np.arange(2).repeat(n)).mean() >= 0.9  # context decides which pair is drawn
    assert np.median(distance.min(1)) < 6  # of 255
    assert len(set(nearest)) == 4  # each of the four is found
