"""Images brought to size, their ground taken away, masks, and new colours for the same areas."""

import numpy as np
import pytest
from PIL import Image

from sprites.colour import codes, hardened, oklab
from sprites.files import DataError
from sprites.originals import brought_to, read_mask, recoloured, without_ground
from sprites.reading.image import read_rgba

INK, PAPER = (20, 30, 40, 255), (250, 250, 250, 255)


def drawing(size: int = 16, ground=PAPER) -> np.ndarray:
    """A ring of ink with paper inside it too, on paper: uint8 [size, size, 4]."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    r = np.hypot(y, x) / size
    return np.where(((r > 0.2) & (r < 0.4))[..., None], np.array(INK), np.array(ground)).astype(np.uint8)


def test_ground_goes_but_not_what_is_inside():
    pixels = drawing()
    out, count = without_ground(pixels)
    clear = out[..., 3] == 0
    assert count == clear.sum() > 0 and clear[0, 0] and not clear[8, 8]
    assert np.array_equal(out[~clear], pixels[~clear]) and not out[clear].any()


def test_ground_that_is_none_stays():
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    noise[..., 3] = 255
    plain = np.full((16, 16, 4), 255, np.uint8)
    for pixels in (noise, plain, drawing(ground=(0, 0, 0, 0)), out_of_frame()):
        assert without_ground(pixels)[1] == 0 and without_ground(pixels)[0] is pixels


def out_of_frame() -> np.ndarray:
    """Of which a third of the edge has another colour."""
    pixels = drawing()
    pixels[:, :4] = INK
    return pixels


def test_alpha_is_made_hard():
    alpha = np.array([0, 1, 127, 128, 254, 255], np.uint8)
    pixels = np.concatenate([np.full((1, 6, 3), 9, np.uint8), alpha[None, :, None]], -1)
    out, moved = hardened(pixels)
    assert out[0, :, 3].tolist() == [0, 0, 0, 255, 255, 255] and moved == 4
    assert out[0, :, 0].tolist() == [0, 0, 0, 9, 9, 9]


@pytest.mark.parametrize(
    "shape, how, words",
    [
        ((12, 9), None, "add --fit pad"),
        ((64, 64), None, "enlarged 4 times: add --fit nearest"),
        ((50, 70), None, "--fit box"),
        ((20, 20), "pad", "--fit pad only adds"),
    ],
)
def test_another_size_is_told_with_what_would_do(tmp_path, shape, how, words):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 4), np.uint8)
    if shape == (64, 64):
        pixels = drawing().repeat(4, 0).repeat(4, 1)
    with pytest.raises(DataError, match=words) as error:
        brought_to(tmp_path / "x.png", pixels, 16, how)
    assert f"{shape[1]}x{shape[0]} pixels" in str(error.value) and "x.png" in str(error.value)


def test_each_way_to_fit():
    small, large = drawing(10), drawing(64)
    padded = brought_to("", small, 16, "pad")
    assert np.array_equal(padded[3:13, 3:13], small) and padded[..., 3].sum() == small[..., 3].sum()
    assert np.array_equal(brought_to("", large, 16, "crop"), large[24:40, 24:40])
    assert np.array_equal(brought_to("", drawing().repeat(4, 0).repeat(4, 1), 16, "nearest"), drawing())
    assert np.array_equal(brought_to("", drawing().repeat(4, 0).repeat(4, 1), 16, "box"), drawing())


def saved(path, mode: str, pixels: np.ndarray):
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def test_masks_are_light_or_opaque(tmp_path):
    wanted = np.zeros((16, 16), bool)
    wanted[:5, 3:] = True
    light = np.where(wanted, 255, 0).astype(np.uint8)
    clear = np.stack([0 * light, 0 * light, 0 * light, light], -1)
    files = [saved(tmp_path / "g.png", "L", light), saved(tmp_path / "1.png", "1", light)]
    Image.fromarray(clear).save(tmp_path / "a.png")
    for path in (*files, tmp_path / "a.png"):
        assert np.array_equal(read_mask(path, {path: (16, 16)}, 16, None), wanted), path
    for path, words in ((saved(tmp_path / "0.png", "L", 0 * light), "marks no pixel"), (files[0], "as large as")):
        with pytest.raises(DataError, match=words):
            read_mask(path, {tmp_path / "image.png": (16, 16) if words[0] == "m" else (8, 8)}, 16, None)


def test_new_colours_keep_the_areas():
    rng = np.random.default_rng(0)
    for colours, size in ((6, 6), (6, 30), (9, 4)):
        own, palette = rng.integers(0, 256, (2, 30, 3), np.uint8)
        pixels = np.concatenate(
            [own[:colours][rng.integers(0, colours, (16, 16))], np.full((16, 16, 1), 255, np.uint8)], -1
        )
        pixels[0] = 0
        out = recoloured(pixels, palette[:size])
        assert np.array_equal(out[..., 3], pixels[..., 3]) and not out[0].any()
        pairs = set(zip(codes(pixels[1:]).ravel().tolist(), codes(out[1:]).ravel().tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == colours, "one colour each"
        assert len({b for _, b in pairs}) == (colours if colours <= size else len({b for _, b in pairs}))
        assert {b for _, b in pairs} <= set(codes(palette[:size]).tolist())


def test_a_palette_in_another_order_changes_nothing():
    pixels = read_rgba_of_shipped()
    palette = np.unique(pixels[pixels[..., 3] > 0][:, :3], axis=0)
    assert np.array_equal(recoloured(pixels, palette[::-1]), pixels)
    assert oklab(palette).shape == palette.shape


def read_rgba_of_shipped() -> np.ndarray:
    from conftest import ROOT

    return np.array(read_rgba(ROOT / "sprites" / "hero.png")[:16, :16])
