"""Picture grids, pixel by pixel, and their labels."""

import numpy as np
import pytest
import torch
from PIL import ImageFont

from ddpm.diffusion.guidance import guidance_labels
from ddpm.show.fonts import label_font, lacking
from ddpm.show.grids import (
    PAPER,
    checkerboard,
    columns_for,
    drawn,
    labelled_grid,
    left_out,
    on_checkerboard,
    tiled,
    upscale,
)


def test_upscale_repeats_pixels():
    image = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    big = upscale(image, 3)
    assert big.shape == (1, 6, 6, 3)
    assert np.array_equal(big[:, 1::3, 2::3], image)
    assert (big[0, :3, :3] == image[0, 0, 0]).all()


def test_transparent_shows_the_board_and_opaque_hides_it():
    image = np.full((1, 8, 8, 4), (10, 20, 30, 255), np.uint8)
    image[0, :, 4:, 3] = 0
    shown = on_checkerboard(image, 2)
    assert (shown[0, :, :4] == (10, 20, 30)).all()
    assert np.array_equal(shown[0, :, 4:], checkerboard(8, 8, 2)[:, 4:])
    assert len(np.unique(checkerboard(8, 8, 2).reshape(-1, 3), axis=0)) == 2


@pytest.mark.parametrize("count, columns, gap", [(1, 1, 2), (1, 3, 10), (3, 3, 2), (5, 2, 3)])
def test_tiles_lie_row_by_row_with_paper_between_and_none_around(count, columns, gap):
    tiles = torch.arange(count * 3 * 4 * 5, dtype=torch.uint8).view(count, 3, 4, 5)
    rows, across = -(-count // columns), min(count, columns)
    expected = torch.full((3, rows * (4 + gap) - gap, across * (5 + gap) - gap), PAPER, dtype=torch.uint8)
    for k, tile in enumerate(tiles):
        y, x = k // columns * (4 + gap), k % columns * (5 + gap)
        expected[:, y : y + 4, x : x + 5] = tile
    assert torch.equal(tiled(tiles, columns, gap), expected)


def test_rgb_is_left_alone():
    image = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    assert np.array_equal(on_checkerboard(image), image)


@pytest.mark.parametrize("channels", [3, 4])
def test_every_sprite_stands_in_its_cell_unblurred(channels):
    rng = np.random.default_rng(1)
    cells = rng.integers(0, 256, (2, 3, 1, 8, 8, channels), np.uint8)
    if channels == 4:
        cells[..., 3] = 255
    picture = np.asarray(labelled_grid(cells, ["hero", "food"], guidance_labels([0, 1.5, 2]), factor=2))
    found = []
    for cell in upscale(cells[..., :3], 2).reshape(6, 16, 16, 3):
        windows = np.lib.stride_tricks.sliding_window_view(picture, (16, 16, 3))[:, :, 0]
        places = np.argwhere((windows == cell).all((2, 3, 4)))
        assert len(places) == 1
        found.append(tuple(places[0]))
    rows, columns = sorted({y for y, _ in found}), sorted({x for _, x in found})
    assert found == [(y, x) for y in rows for x in columns] and len(rows) == 2 and len(columns) == 3
    assert (picture[:, : columns[0]] < 100).any() and (picture[: rows[0]] < 100).any()  # ink of the labels


def test_columns_make_full_rows_where_they_can():
    assert [columns_for(n) for n in (1, 2, 3, 4, 6, 7, 8, 9, 12, 16)] == [1, 2, 3, 2, 3, 3, 4, 3, 4, 4]


def test_guidance_labels_are_short():
    assert guidance_labels([0.0, 1.5, -2.0]) == ["s = 0", "s = 1.5", "s = -2"]


def test_a_picture_of_very_many_sprites_shows_the_first():
    assert drawn((2, 4, 100, 16, 16, 4)) == (2, 4, 100) and not left_out((2, 4, 100, 16, 16, 4))
    assert drawn((2, 4, 10_000, 16, 16, 4)) == (2, 4, 24**2)
    assert left_out((2, 4, 10_000, 16, 16, 4)) == "the first 576 of 10000 sprites of each cell"
    assert left_out((1000, 70, 8, 16, 16, 4)) == "the first 71 of 1000 rows, 1 of 8 sprites of each cell"
    cells = np.broadcast_to(np.uint8(9), (1, 2, 10**6, 64, 64, 3))
    picture = labelled_grid(cells, ["hero"], guidance_labels([0, 1]))
    assert 2**23 < picture.width * picture.height <= 2**24


def test_sprites_that_are_not_done_leave_paper():
    cells = np.full((1, 1, 4, 8, 8, 3), 9, np.uint8)
    one = labelled_grid(cells, [""], [""], done=np.array([[[False, False, True, False]]]))
    all_ = labelled_grid(cells, [""], [""])
    dark = [(np.asarray(p) == 9).all(-1) for p in (one, all_)]
    assert one.size == all_.size and dark[0].sum() * 4 == dark[1].sum() == 4 * 48**2
    assert dark[0][-58:-10, :].sum() == 48**2  # the third is in the second row


def test_labels_have_letters_of_many_languages_and_codes_for_the_rest(capsys):
    assert label_font(["hero", "s = 1"])[0].getname()[0] == ImageFont.load_default(size=14).getname()[0]
    font, labels = label_font(["Käse", "groß é", "Жук ωλ", "e\u0301", "s = 1"])
    assert font.getname()[0] == "DejaVu Sans" and not lacking(font, "äßéЖукωλ")
    assert labels == ["Käse", "groß é", "Жук ωλ", "é", "s = 1"] and not capsys.readouterr().err
    for _ in range(2):
        _, labels = label_font(["英雄 hero", "hero"])
    assert labels == ["[U+82F1 U+96C4] hero", "hero"]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "英 雄" in told[0] and "U+82F1" in told[0]  # once


def test_a_long_label_is_seen_whole():
    cells = np.zeros((1, 1, 1, 8, 8, 3), np.uint8)
    picture = np.asarray(labelled_grid(cells, ["Ж" * 40], [""]))
    ink = (picture < 100).all(-1).any(0).nonzero()[0]
    assert ink[0] >= 5
