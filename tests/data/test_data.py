"""Sprites as tensors and back, the order of samples, mirroring, and the split."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny_sprites, write_npy

from ddpm.config import DataConfig
from ddpm.data.loading import load_data
from ddpm.data.order import ShuffledOrder, generator, seed_of
from ddpm.data.tensors import to_tensor, to_uint8


def test_rgb_round_trip_is_exact_for_every_value():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, -1)
    x = to_tensor(images)
    assert x.shape == (1, 3, 16, 16)
    assert x.min() == -1 and x.max() == 1
    assert np.array_equal(to_uint8(x), images)


def test_rgba_with_hard_alpha_round_trips_exactly():
    images, _ = tiny_sprites(6, 8, 4)
    assert set(np.unique(images[..., 3])) == {0, 255}
    assert np.array_equal(to_uint8(to_tensor(images)), images)


def test_transparent_pixels_carry_no_colour():
    image = np.full((1, 8, 8, 4), 200, np.uint8)
    image[..., 3] = 0
    assert (to_tensor(image) == -1).all()


def test_half_transparent_colour_is_premultiplied():
    image = np.array([[[[200, 100, 0, 51]]]], np.uint8)
    expected = torch.tensor([200 * 0.2, 100 * 0.2, 0, 51]) / 127.5 - 1
    assert torch.allclose(to_tensor(image).flatten(), expected, atol=1e-6)


def test_export_has_only_hard_alpha_and_straight_colour():
    x = torch.tensor([0.0, -0.5, -1.0, 0.6]).view(1, 4, 1, 1)  # alpha 0.8, premultiplied colour 0.5, 0.25, 0
    assert to_uint8(x).flatten().tolist() == [round(255 * 0.5 / 0.8), round(255 * 0.25 / 0.8), 0, 255]
    x[:, 3] = -0.2
    assert to_uint8(x).flatten().tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("n, batch", [(7, 3), (4, 10), (5, 5)])
def test_order_visits_every_sample_once_an_epoch(n, batch):
    order = ShuffledOrder(n, seed=3)
    visited = torch.from_numpy(np.concatenate([order(start, batch) for start in range(0, n * batch, batch)]))
    for epoch in visited.split(n):
        assert epoch.sort().values.tolist() == list(range(n))
    assert len({tuple(e.tolist()) for e in visited.split(n)}) > 1


def test_order_depends_on_seed_and_position_alone():
    order = ShuffledOrder(11, seed=3)
    far = order(500, 6)
    order(0, 30)
    assert np.array_equal(far, ShuffledOrder(11, seed=3)(500, 6))
    assert not np.array_equal(ShuffledOrder(11, seed=4)(0, 11), ShuffledOrder(11, seed=3)(0, 11))


def test_seeds_of_neighbouring_numbers_differ():
    seeds = {seed_of(a, b, c) for a in range(4) for b in range(4) for c in range(4)}
    assert len(seeds) == 64


def test_only_named_categories_are_mirrored(npy_folder):
    data = load_data(npy_folder, DataConfig(mirror=("bar",)))
    labels = torch.from_numpy(data.sprites.labels)
    flips = data.flips(labels, generator(0))
    assert not flips[labels == 0].any()
    assert flips[labels == 1].any() and not flips[labels == 1].all()


def test_a_category_cannot_be_named_uncond(npy_folder):
    (npy_folder / "categories.json").write_text('["square", "uncond"]')
    with pytest.raises(ValueError, match="'uncond'"):
        load_data(npy_folder)


def test_a_category_named_star_is_only_that(tmp_path):
    folder = write_npy(tmp_path / "data", *tiny_sprites(40, 8, 3))
    (folder / "categories.json").write_text('["*", "bar"]')
    assert load_data(folder, DataConfig(mirror=("*",))).mirror.tolist() == [True, False]


def test_a_category_that_is_named_as_a_side_stays_when_it_is_mirrored(tmp_path):
    images, labels = tiny_sprites(8, 8, 3)
    folder = write_npy(tmp_path / "data", images, labels)
    (folder / "categories.json").write_text('["left", "front"]')
    sides = [f"{name},{i},{side}" for name in ("left", "front") for i, side in enumerate(("left", "right") * 2)]
    (folder / "tags.csv").write_text("\n".join(["category,index,side", *sides]))
    data = load_data(folder, DataConfig(tags=True, mirror=("front",)))
    assert data.turned.tolist() == [0, 1, 3, 2]


def test_unknown_name_in_mirror_is_refused(npy_folder):
    with pytest.raises(ValueError, match=r"'baz'.*square, bar"):
        load_data(npy_folder, DataConfig(mirror=("baz",)))


def test_copies_are_counted_and_never_on_both_sides(tmp_path):
    images, labels = tiny_sprites(60, 8, 3)
    folder = write_npy(tmp_path / "d", images[[*range(60)] * 3], labels[[*range(60)] * 3])
    data = load_data(folder, DataConfig(val_fraction=0.3))
    distinct = len(np.unique(images.reshape(60, -1), axis=0))
    assert data.duplicates == 180 - distinct
    train, val = ({x.tobytes() for x in data.sprites.images[rows]} for rows in (data.train, data.val))
    assert train and val and not train & val
    assert f"{data.duplicates} exact copies" in data.describe()


def test_the_validation_loss_is_of_sprites_of_all_categories(npy_folder, monkeypatch):
    data = load_data(npy_folder, DataConfig(val_fraction=0.5))
    x, contexts = data.validation()
    assert torch.equal(x, data.batch(data.val)[0]) and torch.equal(contexts, data.contexts(data.val))
    sorted_by_category = np.argsort(data.sprites.labels, kind="stable")
    monkeypatch.setattr("ddpm.data.collection.VALIDATION_MAX", 6)
    x, contexts = dataclasses.replace(data, val=sorted_by_category).validation()
    assert 4 <= len(x) <= 6 and contexts.any(0).all()


LARGE = """
import resource, sys
import numpy as np, torch
from ddpm.config import Config, ModelConfig, OptimConfig
from ddpm.data.loading import load_data
from ddpm.data.tensors import to_uint8
from ddpm.training.trainer import Trainer
from sprites.reading import npy_pair

