"""The training loop: what it logs and keeps, resuming bit for bit, losses that are not finite, and that it learns."""

import dataclasses
import errno
import itertools
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny_sprites, write_npy

from ddpm.config import Config, DataConfig, DiffusionConfig, LogConfig, ModelConfig, OptimConfig, Sampling
from ddpm.data.loading import load_data
from ddpm.data.pixel_art import Style
from ddpm.data.tensors import to_uint8
from ddpm.evaluation.in_training import ByHeart, Evaluation
from ddpm.runs.checkpoints import checkpoints
from ddpm.runs.models import BEST_FILE, load_model
from ddpm.runs.tensor_files import read_safetensors, write_safetensors
from ddpm.sampling import Sampler
from ddpm.training.batches import Batch
from ddpm.training.meters import GroupMeans
from ddpm.training.optim import learning_rate
from ddpm.training.trainer import SKIPPED_MOST, Hooks, NonFiniteLoss, Trainer

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
        log=LogConfig(every=2, validate=3, snapshot=3, checkpoint=3, early=0.3, evaluate=4, evaluate_count=2),
    )


def make(config):
    config.out.mkdir(exist_ok=True)
    data = load_data(config.data, config)
    return Trainer(config, data, CPU)


def train(trainer):
    """Run to the end; returns the scalars by step and the steps of the snapshots."""
    scalars, snapshots = {}, []
    note = lambda step, s: scalars.setdefault(step, {}).update(s)
    judge = lambda model, spec, step: {"evaluation/step": step}
    trainer.train(Hooks(note, lambda model, spec, step: snapshots.append(step), judge))
    return scalars, snapshots


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_learning_rate_rises_stays_and_falls_to_zero():
    rates = [learning_rate(k, 100, 10) for k in range(1, 101)]
    assert rates[:10] == pytest.approx([k / 10 for k in range(1, 11)])
    assert rates[10:61] == [1.0] * 51
    assert rates[61:] == pytest.approx([k / 40 for k in range(39, 0, -1)])
    assert learning_rate(1, 1, 0) == 1.0 and 0 < learning_rate(1, 1, 100) < learning_rate(2, 2, 100) < 0.1


def test_group_means_by_hand():
    means = GroupMeans({"by": ["a", "b", "c"]})
    means.add(torch.tensor([1.0, 2.0, 6.0]), {"by": torch.tensor([0, 2, 2])})
    means.add(torch.tensor([5.0]), {"by": torch.tensor([0])})
    assert means.pop() == {"by/a": 3.0, "by/c": 4.0}
    assert means.pop() == {}


def test_what_is_logged_and_when(config):
    scalars, snapshots = train(make(config))
    assert snapshots == [3, 6]
    assert sorted(scalars) == [2, 3, 4, 6]
    assert set(scalars[3]) == {"loss/validation"}
    assert {step: s["evaluation/step"] for step, s in scalars.items() if "evaluation/step" in s} == {4: 4, 6: 6}
    expected = {"loss/train", "train/learning_rate", "train/gradient_norm", "train/sprites_per_second"}
    expected |= {"train/skipped_steps"}
    expected |= {"loss_by_category/square", "loss_by_category/bar", "loss_by_context/kept"}
    expected |= {f"loss_by_timestep/quartile_{q}" for q in (1, 2, 3, 4)}
    assert expected <= set(scalars[6])
    by_quartile = [scalars[6][f"loss_by_timestep/quartile_{q}"] for q in (1, 2, 3, 4)]
    assert np.mean(by_quartile) == pytest.approx(scalars[6]["loss/train"], rel=1e-5)  # stratified: equal counts


def test_the_weights_of_an_early_step_are_kept(config):
    trainer, early = make(config), {}
    keep = lambda step, _: early.update(
        {k: v.clone() for k, v in trainer.ema.model.state_dict().items()} if step == 2 else {}
    )
    trainer.train(Hooks(scalars=keep))
    kept, spec = load_model(config.out / "early.safetensors")
    assert spec == trainer.spec
    assert all(torch.equal(early[k], v) for k, v in kept.state_dict().items())
    assert not equal(kept, trainer.ema.model)


def test_same_seed_same_run_and_another_seed_another(config, tmp_path):
    a, b, c = (make(dataclasses.replace(config, out=tmp_path / str(i), seed=seed)) for i, seed in enumerate((0, 0, 1)))
    scalars = [train(t)[0] for t in (a, b, c)]
    assert equal(a.ema.model, b.ema.model) and not equal(a.ema.model, c.ema.model)
    assert scalars[0][6]["loss/train"] == scalars[1][6]["loss/train"]


