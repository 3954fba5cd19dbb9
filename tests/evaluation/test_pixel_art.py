"""Colours, palettes and alpha of sprites worked by hand, and those of the shipped set."""

import numpy as np
import pytest
import torch
from conftest import ROOT

from ddpm.data.loading import load_data
from ddpm.data.tensors import to_tensor, to_uint8
from ddpm.evaluation.pixel_art import (
    alpha_hardness,
    blacks,
    chroma,
    count_colours,
    greys,
    holes,
    near_colours,
    orphans,
    palette_share,
    parts,
    summary,
)

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


def test_only_opaque_pixels_have_colours():
    images = sprite(RED, GREEN, BLUE, BLUE)
    alpha = np.where(images[..., 1:2] == 200, 0, 255)  # green is transparent
    assert count_colours(with_alpha(images, alpha)).item() == 2
    assert count_colours(with_alpha(images, 0)).item() == 0


def test_near_colours_by_hand():
    near = (204, 20, 20)
    images = np.concatenate([sprite(RED, GREEN), sprite(RED, near), sprite(RED, near, GREEN), sprite(RED)])
    assert near_colours(images).tolist() == [0, 2, 2, 0]
    many = np.random.default_rng(0).integers(0, 256, (1, 20, 20, 3), np.uint8)
    assert near_colours(many).item() == count_colours(many).item() > 256


def test_orphans_by_hand():
    images = np.repeat(sprite(RED), 4, 0)
    images[1, 1, 2] = BLUE  # one of sixteen, in the middle
    images[2, 0, 0] = images[2, 3, 3] = BLUE  # two, in corners
    images[3, 1, 1:3] = BLUE  # a pair
    assert orphans(images).tolist() == [0, 1 / 16, 1 / 8, 0]
    board = sprite(RED, GREEN, size=5)  # a chessboard
    assert orphans(board).item() == 1
    clear = with_alpha(images, 255)
    clear[..., 3] = 0
    assert orphans(clear).tolist() == [0, 0, 0, 0]
    clear[:, 1, 1, 3] = 255
    assert orphans(clear).tolist() == [1, 1, 1, 1]  # a pixel alone has no neighbour to equal
    hidden = with_alpha(sprite(RED), 255)
    hidden[0, 0, 1, 3] = hidden[0, 1, 0, 3] = 0  # red too, but not seen
    assert orphans(hidden).item() == pytest.approx(1 / 14)


def test_palette_share_by_hand():
    table = np.array([RED, GREEN], np.uint8)
    images = np.concatenate([sprite(RED), sprite(RED, GREEN), sprite(RED, BLUE), sprite((201, 20, 20))])
    assert palette_share(images, table).tolist() == [1, 1, 0.5, 0]
    half = with_alpha(sprite(RED, RED, RED, BLUE), 255)
    half[0, :, :2, 3] = 0  # of the eight opaque pixels four are blue
    assert palette_share(half, table).item() == 0.5
    assert palette_share(with_alpha(sprite(BLUE), 0), table).item() == 1


def test_tones_by_hand():
    night, stone = (31, 0, 9), (80, 100, 90)  # black, grey: 20 of 255 between the channels
    images = np.concatenate([sprite(night, stone), sprite(RED, stone, stone, night), sprite(night), sprite((32, 0, 9))])
    assert blacks(images).tolist() == [0.5, 0.25, 1, 0]
    assert greys(images).tolist() == [1, pytest.approx(2 / 3), 0, 0]
    assert greys(sprite((80, 101, 90))).item() == 0
    assert chroma(images).tolist() == pytest.approx([20 / 255, (180 + 20 + 20) / 3 / 255, 0, 32 / 255])
    clear = with_alpha(images, np.where((images == night).all(-1, keepdims=True), 0, 255))
    assert blacks(clear).tolist() == [0, 0, 0, 0]  # what is not seen does not count
    assert chroma(clear).tolist() == chroma(images).tolist() and greys(clear).tolist() == greys(images).tolist()


def drawn(*rows: str) -> np.ndarray:
    """uint8 [1, H, W, 4]: red where there is a mark."""
    seen = np.array([[mark != "." for mark in row] for row in rows])[None, ..., None]
    return with_alpha(np.broadcast_to(np.uint8(RED), (*seen.shape[:3], 3)), np.where(seen, 255, 0))


def test_holes_and_parts_by_hand():
    ring = drawn(".###.", ".#.#.", ".###.")
    assert holes(ring).item() == pytest.approx(1 / 9) and parts(ring).item() == 1
    diamond = drawn("..#..", ".#.#.", "..#..")  # closed, since what is clear does not leak diagonally
    assert holes(diamond).item() == pytest.approx(1 / 5) and parts(diamond).item() == 1
    gap = drawn(".###.", ".#.#.", ".#.#.")
    assert holes(gap).item() == 0
    specks = drawn("#..#.", "....#", "#....")
    assert holes(specks).item() == 0 and parts(specks).item() == 3
    together = np.concatenate([ring, diamond, specks, np.zeros_like(ring)])
    assert holes(together).tolist() == pytest.approx([1 / 9, 1 / 5, 0, 0])
    assert parts(together).tolist() == [1, 1, 3, 0]  # each by itself


def test_shipped_sprites_are_pixel_art_and_no_longer_when_they_wobble():
    data = load_data(ROOT / "sprites")
    held_out = data.sprites.images[data.val]
    found = summary(held_out, data.palette)
    assert 11 <= found["colours"] <= 12 and found["in_palette"] == 1 and 0.2 < found["orphans"] < 0.23
    assert count_colours(held_out).max() <= 16
    spoilt = summary(wobbled(held_out, 0.03), data.palette)
    assert spoilt["colours"] > 100 and spoilt["in_palette"] < 0.01 and spoilt["orphans"] > 0.99
    assert found.keys() - summary(held_out, np.empty((0, 3), np.uint8)).keys() == {"in_palette"}


def test_alpha_hardness_by_hand():
    x = torch.zeros(3, 4, 2, 2)
    x[0, 3] = torch.tensor([[-1.0, 1], [1.2, -1.3]])  # beyond the range is as hard as at its end
    x[1, 3] = torch.tensor([[-1 + 0.12, 1 - 0.12], [-1 + 0.13, 1 - 0.13]])  # 1/16 of alpha is 1/8 here
    assert alpha_hardness(x).tolist() == [1, 0.5, 0]


def test_arguments_stay_as_they_are():
    images = with_alpha(sprite(RED, GREEN, BLUE), 255)
    table = np.array([RED], np.uint8)
    before, kept = images.copy(), table.copy()
    summary(images, table)
    assert (images == before).all() and (table == kept).all()
