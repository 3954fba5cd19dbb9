"""Colours worked by hand: OKLab, palettes of sets, nearest colours, few colours."""

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from sprites import colour
from sprites.files import DataError
from sprites.loading import load_sprites
from sprites.palettes import quantized, read_palette
from sprites.writing.png import indexed, save_pngs

RED, GREEN, BLUE, BLACK, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)


def table(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.array(colours, np.uint8)


def random_images(n: int = 3, channels: int = 4, seed: int = 0) -> np.ndarray:
    """uint8 [n, 8, 9, channels], alpha of all values."""
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 9, channels), np.uint8)


def test_oklab_of_known_colours():
    # The figures of Ottosson's page and of the CSS Color 4 samples, to their digits.
    expected = {
        WHITE: (1, 0, 0),
        BLACK: (0, 0, 0),
        RED: (0.62796, 0.22486, 0.12585),
        BLUE: (0.45201, -0.03246, -0.31153),
    }
    for rgb, lab in expected.items():
        np.testing.assert_allclose(colour.oklab(np.array(rgb, np.uint8)), lab, atol=2e-4)
    greys = colour.oklab(np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(256, 3))
    assert (np.diff(greys[:, 0]) > 0).all() and np.abs(greys[:, 1:]).max() < 1e-4


def test_distances_are_symmetric_and_nought_only_for_equals():
    colours = table(RED, GREEN, BLUE, BLACK, WHITE)
    apart = colour.distances(colours, colours)
    np.testing.assert_allclose(apart, apart.T)
    assert (np.diag(apart) == 0).all() and apart[~np.eye(5, dtype=bool)].min() > 0.2
    assert apart[3, 4] == pytest.approx(1, abs=1e-4)


def test_codes_and_colours_are_inverse():
    images = random_images()
    code = colour.codes(images)
    assert ((code >= 0) == (images[..., 3] >= 128)).all()
    np.testing.assert_array_equal(colour.colours_of(code[code >= 0]), images[images[..., 3] >= 128][:, :3])


def test_hexadecimals_there_and_back():
    colours = random_images(1, 3).reshape(-1, 3)
    np.testing.assert_array_equal(colour.from_hexadecimals(colour.hexadecimals(colours)), colours)
    assert colour.hexadecimals(table((209, 155, 98))) == ("d19b62",) and colour.hexadecimals(None) == ()


def test_the_palette_of_a_set_is_its_opaque_colours_or_none():
    images = np.zeros((2, 2, 2, 4), np.uint8)
    images[0, 0, 0], images[1, 1, 1], images[1, 0, 0] = (*RED, 255), (*BLUE, 128), (*GREEN, 127)
    np.testing.assert_array_equal(colour.palette_of(images), table(BLUE, RED))
    assert colour.palette_of(images, most=1) is None
    assert colour.palette_of(np.zeros((1, 2, 2, 4), np.uint8)) is None
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, -1)
    assert len(colour.palette_of(grey)) == 256


def test_parts_do_not_change_what_is_found(monkeypatch):
    images = random_images(20, 4, seed=5) // 64 * 64
    whole, kept = colour.palette_of(images), colour.keep_to(images, table(RED, WHITE))
    monkeypatch.setattr(colour, "PART", 100)
    np.testing.assert_array_equal(colour.palette_of(images), whole)
    np.testing.assert_array_equal(colour.keep_to(images, table(RED, WHITE)), kept)


def test_the_shipped_set_has_the_palette_of_its_artist():
    from sprites.draw.palette import COLOURS

    found = colour.palette_of(load_sprites(ROOT / "sprites").images)
    assert len(found) == 76
    assert set(map(bytes, found)) <= set(map(bytes, COLOURS[1:, :3]))


def test_nearest_is_the_one_with_the_least_distance():
    palette, rgb = random_images(1, 3, seed=1).reshape(-1, 3)[:17], random_images(2, 3, seed=2)
    expected = colour.distances(rgb.reshape(-1, 3), palette).argmin(1).reshape(rgb.shape[:-1])
    np.testing.assert_array_equal(colour.nearest(rgb, palette), expected)
    np.testing.assert_array_equal(colour.nearest(palette, palette), np.arange(17))


