"""From an artist's files to sprites: sources, true sizes, sheets, names, and what is told."""

import csv
import io
import json
import zipfile
from pathlib import Path

import aseprites as ase
import numpy as np
import pytest
from conftest import ROOT
from folders import png_of_size
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sprites.files import DataError
from sprites.loading import load_sprites
from sprites.prepare.collection import Collection, collect
from sprites.prepare.names import Naming, Table, read_table
from sprites.prepare.report import backgrounds, likeness, patterns, picture, report
from sprites.prepare.settings import Settings
from sprites.prepare.sources import READERS
from sprites.prepare.tiles import Grid, guess_grid, parse_tile
from sprites.reading.folder import REASONS, SUFFIXES
from sprites.reading.image import place
from sprites.tags import load_tags
from sprites.writing.arrays import write_arrays
from sprites.writing.sprite_set import write_sprite_set


def drawn(category: str = "hero", count: int = 12, first: int = 0) -> np.ndarray:
    """Sprites of the shipped set, uint8 [count, 16, 16, 4]."""
    sheet = np.asarray(Image.open(ROOT / "sprites" / f"{category}.png").convert("RGBA"))
    return Grid(16, 16).cut(sheet)[first : first + count]


HEROES, FOOD = drawn("hero"), drawn("food")


def save(path: Path, pixels: np.ndarray, **how) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **how)
    return path


def save_all(folder: Path, sprites: np.ndarray = HEROES, stem: str = "a") -> Path:
    for index, sprite in enumerate(sprites):
        save(folder / f"{stem}{index:02}.png", sprite)
    return folder


