"""Files of Aseprite, read as the program shows them; broken ones refused in one line, in bounded memory."""

import struct
import zlib

import aseprites as ase
import numpy as np
import pytest

from sprites.files import DataError
from sprites.prepare.aseprite.blending import MODES, lay_over
from sprites.prepare.aseprite.document import Slice, Tag
from sprites.prepare.aseprite.file import MAX_CHUNKS, read_aseprite

RNG = np.random.default_rng(0)


def random(h: int = 8, w: int = 8, each: int = 4) -> np.ndarray:
    return RNG.integers(0, 256, (h, w, each), np.uint8)


def hard(h: int = 8, w: int = 8) -> np.ndarray:
    pixels = random(h, w)
    pixels[..., 3] = 255 * (pixels[..., 3] > 100)
    return pixels


def read(tmp_path, frames, **how):
    (tmp_path / "a.aseprite").write_bytes(ase.aseprite(frames, **how))
    return read_aseprite(tmp_path / "a.aseprite")


def over(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    return np.where(above[..., 3:] > 0, above, below)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two pictures look the same: colour under alpha 0 does not count."""
    return bool(((a == b).all(-1) | ((a[..., 3] == 0) & (b[..., 3] == 0))).all())


def test_frames_durations_tags_and_slices(tmp_path):
    one, two = hard(), hard()
    about = [
        ase.tags(("walk", 0, 1, 0), ("turn", 1, 2, 3), ("beyond", 1, 9, 0)),
        ase.slices("head", (0, -1, 2, 3, 4), flags=3),
    ]
    found = read(tmp_path, [[ase.layer(), ase.cel(one), *about], [ase.cel(two, raw=True)], [ase.link(0)]])
    assert same(found.frames, np.stack([one, two, one]))
    assert found.durations == (100, 101, 102)
    assert found.tags == (Tag("walk", 0, 1, "forward"), Tag("turn", 1, 2, "pingpong_reverse"))
    assert found.slices == (Slice("head", 0, -1, 2, 3, 4),)
    assert found.transparent is None and found.palette.shape == (0, 3)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-3, 2), (5, -4), (20, 0), (-9, -9)])
def test_cels_lie_at_their_place_and_end_at_the_edge(tmp_path, x, y):
    pixels = random(6, 7)
    found = read(tmp_path, [[ase.layer(), ase.cel(pixels, x=x, y=y)]]).frames[0]
    wide = np.zeros((64, 64, 4), np.uint8)
    wide[16 + y : 22 + y, 16 + x : 23 + x] = pixels
    assert same(found, wide[16:24, 16:24])


def test_only_layers_that_are_shown_with_all_their_groups_are_merged(tmp_path):
    pixels = [hard() for _ in range(5)]
    layers = [
        ase.layer("hidden group", flags=0, kind=1),
        ase.layer("inner group", kind=1, level=1),
        ase.layer("in both", level=2),
        ase.layer("back at the top"),
        ase.layer("hidden", flags=0),
        ase.layer("reference", flags=65),
    ]
    found = read(tmp_path, [[*layers, *(ase.cel(p, at) for p, at in zip(pixels, (2, 3, 4, 5), strict=False))]])
    assert same(found.frames[0], pixels[1])


def test_the_order_of_cels_follows_their_z(tmp_path):
    a, b, c = hard(), hard(), hard()
    layers = [ase.layer() for _ in range(3)]
    found = read(tmp_path, [[*layers, ase.cel(a, 0, z=2), ase.cel(b, 1), ase.cel(c, 2, z=-1)]])
    assert same(found.frames[0], over(over(c, b), a))  # b and c are at 1, and z of c is less


def test_opacity_of_layer_cel_and_group_multiply(tmp_path):
    white = np.full((8, 8, 4), 255, np.uint8)
    frames = [[ase.layer(kind=1, opacity=128), ase.layer(level=1, opacity=128), ase.cel(white, 1, opacity=128)]]
    assert (read(tmp_path, frames, flags=3).frames[..., 3] == 32).all()
    assert (read(tmp_path, frames, flags=1).frames[..., 3] == 64).all()  # that of groups does not count
    assert (read(tmp_path, frames, flags=0).frames[..., 3] == 128).all()


def test_indexed_grey_and_their_transparent_index(tmp_path):
    palette = random(1, 20)[0]
    palette[:, 3] = 255
    index = RNG.integers(0, 20, (8, 8, 1), np.uint8)
    back = ase.layer(flags=1 | 8)
    for layer, clear in ((back, False), (ase.layer(), True)):
        found = read(tmp_path, [[ase.palette(palette), layer, ase.cel(index)]], depth=8, transparent=3)
        expected = palette[index[..., 0]]
        expected[clear & (index[..., 0] == 3)] = 0
        assert same(found.frames[0], expected)
        assert (found.palette == palette[:, :3]).all() and found.transparent == 3
    grey = random(8, 8, 2)
    assert same(read(tmp_path, [[ase.layer(), ase.cel(grey)]], depth=16).frames[0], grey[..., [0, 0, 0, 1]])


def test_old_palettes_count_where_there_is_no_new_one_and_later_ones_from_their_frame_on(tmp_path):
    index = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    old, new = random(1, 4, 3)[0], random(1, 4)[0]
    new[:, 3] = 255

    def colours(*chunks: bytes, more: tuple[bytes, ...] = ()) -> np.ndarray:
        frames = [[*chunks, ase.layer(flags=9), ase.cel(index)], [*more, ase.link(0)]]
        return read(tmp_path, frames, width=2, height=2, depth=8).frames.reshape(2, 4, 4)[..., :3]

    assert (colours(ase.old_palette(old)) == old).all()
    assert (colours(ase.old_palette(old // 4, 0x0011))[0] == (old // 4).astype(int) * 255 // 63).all()
    assert (colours(ase.palette(new), ase.old_palette(old)) == new[:, :3]).all()
    later = new[[3, 2]]
    first, second = colours(ase.palette(new), more=(ase.palette(later, 2),))
    assert (first == new[:, :3]).all() and (second[:2] == new[:2, :3]).all() and (second[2:] == later[:, :3]).all()


@pytest.mark.parametrize("turned", range(8))
def test_tiles_of_a_tilemap_are_turned_and_flipped(tmp_path, turned):
    tiles = np.stack([np.zeros((4, 4, 4), np.uint8), hard(4, 4), hard(4, 4)])
    numbers = np.array([[1 | turned << 29, 2], [0, 1]], np.uint32)
    found = read(tmp_path, [[ase.tileset(tiles), ase.layer(kind=2), ase.tilemap(numbers)]]).frames[0]
    tile = tiles[1].swapaxes(0, 1) if turned & 1 else tiles[1]
    tile = tile[::-1] if turned & 2 else tile
    tile = tile[:, ::-1] if turned & 4 else tile
    assert (
        same(found[:4, :4], tile) and same(found[:4, 4:], tiles[2]) and same(found[4:], np.hstack([tiles[0], tiles[1]]))
    )


def test_blending_of_opaque_pixels_is_that_of_the_formulas():
    """Worked by hand for below (0.2, 0.6, 1) and above (0.8, 0.4, 0.2), in 255ths."""
    expected = {
        1: (41, 61, 51), 2: (214, 194, 255), 4: (51, 102, 51), 5: (204, 153, 255), 8: (173, 122, 102),
        3: (82, 133, 255), 6: (255, 255, 255), 7: (0, 0, 255), 10: (153, 51, 204), 11: (173, 133, 204),
        16: (255, 255, 255), 17: (0, 51, 204), 18: (64, 255, 255),
    }  # fmt: skip
    for mode, colour in expected.items():
        below = np.array([[[51, 153, 255, 255]]], np.uint8)
        lay_over(below, np.array([[[204, 102, 51, 255]]], np.uint8), 255, mode)
        assert np.abs(below[0, 0, :3].astype(int) - colour).max() <= 1, (mode, below)


@pytest.mark.parametrize("mode", [0, *MODES])
def test_over_nothing_and_under_nothing_any_mode_leaves_a_layer_as_it_is(mode):
    layer = random()
    layer[..., 3] |= 1
    canvas = np.zeros_like(layer)
    lay_over(canvas, layer, 255, mode)
    assert (canvas == layer).all()
    lay_over(canvas, np.zeros_like(layer), 255, mode)
    assert (canvas == layer).all()


@pytest.mark.parametrize("mode", [12, 13, 14, 15])
def test_modes_of_hue_take_luminosity_from_the_layer_they_should(mode):
    def luminosity(pixels: np.ndarray) -> np.ndarray:
        return pixels[..., :3] @ (0.3, 0.59, 0.11)

    below, above = random(), random()
    below[..., 3] = above[..., 3] = 255
    wanted = luminosity(above if mode == 15 else below)
    lay_over(below, above, 255, mode)
    assert np.abs(luminosity(below) - wanted).max() < 1


WHOLE = ase.aseprite([[ase.layer(), ase.cel(hard())], [ase.link(0)]])


def refused(tmp_path, data: bytes) -> str:
    (tmp_path / "bad.aseprite").write_bytes(data)
    with pytest.raises(DataError, match=r"bad\.aseprite: cannot be read as an Aseprite file \(") as error:
        read_aseprite(tmp_path / "bad.aseprite")
    return str(error.value)


@pytest.mark.parametrize("length", [0, 1, 3, 100, 128, 140, 160, 200, len(WHOLE) - 1])
def test_a_truncated_file_is_refused(tmp_path, length):
    assert "\n" not in refused(tmp_path, WHOLE[:length])


def with_header(count: int, width: int, height: int) -> bytes:
    return WHOLE[:6] + struct.pack("<HHH", count, width, height) + WHOLE[12:]


CLAIMS = {
    "frames": (with_header(65535, 8, 8), "ends too early"),
    "large frames": (with_header(65535, 4096, 4096), "65,535 frames of 4096x4096"),
    "a large canvas": (with_header(1, 65535, 65535), "more than 67,108,864 pixels"),
    "no frame": (with_header(0, 8, 8), "0 frames"),
    "no magic": (b"\0" * 200, "does not begin like one"),
    "chunks": (WHOLE[:140] + struct.pack("<I", 2**32 - 1) + WHOLE[144:], f"more than {MAX_CHUNKS:,} chunks"),
    "a cel": (
        ase.aseprite([[ase.layer(), ase.chunk(0x2005, struct.pack("<HhhBHh5xHH", 0, 0, 0, 255, 2, 0, 65535, 65535))]]),
        "more than 67,108,864 pixels",
    ),
    "a packed cel": (
        ase.aseprite(
            [
                [
                    ase.layer(),
                    ase.chunk(0x2005, struct.pack("<HhhBHh5xHH", 0, 0, 0, 255, 2, 0, 99, 99) + zlib.compress(b"xx")),
                ]
            ]
        ),
        "ends too early",
    ),
    "no such layer": (ase.aseprite([[ase.cel(random())]]), "a cel of layer 0, of 0"),
    "a palette": (ase.aseprite([[ase.chunk(0x2019, struct.pack("<III8x", 2**32 - 1, 0, 1))]]), "a palette of"),
    "many slices": (
        ase.aseprite([[ase.slices("a", *[(0, 0, 0, 1, 1)] * 6000)] * 2]),
        "more than 10,000 slices",
    ),
    "slices": (
        ase.aseprite([[ase.chunk(0x2022, struct.pack("<III", 2**32 - 1, 0, 0) + b"\0\0")]]),
        "more than 10,000 slices",
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_a_file_claims_is_not_believed(tmp_path, name):
    data, reason = CLAIMS[name]
    assert reason in refused(tmp_path, data)


def test_images_and_what_there_is_to_merge_are_added_up(tmp_path, monkeypatch):
    """A few bytes in each frame link to one large cel again and again."""
    whole = ase.aseprite(
        [[ase.layer(), ase.layer(), *[ase.cel(random(64, 64), at) for at in (0, 1)]], [ase.link(0)]], 64, 64
    )
    assert 3 * 64 * 64 == 12288
    monkeypatch.setattr("sprites.prepare.aseprite.merging.MAX_LAID", 12288)
    (tmp_path / "fine.aseprite").write_bytes(whole)
    assert len(read_aseprite(tmp_path / "fine.aseprite").frames) == 2
    monkeypatch.setattr("sprites.prepare.aseprite.merging.MAX_LAID", 12287)
    assert "more than 12,287 pixels to merge" in refused(tmp_path, whole)
    monkeypatch.setattr("sprites.prepare.aseprite.file.MAX_PIXELS", 8191)
    assert "8,192" in refused(tmp_path, whole) or "more than 8,191 pixels" in refused(tmp_path, whole)
