"""Clips: which sprites are frames of one cycle, in each form of a folder, and a split that keeps them together."""

import numpy as np
import pytest
from conftest import ROOT, tiny_sprites, write_npy
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sprites.content import split
from sprites.draw.registry import CYCLES
from sprites.files import DataError
from sprites.loading import load_sprites
from sprites.writing.sprite_set import described, write_sprite_set

TILES, _ = tiny_sprites(20, 8, 4)
TILES[..., 3] = 255
TILES[:, 0, 0, 0] = np.arange(20)  # all different


def a_set(folder, cycles):
    folder.mkdir()
    write_sprite_set(folder, TILES, np.repeat([0, 1], [8, 12]), ("walk", "stand"))
    (folder / "sprites.toml").write_text(described(8, ("walk", "stand"), cycles))
    return folder


@pytest.mark.parametrize(
    "cycles, lengths",
    [
        ({"walk": 4}, [4, 4, *[1] * 12]),
        ({"walk": [5, 3], "stand": 6}, [5, 3, 6, 6]),
        ({"walk": [1, 7]}, [1, 7, *[1] * 12]),
    ],
)
def test_a_set_says_how_long_its_cycles_are(tmp_path, cycles, lengths):
    sprites = load_sprites(a_set(tmp_path / "set", cycles))
    assert np.array_equal(sprites.clips, np.repeat(np.arange(len(lengths)), lengths))
    assert load_sprites(a_set(tmp_path / "plain", {})).clips is None


@pytest.mark.parametrize(
    "cycles, words",
    [
        ("cycles = 4", "expected such as cycles = { walk = 4 }"),
        ("cycles = { run = 4 }", "'run', which is no category; the categories are walk, stand"),
        ("cycles = { walk = 3 }", "8 tiles that are not empty, and cycles of 3"),
        ("cycles = { walk = [4, 5] }", "8 tiles that are not empty, and cycles of 9 together"),
        ("cycles = { walk = 0 }", "no numbers of 1 to"),
        ("cycles = { walk = true }", "no numbers of 1 to"),
        ("cycles = { walk = [] }", "no numbers of 1 to"),
        ("cycles = { walk = 99999999999999999999 }", "no numbers of 1 to"),
        ("cycles = { walk = ['a'] }", "no numbers of 1 to"),
    ],
)
def test_cycles_that_cannot_be_are_told(tmp_path, cycles, words):
    toml = a_set(tmp_path / "set", {}) / "sprites.toml"
    toml.write_text(toml.read_text() + cycles)
    with pytest.raises(DataError, match=words):
        load_sprites(tmp_path / "set")


def test_an_npy_pair_may_have_an_array_of_clips(tmp_path):
    folder = write_npy(tmp_path / "pair", TILES, np.repeat([0, 1], [8, 12]))
    assert load_sprites(folder).clips is None
    np.save(folder / "clips.npy", np.repeat([7, 3, 5, 1], [4, 4, 4, 8]))
    assert load_sprites(folder).clips.tolist() == np.repeat([0, 1, 2, 3], [4, 4, 4, 8]).tolist()


@pytest.mark.parametrize(
    "clips, words",
    [
        (np.zeros(19, int), "expected integers \\[20\\]"),
        (np.zeros(20), "got float64"),
        (np.tile([0, 1], 10), "frames of clip 0 do not follow each other"),
        (np.zeros(20, int), "clip 0 is in two categories"),
    ],
)
def test_clips_of_a_pair_that_cannot_be_are_told(tmp_path, clips, words):
    folder = write_npy(tmp_path / "pair", TILES, np.repeat([0, 1], [8, 12]))
    np.save(folder / "clips.npy", clips)
    with pytest.raises(DataError, match=words):
        load_sprites(folder)


def test_animations_and_sub_folders_of_a_category_are_clips(tmp_path):
    home = tmp_path / "sprites" / "hero"
    (home / "walk").mkdir(parents=True)
    images = [Image.fromarray(tile) for tile in TILES]
    images[0].save(home / "a.png", save_all=True, append_images=images[1:4])
    images[4].save(home / "b.png")
    images[5].save(home / "c.png")
    for number, image in zip((1, 2, 10), images[6:9], strict=True):
        image.save(home / "walk" / f"walk{number}.png")
    sprites = load_sprites(tmp_path / "sprites", clips=True)
    assert sprites.clips.tolist() == [0, 0, 0, 0, 1, 2, 3, 3, 3]
    assert np.array_equal(sprites.images, TILES[:9, ..., :3])
    assert sprites.name(8) == "hero/walk/walk10.png" and not sprites.notes
    plain = load_sprites(tmp_path / "sprites")
    assert len(plain) == 6 and plain.clips is None and "read as the first frame" in plain.notes[0]


def test_the_shipped_set_has_walks():
    sprites = load_sprites(ROOT / "sprites")
    _, lengths = np.unique(sprites.clips, return_counts=True)
    walking = sprites.labels == sprites.categories.index("side_facing")
    assert sorted(set(lengths)) == [1, CYCLES["side_facing"]]
    assert (lengths[sprites.clips][walking] == 4).all() and (lengths[sprites.clips][~walking] == 1).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 5), st.floats(0, 0.9))
def test_a_split_keeps_clips_and_copies_together(contents, length, fraction):
    hashes = np.array([7**25 * (c + 1) % 2**64 for c in contents], np.uint64)
    clips = np.arange(len(hashes)) // length
    train, val = split(hashes, fraction, clips)
    assert sorted([*train, *val]) == list(range(len(hashes)))
    assert not set(clips[train]) & set(clips[val]) and not set(hashes[train]) & set(hashes[val])


def test_clips_are_held_out_as_often_as_stills():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 40_000, np.uint64)
    for length in (1, 4, 16):
        _, val = split(hashes, 0.1, np.arange(len(hashes)) // length)
        assert len(val) / len(hashes) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 * length / len(hashes)))