def sheet(tiles: np.ndarray, columns: int, margin: int = 0, spacing: int = 0) -> np.ndarray:
    _, h, w, _ = tiles.shape
    rows = -(-len(tiles) // columns)
    out = np.zeros(
        (2 * margin + rows * (h + spacing) - spacing, 2 * margin + columns * (w + spacing) - spacing, 4), np.uint8
    )
    for index, tile in enumerate(tiles):
        y, x = margin + index // columns * (h + spacing), margin + index % columns * (w + spacing)
        out[y : y + h, x : x + w] = tile
    return out


def enlarge(pixels: np.ndarray, times: int) -> np.ndarray:
    return pixels.repeat(times, -3).repeat(times, -2)


def made(*sources: Path, naming: Naming | None = None, **how) -> Collection:
    return collect(sources, Settings(naming or Naming(), **how))


def refused(*sources: Path, **how) -> str:
    with pytest.raises(DataError) as error:
        made(*sources, **how)
    assert "\n" not in str(error.value)
    return str(error.value)


def of(found: Collection, category: str) -> np.ndarray:
    return found.images[found.labels == found.categories.index(category)]


def lines_of(found: Collection) -> dict[str, str]:
    return dict(report(found))


# --- sources ------------------------------------------------------------------------------------------------


def test_a_folder_for_each_category_is_read_as_it_was_drawn(tmp_path):
    save_all(tmp_path / "hero"), save_all(tmp_path / "food" / "deeper", FOOD)
    found = made(tmp_path)
    assert found.categories == ("food", "hero") and found.size == 16
    assert (of(found, "hero") == HEROES).all() and (of(found, "food") == FOOD).all()


@pytest.mark.parametrize("mode", ["P", "L", "1", "I;16", "RGB", "LA"])
def test_png_files_of_every_mode(tmp_path, mode):
    for index, sprite in enumerate(HEROES):
        image = Image.fromarray(sprite)
        image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
        image.save(tmp_path / f"{index}.png")
        expected = np.asarray(Image.open(tmp_path / f"{index}.png").convert("RGBA" if mode != "I;16" else "I;16"))
        if mode == "I;16":
            expected = np.stack([expected.astype(np.uint8)] * 3 + [np.full((16, 16), 255, np.uint8)], -1)
        shown = expected[..., 3:] > 127
        assert (made(tmp_path / f"{index}.png").images[0] == expected * shown).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_all_frames_of_an_animation_are_read_in_order(tmp_path, kind):
    first, *others = map(Image.fromarray, HEROES[:5])
    path = tmp_path / f"walk.{'apng' if kind == 'PNG' else kind.lower()}"
    first.save(path, kind, save_all=True, append_images=others, duration=90, disposal=2, lossless=True)
    found = made(path)
    assert found.categories == ("walk",) and (found.images == HEROES[:5]).all()


def test_a_picture_beside_an_animation_is_not_part_of_it(tmp_path):
    first, *others = map(Image.fromarray, HEROES[:3])
    first.save(tmp_path / "a.png", save_all=True, append_images=others, default_image=True)
    assert (made(tmp_path / "a.png").images == HEROES[1:3]).all()


def test_frame_tags_are_categories_or_a_facet(tmp_path):
    about = [ase.layer(), ase.tags(("walk", 0, 1, 0), ("hit", 2, 2, 0), ("all", 0, 2, 0))]
    frames = [[*about, ase.cel(HEROES[0])], *[[ase.cel(sprite)] for sprite in HEROES[1:4]]]
    (tmp_path / "hero.aseprite").write_bytes(ase.aseprite(frames, 16, 16))
    found = made(tmp_path / "hero.aseprite")
    assert found.categories == ("hero",)
    assert [row.get("animation") for row in found.facets] == ["walk", "walk", "hit", None]  # the shorter tag counts
    found = made(tmp_path / "hero.aseprite", naming=Naming(by="tag"))
    assert found.categories == ("hit", "walk") and (of(found, "walk") == HEROES[:2]).all()
    assert list(found.told.left_out.names) == ["in no frame tag"]
    save_all(tmp_path / "loose")
    both = made(tmp_path, naming=Naming(by="tag"))
    assert both.categories == ("hit", "walk") and len(both.told.left_out.names["in no frame tag"]) == 13
    assert "no frame tags found; use --by folder" in refused(tmp_path / "loose", naming=Naming(by="tag"))
    assert made(tmp_path / "loose", naming=Naming("{category}??.*", by="tag")).categories == ("a",)


def test_slices_are_cut_out_where_that_is_asked_for(tmp_path):
    canvas = sheet(HEROES[:4], 2)
    parts = [
        ase.slices("hat", (0, 0, 0, 16, 16)),
        ase.slices("boot", (0, 16, 16, 99, 99)),
        ase.slices("off", (0, 50, 0, 9, 9)),
    ]
    (tmp_path / "a.ase").write_bytes(
        ase.aseprite([[ase.layer(), ase.cel(canvas), *parts], [ase.cel(canvas[::-1])]], 32, 32)
    )
    found = made(tmp_path / "a.ase", naming=Naming(by="slice"))
    assert found.categories == ("boot", "hat")
    assert (of(found, "hat") == [canvas[:16, :16], canvas[::-1][:16, :16]]).all()
    assert (of(found, "boot") == [canvas[16:, 16:], canvas[::-1][16:, 16:]]).all()
    assert made(tmp_path / "a.ase").size == 32


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


def png(sprite: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(sprite).save(out, "PNG")
    return out.getvalue()


def test_an_archive_is_read_like_the_folder_in_it(tmp_path):
    files = {
        f"My pack/{name}/{i}.PNG": png(s)
        for name, all_ in (("hero", HEROES), ("food", FOOD))
        for i, s in enumerate(all_)
    }
    litter = {
        "__MACOSX/My pack/hero/._0.png": b"x",
        "My pack/.DS_Store": b"x",
        "My pack/read me.txt": b"x",
        "My pack/a.psd": b"x",
    }
    path = archive(tmp_path / "pack.zip", files | litter)
    found = made(path)
    assert found.categories == ("food", "hero") and (np.sort(of(found, "hero"), 0) == np.sort(HEROES, 0)).all()
    assert list(found.told.left_out.names) == ["export to PNG"]
    (tmp_path / "all").mkdir()
    path.rename(tmp_path / "all" / "pack.zip")
    assert made(tmp_path / "all").categories == ("food", "hero")


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "x/../../a.png", "C:/a.png", "..\\a.png"])
def test_an_archive_whose_paths_lead_out_is_refused(tmp_path, name):
    path = archive(tmp_path / "bad.zip", {name: png(HEROES[0])})
    assert "leads out of it" in refused(path)
    assert sorted(tmp_path.iterdir()) == [path]


def test_an_archive_in_an_archive_and_one_that_claims_too_much(tmp_path):
    inner = archive(tmp_path / "inner.zip", {"a.png": png(HEROES[0])}).read_bytes()
    found = made(archive(tmp_path / "outer.zip", {"inner.zip": inner, "b.png": png(HEROES[1])}))
    assert list(found.told.left_out.names) == ["an archive in an archive; unpack it"] and len(found.images) == 1
    data = bytearray(inner)
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (2**32 - 2).to_bytes(4, "little")
    (tmp_path / "claims.zip").write_bytes(data)
    assert "4,294,967,294 bytes" in refused(tmp_path / "claims.zip")


