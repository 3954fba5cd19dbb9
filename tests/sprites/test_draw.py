"""The artist draws what is shipped: the same pixels, legal colours, distinct sprites and exact tags."""

import csv
import os
import shutil
import tomllib
from collections import Counter
from importlib import import_module
from inspect import isfunction, signature
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from conftest import command_module
from PIL import Image

from sprites.clips import lengths_of
from sprites.draw import CATEGORIES, CYCLES, TAG_NAMES, draw, kinds
from sprites.draw.artwork import Art, parse
from sprites.draw.artwork import read as read_art
from sprites.draw.brush import LETTERS, MAX_COLOURS, Canvas
from sprites.draw.collection import draw_distinct
from sprites.draw.dice import Tags
from sprites.draw.output import CONTACT_FILES, SET_FILES, differences, settings, write_contact, write_pair, write_set
from sprites.draw.palette import COLOURS, NAMED
from sprites.draw.variety import measure, nearest
from sprites.loading import load_sprites
from sprites.tags import load_tags
from sprites.writing.folder import read_manifest, replaceable
from sprites.writing.sheets import enlarge

FOLDER = Path(__file__).parents[2] / "sprites"
SUBSET = 200
ART = sorted(path.stem for path in (FOLDER / "draw" / "art").glob("*.txt"))
WALKS = [category for category in CATEGORIES if CYCLES[category] > 1]


def shipped(category: str) -> np.ndarray:
    """uint8 [N, 16, 16, 4]: the sprites of a committed sheet, without padding."""
    pixels = np.asarray(Image.open(FOLDER / f"{category}.png").convert("RGBA"))
    rows, columns = pixels.shape[0] // 16, pixels.shape[1] // 16
    tiles = pixels.reshape(rows, 16, columns, 16, 4).swapaxes(1, 2).reshape(-1, 16, 16, 4)
    return tiles[tiles[..., 3].any(axis=(1, 2))]


@pytest.fixture(scope="module")
def sheets() -> dict[str, np.ndarray]:
    return {category: shipped(category) for category in CATEGORIES}


