"""Sprites that are drawn while training goes on: the same at every place, apart from what is held out, bounded."""

import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, tiny_sprites
from scipy.optimize import brentq

from ddpm.config import Config, DataConfig, LogConfig, ModelConfig, OptimConfig
from ddpm.data import stream
from ddpm.data.collection import SpriteData
from ddpm.data.loading import load_data
from ddpm.data.order import VOLUMES, seed_of
from ddpm.data.stream import CHOICE, Endless, drawn_to_judge, preferred, stream_of
from ddpm.training.trainer import Trainer
from sprites.content import content_hashes
from sprites.draw.output import draw_category
from sprites.draw.palette import COLOURS
from sprites.draw.registry import CATEGORIES
from sprites.endless import GENERATORS, drawn
from sprites.loading import Sprites
from sprites.tags import Tags, facet_of


def tiny(seed: int, count: int, size: int) -> tuple[Sprites, Tags]:
    images, labels = tiny_sprites(count, size, 3, seed)
    colours = facet_of(tuple("dark" if image.min() < 45 else "" for image in images))
    shapes = facet_of(tuple(("square", "bar")[label] for label in labels))
    names = ("square", "bar")
    return Sprites(images, labels, names, Path("tiny")), Tags({"colour": colours, "shape": shapes}, labels, names)


@pytest.fixture
def data(npy_folder, monkeypatch):
    monkeypatch.setattr(stream, "VOLUME", 24)
    monkeypatch.setitem(GENERATORS, "tiny", tiny)
    return load_data(npy_folder, DataConfig(val_fraction=0.3, palette="none"))


def endless(data, seed=5, hold_out=(), passes=1, rare=0.0, **how):
    config = SimpleNamespace(endless="tiny", seed=seed, hold_out=hold_out, passes=passes, rare=rare)
    return Endless(data, config, 8, 0, **how)


def seen(source, step):
    volume, rows = source(step)
    return volume.sprites.take(rows)


def test_a_place_has_the_same_sprites_however_it_is_reached(data):
    source = endless(data)
    there = [seen(source, step) for step in range(1, 11)]
    for place in (9, 0, 4, 3):
        assert np.array_equal(seen(endless(data), place + 1), there[place])
        assert np.array_equal(seen(source, place + 1), there[place])
    assert not np.array_equal(seen(endless(data, seed=6), 1), there[0])
    assert not np.array_equal(there[0], there[3])  # of the next volume


def test_within_a_volume_every_sprite_is_seen_once(data):
    source = endless(replace(data, val=data.val[:0]))
    rows = np.concatenate([source(step)[1] for step in (1, 2, 3)])
    assert sorted(rows) == list(range(24))


def test_a_volume_is_gone_through_as_often_as_asked(data):
    source = endless(replace(data, val=data.val[:0]), passes=3)
    rows = np.concatenate([source(step)[1] for step in range(1, 10)]).reshape(3, 24)
    assert all(sorted(one) == list(range(24)) for one in rows) and len({one.tobytes() for one in rows}) == 3
    assert source.number == 0 and source(10) and source.number == 1


def counted(images, labels, tags, clips=None):
    """A volume of tags by their numbers."""
    flags = torch.nn.functional.one_hot(torch.tensor(tags)).bool()
    facets = {"n": tuple(str(n) for n in range(flags.shape[1]))}
    sprites = Sprites(images, labels, ("a", "b"), Path("counted"), clips=clips)
    every, none = np.arange(len(labels)), np.empty(0, np.int64)
    return SpriteData(sprites, every, none, torch.zeros(2).bool(), content_hashes(images), facets, flags)


def test_rare_tags_are_seen_more_often_in_each_category_as_many():
    n = 3000
    images, labels = np.random.default_rng(0).integers(0, 256, (n, 2, 2, 3), np.uint8), np.arange(n) % 2
    tags = np.where(np.arange(n) % 30 < 2, 1, 0)  # of each category 1 in 15
    data = counted(images, labels, tags)

    def expected(chance):
        """Of Exp(1) / chance those below x are taken: 1 - exp(-chance x) of the rare, 1 - exp(-x) of the 14 times as
        many others, together a third."""
        x = brentq(lambda x: (1 - np.exp(-x * chance) + 14 * (1 - np.exp(-x))) / 15 - 1 / 3, 0, 9)
        return (1 - np.exp(-x * chance)) / 5

    for rare in (0.0, 0.5, 1.0):
        found = preferred(data, rare, seed=3).train
        assert len(set(found)) == len(found) == n // CHOICE and np.bincount(labels[found]).tolist() == [500, 500]
        assert abs(tags[found].mean() - expected(14**rare)) < 0.03, rare


def test_the_frames_of_a_clip_stay_together():
    n = 600
    images, clips = np.random.default_rng(0).integers(0, 256, (n, 2, 2, 3), np.uint8), np.arange(n) // 4
    data = counted(images, np.zeros(n, np.int64), (np.arange(n) == 17).astype(int), clips)  # of one frame of clip 4
    found = preferred(data, 1.0, seed=3)
    assert len(found.cycles) == n // 4 // CHOICE and 16 in found.cycles[:, 0] and set(range(16, 20)) <= set(found.train)


def test_what_is_held_out_is_never_seen(data):
    free = endless(data)
    known = free.stream.data
    held = replace(data, hashes=np.concatenate([data.hashes, known.hashes[:9]]), val=np.arange(40, 49))
    hidden = {image.tobytes() for image in known.sprites.images[:9]}
    assert hidden & {image.tobytes() for step in (1, 2, 3) for image in seen(free, step)}
    source = endless(held)
    assert not hidden & {image.tobytes() for step in range(1, 13) for image in seen(source, step)}


