"""Sprites of many looks are made of the artist's: what is changed, and what is not."""

import numpy as np
import pytest

from ddpm.data.tensors import to_tensor, to_uint8
from sprites.colour import oklab
from sprites.draw.output import draw_category
from sprites.draw.palette import COLOURS, DEEP, LIGHT, RAMPS
from sprites.endless import drawn, varied
from sprites.looks import in_many_looks, placed, recoloured


@pytest.fixture(scope="module")
def tiles():
    return draw_category("food", 200, 5)[0]


@pytest.mark.parametrize("size", [16, 24, 32])
def test_they_are_of_any_size_and_follow_the_seed(size):
    sprites, tags = varied(3, 100, size)
    assert sprites.images.shape == (100, size, size, 4) and sprites.clips is None
    assert np.array_equal(sprites.labels, tags.labels) and np.array_equal(sprites.labels, drawn(3, 100, 16)[0].labels)
    assert np.array_equal(varied(3, 100, size)[0].images, sprites.images)
    assert (varied(4, 100, size)[0].images != sprites.images).any((1, 2, 3)).mean() > 0.9


def test_they_become_tensors_and_are_the_same_again(tiles):
    images = in_many_looks(tiles, COLOURS, 16, 1)
    assert np.array_equal(to_uint8(to_tensor(images)), images)
    assert {0, 255} == {*np.unique(images[..., 3])}
    full = (images[..., 3] == 255).all((1, 2)).mean()
    assert 0.1 < full < 0.6  # some fill their square, as a wall does


def test_their_colours_are_of_all_hues_where_the_artist_has_few():
    tables = recoloured(np.random.default_rng(0), COLOURS, 500)
    assert not tables[:, 0].any() and (tables[:, 1:, 3] == 1).all()
    lab = oklab((tables[:, 1 + RAMPS["red"] + 1, :3] * 255).astype(np.uint8))
    strong = np.hypot(lab[:, 1], lab[:, 2]) > 0.05
    hue = np.arctan2(lab[strong, 2], lab[strong, 1])
    assert np.histogram(hue, 6, (-np.pi, np.pi))[0].min() > 0.05 * strong.sum()


def test_a_ramp_stays_one():
    """Outlines stay darker than lights, or shading would be lost."""
    tables = recoloured(np.random.default_rng(0), COLOURS, 500)[..., :3] @ (0.299, 0.587, 0.114)
    dark, light = ([ramp + tone for ramp in RAMPS.values()] for tone in (DEEP, LIGHT))
    assert (tables[:, dark] < tables[:, light]).mean() > 0.97


def test_what_is_not_turned_keeps_its_pixels(tiles):
    """A third of the sprites are whole pixels of their tile, mirrored and moved by at most one."""
    tables = np.repeat(COLOURS[None].astype(np.float32) / 255, len(tiles), 0)
    found = placed(np.random.default_rng(0), tiles, tables, 16)
    same = np.zeros(len(tiles), bool)
    for flip in (1, -1):
        for by in np.ndindex(3, 3):
            framed = np.pad(tiles[:, :, ::flip], ((0, 0), (1, 1), (1, 1)))
            moved = framed[:, by[0] : by[0] + 16, by[1] : by[1] + 16]
            same |= np.isclose(COLOURS[moved] / 255, found, atol=1e-6).all((1, 2, 3))
    assert 0.25 < same.mean() < 0.45