def parquet(path: Path, metadata: bool = True, labels: list | None = None) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    images = [{"bytes": png(sprite), "path": None} for sprite in HEROES[:6]]
    table = pa.table({"image": images, "label": labels or [0, 1, 1, 0, 2, 2]})
    if metadata:
        about = {"info": {"features": {"label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    parquet.write_table(table, path)
    return path


def test_a_parquet_file_of_images_with_the_names_of_its_labels(tmp_path):
    found = made(parquet(tmp_path / "a.parquet"))
    assert found.categories == ("cat", "dog", "owl") and (of(found, "dog") == HEROES[1:3]).all()
    assert made(parquet(tmp_path / "b.parquet", metadata=False)).categories == ("0", "1", "2")
    words = ["x", "y", "x", "y", "x", "y"]
    assert made(parquet(tmp_path / "c.parquet", metadata=False, labels=words)).categories == ("x", "y")
    assert "a label is 9, of 3 names" in refused(parquet(tmp_path / "d.parquet", labels=[0, 1, 2, 9, 0, 0]))


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    path = parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "pip install pyarrow" in refused(path)


def test_what_cannot_be_read_in_a_folder_is_left_out_and_told(tmp_path):
    save_all(tmp_path / "hero")
    (tmp_path / "hero" / "broken.png").write_bytes(png(HEROES[0])[:60])
    (tmp_path / "hero" / "bad.aseprite").write_bytes(b"\0" * 300)
    (tmp_path / "hero" / "photo.JPG").write_bytes(b"x")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "hero" / "bomb.png").write_bytes(png_of_size(60000, 60000))
    found = made(tmp_path)
    assert len(found.images) == len(HEROES)
    names = [name for all_ in found.told.left_out.names.values() for name in all_]
    assert sorted(Path(name).name for name in names) == ["bad.aseprite", "bomb.png", "broken.png", "photo.JPG"]
    for name in ("broken.png", "bad.aseprite", "bomb.png", "photo.JPG", "none.png"):
        assert name in refused(tmp_path / "hero" / name)


def test_a_sprite_set_with_tags_is_a_source_too(tmp_path):
    found = made(ROOT / "sprites")
    sprites, tags = load_sprites(ROOT / "sprites"), load_tags(ROOT / "sprites")
    assert len(found.images) == len(sprites) == 10_000 and set(found.categories) == set(sprites.categories)
    hero = sprites.categories.index("hero")
    assert (of(found, "hero") == sprites.images[sprites.labels == hero]).all()
    first = found.labels.tolist().index(found.categories.index("hero"))
    assert found.facets[first + 3] == {k: v for k, v in tags.row(3).items() if v}


def test_training_knows_what_is_read_here_and_only_here():
    here = {suffix for suffix, reason in REASONS.items() if "prepare.py" in reason}
    assert here == READERS.keys() - set(SUFFIXES) and not READERS.keys() & (REASONS.keys() - here)


# --- true sizes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [2, 3, 4, 8, 16])
def test_enlarged_sprites_are_brought_back(tmp_path, times):
    save_all(tmp_path, enlarge(HEROES, times))
    found = made(tmp_path)
    assert (found.images == HEROES).all() and list(found.told.enlarged) == [times]


def test_plain_sprites_among_others_of_their_size_keep_it_and_enlarged_files_among_native_ones_do_not(tmp_path):
    plain = np.zeros((16, 16, 4), np.uint8)
    plain[4:12, 2:14] = (200, 30, 30, 255)  # looks like 8x8 enlarged twice
    save_all(tmp_path), save(tmp_path / "plain.png", plain), save(tmp_path / "b@4x.png", enlarge(FOOD[0], 4))
    found = made(tmp_path)
    assert found.size == 16 and {tuple(sprite.ravel()) for sprite in found.images} == {
        tuple(sprite.ravel()) for sprite in (*HEROES, plain, FOOD[0])
    }


def test_nearly_enlarged_sprites_are_left_as_they_are(tmp_path):
    spoilt = enlarge(HEROES, 2)
    spoilt[:, 8, 8] = (1, 2, 3, 255)
    save_all(tmp_path, spoilt)
    assert made(tmp_path).size == 32


def test_an_enlarged_sheet_is_cut_by_the_tile_of_its_file_or_by_the_true_one(tmp_path):
    path = save(tmp_path / "sheet.png", enlarge(sheet(HEROES, 4), 3))
    for side in (16, 48):
        assert (made(path, grid=Grid(side, side)).images == HEROES).all()
    assert (made(path).images == HEROES).all()


# --- sheets -------------------------------------------------------------------------------------------------


def test_tiles_as_they_are_typed():
    assert parse_tile("16") == (16, 16) and parse_tile("16X24") == (16, 24)
    for word in ("", "x", "0", "16x", "-3", "16x24x3", "1e3", "99999"):
        with pytest.raises(ValueError, match="--tile"):
            parse_tile(word)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(*[st.integers(a, b) for a, b in ((1, 5), (1, 5), (1, 20), (1, 20), (0, 4), (0, 4))])
def test_a_sheet_is_cut_into_what_it_was_made_of(rows, columns, width, height, margin, spacing):
    tiles = np.random.default_rng(0).integers(0, 256, (rows * columns, height, width, 4), np.uint8)
    assert (Grid(width, height, margin, spacing).cut(sheet(tiles, columns, margin, spacing)) == tiles).all()


@pytest.mark.parametrize(("margin", "spacing"), [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("category", ["hero", "food", "spell", "non_hero"])
def test_the_tiles_of_a_sheet_are_found(category, margin, spacing):
    tiles = drawn(category, 40)
    assert guess_grid(sheet(tiles, 8, margin, spacing), 16) == Grid(16, 16, margin, spacing)
    assert guess_grid(sheet(tiles, 8)) == Grid(16, 16)


def blob(rng: np.random.Generator, side: int, filled: float) -> np.ndarray:
    """A sprite somewhere in its tile, uint8 [side, side, 4]: an oval with an uneven edge, or a box."""
    h, w = rng.integers(int(side * filled), side + 1, 2)
    y, x = rng.integers(0, side - h + 1), rng.integers(0, side - w + 1)
    down, across = np.mgrid[:h, :w] / np.reshape([(h - 1) / 2, (w - 1) / 2], (2, 1, 1)) - 1
    seen = (down**2 + across**2 <= 1) & (rng.random((h, w)) < 0.9) if rng.random() < 0.7 else np.ones((h, w), bool)
    colours = np.pad(rng.integers(30, 256, (3, 3)), ((0, 0), (0, 1)), constant_values=255)
    tile = np.zeros((side, side, 4), np.uint8)
    tile[y : y + h, x : x + w] = colours[rng.integers(0, 3, (h, w))] * seen[..., None]
    return tile


def shown(tiles: np.ndarray) -> list[bytes]:
    """Of each tile that is not blank its opaque pixels, in order."""
    return [tile[tile[..., 3] > 0].tobytes() for tile in tiles if tile.any()]


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([16, 24, 32]),
    st.sampled_from([0.5, 0.75, 0.9]),
    *[st.integers(a, b) for a, b in ((0, 2), (0, 2), (3, 10), (3, 40))],
    st.booleans(),
)
def test_a_sheet_is_cut_right_or_left_whole(seed, side, filled, margin, spacing, columns, count, told_side):
    rng = np.random.default_rng(seed)
    tiles = np.stack([blob(rng, side, filled) for _ in range(count)])
    pixels = sheet(tiles, columns, margin, spacing)
    grid = guess_grid(pixels, side if told_side else None)
    assert grid is None or shown(grid.cut(pixels)) == shown(tiles), grid


@pytest.mark.parametrize("count", [21, 24])
@pytest.mark.parametrize(("margin", "spacing"), [(2, 1), (1, 0), (2, 0), (2, 2), (1, 1), (0, 1)])
def test_sheets_with_a_margin_are_not_cut_into_several_sprites_at_once(margin, spacing, count):
    tiles = drawn("non_hero", count)
    assert guess_grid(sheet(tiles, 8, margin, spacing)) == Grid(16, 16, margin, spacing)


def test_sprites_of_two_parts_are_no_sheets_of_their_own():
    floating = drawn("hero", 24)
    floating[:, 12] = 0
    for margin, spacing in ((0, 0), (2, 1)):
        assert guess_grid(sheet(floating, 8, margin, spacing)) == Grid(16, 16, margin, spacing)


def test_tiles_that_are_not_square_are_found():
    tall = np.pad(HEROES, ((0, 0), (14, 2), (4, 4), (0, 0)))  # 24x32, as characters of RPG Maker
    assert guess_grid(sheet(tall, 3)) == Grid(24, 32)


def test_single_sprites_are_not_taken_for_sheets():
    for category in ("hero", "food", "spell", "side_facing", "non_hero"):
        assert not any(guess_grid(sprite) for sprite in drawn(category, 100))


@pytest.mark.parametrize("seed", range(5))
def test_no_tiles_are_found_where_there_are_none(seed):
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (64, 64, 4), np.uint8)
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None], (64, 64, 4)).copy()
    for pixels in (noise, ramp, HEROES[seed], enlarge(HEROES[seed], 4), np.zeros((64, 64, 4), np.uint8)):
        assert guess_grid(pixels) is None