@pytest.fixture(scope="module")
def table() -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {category: [] for category in CATEGORIES}
    with (FOLDER / "tags.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["category"]].append(row)
    return rows


@pytest.mark.parametrize("category", CATEGORIES)
def test_kinds_take_turns_in_the_order_of_their_table(category, table):
    """Which kind a seed draws depends on that order, so another one is another set."""
    names, cycle = list(kinds(category)), CYCLES[category]
    assert [draw(number * cycle, category)[1]["kind"] for number in range(2 * len(names))] == 2 * names
    turns = np.array([names.index(row["kind"]) for row in table[category][::cycle]])
    steps = np.diff(turns) % len(names)  # more than 1 where a sprite was left out
    assert (steps == 1).mean() > 0.75 and turns[0] == 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_kind_of_a_module_is_in_its_table(category):
    module = import_module(f"sprites.draw.kinds.{category}")
    takes = ["c", "d", "frame"][: 3 if category in WALKS else 2]
    drawers = [
        value
        for name, value in vars(module).items()
        if isfunction(value) and not name.startswith("_") and [*signature(value).parameters] == takes
    ]
    assert {f for f in drawers if signature(f).return_annotation == Tags} == set(module.KINDS)


@pytest.mark.parametrize("category", CATEGORIES)
def test_redraw_equals_the_committed_sheet_and_tags(category, sheets, table):
    for index, (tile, answer) in enumerate(islice(draw_distinct(category), SUBSET)):
        np.testing.assert_array_equal(COLOURS[tile], sheets[category][index])
        assert answer == {name: table[category][index][name] for name in TAG_NAMES}


@pytest.mark.parametrize("category", CATEGORIES)
def test_sheet_is_legal_pixel_art(category, sheets):
    tiles = sheets[category]
    assert len(tiles) >= 2000
    assert set(np.unique(tiles[..., 3])) <= {0, 255}
    assert not tiles[tiles[..., 3] == 0].any(), "transparent pixels carry no colour"
    packed = np.ascontiguousarray(tiles).view(np.uint32)[..., 0]
    palette = np.ascontiguousarray(COLOURS).view(np.uint32)[:, 0]
    assert np.isin(packed, palette).all(), "a colour off the master palette"
    assert max(len(np.unique(tile[tile != palette[0]])) for tile in packed) <= MAX_COLOURS
    assert len({tile.tobytes() for tile in tiles}) == len(tiles), "two sprites are equal"


@pytest.mark.parametrize("category", CATEGORIES)
def test_sprites_fill_the_middle_of_their_tile(category, sheets):
    opaque = sheets[category][..., 3] > 0
    assert opaque.mean(axis=(1, 2)).min() > 0.1
    assert 0.25 < opaque.mean() < 0.85
    middle = (opaque * np.arange(16)).sum(axis=(1, 2)) / opaque.sum(axis=(1, 2))
    assert abs(middle.mean() - 7.5) < 0.5


@pytest.mark.parametrize("category", CATEGORIES)
def test_tags_are_in_step_with_the_sheet(category, sheets, table):
    rows = table[category]
    assert [int(row["index"]) for row in rows] == list(range(len(sheets[category])))
    shares = Counter(row["kind"] for row in rows)
    assert set(shares) == set(kinds(category))
    assert min(shares.values()) > 0.3 * len(rows) / len(shares), "one kind is nearly missing"
    assert {row["colour"] for row in rows} <= set(NAMED)
    assert {row["facing"] for row in rows} <= {"", "front", "left", "right"}


@pytest.mark.parametrize("category", CATEGORIES)
def test_main_colour_is_in_the_picture(category, sheets, table):
    packed = np.ascontiguousarray(sheets[category]).view(np.uint32)[..., 0]
    palette = np.ascontiguousarray(COLOURS).view(np.uint32)[:, 0]
    for tile, row in zip(packed, table[category], strict=True):
        seen = np.isin(tile, palette[NAMED[row["colour"]]]).sum()
        assert seen >= 10, f"{row['kind']} {row['index']} is said to be {row['colour']}"


@pytest.mark.parametrize("category", WALKS)
def test_walk_cycles_are_four_frames_of_one_creature(category, table):
    rows, frames = table[category], CYCLES[category]
    assert len(rows) % frames == 0
    for start in range(0, len(rows), frames):
        cycle = rows[start : start + frames]
        assert [row["frame"] for row in cycle] == ["0", "1", "2", "3"]
        for name in ("kind", "colour", "material", "facing", "accessory"):
            assert len({row[name] for row in cycle}) == 1


@pytest.mark.parametrize("category", sorted({*CATEGORIES} - {*WALKS}))
def test_what_stands_alone_has_no_frame(category, table):
    assert {row["frame"] for row in table[category]} == {""}


@pytest.mark.parametrize("category", WALKS)
def test_frames_of_a_cycle_share_most_of_their_pixels(category, sheets):
    opaque = (sheets[category][..., 3] > 0).reshape(-1, CYCLES[category], 16, 16)
    passes = opaque[:, 1], opaque[:, 3]
    overlap = (passes[0] & passes[1]).sum(axis=(1, 2)) / (passes[0] | passes[1]).sum(axis=(1, 2))
    assert overlap.min() > 0.7


@pytest.mark.parametrize("category", CATEGORIES)
def test_drawing_is_deterministic(category):
    for seed in (0, 7, 123_456):
        first, second = draw(seed, category), draw(seed, category)
        np.testing.assert_array_equal(first[0], second[0])
        assert first[0].shape == (16, 16, 4) and first[0].dtype == np.uint8
        assert first[1] == second[1]


def test_unknown_category_is_named():
    with pytest.raises(ValueError, match="villain"):
        draw(0, "villain")


def test_description_of_the_set():
    assert tomllib.loads((FOLDER / "sprites.toml").read_text()) == {
        "tile": 16,
        "categories": list(CATEGORIES),
        "cycles": {"side_facing": 4},
    }


def test_check_finds_no_difference_and_then_the_one_that_is_there(tmp_path):
    write_set(tmp_path, count=8)
    assert differences(tmp_path, count=8) == []
    picture = Image.open(tmp_path / "food.png")
    picture.putpixel((20, 8), 0 if picture.getpixel((20, 8)) else 1)
    picture.save(tmp_path / "food.png")
    with (tmp_path / "tags.csv").open("a") as file:
        file.write("food,8,apple,red,,,,\n")
    (tmp_path / "sprites.toml").write_text(settings(16, 32))
    assert differences(tmp_path, count=8) == ["food.png", "tags.csv", "sprites.toml"]


@pytest.mark.slow
def test_whole_redraw_equals_what_is_committed():
    assert differences(FOLDER, count=2000) == []


def test_more_sprites_come_as_an_npy_pair_and_larger_ones_add_no_colour(tmp_path):
    write_pair(tmp_path / "small", count=8, seed=5)
    write_pair(tmp_path / "large", count=8, seed=5, size=32)
    write_set(tmp_path / "set", count=8, seed=5, size=32)
    small, large = load_sprites(tmp_path / "small"), load_sprites(tmp_path / "large")
    assert small.size == 16 and large.size == 32 and large.categories == CATEGORIES
    np.testing.assert_array_equal(load_sprites(tmp_path / "set").images, large.images)
    walks = [load_sprites(tmp_path / name, clips=True).clips for name in ("large", "set")]
    np.testing.assert_array_equal(*map(lengths_of, walks))
    assert lengths_of(walks[0]).tolist() == [1] * 32 + [4, 4]
    for drawn, enlarged in zip(small.images, large.images, strict=True):
        assert {*map(tuple, enlarged.reshape(-1, 4))} == {*map(tuple, drawn.reshape(-1, 4))}


def test_scale2x_rounds_a_diagonal():
    tile = np.tri(16, dtype=np.uint8)
    large = enlarge(tile[None], 32)[0]
    np.testing.assert_array_equal(large[::2, ::2] | large[1::2, 1::2], tile)
    assert large[10, 10] == 1 and large[10, 11] == 0 and large[11, 10] == 1


def test_distances_and_recolourings():
    tiles = np.zeros((4, 16, 16), dtype=np.uint8)
    tiles[:, 4:8, 4:8] = 3  # sixteen opaque pixels
    tiles[1, 4, 4:8] = 5  # four of them changed
    tiles[2] = np.where(tiles[1] == 5, 7, tiles[1] * 3)  # the second in other colours
    tiles[3, 8:12, 4:8] = 3
    np.testing.assert_allclose(nearest(tiles), [0.25, 0.25, 1.0, 0.5])
    assert measure(tiles).recoloured == 0.5
    assert nearest(tiles, cycle=4).min() > 1  # the only cycle has no neighbour


@pytest.mark.parametrize("category", CATEGORIES)
def test_neighbours_are_a_quarter_apart(category, sheets):
    packed = np.ascontiguousarray(sheets[category][:1000]).view(np.uint32)[..., 0]
    indices = np.unique(packed, return_inverse=True)[1].reshape(packed.shape).astype(np.uint8)
    assert np.median(nearest(indices, CYCLES[category])) > 0.25


def test_parts_that_were_painted_over_are_not_signed():
    canvas = Canvas()
    canvas.ellipse(7, 7, 5, 5, "red")
    canvas.sign("")
    canvas.line(3, 7, 10, 7, "blue")
    canvas.sign("belt")
    canvas.line(5, 3, 9, 3, "green")
    canvas.sign("hat")
    assert canvas.parts() == "belt+hat"
    canvas.line(3, 7, 9, 7, "red")
    assert canvas.parts() == "hat"


def test_contact_sheets(tmp_path):
    write_contact(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"walk.gif", *(f"{name}.png" for name in CATEGORIES)}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 600_000
    with Image.open(tmp_path / "walk.gif") as walk:
        assert walk.n_frames == CYCLES["side_facing"]


def test_a_text_of_drawings_is_read():
    blocks = parse(
        """
        # two drawings, and one of a set
        [apples]
        .3.
        # a comment in between
        344

        w

        [hat: crown]
        o-o
        """,
        "art.txt",
    )
    assert list(blocks) == ["apples", "hat: crown"]
    read = [["".join(LETTERS[slot] for slot in row) for row in drawing] for drawing in blocks["apples"]]
    assert read == [[".3.", "344"], ["w"]]


@pytest.mark.parametrize(
    "text, said",
    [
        ("[a]\n33\n3x3", "art.txt:3: 'x' is no pixel; expected . 1 2"),
        ("[a]\n33\n333", "art.txt:3: a row of 3 pixels below one of 2; fill it up with '.'"),
        ("# mine\n33", "art.txt:2: a drawing before the first name"),
        ("[a]\n3\n[a]\n3", r"art.txt:3: \[a\] is there already"),
        ("[a\n3", r"art.txt:1: got '\[a', expected a name in brackets"),
        ("[]\n3", r"art.txt:1: got '\[\]', expected a name in brackets"),
        ("[a]\n\n[b]\n3", r"art.txt:1: \[a\] has no drawing"),
        ("[a]\n" + "3" * 17, "art.txt:2: a drawing has at most 16 rows of 16 pixels"),
        ("[a]\n" + "3\n" * 17, "art.txt:18: a drawing has at most 16 rows of 16 pixels"),
    ],
)
def test_a_mistake_in_a_drawing_is_told_by_file_and_line(text, said):
    with pytest.raises(ValueError, match=said):
        parse(text, "art.txt")


def test_a_drawing_that_is_asked_for_in_vain_is_named():
    art = Art("hero", "shared")
    with pytest.raises(ValueError, match=r"hero.txt and shared.txt: there is no \[halo\]"):
        art.one("halo")
    with pytest.raises(ValueError, match=r"there is no \[halo: ...\]"):
        art.named("halo")
    with pytest.raises(ValueError, match=r"\[shield\] has \d drawings, expected one"):
        art.one("shield")


@pytest.mark.parametrize("name", ART)
def test_every_drawing_is_used(name):
    code = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / "draw" / "kinds").glob("*.py"))
    unused = [title for title in read_art(name) if f'"{title.partition(": ")[0]}"' not in code]
    assert not unused


