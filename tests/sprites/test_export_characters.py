"""Sheets of a walking character: the rows of RPG Maker and of the Liberated Pixel Cup, in their sizes and orders."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sprites.export.album import Album, Run, grouped
from sprites.export.characters import direction
from sprites.export.formats import files_of
from sprites.loading import load_sprites
from sprites.tags import load_tags

W, H = 6, 5
LOOKS = ("down", "left", "right", "up")


def frame(number: int, look: str) -> np.ndarray:
    """A sprite that tells its number, and by the side of a mark whether it is mirrored."""
    sprite = np.zeros((H, W, 4), np.uint8)
    sprite[2] = (number, LOOKS.index(look), 0, 255)
    sprite[2, 0, 2] = 200
    return sprite


def character(*looks: str, frames: int = 4, names: str = "walk_{}") -> Album:
    sprites = np.stack([frame(i, look) for look in looks for i in range(frames)])
    return grouped(sprites, np.repeat(np.arange(len(looks)), frames), [names.format(look) for look in looks])


def cells(name: str, album: Album, columns: int) -> list[list[str]]:
    """What each cell of the sheet shows, as "left2", or "left2 mirrored"."""
    (data,) = files_of(name, album, Path("$x.png")).contents.values()
    sheet = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    assert sheet.shape == (4 * H, columns * W, 4)
    tiles = sheet.reshape(4, H, columns, W, 4).swapaxes(1, 2)
    return [[shown(tile) for tile in row] for row in tiles]


def shown(tile: np.ndarray) -> str:
    number, look, _, _ = tile[2, 2]
    assert sorted(tile[2, [0, -1], 2]) == [0, 200]
    return f"{LOOKS[look]}{number}{' mirrored' * bool(tile[2, -1, 2])}"


def test_rows_of_all_directions():
    album = character("right", "up", "left", "down", frames=3)
    rows = {look: [f"{look}{i}" for i in range(3)] for look in LOOKS}
    assert cells("rpgmaker", album, 3) == [rows[look] for look in LOOKS]
    assert cells("lpc", album, 3) == [rows[look] for look in ("up", "left", "down", "right")]
    standing_first = [[f"{look}{i}" for i in (1, 0, 1, 2)] for look in LOOKS]
    assert cells("rpgmaker-xp", album, 4) == standing_first
    lpc = cells("lpc", character("up", "left", "down", "right", frames=9), 9)
    assert lpc[2] == [f"down{i}" for i in range(9)]


@pytest.mark.parametrize(
    ("frames", "three", "four"),
    [
        (1, (0, 0, 0), (0, 0, 0, 0)),
        (2, (1, 0, 1), (0, 1, 0, 1)),
        (3, (0, 1, 2), (1, 0, 1, 2)),
        (4, (3, 0, 1), (0, 1, 2, 3)),
    ],
)
def test_columns_of_walks_of_other_lengths(frames, three, four):
    album = character("down", frames=frames)
    assert cells("rpgmaker", album, 3)[0] == [f"down{i}" for i in three]
    assert cells("rpgmaker-xp", album, 4)[0] == [f"down{i}" for i in four]


def test_the_higher_frames_of_a_walk_stand():
    album = character("down")
    album.sprites[[1, 3]] = np.roll(album.sprites[[1, 3]], -1, axis=1)  # as the legs pass one another
    (data,) = files_of("rpgmaker", album, Path("$x.png")).contents.values()
    sheet = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    np.testing.assert_array_equal(sheet[:H], np.hstack(album.sprites[[0, 1, 2]]))
    (data,) = files_of("rpgmaker-xp", album, Path("x.png")).contents.values()
    sheet = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    np.testing.assert_array_equal(sheet[:H], np.hstack(album.sprites[[1, 2, 3, 0]]))


def test_a_missing_side_is_the_other_in_a_mirror():
    rows = cells("lpc", character("down", "left", "up", frames=2), 2)
    assert rows[3] == ["left0 mirrored", "left1 mirrored"] and rows[1] == ["left0", "left1"]
    rows = cells("lpc", character("right", frames=1), 1)
    assert rows == [["right0"], ["right0 mirrored"], ["right0"], ["right0"]]
    told = files_of("lpc", character("right", frames=1), Path("x.png")).told
    assert "up is right" in told and "left is right mirrored" in told


def test_directions_by_their_words():
    names = ["walk_left", "kind=dog facing=left", "West", "hero (front)", "left-right", "leftover", "side_facing", "N"]
    looks = [direction(Run(name, 0, 0)) for name in names]
    assert looks == ["left", "left", "left", "down", None, None, None, None]
    four = character("down", "left", "right", "up", frames=3)
    unnamed = grouped(four.sprites, np.repeat(np.arange(4), 3), "abcd")
    assert cells("rpgmaker", unnamed, 3) == cells("rpgmaker", four, 3)
    one = Album(four.sprites[:3], "abc")
    assert cells("rpgmaker", one, 3) == [["down0", "down1", "down2"]] * 4


def test_runs_of_one_direction_follow_one_another():
    album = character("left", frames=4)
    runs = [Run(f"facing=left frame={i}", i, i) for i in range(4)]
    assert cells("lpc", Album(album.sprites, album.names, runs), 4)[1] == ["left0", "left1", "left2", "left3"]


def test_what_is_no_character_is_refused():
    of_five = character("down", frames=5)
    with pytest.raises(ValueError, match=r"5 frames, and RPG Maker shows walks of 1 to 4; .* --count"):
        files_of("rpgmaker", of_five, Path("x.png"))
    two = grouped(of_five.sprites, np.array([0, 0, 0, 1, 1]), ("food", "hero"))
    with pytest.raises(ValueError, match=r"no direction in the names food, hero: .*--only"):
        files_of("lpc", two, Path("x.png"))
    uneven = grouped(of_five.sprites, np.array([0, 0, 0, 1, 1]), ("left", "right"))
    with pytest.raises(ValueError, match=r"left 3, right 2"):
        files_of("lpc", uneven, Path("x.png"))


def test_the_name_that_rpg_maker_wants_is_told():
    assert "name it $hero.png" in files_of("rpgmaker", character("down"), Path("hero.png")).told
    for format_, name in (("rpgmaker", "$hero.png"), ("rpgmaker", "!$hero.png"), ("rpgmaker-xp", "hero.png")):
        assert "$" not in files_of(format_, character("down"), Path(name)).told


def test_walks_of_the_shipped_set_stand_between_their_steps():
    """Its frames are step, pass, step, pass, so columns of RPG Maker show the first three."""
    sprites, tags = load_sprites("sprites"), load_tags("sprites")
    walks = np.flatnonzero(sprites.labels == sprites.categories.index("side_facing")).reshape(-1, 4)
    assert tags is not None and all(tags["facing"][i] in ("left", "right") for i in walks[:, 0])
    for walk in walks[:: len(walks) // 40]:
        album = Album(sprites.images[walk], "abcd", [Run(tags["facing"][walk[0]], 0, 3)])
        (data,) = files_of("rpgmaker", album, Path("$x.png")).contents.values()
        sheet = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
        row = 1 if tags["facing"][walk[0]] == "left" else 2
        np.testing.assert_array_equal(sheet[16 * row : 16 * row + 16], np.hstack(sprites.images[walk[:3]]))