def test_a_sheet_that_the_tile_does_not_divide_is_refused_and_told_what_would(tmp_path):
    path = save(tmp_path / "sheet.png", sheet(HEROES, 4, 1, 2))
    said = refused(path, grid=Grid(16, 16))
    assert "72x54 pixels are not divided by tiles of 16x16; --margin 1 --spacing 2 would do" in said
    save_all(tmp_path / "others")
    assert "72x54" in next(iter(made(tmp_path, grid=Grid(16, 16)).told.left_out.names))


def test_blank_and_repeated_tiles_are_dropped_and_counted(tmp_path):
    tiles = np.concatenate([HEROES[:5], np.zeros((2, 16, 16, 4), np.uint8), HEROES[:3], HEROES[5:7]])
    found = made(save(tmp_path / "a.png", sheet(tiles, 4)), grid=Grid(16, 16))
    assert (found.images == HEROES[:7]).all() and [len(found.told.blank), len(found.told.repeated)] == [2, 3]
    told = [what for heading, what in report(found) if heading == "dropped"]
    assert told == [f"2 blank ({tmp_path}/a.png)", f"3 the same as another of its category ({tmp_path}/a.png)"]


def test_a_sheet_alone_whose_tiles_are_not_found_is_told(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (18, 70, 4), np.uint8)
    hint = "70x18 is not square; if it is a sheet, give --tile, and --margin and --spacing if it has any"
    assert hint in lines_of(made(save(tmp_path / "a.png", pixels)))["sheets"]
    save_all(tmp_path)
    found = made(tmp_path)
    assert "sheets" not in lines_of(found) and "(--margin, --spacing)" in next(iter(found.told.left_out.names))