def test_no_drawing_stands_twice():
    blocks = [drawings for name in ART for drawings in read_art(name).values()]
    drawings = [(drawing.shape, drawing.tobytes()) for block in blocks for drawing in block]
    assert len(drawings) > 450
    assert len(set(drawings)) == len(drawings)


def make_sprites(*args):
    """Exit code of the command, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["make_sprites.py", *map(str, args)])
        try:
            return command_module("make_sprites").main()
        except SystemExit as e:
            return e.code


def told(capsys):
    """The one line of stderr."""
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.strip("\r").startswith((" ", "100%"))]
    assert len(lines) == 1, lines
    return lines[0]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "flags, name", [(("--count", 4, "--out"), "hero.png"), (("--count", 4, "--npy"), "tags.csv"), (("--contact",), "x")]
)
def test_what_the_command_did_not_draw_is_not_replaced(tmp_path, capsys, flags, name):
    (tmp_path / name).write_text("mine")
    assert make_sprites(*flags, tmp_path) == 2
    assert f"{tmp_path} holds {name}, not drawn by this command" in told(capsys)
    assert contents(tmp_path) == {name: b"mine"}
    assert make_sprites(*flags, tmp_path / name) == 2
    assert f"{tmp_path / name} is a file; give a folder" in told(capsys)
    if name != "x":
        assert make_sprites(*flags, tmp_path, "--overwrite") == 0
        assert name in contents(tmp_path) and contents(tmp_path)[name] != b"mine"


def test_the_shipped_set_is_redrawn_only_when_asked_for(capsys):
    assert make_sprites("--count", 4) == 2
    assert "--out FOLDER" in capsys.readouterr().err.splitlines()[-1]
    for folder in (FOLDER, FOLDER.with_name("docs") / "sprites"):
        names = tuple(read_manifest(folder / "drawn.json"))
        assert set(names) in (set(SET_FILES), set(CONTACT_FILES))
        replaceable(folder, names, overwrite=False)  # refuses files that are not as they were drawn


def test_drawn_files_are_replaced_unless_someone_changed_them(tmp_path, capsys):
    folder = tmp_path / "new" / "set"
    assert make_sprites("--count", 8, "--out", folder) == 0
    first = contents(folder)
    (folder / "notes.txt").write_text("mine")
    assert make_sprites("--count", 4, "--seed", 1, "--out", folder) == 0
    second = contents(folder)
    assert second.keys() == {*first, "notes.txt"} == {*SET_FILES, "drawn.json", "notes.txt"}
    assert second["notes.txt"] == b"mine" and second["hero.png"] != first["hero.png"]
    assert len(load_sprites(folder)) == 20 and load_tags(folder) is not None
    (folder / "hero.png").write_bytes(first["hero.png"])
    capsys.readouterr()
    assert make_sprites("--count", 4, "--out", folder) == 2
    assert f"{folder / 'hero.png'} is not as this command drew it" in told(capsys)
    assert make_sprites("--count", 4, "--npy", folder) == 2
    assert "holds another kind of drawing" in told(capsys)
    assert contents(folder) == second | {"hero.png": first["hero.png"]}
    assert make_sprites("--count", 4, "--seed", 1, "--out", folder, "--overwrite") == 0
    assert contents(folder) == second


def dying(function, after):
    """The function for so many calls; the next one ends the process."""
    calls = iter(range(after))
    return lambda *args: function(*args) if next(calls, None) is not None else os._exit(9)


@pytest.mark.parametrize("kind", ["--out", "--npy"])
def test_a_drawing_that_is_killed_at_any_renaming_is_finished_by_the_same_command(tmp_path, kind):
    whole, folder = tmp_path / "whole", tmp_path / "set"
    assert make_sprites("--count", 4, "--seed", 2, kind, whole) == 0
    renamings = len(contents(whole)) + 1  # the manifest is written before and after the others
    for dies_at in range(renamings + 1):
        shutil.rmtree(folder, ignore_errors=True)
        if dies_at % 2:  # over older drawings too
            assert make_sprites("--count", 8, kind, folder) == 0
        if not (child := os.fork()):
            os.replace = dying(os.replace, dies_at)
            os._exit(make_sprites("--count", 4, "--seed", 2, kind, folder))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (9 if dies_at < renamings else 0)
        assert make_sprites("--count", 4, "--seed", 2, kind, folder) == 0
        assert contents(folder) == contents(whole)


def test_a_drawing_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    folder, full = tmp_path / "pair", OSError(28, "No space left on device")
    write = np.save

    def fails(*args):
        raise full

    monkeypatch.setattr(np, "save", fails)
    assert make_sprites("--count", 4, "--npy", folder) == 2 and not folder.exists()
    monkeypatch.setattr(np, "save", write)
    assert make_sprites("--count", 4, "--npy", folder) == 0
    before = contents(folder)
    monkeypatch.setattr(np, "save", fails)
    assert make_sprites("--count", 8, "--npy", folder) == 2 and contents(folder) == before
