"""Training that starts from a trained model: what is taken over, what starts anew, and how fast each learns."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import tiny_sprites, write_npy

from ddpm.config import Config, DataConfig, DiffusionConfig, LogConfig, ModelConfig, OptimConfig, StudentConfig
from ddpm.data.augmentation import margins, shifted
from ddpm.data.loading import load_data
from ddpm.runs.folder import check_same
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.runs.transfer import model_like, take_over
from ddpm.training.optim import NAMED
from ddpm.training.trainer import Hooks, Trainer, spec_for

PALETTE = ("000000", "c02010", "e0d0c0", "10a040")
TAGS = {"kind": ("axe", "bow"), "colour": ("red", "blue")}
SPEC = ModelSpec(
    16, 4, ("hero", "food"), ModelConfig((16, 24), 1, (1,)), DiffusionConfig(), facets=TAGS, palette=PALETTE
)


def network(spec, seed):
    """Of random weights, in every layer."""
    torch.manual_seed(seed)
    model = spec.build().eval().requires_grad_(False)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=max(1, p[0].numel()) ** -0.5)
    return model


def numbers(spec, **changes):
    """The same, but that colours are numbers."""
    return replace(spec, palette=(), diffusion=DiffusionConfig(), **changes)


def taken(spec, start=SPEC):
    model, other = network(spec, 1), network(start, 2)
    return model, other, take_over(model, spec, other, start)


def test_of_a_like_model_all_is_taken():
    model, other, found = taken(SPEC)
    for (name, a), b in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name
    assert found.about.startswith("100% of the parameters are taken over, 6 of 6 categories and tags")
    assert "anew" not in found.about


def test_a_wider_network_takes_all():
    wide, start = (replace(SPEC, model=replace(SPEC.model, widths=w)) for w in ((32, 64), (16, 32)))
    model, other, found = taken(wide, start)
    share = sum(p.numel() for p in other.parameters()) / sum(p.numel() for p in model.parameters())
    assert found.about == (
        f"{share:.0%} of the parameters are taken over, 6 of 6 categories and tags by name; made wider, from 16 32"
    )
    assert found.growth == taken(start, start)[2].growth  # that of what was there, whatever is added
    assert model.head.weight[:, 16:].eq(0).all() and torch.equal(model.head.weight[:, :16], other.head.weight)


def test_categories_and_tags_are_taken_by_their_names():
    spec = replace(SPEC, categories=("spell", "food", "hero"), facets={"colour": ("blue", "green"), "kind": ("bow",)})
    model, other, found = taken(spec)
    before = network(spec, 1)
    x, t = torch.randn(3, 4, 16, 16), torch.tensor([7, 400, 900])

    def context(spec, *names):
        rows = [(f, v) for f, values in spec.vocabulary.items() for v in values]
        return torch.tensor([[float(row in names) for row in rows]]).expand(3, -1)

    # Facets are tokens, of which the order does not matter: a red bow of food is the same to both.
    asked = ("category", "food"), ("kind", "bow"), ("colour", "blue")
    got, wanted = (m(x, t, context(s, *asked)) for m, s in ((model, spec), (other, SPEC)))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    place = list(spec.categories).index("spell")
    assert torch.equal(model.embed_context.weight[:, place], before.embed_context.weight[:, place])
    assert "4 of 6 categories and tags by name" in found.about


def test_names_that_differ_in_case_only_are_told():
    _, _, found = taken(replace(SPEC, categories=("Hero", "food", "spell")))
    (note,) = found.notes
    assert note.startswith("category=Hero is not taken for the category=hero of the model") and "rename" in note
    assert taken(replace(SPEC, categories=("hero", "HERO")))[2].notes == ()


def test_a_start_of_another_size_is_doubted():
    large = numbers(SPEC, size=32, model=model_like(ModelConfig(), 32, SPEC))
    (note,) = taken(large)[2].notes
    assert note == "the model that is started from makes sprites of 16x16, not 32x32; from nothing may come nearer"
    assert taken(SPEC)[2].notes == ()


def test_each_colour_begins_as_the_nearest_one():
    near = ("e0d1c0", "c02012", "000000")
    spec = replace(SPEC, palette=near)
    model, other, _ = taken(spec)
    order = [0, 3, 2, 1]  # transparent, and the colours of PALETTE that these are nearest to
    assert torch.equal(model.head.weight, other.head.weight[order])
    assert torch.equal(model.head.bias, other.head.bias[order])
    opaque = replace(spec, channels=3)
    model, other, _ = taken(opaque)
    assert torch.equal(model.head.bias, other.head.bias[order[1:]])


@pytest.mark.parametrize("here, there", [(3, 4), (4, 3)])
def test_channels_that_both_have_are_taken(here, there):
    spec, start = (numbers(SPEC, channels=c) for c in (here, there))
    model, other, found = taken(spec, start)
    assert torch.equal(model.stem.weight[:, :3], other.stem.weight[:, :3])
    assert ("head" in found.about) == (here > there)
    if here < there:
        assert torch.equal(model.head.weight, other.head.weight[:3])


@pytest.mark.parametrize("like", [lambda spec: spec, numbers], ids=["colours", "numbers"])
def test_in_patches_each_place_has_its_own_output(like):
    spec = like(replace(SPEC, model=replace(SPEC.model, patch=2)))
    model, other, found = taken(spec, spec)
    assert found.about.startswith("100% of the parameters") and "anew" not in found.about
    fewer = replace(spec, channels=3)
    model, other, found = taken(fewer, spec)
    has, its = model.head.weight.unflatten(0, (-1, 4)), other.head.weight.unflatten(0, (-1, 4))
    assert torch.equal(has, its[1:] if spec.palette else its[:3])  # transparent is the first of colours
    assert torch.equal(model.stem.weight, other.stem.weight[:, :12])


def test_a_head_that_tells_another_thing_starts_anew():
    spec = numbers(SPEC)
    model, _, found = taken(spec)
    assert torch.equal(model.head.weight, network(spec, 1).head.weight)
    assert f"head ({model.head.weight.numel() + 4:,} of its parameters)" in found.about


@pytest.mark.parametrize(("its", "ours"), [("colours", "x0"), ("x0", "x0"), ("v", "v")])
def test_numbers_are_predicted_as_the_start_predicts_them(tmp_path, its, ours):
    start = replace(SPEC, diffusion=DiffusionConfig(prediction=its))
    folder = write_npy(tmp_path / "data", *tiny_sprites(40, 16, 4))

    def predicted(palette, kind="auto"):
        config = Config(diffusion=DiffusionConfig(prediction=kind))
        return spec_for(config, load_data(folder, DataConfig(palette=palette)), start).prediction

    assert predicted("none") == ours and predicted("none", "eps") == "eps"
    assert predicted("auto") == "colours"


def test_larger_sprites_get_a_level_above_and_smaller_ones_lose_it():
    large = numbers(SPEC, size=32, model=model_like(ModelConfig(), 32, SPEC))
    assert large.model.widths == (ModelConfig.FINE, 16, 24) and large.model.attention == (2,)
    model, other, found = taken(large, numbers(SPEC))
    assert torch.equal(model.down[2][0][0].conv1.weight, other.down[1][0][0].conv1.weight)
    assert torch.equal(model.down[1][0][0].conv2.weight, other.down[0][0][0].conv2.weight)
    assert torch.equal(model.up[0][0][0].conv1.weight, other.up[0][0][0].conv1.weight)
    assert "down.0.0.0.conv1.weight" not in found.kept and "up.2.0.0.conv1.weight" not in found.kept
    small = model_like(ModelConfig(), 16, large)
    assert small.widths == (16, 24) and small.attention == (1,)
    back, _, _ = taken(numbers(SPEC, model=small), large)
    assert torch.equal(back.down[1][0][0].conv1.weight, network(large, 2).down[2][0][0].conv1.weight)


@pytest.mark.parametrize(("widths", "whole"), [((16, 24), True), ((8, 24), False)])
def test_a_pointer_is_taken_as_a_whole_or_not_at_all(widths, whole):
    clips = replace(SPEC, model=replace(SPEC.model, frames=4))
    spec = replace(clips, model=replace(clips.model, widths=widths))
    model, other, found = taken(spec, clips)
    ours, theirs, fresh = (m.pointer.state_dict() for m in (model, other, network(spec, 1)))
    expected = theirs if whole else fresh
    assert all(torch.equal(ours[name], expected[name]) for name in expected if name != "levels")
    assert ("pointer (" in found.about) == (not whole)


def test_convolutions_stay_of_the_kind_that_they_are_in_the_start():
    separable = replace(SPEC, model=replace(SPEC.model, separable=(0,)))
    assert model_like(ModelConfig(), 16, separable).separable == (0,)
    assert model_like(ModelConfig(separable=(0,)), 16, SPEC).separable == ()
    large = numbers(SPEC, size=32, model=model_like(ModelConfig(), 32, separable))
    assert large.model.separable == (1,)
    model, other, _ = taken(large, numbers(separable))
    assert torch.equal(model.down[1][0][0].conv2[0].weight, other.down[0][0][0].conv2[0].weight)
    assert model_like(ModelConfig(), 16, large).separable == (0,)


def test_what_is_named_stays_and_what_is_left_open_is_as_in_the_start():
    assert model_like(ModelConfig(), 16, SPEC).widths == (16, 24)
    assert model_like(ModelConfig(widths=(8, 8, 8)), 16, SPEC).widths == (8, 8, 8)
    assert model_like(ModelConfig(attention=()), 16, SPEC).attention == ()
    folded = replace(SPEC, size=64, model=model_like(ModelConfig(), 64, SPEC))
    assert folded.model.patch == 2 and folded.model.widths == (ModelConfig.FINE, 16, 24)


@pytest.fixture
def start(tmp_path):
    """A model file, and settings of a run that starts from it."""
    folder = write_npy(tmp_path / "data", *tiny_sprites(60, 16, 4))
    data = load_data(folder, DataConfig(val_fraction=0.3))
    spec = replace(SPEC, categories=data.sprites.categories, palette=tuple(bytes(c).hex() for c in data.palette))
    spec = replace(spec, facets={}, style=data.style)
    save_model(tmp_path / "start.safetensors", network(spec, 3), spec, 5)
    return data, Config(
        start=tmp_path / "start.safetensors",
        out=tmp_path / "run",
        steps=6,
        optim=OptimConfig(batch=8, precision="fp32", warmup=0),
        log=LogConfig(evaluate=0, validate=2),
    )


def test_training_starts_with_the_weights_of_the_other(start):
    data, config = start
    trainer = Trainer(config, data, torch.device("cpu"))
    other, _ = load_model(config.start)
    x, t, context = torch.randn(2, 4, 16, 16), torch.tensor([3, 700]), torch.eye(2)
    assert torch.equal(trainer.model.eval()(x, t, context), other(x, t, context))


def test_kept_weights_learn_at_their_own_rate(start):
    data, config = start
    config = replace(config, optim=replace(config.optim, kept_rate=1e-9, weight_decay=0.0))
    spec = numbers(load_model(config.start)[1])
    save_model(config.start, network(spec, 3), spec, 5)
    trainer = Trainer(config, data, torch.device("cpu"))
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    for _ in range(3):
        trainer.advance()
    moved = {n for n, p in trainer.model.named_parameters() if not torch.allclose(p, before[n], rtol=0, atol=1e-6)}
    assert moved == {"head.weight", "head.bias"}


def test_each_learns_at_its_rate(start):
    """As optim.kept_rate says, and hidden convolutions as many times faster as they are larger than new ones."""
    data, config = start
    other, spec = load_model(config.start)
    for m in other.hidden:
        m.weight *= 5
    save_model(config.start, other, replace(spec, categories=("hero", "bow")), 5)
    trainer = Trainer(replace(config, optim=replace(config.optim, kept_rate=0.5)), data, torch.device("cpu"))
    peaks = {
        p.data_ptr(): g["peak"]
        for part in trainer.optimizers.parts.values()
        for g in part.param_groups
        for p in g["params"]
    }
    model, optim, growth = trainer.model, config.optim, trainer.taken.growth
    assert growth > 1
    assert {peaks[m.weight.data_ptr()] for m in model.hidden} == {0.5 * growth * optim.muon_lr}
    assert peaks[model.embed_context.weight.data_ptr()] == NAMED * optim.lr
    assert {peaks[p.data_ptr()] for p in (model.stem.weight, model.head.bias, model.norm.weight)} == {0.5 * optim.lr}


def test_a_resumed_run_ends_as_one_that_was_not_stopped(start):
    data, config = start
    config = replace(config, patience=5)

    def run(out, stop):
        trainer = Trainer(replace(config, out=out), data, torch.device("cpu"))
        if stop:
            while trainer.step < stop:
                trainer.advance()
                if trainer.step % 2 == 0:
                    trainer.kept.offer(trainer.ema.model, trainer.validation_loss(), trainer.step, 5)
            trainer.save()
            trainer = Trainer(replace(config, out=out), data, torch.device("cpu"))
            trainer.resume()
        trainer.train()
        return trainer

    whole, stopped = run(config.out, 0), run(config.out.parent / "stopped", 3)
    for a, b in zip(whole.model.parameters(), stopped.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert (whole.kept.step, whole.kept.loss) == (stopped.kept.step, stopped.kept.loss)


def test_training_stops_when_the_loss_on_held_out_sprites_rises_and_keeps_the_lowest(start, monkeypatch):
    data, config = start
    config = replace(config, steps=40, patience=2)
    losses = iter([5.0, 3.0, 4.0, 3.5, 1.0, 1.0])
    weights = {}
    trainer = Trainer(config, data, torch.device("cpu"))

    def loss():
        weights[trainer.step] = trainer.ema.model.head.weight.clone()
        return next(losses)

    monkeypatch.setattr(trainer, "validation_loss", loss)
    assert trainer.train() is None
    assert trainer.step == 8 and trainer.kept.step == 4
    model, _ = load_model(config.out)
    assert torch.equal(model.head.weight, weights[4]) and not torch.equal(model.head.weight, weights[8])
    again = Trainer(config, data, torch.device("cpu"))
    again.resume()
    assert again.train() is None and again.step == 8  # it was enough then, and is now


def test_training_stops_when_sprites_are_learnt_by_heart_and_keeps_what_was_before(start):
    data, config = start
    trainer = Trainer(replace(config, steps=40, copies=4), data, torch.device("cpu"))
    weights = {}

    def by_heart(model, spec, step):
        weights[step] = model.head.weight.clone()
        return "by heart" if step == 12 else ""

    assert trainer.train(Hooks(by_heart=by_heart)) is None
    assert list(weights) == [4, 8, 12] and trainer.step == 12
    model, _ = load_model(config.out)
    assert torch.equal(model.head.weight, weights[8]) and not torch.equal(model.head.weight, weights[12])


def test_a_student_is_no_start(start):
    data, config = start
    spec = load_model(config.start)[1]
    spec = replace(spec, student=StudentConfig((0, 3, 4, 5), 8))
    save_model(config.start, network(spec, 3), spec, 1)
    with pytest.raises(ValueError, match="is a student"):
        Trainer(config, data, torch.device("cpu"))


def test_the_number_of_steps_follows_that_of_the_sprites(start):
    data, config = start
    counts = {n: Config(steps=0).for_data(n, False).steps for n in (1, 8, 64, 512, 10_000)}
    assert counts == {1: 50, 8: 50, 64: 200, 512: 800, 10_000: 3000}
    assert Config(steps=7).for_data(100, False).steps == 7
    trainer = Trainer(replace(config, steps=0), data, torch.device("cpu"))
    assert trainer.config.steps == math.ceil(12.5 * len(data.train) ** (2 / 3)) > 50


def test_the_start_follows_what_is_predicted():
    """A head of colours is worth most where colours are predicted; no other model that comes along knows tags."""
    auto, x0 = Config(start=Path("auto")), DiffusionConfig(prediction="x0")
    chosen = {
        (has_palette, config.tags): str(config.for_data(100, has_palette).start)
        for config in (auto, replace(auto, tags=True))
        for has_palette in (True, False)
    }
    assert chosen == {
        (True, False): "shipped",
        (False, False): "base",
        (True, True): "shipped",
        (False, True): "shipped",
    }
    assert replace(auto, diffusion=x0).for_data(100, True).start == Path("base")
    assert Config().for_data(100, True).start is None
    assert Config(start=Path("runs/mine")).for_data(100, True).start == Path("runs/mine")


def test_a_start_that_was_chosen_is_the_same_when_a_run_goes_on():
    before = Config(start=Path("base"))
    check_same(before, Config(start=Path("auto")))
    with pytest.raises(ValueError, match="start was base, now shipped"):
        check_same(before, Config(start=Path("shipped")))
    with pytest.raises(ValueError, match="start was None, now auto"):
        check_same(Config(), Config(start=Path("auto")))


def test_a_moved_sprite_is_whole():
    x = torch.full((3, 4, 16, 16), -1.0)
    x[0, :, 3:9, 0:5] = torch.rand(4, 6, 5)
    x[1, :, 6:8, 6:8] = 0.5
    assert margins(x).tolist() == [[3, 7, 0, 11], [6, 8, 6, 8], [16, 16, 16, 16]]
    for u in torch.linspace(0, 0.999, 7):
        y = shifted(x, u.expand(3, 2), 2)
        assert torch.equal(y.flatten(1).sort(1).values, x.flatten(1).sort(1).values)
        assert torch.equal(y[2], x[2])
    least, most = (shifted(x, torch.full((3, 2), u), 2) for u in (0.0, 0.999))
    assert torch.equal(least[0], x[0].roll((-2, 0), (1, 2))) and torch.equal(most[0], x[0].roll((2, 2), (1, 2)))
    assert torch.equal(least[1], x[1].roll((-2, -2), (1, 2))) and torch.equal(most[1], x[1].roll((2, 2), (1, 2)))


def test_every_move_is_as_likely():
    x = torch.full((6000, 3, 8, 8), 1.0)
    x[:, :, 3, 4] = 0
    y = shifted(x, torch.rand(6000, 2, generator=torch.Generator().manual_seed(0)), 1)
    where = (y[:, 0] == 0).flatten(1).long().argmax(1).bincount(minlength=64).view(8, 8)
    assert where.sum() == 6000 and (where[2:5, 3:6] > 500).all()