@pytest.mark.parametrize(("cores", "parts"), [(1, 1), (2, 2), (3, 3), (9, 4)])
def test_the_gradient_of_parts_on_as_many_cores_is_that_of_the_whole_batch(config, monkeypatch, cores, parts):
    config = dataclasses.replace(config, optim=OptimConfig(batch=64, precision="fp32"))
    trainer, before, taken = make(config), torch.get_num_threads(), []
    for _ in range(2):
        trainer.advance()  # from where no layer is zero
    batch, _ = trainer.batches(3)
    split = Batch.split
    monkeypatch.setattr(Batch, "split", lambda self, count: taken.append(count) or split(self, count))
    torch.set_num_threads(cores)
    try:
        losses, shared = trainer.shared(batch), [p.grad for p in trainer.model.parameters()]
    finally:
        torch.set_num_threads(before)
    assert taken == [1, parts] and any(grad.abs().max() > 1e-3 for grad in shared)
    trainer.model.zero_grad()
    torch.testing.assert_close(losses, trainer.accumulated(batch))
    for grad, p in zip(shared, trainer.model.parameters(), strict=True):
        torch.testing.assert_close(grad, p.grad, atol=1e-6, rtol=1e-4)


def test_which_core_is_first_changes_no_bit(config, tmp_path):
    config, before = dataclasses.replace(config, optim=OptimConfig(batch=64, precision="fp32")), torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        a, b = (make(dataclasses.replace(config, out=tmp_path / name)) for name in "ab")
        for _ in range(10):
            assert torch.equal(a.advance(), b.advance())
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, a.model.parameters(), b.model.parameters()))


def test_frames_without_clips_are_not_learnt_and_the_run_can_be_resumed(config):
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, frames=4))
    stopped = make(config)
    assert stopped.spec.model.frames == 1
    stopped.advance()
    stopped.save()
    resumed = make(config)
    resumed.resume()
    assert resumed.step == 1 and resumed.advance().isfinite()


def test_a_deterministic_run_needs_no_operation_that_is_not(config):
    try:
        scalars, _ = train(make(dataclasses.replace(config, deterministic=True)))  # torch raises at any other
        assert torch.are_deterministic_algorithms_enabled() and os.environ["CUBLAS_WORKSPACE_CONFIG"]
    finally:
        torch.use_deterministic_algorithms(False)
    assert scalars[6]["loss/train"] == train(make(config))[0][6]["loss/train"]


def test_a_resumed_run_ends_as_one_that_was_not_stopped(config, tmp_path):
    whole = make(config)
    scalars, _ = train(whole)
    run = make(dataclasses.replace(config, out=tmp_path / "stopped"))
    with pytest.raises(KeyboardInterrupt):
        run.train(Hooks(evaluate=stop_at(4)))
    resumed = make(dataclasses.replace(config, out=tmp_path / "stopped"))
    assert resumed.resume().name == "step_00000003.safetensors"
    again, _ = train(resumed)
    for name in ("model", "ema"):
        assert equal(whole.modules[name], resumed.modules[name])
    speed = "train/sprites_per_second"
    assert sorted(again) == [4, 6]  # the means at 4 are of the steps 3 and 4, as if there had been no stop
    for step, values in again.items():
        assert {k: v for k, v in values.items() if k != speed} == {k: v for k, v in scalars[step].items() if k != speed}


def test_the_best_weights_are_the_same_after_a_kill_between_them_and_the_next_checkpoint(config, monkeypatch):
    def judge(x, labels):
        return {"frechet_distance": 1 - x.std().item()}  # of samples: another number for any other weights

    judge.pixel_art = lambda x: {}
    monkeypatch.setattr("ddpm.evaluation.in_training.Judge", lambda data, cache: judge)

    def begin(name):
        trainer = make(dataclasses.replace(config, out=config.out.with_name(name)))
        return trainer, Evaluation(trainer.config, trainer.data)

    whole, evaluation = begin("whole")
    whole.train(Hooks(evaluate=evaluation))
    killed, evaluation = begin("killed")
    with pytest.raises(KeyboardInterrupt):
        killed.train(Hooks(evaluate=lambda *args: (evaluation(*args), stop_at(4)(*args))))
    best = killed.config.out / BEST_FILE
    assert read_safetensors(best)[1]["step"] == 4
    resumed, evaluation = begin("killed")
    assert resumed.resume().name == "step_00000003.safetensors"
    resumed.train(Hooks(evaluate=evaluation))
    assert best.read_bytes() == (whole.config.out / BEST_FILE).read_bytes()


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"step": 10**30}, "cannot be at step"),
        ({"step": -1}, "cannot be at step"),
        ({"skipped": 9}, "cannot be at step"),
        ({"step": "3"}, "step must be a whole number, got '3'"),
        ({"data": {}}, "sprites then None"),
        ({"more": 1}, "unknown setting 'more'"),
    ],
)
def test_a_checkpoint_that_says_what_cannot_be_is_refused(config, spoilt, words):
    train(make(config))
    path = checkpoints(config.out)[-1]
    tensors, about = read_safetensors(path)
    write_safetensors(path, tensors, about | spoilt)
    with pytest.raises(ValueError, match=words):
        make(config).resume()