def test_square_sheets_that_are_not_cut_are_told_in_one_line(tmp_path):
    tiles = drawn("hero", 16)
    tiles[:, 7:9] = tiles[:, :, 7:9] = (9, 9, 9, 255)  # so that no lines are empty, and sprites hang together
    for name, margin, spacing in (("a", 1, 3), ("b", 5, 2), ("c", 3, 2), ("d", 3, 1)):
        save(tmp_path / "in" / f"{name}.png", sheet(tiles, 4, margin, spacing)[:-1])
    advice = "if it is a sheet, give --tile, and --margin and --spacing if it has any"
    told = lines_of(made(tmp_path / "in" / "a.png", size=128))
    assert told["sheets"] == f"of several separate parts, and not cut: {tmp_path / 'in/a.png'} (75x74); {advice}"
    several = [line for heading, line in report(made(tmp_path / "in", size=128)) if heading == "sheets"]
    assert len(several) == 1 and "a.png (75x74), b.png" in several[0] and "and 1 more" in several[0]
    save_all(tmp_path / "large", np.pad(enlarge(HEROES, 4)[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0))))
    assert "sheets" not in lines_of(made(tmp_path / "large"))


def test_files_of_sprites_in_two_categories_are_named(tmp_path):
    save_all(tmp_path / "hero", HEROES[:3]), save(tmp_path / "food" / "x.png", HEROES[1])
    assert "1 sprite in more than one category (food/x.png = hero/a01.png)" in lines_of(made(tmp_path))["in two"]


# --- one size -----------------------------------------------------------------------------------------------


def test_sizes_are_those_of_most_as_a_multiple_of_eight(tmp_path):
    save_all(tmp_path, HEROES[:, 1:15, 2:15])
    assert made(tmp_path).size == 16
    assert made(tmp_path, size=32).size == 32
    save_all(tmp_path, np.pad(FOOD, ((0, 0), (1, 0), (0, 0), (0, 0))), stem="b")
    save_all(tmp_path, np.pad(drawn("food", 3, 20), ((0, 0), (1, 0), (0, 0), (0, 0))), stem="c")
    assert made(tmp_path).size == 24