def test_what_judges_learn_from_is_neither_trained_on_nor_held_out(data):
    config = SimpleNamespace(endless="tiny", seed=5, hold_out=(), passes=1, rare=0.0)
    for_judges = drawn_to_judge(data, config, seed=5, count=60)
    learnt = set(for_judges.hashes[for_judges.train].tolist())
    trained = {h for number in range(3) for h in endless(data).volume(number).hashes.tolist()}
    assert len(learnt) > 50 and not learnt & (trained | set(data.hashes[data.val].tolist()))
    assert for_judges.vocabulary == data.vocabulary


def test_tags_that_are_held_out_are_never_seen_together(data):
    facets = {"colour": ("dark",), "shape": ("bar", "square")}
    tagged = replace(data, facets=facets, flags=torch.zeros(len(data.sprites), 3, dtype=torch.bool))
    counts = {}
    for hold_out in ((), ("colour=dark shape=bar",)):
        source = endless(tagged, hold_out=hold_out)
        contexts = torch.cat([volume.contexts(rows) for volume, rows in map(source, range(1, 21))])
        dark, bar = contexts[:, 2], contexts[:, 3]
        assert torch.equal(bar, contexts[:, 1]) and torch.equal(contexts[:, 4], contexts[:, 0])
        counts[hold_out] = (dark * bar).sum().item(), bar.sum().item()
    (together, _), (never, others) = counts.values()
    assert together > 0 and never == 0 and others > 0


def test_colours_are_brought_to_those_of_the_data(data):
    palette = np.array([[0, 0, 0], [200, 200, 200], [255, 255, 255]], np.uint8)
    source = endless(replace(data, palette=palette))
    colours = np.unique(source.stream.data.sprites.images.reshape(-1, 3), axis=0)
    assert {tuple(c) for c in colours} <= {tuple(c) for c in palette}


def test_one_volume_is_kept(data):
    source = endless(data)
    first = weakref.ref(source(1)[0].sprites.images)
    source(4)
    assert first() is None


def test_processes_that_draw_ahead_change_nothing(monkeypatch):
    monkeypatch.setattr(stream, "VOLUME", 200)
    data = load_data(ROOT / "sprites", DataConfig(tags=True))
    config = Config(endless="drawn", seed=3, hold_out=("kind=fish colour=red",))
    ahead, plain = (Endless(data, config, 80, 0, ahead=count) for count in (1, 0))
    for step in (1, 2, 3, 4, 5):
        assert np.array_equal(seen(ahead, step), seen(plain, step))
    ahead.close()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"categories": ("bar", "square")}, "square, bar in 3 channels; the data has bar, square in 3"),
        ({"images": np.zeros((40, 8, 8, 4), np.uint8)}, "has square, bar in 4"),
    ],
)
def test_a_generator_of_other_sprites_is_refused(data, change, words):
    with pytest.raises(ValueError, match=words):
        endless(replace(data, sprites=replace(data.sprites, **change)))


def test_a_resumed_run_ends_as_one_that_was_not_stopped(data, tmp_path):
    def trainer(name: str, steps: int) -> Trainer:
        config = Config(
            out=tmp_path / name,
            endless="none",
            steps=9,
            model=ModelConfig((8,), 1, ()),
            optim=OptimConfig(batch=8, precision="fp32"),
            log=LogConfig(evaluate=0),
        )
        made = Trainer(config, data, torch.device("cpu"))
        made.batches.stream = endless(data)
        if steps < 9:
            while made.step < steps:
                made.advance()
            made.save()
        return made

    trainer("stopped", 4)
    resumed, whole = trainer("stopped", 9), trainer("whole", 9)
    resumed.resume()
    assert resumed.step == 4
    for made in (resumed, whole):
        while made.step < 9:
            made.advance()
    for a, b in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_artist_draws_without_end_what_it_draws_for_a_set():
    sprites, tags = drawn(3, 50, 16)
    assert sprites.images.shape == (60, 16, 16, 4) and sprites.categories == CATEGORIES  # whole walks of four
    assert np.bincount(sprites.labels).tolist() == [12] * 5
    for number, category in enumerate(CATEGORIES):
        tiles, answers = draw_category(category, 12, 3, lambda: None)
        rows = np.flatnonzero(sprites.labels == number)
        assert np.array_equal(sprites.images[rows], COLOURS[tiles])
        assert [{k: v or "" for k, v in tags.row(row).items()} for row in rows] == answers
    assert drawn(3, 20, 32)[0].size == 32
    with pytest.raises(ValueError, match="16 or 32 pixels, not of 24"):
        drawn(3, 20, 24)


def test_the_shipped_set_gives_all_that_the_artist_says_a_name(monkeypatch):
    monkeypatch.setattr(stream, "VOLUME", 1000)
    data = load_data(ROOT / "sprites", DataConfig(tags=True))
    volume, _ = stream_of(data, Config(endless="drawn", tags=True), 64, 0)(1)
    _, tags = drawn(seed_of(0, VOLUMES, 0), stream.VOLUME, 16)
    said = sum((facet.codes >= 0).sum() for name, facet in tags.facets.items() if name != "accessory")
    width = len(data.facets["accessory"])
    accessory = list(data.facets).index("accessory")
    before = sum(len(values) for values in list(data.facets.values())[:accessory])
    others = torch.cat([volume.flags[:, :before], volume.flags[:, before + width :]], 1)
    assert others.sum().item() == said
    assert set(map(tuple, np.unique(volume.sprites.images[volume.sprites.images[..., 3] > 0][:, :3], axis=0))) <= set(
        map(tuple, data.palette)
    )