@pytest.mark.parametrize("channels", [3, 4])
def test_keeping_to_a_palette_keeps_what_is_there_and_hardens_alpha(channels):
    palette, images = table(RED, GREEN, BLACK), random_images(4, channels)
    kept = colour.keep_to(images, palette)
    assert kept.shape == images.shape and colour.keeps_to(kept, palette).all()
    np.testing.assert_array_equal(colour.keep_to(kept, palette), kept)
    if channels == 4:
        np.testing.assert_array_equal(kept[..., 3], 255 * (images[..., 3] >= 128))
        assert not kept[kept[..., 3] == 0].any()
    assert not colour.keeps_to(images, palette)[colour.opaque(images)].any()


def test_chosen_colours_are_those_that_are_there_if_they_are_few_enough():
    images = table(RED, GREEN, BLUE)[np.random.default_rng(0).integers(0, 3, (2, 8, 8))]
    np.testing.assert_array_equal(colour.chosen_palette(images, 8), table(BLUE, GREEN, RED))
    assert len(colour.chosen_palette(random_images(3, 3), 11)) == 11


def kept(pixels: np.ndarray, palette: np.ndarray, price: float, most: int | None = None) -> list[int]:
    square, apart = colour.squares(pixels, palette), colour.squares(palette, palette)
    return colour.fewer(square, apart, price, most).tolist()


def test_sureness_by_hand():
    palette = table((0, 0, 0), (100, 0, 0), (0, 200, 0))
    pixels = table((0, 0, 0), (50, 0, 0), (75, 0, 0), (0, 20, 0))
    sure = colour.sureness(colour.squares(pixels, palette), colour.squares(palette, palette))
    assert sure[0].tolist() == [np.inf, 1, 1] and sure[1, 1] == 0 and sure[2, 0] == 0.5 and sure[3, 2] == 0.8


def test_the_sureness_of_a_mean_is_that_of_its_probabilities():
    a, b = np.array([10.0, 200.0, 30.0]), np.array([90.0, 20.0, 250.0])
    for p in (0.5, 0.6, 0.9, 1.0):
        square = colour.squares((p * a + (1 - p) * b)[None], np.stack([a, b]))
        sure = colour.sureness(square, colour.squares(np.stack([a, b]), np.stack([a, b])))
        assert sure[0, 1] == pytest.approx(2 * p - 1)


def test_fewer_colours_by_hand():
    palette = table((0, 0, 0), (100, 0, 0), (0, 0, 200))
    pixels = table((0, 0, 0), (0, 0, 0), (70, 0, 0), (0, 0, 200), (0, 0, 200))
    assert kept(pixels, palette, 0.3) == [0, 1, 2]  # the pixel of 70 is sure of 100 by 0.4
    assert kept(pixels, palette, 0.5) == [0, 2]
    assert kept(pixels, palette, 2.0) == [0, 2]
    assert kept(pixels, palette, 9.0) in ([0], [2])
    assert kept(pixels, palette, 0.0, most=2) == [0, 2]
    assert kept(pixels, palette, 0.0, most=1) == [0]


def test_sure_pixels_keep_their_colours():
    palette = random_images(1, 3, seed=1).reshape(-1, 3)[:20]
    pixels = palette[np.random.default_rng(0).integers(0, 20, 300)]
    used = np.unique(colour.nearest(pixels, palette)).tolist()
    assert kept(pixels, palette, 0.99) == used
    for most in (1, 3, 7):
        assert len(kept(pixels, palette, 0.99, most)) == most


FILES = {
    "a.hex": "ff0000\n#0000ff\n\nff0000\n",
    "a.gpl": "GIMP Palette\nName: two\nColumns: 2\n# a comment\n255 0 0 red\n  0   0 255\tblue of the sea\n",
    "a.pal": "JASC-PAL\n0100\n2\n255 0 0\n0 0 255\n",
}