def test_what_is_smaller_is_centred_and_what_is_larger_only_if_it_is_empty_enough():
    small = np.full((1, 6, 3, 4), 255, np.uint8)
    placed = place(small, 16, "pad")
    assert (placed[0, 5:11, 6:9] == 255).all() and placed.sum() == small.sum()
    wide = np.zeros((2, 40, 40, 4), np.uint8)
    wide[0, 10:20, 10:20], wide[1, 12:26, 12:26] = 200, 100
    placed = place(wide, 16, "pad")  # both frames by the same shift
    assert (placed[0, :10, :10] == 200).all() and (placed[1, 2:, 2:] == 100).all()
    assert place(wide, 15, "pad") is None
    assert (
        place(wide, 8, "crop").shape == place(wide, 8, "box").shape == place(wide, 8, "nearest").shape == (2, 8, 8, 4)
    )
    assert (place(enlarge(HEROES, 2), 16, "nearest") == HEROES).all() or (
        HEROES[:, [0, -1]].any() or HEROES[:, :, [0, -1]].any()
    )


def test_soft_alpha_becomes_hard_and_what_moved_is_told(tmp_path):
    soft = HEROES[0].copy()
    soft[0, :3] = [(9, 9, 9, 127), (9, 9, 9, 128), (9, 9, 9, 1)]
    found = made(save(tmp_path / "a.png", soft))
    assert found.told.softened == 3
    save(tmp_path / "large.png", np.full((24, 16, 4), 99, np.uint8)), save(tmp_path / "twice.png", soft)
    assert made(tmp_path, size=16).told.softened == 3  # of those that are kept
    assert found.images[0, 0, :3].tolist() == [[0, 0, 0, 0], [9, 9, 9, 255], [0, 0, 0, 0]]


def test_a_colour_can_stand_for_transparent(tmp_path):
    filled = np.where(HEROES[..., 3:] > 0, HEROES, np.array([255, 0, 255, 255], np.uint8))
    save_all(tmp_path / "filled", filled[..., :3])
    found = made(tmp_path / "filled")
    assert list(backgrounds(found.images, found.labels)) == ["ff00ff"]
    assert not backgrounds(HEROES, np.zeros(len(HEROES), int))
    save_all(tmp_path / "more", FOOD)
    save(tmp_path / "more" / "b.png", np.where(HEROES[0, ..., 3:] > 0, HEROES[0], np.array([0, 0, 255, 255], np.uint8)))
    told = lines_of(made(tmp_path / "more"))
    assert "1 sprite without a clear pixel and with 0000ff in all corners (b.png); --clear 0000ff" in told["background"]
    tiles = np.full((4, 16, 16, 4), 255, np.uint8)
    tiles[:, :, :, 0] = np.arange(4)[:, None, None]
    assert not backgrounds(tiles, np.zeros(4, int))  # a set of tiles
    assert (made(tmp_path / "filled", clear=(255, 0, 255)).images == HEROES).all()


def test_photographs_alone_are_refused_with_what_would_do(tmp_path):
    save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))
    said = refused(tmp_path / "a.png")
    assert "300 pixels a side, at most 128" in said and "--tile" in said and "--fit box" in said
    assert made(tmp_path / "a.png", size=16, fit="box").images.shape == (1, 16, 16, 4)


# --- names --------------------------------------------------------------------------------------------------


def named(*files: str, folder: Path, **how) -> list[tuple[str, dict]]:
    for index, name in enumerate(files):
        save(folder / name, HEROES[index])
    found = made(folder, naming=Naming(**how))
    return [(found.categories[label], row) for label, row in zip(found.labels, found.facets, strict=True)]


def test_categories_and_tags_from_a_pattern(tmp_path):
    files = ("red_dragon_blue_2.png", "owl_white_01.PNG", "readme.png")
    found = named(*files, folder=tmp_path, category="{category}_{colour}_*.png")
    assert found == [("owl", {"colour": "white"}), ("red_dragon", {"colour": "blue"})]
    assert named(*files, folder=tmp_path, category="one")[0][0] == "one"
    assert named("bat_7.png", folder=tmp_path / "index", category="{category}_{index}.png") == [("bat", {})]
    odd = named("owl_a\nb\x1b_1.png", folder=tmp_path / "odd", category="{category}_{colour}_*.png")
    assert odd == [("owl", {"colour": "a b"})]
    deep = named("a/x/1.png", "b/y/2.png", folder=tmp_path / "deep", category="*/{category}/*")
    assert [name for name, _ in deep] == ["x", "y"]
    tags_only = named("a/x_1.png", "b/y_2.png", folder=tmp_path / "tags", category="{mood}_*")
    assert tags_only == [("a", {"mood": "x"}), ("b", {"mood": "y"})]
    told = lines_of(made(tmp_path / "tags", naming=Naming("{mood}_*")))
    assert told["categories"] == "no {category} in the pattern: categories are from folders"