npy_pair.IN_MEMORY = 2**26

def train(folder):
    data = load_data(folder)
    config = Config(model=ModelConfig((8,), 1, ()), optim=OptimConfig(batch=8, precision="fp32"))
    trainer = Trainer(config, data, torch.device("cpu"))
    for _ in range(5):
        trainer.advance()
    return data

train(sys.argv[1])  # what all of this needs by itself
used = 1024 * next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + 2**26, used + 2**26))
data = train(sys.argv[2])
assert isinstance(data.sprites.images, np.memmap) and data.sprites.images.nbytes > 2**27
assert np.array_equal(to_uint8(data.batch([7, 9])[0]), data.sprites.images[[7, 9]])
try:
    np.array(data.sprites.images)
except MemoryError:
    print("as promised")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory in use is read from /proc")
def test_a_set_larger_than_the_memory_is_trained_on_from_the_disk(tmp_path):
    small = write_npy(tmp_path / "small", *tiny_sprites(40, 64, 3))
    large = write_npy(tmp_path / "large", *tiny_sprites(2, 64, 3))
    rng, count = np.random.default_rng(0), 2**27 // (64 * 64 * 3) + 1000
    images = np.lib.format.open_memmap(large / "sprites.npy", "w+", np.uint8, (count, 64, 64, 3))
    for part in np.array_split(images, 50):
        part[:] = rng.integers(0, 256, part.shape, np.uint8)
    images.flush()
    np.save(large / "labels.npy", np.arange(count) % 2)
    result = subprocess.run([sys.executable, "-c", LARGE, small, large], capture_output=True, text=True, timeout=240)
    (large / "sprites.npy").unlink()
    assert result.stdout == "as promised\n", result.stderr
