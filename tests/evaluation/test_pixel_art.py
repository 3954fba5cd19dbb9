"""Colours, palettes and alpha of sprites worked by hand, and those of the shipped set."""

import numpy as np
import pytest
import torch
from conftest import ROOT

from ddpm.data.loading import load_data
from ddpm.data.tensors import to_tensor, to_uint8
from ddpm.evaluation.pixel_art import alpha_hardness, count_colours, on_palette, palette, palette_share

RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)


def sprite(*colours: tuple[int, int, int], size: int = 4) -> np.ndarray:
    """uint8 [1, size, size, 3] whose pixels take turns with the colours."""
    rows = np.arange(size * size) % len(colours)
    return np.array(colours, np.uint8)[rows].reshape(1, size, size, 3)


def with_alpha(images: np.ndarray, alpha: np.ndarray | int) -> np.ndarray:
    return np.concatenate([images, np.broadcast_to(np.uint8(alpha), (*images.shape[:-1], 1))], -1)


def wobbled(images: np.ndarray, std: float, seed: int = 0) -> np.ndarray:
    """The sprites as a network might give them: noise of that deviation on [-1, 1]."""
    x = to_tensor(images)
    return to_uint8(x + std * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)))


def test_colours_by_hand():
    images = np.concatenate([sprite(RED), sprite(RED, GREEN), sprite(RED, GREEN, BLUE)])
    assert count_colours(images).tolist() == [1, 2, 3]
    assert count_colours(images).dtype == np.int64
    assert count_colours(images[::-1, ::-1, ::-1]).tolist() == [3, 2, 1]


def test_a_shade_is_no_colour_of_its_own():
    assert count_colours(sprite((100, 100, 100), (104, 96, 100))).item() == 1  # steps 12; 13, 12, 12
    assert count_colours(sprite((103, 0, 0), (104, 0, 0))).item() == 1  # 12 and 13, though next to each other
    assert count_colours(sprite((96, 0, 0), (112, 0, 0))).item() == 2  # 12 and 14


def test_a_ramp_is_counted_from_its_most_frequent_colours():
    low, middle, high = (96, 0, 0), (104, 0, 0), (112, 0, 0)
    assert count_colours(sprite(low, middle, middle, high)).item() == 1  # the middle takes in both
    assert count_colours(sprite(low, low, middle, high, high)).item() == 2


def test_only_opaque_pixels_have_colours():
    images = sprite(RED, GREEN, BLUE, BLUE)
    alpha = np.where(images[..., 1:2] == 200, 0, 255)  # green is transparent
    assert count_colours(with_alpha(images, alpha)).item() == 2
    assert count_colours(with_alpha(images, 0)).item() == 0
    assert palette(with_alpha(images, alpha))[25, 2, 2] and not palette(with_alpha(images, alpha))[2, 25, 2]


def test_palette_is_the_colours_and_one_step_around():
    table = palette(np.concatenate([sprite(RED), sprite((0, 0, 255))]))
    assert table.shape == (32, 32, 32) and table.dtype == bool
    expected = np.zeros_like(table)
    expected[24:27, 1:4, 1:4] = True
    expected[0:2, 0:2, 30:32] = True
    assert (table == expected).all()


def test_palette_share_by_hand():
    table = palette(sprite(RED, GREEN))
    images = np.concatenate([sprite(RED), sprite(RED, GREEN), sprite(RED, BLUE), sprite(BLUE)])
    assert palette_share(images, table).tolist() == [1, 1, 0.5, 0]
    half = with_alpha(sprite(RED, RED, RED, BLUE), 255)
    half[0, :, :2, 3] = 0  # of the eight opaque pixels four are blue
    assert palette_share(half, table).item() == 0.5
    assert palette_share(with_alpha(sprite(BLUE), 0), table).item() == 1


def test_on_palette_forgives_one_pixel_in_twenty():
    table = palette(sprite(RED))
    images = np.repeat(sprite(RED, size=10), 2, 0)
    images[0, 0, :5] = BLUE
    images[1, 0, :6] = BLUE
    assert on_palette(images, table).tolist() == [True, False]


def test_shipped_sprites_are_pixel_art_and_stay_so_when_they_wobble():
    data = load_data(ROOT / "sprites")
    table = palette(data.sprites.images[data.train])
    held_out = data.sprites.images[data.val]
    assert 0.03 < table.mean() < 0.08
    assert on_palette(held_out, table).all() and (palette_share(held_out, table) == 1).all()
    assert count_colours(held_out).max() <= 16
    slightly, badly = wobbled(held_out, 0.01), wobbled(held_out, 0.1)
    assert on_palette(slightly, table).all() and not on_palette(badly, table).any()
    assert np.abs(count_colours(slightly) - count_colours(held_out)).mean() < 1
    assert count_colours(badly).mean() > 3 * count_colours(held_out).mean()


def test_another_set_is_off_the_palette():
    data = load_data(ROOT / "sprites")
    table = palette(data.sprites.images[data.train])
    random = np.random.default_rng(0).integers(0, 256, (50, 16, 16, 3), np.uint8)
    assert palette_share(random, table).mean() == pytest.approx(table.mean(), abs=0.01)
    assert not on_palette(random, table).any()


def test_alpha_hardness_by_hand():
    x = torch.zeros(3, 4, 2, 2)
    x[0, 3] = torch.tensor([[-1.0, 1], [1.2, -1.3]])  # beyond the range is as hard as at its end
    x[1, 3] = torch.tensor([[-1 + 0.12, 1 - 0.12], [-1 + 0.13, 1 - 0.13]])  # 1/16 of alpha is 1/8 here
    assert alpha_hardness(x).tolist() == [1, 0.5, 0]


def test_arguments_stay_as_they_are():
    images = with_alpha(sprite(RED, GREEN, BLUE), 255)
    before = images.copy()
    table = palette(images)
    kept = table.copy()
    count_colours(images), on_palette(images, table)
    assert (images == before).all() and (table == kept).all()