@pytest.mark.parametrize("pattern", ["{", "a}", "{}_*", "{a}{a}", "*.png", "{a b}", "{a=b}"])
def test_a_pattern_that_is_none_is_refused(pattern):
    with pytest.raises(ValueError, match="--category"):
        Naming(pattern)


def test_categories_from_files_folders_and_sources(tmp_path):
    save(tmp_path / "set" / "hero.png", sheet(HEROES, 4)), save(tmp_path / "set" / "food.png", sheet(FOOD, 4))
    assert made(tmp_path / "set").categories == ("food", "hero")  # sheets: the name of the file
    assert made(save_all(tmp_path / "loose")).categories == ("loose",)  # loose images: that of the folder
    assert len(made(tmp_path / "loose", naming=Naming(by="file")).categories) == len(HEROES)
    both = made(tmp_path / "set" / "food.png", tmp_path / "loose")
    assert both.categories == ("food", "loose")


def test_spellings_of_one_name_are_one_category(tmp_path):
    save_all(tmp_path / "Ü"), save_all(tmp_path / "u\u0308", FOOD)
    assert made(tmp_path).categories == ("ü",) and len(made(tmp_path).images) == 24
    save_all(tmp_path / "hero", drawn("spell")), save_all(tmp_path / "Hero", drawn("spell", 12, 12))
    assert made(tmp_path).categories == ("Hero", "ü")
    told = ("categories", "Hero and hero are one category, Hero")
    assert told in list(report(made(tmp_path)))
    assert told in list(write_arrays([tmp_path], Settings(Naming()), None).report())


def table(path: Path, text: str) -> Table:
    path.write_text(text, encoding="utf-8")
    return read_table(path)


def test_tags_from_tables(tmp_path):
    save_all(tmp_path / "art" / "hero", HEROES[:3]), save(tmp_path / "art" / "more.png", sheet(FOOD, 4))
    by_file = (
        "file,index,colour,mood\nhero/a00.png,,red,\nA01,,blue,glad\nmore.png,,green,\nmore,2,grey,sad\nnone.png,,x,x\n"
    )
    table(tmp_path / "semicolons.csv", by_file.replace(",", ";"))
    assert read_table(tmp_path / "semicolons.csv").rows == table(tmp_path / "a.csv", by_file).rows
    found = made(tmp_path / "art", naming=Naming(table=read_table(tmp_path / "a.csv")))
    assert found.facets[:3] == [{"colour": "red"}, {"colour": "blue", "mood": "glad"}, {}]
    assert found.facets[3:6] == [{"colour": "green"}] * 2 + [{"colour": "grey", "mood": "sad"}]
    assert lines_of(found)["table"] == "1 row of the table of tags that no sprite belongs to: none.png"
    by_index = "category,index,colour\nhero,0,red\nhero,2,blue\nmore,11,green\n"
    found = made(tmp_path / "art", naming=Naming(table=table(tmp_path / "b.csv", by_index)))
    assert [row.get("colour") for row in found.facets] == ["red", None, "blue", *[None] * 11, "green"]
    named = "file,category\na00.png,boss\n"
    assert made(tmp_path / "art", naming=Naming(table=table(tmp_path / "c.csv", named))).categories == (
        "boss",
        "hero",
        "more",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_spreadsheets_write_them(tmp_path, encoding):
    text = "File,,colour,\r\na.png,,grün,\r\n,,,\r\nb.png,,,\r\na.png,,grün\r\n"
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    found = read_table(tmp_path / "a.csv")
    assert found.by_file and found.facets == ["colour"]
    assert found.rows == {("a.png", ""): {"colour": "grün"}, ("b.png", ""): {}}


def test_a_table_in_another_encoding_is_refused_with_what_to_save_it_as(tmp_path):
    (tmp_path / "a.csv").write_bytes("file,colour\na.png,grün\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"a\.csv: cannot be read as UTF-8 text \(.*\); save it as CSV UTF-8$"):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "text, said",
    [
        ("file,colour\na.png,red\nb.png,red\nA.png,blue\n", "A.png has two rows, colour=red and colour=blue; keep one"),
        ("category,index,colour\na,1,red\na,01,\n", "a 01 has two rows, colour=red and empty; keep one"),
    ],
)
def test_rows_that_contradict_one_another_are_refused(tmp_path, text, said):
    with pytest.raises(DataError) as error:
        table(tmp_path / "a.csv", text)
    assert str(error.value) == f"{tmp_path / 'a.csv'}: {said}"


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "file\n", "file,colour\na\n", "file,file\na,b\n", "file,a=b\nx,y\n"]
)
def test_a_table_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"a\.csv: ") as error:
        table(tmp_path / "a.csv", text)
    assert "\n" not in str(error.value)