@pytest.mark.parametrize("name", FILES)
def test_palette_files(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    np.testing.assert_array_equal(read_palette(tmp_path / name), table(RED, BLUE))


def test_the_colours_of_a_picture_are_a_palette(tmp_path):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0], pixels[1, 1] = (*RED, 255), (*BLUE, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_palette(tmp_path / "a.png"), table(BLUE, RED))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("none.hex", None, "there is no such file"),
        ("a.hex", "red\n", "not a .hex palette"),
        ("a.hex", "ff00\n", "six hexadecimal digits in each line, as ff8800, got .ff00."),
        ("a.hex", "", "0 colours"),
        ("a.gpl", "255 0 0\n", "expected 'GIMP Palette'"),
        ("a.gpl", "", "expected 'GIMP Palette'"),
        ("a.gpl", "GIMP Palette\n256 0 0\n", "0 to 255"),
        ("a.gpl", "GIMP Palette\n1 2\n", "three numbers"),
        ("a.pal", "RIFF\n", "expected 'JASC-PAL'"),
        ("a.pal", "JASC-PAL\n0100\n1\nred\n", "not a .pal palette"),
        ("a.txt", "ff0000\n", "not a palette"),
        ("a.png", "ff0000\n", "a.png"),
        ("many.hex", "".join(f"{i:06x}\n" for i in range(257)), "257 colours"),
    ],
)
def test_what_is_no_palette_is_told_in_one_line(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said) as error:
        read_palette(tmp_path / name)
    assert name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("colours", [3, 76, 256])
def test_indexed_pictures_are_exact(tmp_path, channels, colours):
    rng = np.random.default_rng(colours)
    palette = colour.colours_of(rng.choice(2**24, colours, replace=False))
    images = colour.keep_to(rng.integers(0, 256, (2, 8, 9, channels), np.uint8), palette)
    save_pngs(tmp_path, images, ["a/0", "a/1"], palette)
    for i, image in enumerate(images):
        with Image.open(tmp_path / f"a/{i}.png") as picture:
            assert picture.mode == "P" and ("transparency" in picture.info) == (channels == 4)
            np.testing.assert_array_equal(np.asarray(picture.convert("RGBA" if channels == 4 else "RGB")), image)
            if colours + (channels == 4) <= 256:  # the palette itself, in its order, so that all files share it
                start = int(channels == 4)
                found = np.array(picture.getpalette()[: 3 * (colours + start)]).reshape(-1, 3)[start:]
                np.testing.assert_array_equal(found, palette)


def test_what_has_no_indices_is_refused():
    with pytest.raises(ValueError, match="alpha of 0 or 255"):
        indexed(np.full((2, 2, 4), 100, np.uint8), table(RED))
    many = colour.colours_of(np.arange(257)).reshape(1, 257, 3)
    with pytest.raises(ValueError, match="257 colours"):
        indexed(many, table(RED))


def test_orphans_and_their_settling_by_hand():
    index = np.zeros((4, 5), np.int64)
    index[0], index[1, 2], index[3, 4] = -1, 1, 2  # a transparent row, an orphan within and one in a corner
    assert np.argwhere(colour.orphans(index)).tolist() == [[1, 2], [3, 4]]
    sure = np.full((4, 5, 3), 1.0)
    sure[1, 2, 0], sure[3, 4, 0] = 0.2, 0.5
    assert np.argwhere(colour.settled(index, sure, 0.3, 0.0) != 0).tolist() == [*[[0, x] for x in range(5)], [3, 4]]
    assert (colour.settled(index, sure, 0.6, 0.0)[1:] == 0).all()
    assert (colour.settled(index, sure, 0.1, 0.0) == index).all()
    one_of_fifteen = colour.settled(index, sure, 0.6, 1 / 15)  # the surer one may stay
    assert one_of_fifteen[1, 2] == 0 and one_of_fifteen[3, 4] == 2
    assert (index[1, 2], index[3, 4]) == (1, 2)


def test_settling_leaves_no_orphan_that_is_unsure():
    rng = np.random.default_rng(3)
    sure = rng.random((12, 12, 5))
    index = np.where(rng.random((12, 12)) < 0.2, -1, rng.integers(0, 5, (12, 12)))
    for price in (0.1, 0.5, 2.0):
        after = colour.settled(index, sure, price, 0.0)
        beside = np.stack(colour.sides(colour.framed(after)), -1)
        assert ((after < 0) == (index < 0)).all()
        for y, x in np.argwhere(colour.orphans(after)):
            assert all(sure[y, x, c] >= price for c in beside[y, x] if c >= 0)


def test_pillows_way_has_so_many_colours_each():
    images = random_images(3, 4)
    few = quantized(images, 5)
    assert colour.count_colours(few).max() <= 5
    np.testing.assert_array_equal(few[..., 3], 255 * (images[..., 3] >= 128))
