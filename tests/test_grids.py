import numpy as np
import pytest

from ddpm.grids import checkerboard, columns_for, guidance_labels, labelled_grid, on_checkerboard, upscale


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