# --- what is told, and written ------------------------------------------------------------------------------


def test_mirrored_and_recoloured_sprites_are_counted():
    other = HEROES[0].copy()
    seen = other[..., 3] > 0
    other[seen, :3] = 255 - other[seen, :3]
    images = np.stack([HEROES[0], HEROES[0][:, ::-1], other, HEROES[1], HEROES[1]])
    assert likeness(images, np.array([0, 0, 0, 0, 1])) == (1, 1, [(3, 4)])


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_patterns_are_equal_just_for_recoloured_sprites(seed, colours):
    rng = np.random.default_rng(seed)
    index = rng.integers(0, colours + 1, (2, 5, 4))
    palettes = np.stack([rng.permutation(256)[: colours + 1] for _ in range(2)]).astype(np.uint8)

    def painted(index: np.ndarray, palette: np.ndarray) -> np.ndarray:
        alpha = np.where(index == 0, 0, 255)
        return np.stack([palette[index] * (index > 0)] * 3 + [alpha], -1).astype(np.uint8)

    one, recoloured, other = (
        patterns(painted(i, p)[None])[0] for i, p in zip(index[[0, 0, 1]], palettes[[0, 1, 0]], strict=True)
    )
    assert (one == recoloured).all()
    pairs = set(zip(index[0].ravel().tolist(), index[1].ravel().tolist(), strict=True))
    clear = all((a == 0) == (b == 0) for a, b in pairs)
    one_to_one = len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert (one == other).all() == (clear and one_to_one)


def test_a_set_is_read_back_with_its_tags(tmp_path):
    save_all(tmp_path / "art" / "Grün & co", HEROES), save_all(tmp_path / "art" / "food", FOOD)
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("file", "colour"), *((f"food/a{i:02}.png", 'red, "dark"') for i in range(0, 12, 2))]
        )
    found = made(tmp_path / "art", naming=Naming(table=read_table(tmp_path / "t.csv")))
    (tmp_path / "set").mkdir()
    write_sprite_set(tmp_path / "set", found.images, found.labels, found.categories, found.facets)
    sprites, tags = load_sprites(tmp_path / "set"), load_tags(tmp_path / "set")
    assert (sprites.images == found.images).all() and (sprites.labels == found.labels).all()
    assert sprites.categories == found.categories == ("food", "Grün & co") and not sprites.notes
    assert [tags["colour"][i] for i in range(24)] == ['red, "dark"', None] * 6 + [None] * 12
    assert Image.open(tmp_path / "set" / "food.png").mode == "P"


def test_a_set_of_many_colours_is_read_back(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 4), np.uint8)
    images[..., 3] = 255
    write_sprite_set(tmp_path, images, np.zeros(9, np.int64), ("a",))
    assert (load_sprites(tmp_path).images == images[..., :3]).all() and not (tmp_path / "tags.csv").exists()


def test_the_report_names_what_was_found_and_the_picture_shows_it(tmp_path):
    save_all(tmp_path / "art" / "hero", enlarge(HEROES, 2)), save_all(tmp_path / "art" / "food", FOOD)
    (tmp_path / "art" / "x.psd").touch()
    found = made(tmp_path / "art")
    told = "\n".join(what for _, what in report(found))
    for words in (
        "24",
        "12 pictures (hero/a00.png",
        "16x16 (24); now 16x16",
        "food 12, hero 12",
        "x.psd: export to PNG",
    ):
        assert words in told, told
    from PIL import ImageFont

    shown = picture(found, lambda labels: (ImageFont.load_default(size=14), list(labels)))
    pixels = np.asarray(shown).reshape(-1, 3)
    colours = {tuple(c) for c in HEROES[HEROES[..., 3] > 0][:, :3].tolist()}
    assert colours <= {tuple(c) for c in np.unique(pixels, axis=0).tolist()}