def test_means_of_other_groups_are_refused():
    means = GroupMeans({"by": ["a", "b"]})
    for state in ({"by": torch.zeros(2, 3)}, {"by": torch.zeros(())}, {"of": torch.zeros(2, 2)}):
        with pytest.raises((ValueError, LookupError)):
            means.load_state_dict(state)
    means.load_state_dict({"by": torch.tensor([[3.0, 0.0], [2.0, 0.0]])})
    assert means.pop() == {"by/a": 1.5}


def test_what_the_trained_network_tells_is_filled_in_once(config):
    seen = []

    def finish(model, spec):
        seen.append(trainer.step)
        return dataclasses.replace(spec, style=Style(7, 0.5))

    pictures = lambda model, spec, step: seen.append(spec.style)
    for steps in (config.steps, config.steps, config.steps + 2):  # of a run, again after its end, and made longer
        trainer = make(dataclasses.replace(config, steps=steps))
        if seen:
            trainer.resume()
        seen.append("")
        trainer.train(Hooks(snapshot=pictures, finish=finish))
        assert load_model(config.out)[1].style == Style(7, 0.5)
    assert seen[-2:] == [config.steps + 2, Style(7, 0.5)]
    assert [step for step in seen if isinstance(step, int)] == [config.steps, config.steps, config.steps + 2]


def test_sprites_that_are_not_finite_are_not_judged(config, capsys):
    trainer = make(config)
    torch.nn.init.constant_(trainer.ema.model.head.bias, math.nan)
    evaluation = Evaluation(config, trainer.data)
    evaluation.judge = lambda x, labels: pytest.fail("judged")
    assert evaluation(trainer.ema.model, trainer.spec, 3) == {} and "not finite" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(config, capsys):
    whole = make(config)
    train(whole)
    older, newest = checkpoints(config.out)
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1  # one bit, in the weights
    newest.write_bytes(content)
    resumed = make(config)
    capsys.readouterr()
    assert resumed.resume() == older
    warning = capsys.readouterr().err
    assert "damaged" in warning and newest.name in warning and "the checkpoint before it" in warning
    assert checkpoints(config.out) == [older] and newest.with_suffix(".damaged").exists()
    train(resumed)
    assert equal(whole.model, resumed.model) and checkpoints(config.out) == [older, newest]
    for path in (older, newest):
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"no checkpoint of 2 in .* is whole"):
        make(config).resume()


@pytest.mark.parametrize("where", ["write", "sync"])
def test_a_full_disk_loses_neither_the_run_nor_its_checkpoints(config, capsys, monkeypatch, where):
    whole = make(config)
    train(whole)
    run = make(dataclasses.replace(config, out=config.out.with_name("full")))
    owner, name = {"write": (Path, "write_bytes"), "sync": (os, "fsync")}[where]
    real, full = getattr(owner, name), []

    def fails(*args):
        if run.step in (2, 3):
            full.append(run.step)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args)

    monkeypatch.setattr(owner, name, fails)
    train(run)
    assert full == [2, 3]  # where the early weights and a checkpoint were to be saved
    told = capsys.readouterr().err
    assert all(f"step {step} could not be written: [Errno 28] No space left" in told for step in full)
    assert [p.name for p in checkpoints(run.config.out)] == ["step_00000000.safetensors", "step_00000006.safetensors"]
    assert not list(run.config.out.rglob("*.part")) and equal(whole.model, run.model)


@pytest.mark.parametrize(
    ("change", "named"), [("pixel", "pixels then"), ("label", "labels then"), ("count", "sprites then")]
)
def test_other_data_is_not_resumed_with(config, change, named):
    train(make(config))
    images, labels = tiny_sprites(40, 8, 3)
    if change == "pixel":
        images[0, 2, 2, 0] ^= 1  # not one that moves it to the held-out side
    elif change == "label":
        labels[5] = 1 - labels[5]
    else:
        images, labels = images[:-1], labels[:-1]
    write_npy(config.data, images, labels)
    with pytest.raises(ValueError, match=f"not what the run began with: {named}"):
        make(config).resume()


def test_a_run_whose_prediction_an_earlier_version_chose_is_not_resumed_with_another(config):
    config = dataclasses.replace(config, palette="none")
    train(make(dataclasses.replace(config, diffusion=DiffusionConfig(prediction="v"))))
    with pytest.raises(ValueError, match=r"chose to predict v where this one predicts x0; go on .* by --from \S+/run"):
        make(config).resume()
    (config.out / "model.safetensors").unlink()  # without it none can tell
    assert make(config).resume().name == "step_00000006.safetensors"


def stop_at(step):
    def on_evaluate(model, spec, at):
        if at == step:
            raise KeyboardInterrupt

    return on_evaluate


def test_nothing_to_resume_is_an_error(config):
    with pytest.raises(ValueError, match="nothing to resume"):
        make(config).resume()


def test_a_step_whose_loss_is_not_finite_is_skipped_and_counted(config):
    trainer = make(config)
    trainer.diffusion = ExplodingLoss(trainer.diffusion, at={4})
    weights = []
    advance = trainer.advance

    def watched():
        norm = advance()
        weights.append([p.detach().clone() for p in trainer.model.parameters()])
        return norm

    trainer.advance = watched
    scalars, _ = train(trainer)
    same = [all(map(torch.equal, a, b)) for a, b in itertools.pairwise(weights)]
    assert same == [False, False, True, False, False]  # step 4 changed nothing
    assert [scalars[step]["train/skipped_steps"] for step in (2, 4, 6)] == [0, 1, 1]
    assert all(p.isfinite().all() for p in trainer.ema.model.parameters())
    resumed = make(config)
    resumed.resume()
    assert resumed.skipped == 1


def test_losses_that_stay_not_finite_stop_the_run_and_say_what_to_try(config):
    trainer = make(dataclasses.replace(config, steps=40))
    trainer.diffusion = ExplodingLoss(trainer.diffusion, at=range(4, 40))
    scalars = {}
    with pytest.raises(NonFiniteLoss, match=rf"step {4 + SKIPPED_MOST} .*--optim\.lr.*--resume"):
        trainer.train(Hooks(lambda step, values: scalars.setdefault(step, {}).update(values)))
    assert scalars[4 + SKIPPED_MOST]["train/skipped_steps"] == SKIPPED_MOST + 1
    assert all(p.isfinite().all() for p in trainer.model.parameters())


class ExplodingLoss:
    def __init__(self, diffusion, at):
        self.schedule, self.inner, self.at, self.calls = diffusion.schedule, diffusion, at, 0

    def loss(self, model, *args):
        loss = self.inner.loss(model, *args)
        if model.training:
            self.calls += 1
        return loss * math.inf if self.calls in self.at else loss


@pytest.mark.parametrize("channels", [pytest.param(3, marks=pytest.mark.slow), 4])
def test_a_model_overfits_four_sprites(tmp_path, channels):
    images, labels = tiny_sprites(4, 8, channels, seed=5)
    assert len(np.unique(images.reshape(4, -1), axis=0)) == 4
    config = Config(
        data=write_npy(tmp_path / "data", images, labels),
        out=tmp_path / "run",
        steps=150,
        val_fraction=0.0,
        model=ModelConfig((24, 24), 1, (1,)),
        optim=OptimConfig(batch=16, lr=6e-3, warmup=15, precision="fp32", ema=0.95),
        log=LogConfig(every=100, snapshot=1000, checkpoint=1000, evaluate=0),
    )
    trainer = make(config)
    train(trainer)
    model, spec = load_model(config.out)
    n = 10
    sprites = to_uint8(Sampler(model, spec, Sampling(steps=30)).per_category(1.0, n)[0])
    distance = np.abs(sprites[:, None].astype(int) - images[None]).mean((2, 3, 4))  # [20, 4]
    nearest = distance.argmin(1)
    assert (labels[nearest] == np.arange(2).repeat(n)).mean() >= 0.9  # context decides which pair is drawn
    assert np.median(distance.min(1)) < 6  # of 255
    assert len(set(nearest)) == 4  # each of the four is found
    told = ByHeart(config, trainer.data)(model, spec, 300)
    assert "of 100 sampled sprites are copies of training sprites: they are learnt by heart" in told
    others = write_npy(tmp_path / "others", 255 - images, labels)
    assert not ByHeart(config, load_data(others, DataConfig(val_fraction=0)))(model, spec, 300)
