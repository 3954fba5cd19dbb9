"""Reading sprites: three kinds of folder, one result, and one clear line for every mistake."""

import io
import os
import re
import struct
import warnings
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from folders import LABELS, NAMES, draw, png_of_size, refused, write_categories, write_pair, write_set
from PIL import Image

from sprites.content import content_hashes, count_duplicates, split
from sprites.export.source import load_album
from sprites.files import DataError
from sprites.loading import Sprites, load_sprites, to_prepare
from sprites.reading import forms, npy_pair
from sprites.reading.form import Contents, Form
from sprites.reading.image import MAX_PIXELS, read_frames, read_rgba
from sprites.tags import load_tags
from sprites.writing.png import save_pngs


def assert_same(got: Sprites, images, labels, names) -> None:
    np.testing.assert_array_equal(got.images, images)
    np.testing.assert_array_equal(got.labels, labels)
    assert got.images.dtype == np.uint8 and got.labels.dtype == np.int64
    assert got.categories == tuple(names)


# --- the three kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [3, 4])
def test_three_kinds_of_folder_give_the_same_sprites(tmp_path, channels):
    images = draw(channels=channels)
    columns = 2 if channels == 4 else 1  # an opaque sheet has no room for padding
    for folder in (
        write_set(tmp_path / "set", images, columns=columns),
        write_pair(tmp_path / "pair", images, np.eye(3)[LABELS]),
        write_categories(tmp_path / "categories", images),
    ):
        sprites = load_sprites(folder)
        assert_same(sprites, images, LABELS, NAMES)
        assert (len(sprites), sprites.size, sprites.channels, sprites.source) == (7, 8, channels, folder)


def test_a_path_may_be_text_and_size_may_be_confirmed(tmp_path):
    folder = write_categories(tmp_path / "data", draw())
    assert load_sprites(str(folder), size=8).size == 8


@pytest.mark.parametrize("dtype", [bool, "int8", "uint16", "float16", "float64", ">f4"])
def test_one_hot_of_any_numeric_type(tmp_path, dtype):
    images = draw()
    assert_same(
        load_sprites(write_pair(tmp_path / "d", images, np.eye(3)[LABELS].astype(dtype))),
        images,
        LABELS,
        NAMES,
    )


@pytest.mark.parametrize("dtype", ["int8", "uint64", ">i4"])
def test_integer_labels(tmp_path, dtype):
    images = draw()
    assert_same(load_sprites(write_pair(tmp_path / "d", images, LABELS.astype(dtype))), images, LABELS, NAMES)


def test_names_of_a_pair_without_categories_json_are_numbers(tmp_path):
    folder = write_pair(tmp_path / "d", draw(), LABELS, names=None)
    assert load_sprites(folder).categories == ("0", "1", "2")


def test_arrays_are_told_apart_by_shape_and_not_by_name(tmp_path):
    images = draw()
    folder = write_pair(tmp_path / "d", images, np.eye(3)[LABELS], stems=("zz_labels", "aa_images"))
    assert_same(load_sprites(folder), images, LABELS, NAMES)


COURSE = ("sprites_1788_16x16", "sprite_labels_nc_1788_16x16")


def test_the_course_pair_has_the_names_of_the_course(tmp_path):
    labels = np.arange(10) % 5
    images = draw(10, 16, 3)
    folder = write_pair(tmp_path / "d", images, np.eye(5)[labels], None, COURSE)
    assert_same(load_sprites(folder), images, labels, ("hero", "non_hero", "food", "spell", "side_facing"))

    (folder / "categories.json").write_text('["a", "b", "c", "d", "e"]')
    assert load_sprites(folder).categories == ("a", "b", "c", "d", "e")


@pytest.mark.parametrize(("stems", "count"), [(("images", "labels"), 5), (COURSE, 4), (COURSE[::-1], 5)])
def test_names_of_the_course_are_for_its_files_only(tmp_path, stems, count):
    labels = np.arange(20) % count
    folder = write_pair(tmp_path / "d", draw(20, 16, 3), np.eye(count)[labels], None, stems)
    assert load_sprites(folder).categories == tuple(map(str, range(count)))


def test_a_large_image_array_stays_on_disk(tmp_path, monkeypatch):
    images = draw()
    folder = write_pair(tmp_path / "d", images, LABELS)
    small = load_sprites(folder)
    assert not isinstance(small.images, np.memmap) and small.images.base is None

    monkeypatch.setattr(npy_pair, "IN_MEMORY", images.nbytes)
    assert not isinstance(load_sprites(folder).images, np.memmap)
    monkeypatch.setattr(npy_pair, "IN_MEMORY", images.nbytes - 1)
    large = load_sprites(folder)
    assert isinstance(large.images, np.memmap) and not large.images.flags.writeable
    assert_same(large, images, LABELS, NAMES)
    np.testing.assert_array_equal(content_hashes(large.images), content_hashes(images))
    np.testing.assert_array_equal(
        load_sprites(folder, size=16, resize="nearest").images, images.repeat(2, 1).repeat(2, 2)
    )


def test_rows_on_disk_are_those_of_the_array_and_what_was_cut_off_is_an_error(tmp_path, monkeypatch):
    images = draw(40)
    folder = write_pair(tmp_path / "d", images, np.arange(40) % 3)
    monkeypatch.setattr(npy_pair, "IN_MEMORY", 0)
    large = load_sprites(folder).images
    rng = np.random.default_rng(0)
    mask = rng.random(40) < 0.5
    every = [3, -1, np.int64(7), [2, 3, 4, 9, 9, -40], rng.integers(-40, 40, (5, 3)), mask, mask & False, (1, 2)]
    for index in (*every, slice(None), slice(30, 4, -3), slice(5, 5), slice(-3, 100), np.array([], int), (..., 0)):
        np.testing.assert_array_equal(large[index], images[index], err_msg=str(index))
    for index in (40, -41, [40], [0, -41]):
        with pytest.raises(IndexError):
            large[index]
    path = next(path for path in folder.glob("*.npy") if path.stat().st_size > images.nbytes)
    os.truncate(path, large.offset + 20 * images[0].nbytes + 5)
    for index in (20, [3, 20], slice(19, 22), [39], 0):
        with pytest.raises(OSError, match=r"truncated while it was in use, [\d,]+ of [\d,]+ bytes are left; put"):
            large[index]


def test_a_fortran_ordered_array_is_read(tmp_path):
    images = draw()
    sprites = load_sprites(write_pair(tmp_path / "d", np.asfortranarray(images), LABELS))
    assert_same(sprites, images, LABELS, NAMES)
    np.testing.assert_array_equal(content_hashes(sprites.images), content_hashes(images))


# --- sprite sets --------------------------------------------------------------------------------------------


def test_tiles_are_cut_row_by_row_and_invisible_ones_left_out(tmp_path):
    images = draw(5)
    images[4, ..., 3] = 0
    images[4, 0, 0] = (9, 9, 9, 1)  # barely visible, but not padding
    folder = write_set(tmp_path / "d", images, np.zeros(5, int), ("x",), columns=3)
    sheet = np.array(Image.open(folder / "x.png"))
    assert sheet.shape == (16, 24, 4)
    np.testing.assert_array_equal(sheet[:8, 16:], images[2])
    sheet[8:, 16:, :3] = 77  # colour without alpha is padding still
    Image.fromarray(sheet).save(folder / "x.png")
    assert_same(load_sprites(folder), images, np.zeros(5), ("x",))


def test_one_sheet_with_alpha_makes_the_whole_set_rgba(tmp_path):
    images = draw(channels=3)
    folder = write_set(tmp_path / "d", images, columns=1)
    sheet = Image.open(folder / "hero.png").convert("RGBA")
    sheet.save(folder / "hero.png")
    assert load_sprites(folder).channels == 3  # an alpha channel that says nothing

    sheet.putpixel((0, 0), (1, 2, 3, 4))
    sheet.save(folder / "hero.png")
    sprites = load_sprites(folder)
    assert sprites.channels == 4
    np.testing.assert_array_equal(sprites.images[sprites.labels != 1, ..., 3], 255)
    np.testing.assert_array_equal(sprites.images[2, 0, 0], (1, 2, 3, 4))


def test_every_tile_of_a_sheet_without_alpha_is_a_sprite(tmp_path):
    images = draw(2, channels=3)
    images[1] = 0
    folder = write_set(tmp_path / "d", images, np.zeros(2, int), ("x",))
    assert_same(load_sprites(folder), images, [0, 0], ("x",))


def test_a_palette_sheet(tmp_path):
    folder = write_set(tmp_path / "d", draw(1), np.zeros(1, int), ("x",), columns=1)
    sheet = Image.new("P", (16, 8), 1)
    sheet.putpalette([0, 0, 0, 10, 20, 30])
    sheet.paste(0, (8, 0, 16, 8))
    sheet.save(folder / "x.png", transparency=0)
    np.testing.assert_array_equal(load_sprites(folder).images, np.full((1, 8, 8, 4), (10, 20, 30, 255)))


def test_a_set_may_lie_beside_code_and_other_pictures(tmp_path):
    folder = write_set(tmp_path / "d", draw())
    (folder / "draw").mkdir()
    (folder / "draw" / "brush.py").touch()
    Image.new("RGB", (3, 5)).save(folder / "preview.png")
    assert len(load_sprites(folder)) == 7


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("tile = 8\ncategories = x", ["not valid TOML", "line 2"]),
        ("categories = ['x']", ["'tile' is missing", "tile = 32"]),
        ("tile = 8", ["'categories' is missing"]),
        ("tile = '8'\ncategories = ['x']", ["tile: got '8', expected"]),
        ("tile = 8.0\ncategories = ['x']", ["tile: got 8.0, expected"]),
        ("tile = true\ncategories = ['x']", ["tile: got True, expected"]),
        ("tile = 0\ncategories = ['x']", ["tile: got 0, expected"]),
        ("tile = 8\ncategories = 'x'", ["categories: got 'x', expected a list"]),
        ("tile = 8\ncategories = []", ["categories: got [], expected a list"]),
        ("tile = 8\ncategories = ['x', 3]", ["categories: got ['x', 3], expected a list"]),
        ("tile = 8\ncategories = ['x', '']", ["categories: got ['x', '']"]),
        ("tile = 8\ncategories = ['x', 'y', 'x']", ["'x' is listed twice"]),
        ("tile = 8\ncategories = ['a/b']", ["'a/b'", "no path separator"]),
        ("tile = 8\ncategories = ['a\\b']", ["'a\\\\b'", "no path separator"]),
        ("tile = 8\ncategories = ['..']", ["'..'", "no path separator"]),
        (b"tile = 8 # \xff", ["cannot be read as UTF-8"]),
    ],
)
def test_mistakes_in_sprites_toml(tmp_path, text, parts):
    toml = write_set(tmp_path / "d", draw(1), np.zeros(1, int), ("x",)) / "sprites.toml"
    toml.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(tmp_path / "d", f"{toml}: ", *parts)


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    folder = write_set(tmp_path / "d", draw())
    toml = folder / "sprites.toml"
    toml.write_bytes(b"\xef\xbb\xbf" + toml.read_bytes())
    assert len(load_sprites(folder)) == 7


def test_mistakes_in_sheets(tmp_path):
    folder = write_set(tmp_path / "d", draw())
    sheet = folder / "hero.png"
    for w, h in ((16, 12), (12, 16)):
        Image.new("RGBA", (w, h), "red").save(sheet)
        refused(folder, f"{sheet}: {w}x{h} pixels", "multiples of the tile size 8")
    Image.new("RGBA", (16, 16)).save(sheet)
    refused(folder, f"{sheet}: ", "category 'hero' has no sprite")
    sheet.unlink()
    refused(folder, f"{sheet}: there is no such sheet", "sprites.toml lists 'hero'")


# --- npy pairs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "parts"),
    [
        (
            draw() / np.float32(255),
            ["got float32 [7, 8, 8, 4], expected uint8", "(x * 255).round().astype('uint8')"],
        ),
        (draw().astype(np.int64), ["got int64 [7, 8, 8, 4], expected uint8", "astype('uint8')"]),
        (draw()[..., 0], ["got uint8 [7, 8, 8], expected uint8 [N,H,W,C] with C 3 (RGB) or 4 (RGBA)"]),
        (draw()[..., :1], ["got uint8 [7, 8, 8, 1], expected", "grey"]),
        (draw().transpose(0, 3, 1, 2), ["got uint8 [7, 4, 8, 8], expected", "channels last"]),
        (draw()[None], ["got uint8 [1, 7, 8, 8, 4], expected"]),
        (draw()[:0], ["got uint8 [0, 8, 8, 4], expected", "no sprites"]),
    ],
)
def test_mistakes_in_image_arrays(tmp_path, images, parts):
    folder = write_pair(tmp_path / "d", images, LABELS)
    refused(folder, f"{folder / 'images.npy'}: ", *parts)


ONE_HOT = np.eye(3)[LABELS]


def changed(labels: np.ndarray, row: int, value: object) -> np.ndarray:
    labels = labels.copy()
    labels[row] = value
    return labels


@pytest.mark.parametrize(
    ("labels", "parts"),
    [
        (LABELS[:6], ["6 labels for the 7 images of images.npy"]),
        (ONE_HOT[:6], ["6 labels for the 7 images of images.npy"]),
        (changed(ONE_HOT, 4, [1, 1, 0]), ["row 4 is [1.0, 1.0, 0.0]", "one-hot"]),
        (changed(ONE_HOT, 5, 0), ["row 5 is [0.0, 0.0, 0.0]", "one-hot"]),
        (changed(ONE_HOT, 3, [0.5, 0.5, 0]), ["row 3 is [0.5, 0.5, 0.0]", "one-hot"]),
        (changed(ONE_HOT, 3, [2, -1, 0]), ["row 3 is [2.0, -1.0, 0.0]", "one-hot"]),
        (changed(ONE_HOT, 1, [0, 2, 0]), ["row 1 is [0.0, 2.0, 0.0]", "one-hot"]),
        (changed(ONE_HOT, slice(2, 4), np.nan), ["row 2 is [nan, nan, nan]", "expected numbers"]),
        (changed(LABELS.astype(float), 6, np.nan), ["row 6 is nan", "expected numbers"]),
        (LABELS.astype(float), ["got float64 [7], expected integers", "astype('int64')"]),
        (changed(LABELS, 3, -1), ["row 3 is -1, expected 0 or more"]),
        (changed(LABELS, 2, 3), ["row 2 is 3, expected less than 3, the number of names in categories.json"]),
        (
            changed(LABELS.astype(np.uint64), 2, 2**64 - 1),
            ["row 2 is 18446744073709551615, expected less than 3"],
        ),
        (np.eye(3)[np.where(LABELS == 1, 0, LABELS)], ["category 'hero' never occurs"]),
        (np.where(LABELS == 1, 0, LABELS), ["category 'hero' never occurs"]),
        (np.array(list("abcdefg")), ["got <U1 [7], expected numeric labels"]),
        (ONE_HOT[:, None], ["got float64 [7, 1, 3], expected numeric labels"]),
        (np.float64(1), ["got float64 [], expected numeric labels"]),
        (draw(seed=1), ["images as well as images.npy"]),
    ],
)
def test_mistakes_in_label_arrays(tmp_path, labels, parts):
    folder = write_pair(tmp_path / "d", draw(), labels)
    refused(folder, f"{folder / 'labels.npy'}: ", *parts)


def test_integer_labels_without_names_stand_for_no_empty_category(tmp_path):
    folder = write_pair(tmp_path / "d", draw(), LABELS * 2, names=None)
    refused(folder, folder / "labels.npy", "category '1' never occurs")
    np.save(folder / "labels.npy", changed(LABELS, 6, 10**15))
    refused(folder, folder / "labels.npy", "row 6 is 1000000000000000, expected less than 7")


@pytest.mark.parametrize("labels", [LABELS, ONE_HOT])
@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('["a", "b"', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": 0}', "got {'a': 0}, expected a list"),
        ('["a", "b", 3]', "got ['a', 'b', 3], expected a list"),
        ('["a", "b", "a"]', "'a' is listed twice"),
    ],
)
def test_mistakes_in_categories_json(tmp_path, labels, text, part):
    path = write_pair(tmp_path / "d", draw(), labels) / "categories.json"
    path.write_text(text)
    refused(tmp_path / "d", f"{path}: ", part)


def test_names_of_another_number_than_categories(tmp_path):
    folder = write_pair(tmp_path / "d", draw(), ONE_HOT, names=("a", "b"))
    refused(folder, f"{folder / 'categories.json'}: 2 names for the 3 columns of labels.npy")
    write_pair(folder, draw(), ONE_HOT, names=tuple("abcd"))
    refused(folder, f"{folder / 'categories.json'}: 4 names for the 3 columns of labels.npy")
    write_pair(folder, draw(), LABELS, names=tuple("abcd"))
    refused(folder, folder / "labels.npy", "category 'd' never occurs")


def test_files_that_are_no_plain_arrays(tmp_path):
    folder = write_pair(tmp_path / "d", draw(), LABELS)
    path = folder / "labels.npy"
    whole = path.read_bytes()
    archive = io.BytesIO()
    np.savez(archive, LABELS)
    objects = io.BytesIO()
    np.save(objects, np.array([{}] * 7), allow_pickle=True)
    for content in (b"", b"text", whole[:20], whole[:-1], archive.getvalue(), objects.getvalue()):
        path.write_bytes(content)
        refused(folder, f"{path}: cannot be read as a plain .npy array", "np.save")


def test_a_pickle_is_never_run(tmp_path):
    folder = write_pair(tmp_path / "d", draw(), LABELS)
    mark = tmp_path / "ran"
    (folder / "labels.npy").write_bytes(f"cos\nmkdir\n(S'{mark}'\ntR.".encode())
    refused(folder, folder / "labels.npy", "pickles are refused")
    assert not mark.exists()


@pytest.mark.parametrize(("count", "told"), [(1, "1 .npy file (0.npy)"), (3, "3 .npy files (0.npy, ")])
def test_an_npy_pair_has_two_arrays(tmp_path, count, told):
    (tmp_path / "d").mkdir()
    for i in range(count):
        np.save(tmp_path / "d" / f"{i}.npy", draw())
    refused(tmp_path / "d", f"{tmp_path / 'd'}: {told}", "expected two")


# --- folders per category -----------------------------------------------------------------------------------


def load_one(folder: Path, name: str, image: Image.Image, **options) -> np.ndarray:
    (folder / "x").mkdir(parents=True, exist_ok=True)
    image.save(folder / "x" / name, **options)
    return load_sprites(folder).images[0]


def test_every_mode_of_image_is_read(tmp_path):
    colours = draw(channels=3, seed=3)[0]
    grey = colours[..., 0]
    alpha = draw(seed=4)[0, ..., 3]
    stacked = np.stack([grey] * 3, -1)
    with_alpha = np.dstack([stacked, alpha])
    bits = grey > 127
    palette = Image.fromarray(grey % 4).convert("P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
    table = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90], [100, 110, 120]])[grey % 4]
    keyed = np.dstack([stacked, np.where(grey == grey[0, 0], 0, 255)])
    deep = Image.fromarray(grey.astype(np.uint16) << 8 | 7)
    cases = [
        (Image.fromarray(colours), {}, colours),
        (Image.fromarray(np.dstack([colours, alpha])), {}, np.dstack([colours, alpha])),
        (Image.fromarray(grey), {}, stacked),
        (Image.fromarray(grey), {"transparency": int(grey[0, 0])}, keyed),
        (Image.fromarray(np.dstack([grey, alpha])), {}, with_alpha),
        (Image.fromarray(bits), {}, np.stack([bits * 255] * 3, -1)),
        (deep, {}, stacked),
        (deep, {"transparency": int(grey[0, 0]) << 8 | 7}, keyed),
        (palette, {}, table),
        (palette, {"transparency": 2}, np.dstack([table, np.where(grey % 4 == 2, 0, 255)])),
        (
            palette,
            {"transparency": bytes([255, 9, 255, 255])},
            np.dstack([table, np.where(grey % 4 == 1, 9, 255)]),
        ),
    ]
    for i, (image, options, expected) in enumerate(cases):
        np.testing.assert_array_equal(load_one(tmp_path / str(i), "a.png", image, **options), expected, err_msg=str(i))


def test_gif_webp_and_bmp_first_frame_any_case(tmp_path):
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first = np.full((8, 8, 3), (255, 0, 0))
    movie = {"save_all": True, "append_images": [blue], "duration": 100}
    np.testing.assert_array_equal(load_one(tmp_path / "gif", "a.GIF", red, **movie), first)
    np.testing.assert_array_equal(load_one(tmp_path / "webp", "a.WebP", red, lossless=True, **movie), first)
    np.testing.assert_array_equal(load_one(tmp_path / "bmp", "a.bmp", red), first)
    clear = Image.new("P", (8, 8), 0)
    clear.putpalette([255, 0, 0, 0, 0, 255])
    clear.putpixel((3, 3), 1)
    assert (load_one(tmp_path / "clear", "a.gif", clear, transparency=1)[..., 3] == 0).sum() == 1


def test_one_transparent_pixel_makes_all_rgba(tmp_path):
    images = draw()
    images[..., 3] = 255
    assert load_sprites(write_categories(tmp_path / "a", images)).channels == 3
    images[6, 7, 7, 3] = 254
    assert_same(load_sprites(write_categories(tmp_path / "b", images)), images, LABELS, NAMES)


def test_order_nesting_and_what_is_ignored(tmp_path):
    folder, images = tmp_path / "d", draw(5)
    save_pngs(folder, images, ["b/2", "b/deep/er/1", "b/1", "a/9", "a/.hidden"])
    save_pngs(folder, images, ["__MACOSX/b/1", ".git/1"] + [f"a/.cache/{i}" for i in range(3)])
    (folder / "a" / "Thumbs.db").write_bytes(b"?")
    (folder / "readme.txt").write_text("hello")
    os.symlink(folder / "b", folder / "a" / "link", target_is_directory=True)
    os.symlink(folder / "a", folder / "a" / "loop", target_is_directory=True)
    os.symlink(folder / "a" / "itself", folder / "a" / "itself")
    assert_same(load_sprites(folder), images[[3, 2, 0, 1]], [0, 1, 1, 1], ("a", "b"))


def test_a_link_to_an_image_is_read_and_a_linked_category_refused(tmp_path):
    folder = write_categories(tmp_path / "d", draw(1), [0], ("x",))
    os.symlink(folder / "x" / "000.png", folder / "x" / "001.png")
    assert len(load_sprites(folder)) == 2
    os.symlink(tmp_path / "nowhere.png", folder / "x" / "002.png")
    refused(folder, f"{folder / 'x' / '002.png'}: there is no such file")
    (folder / "x" / "002.png").unlink()
    os.symlink(folder / "x", folder / "y", target_is_directory=True)
    refused(folder, f"{folder / 'y'}: a symbolic link")


def test_an_empty_category_is_named(tmp_path):
    folder = write_categories(tmp_path / "d", draw())
    (folder / "ghost").mkdir()
    (folder / "ghost" / "notes.txt").touch()
    refused(folder, f"{folder / 'ghost'}: category 'ghost' has no image", f"; or {to_prepare(folder)}")


def test_loose_images(tmp_path):
    folder = tmp_path / "d"
    save_pngs(folder, draw(1), ["loose"])
    refused(folder, f"{folder / 'loose.png'}: a loose image", "one folder per category")
    write_categories(folder, draw())
    refused(folder, f"{folder / 'loose.png'}: a loose image beside folders")


def test_broken_images_are_named(tmp_path):
    folder = write_categories(tmp_path / "d", draw(size=32))
    path = folder / "hero" / "003.png"
    whole = path.read_bytes()
    for length in (20, 30, 50, len(whole) // 2):
        path.write_bytes(whole[:length])
        refused(folder, f"{path}: ", f"; or {to_prepare(folder)}")
        refused(folder, f"{path}: ", f"; or {to_prepare(folder)}", clips=True)
        with pytest.raises(DataError, match=f"^{path}: .*; or {re.escape(to_prepare(folder))}$"):
            load_album(folder)
    other = io.BytesIO()
    Image.new("RGB", (8, 8)).save(other, "TIFF")
    for content in (b"", b"not an image", other.getvalue()):
        path.write_bytes(content)
        refused(folder, f"{path}: not a PNG, GIF, WebP or BMP image")


def test_a_jpeg_by_another_name_is_told_by_every_reader(tmp_path):
    folder = write_categories(tmp_path / "d", draw(size=32))
    path = folder / "hero" / "003.png"
    Image.new("RGB", (32, 32)).save(path, "JPEG")
    said = f"{path}: a JPEG inside, whatever its name; JPEG blurs pixel art"
    refused(folder, said)
    for read in (load_album, read_rgba, read_frames, lambda path: read_frames(path, path.read_bytes())):
        with pytest.raises(DataError, match=f"^{re.escape(said)}"):
            read(path)


@pytest.mark.parametrize("side", [8193, 10_000, 30_000])  # above our limit, Pillow's warning, Pillow's error
def test_image_bombs_are_refused_and_pillow_stays_as_it_was(tmp_path, side):
    folder = write_categories(tmp_path / "d", draw())
    path = folder / "hero" / "003.png"
    path.write_bytes(png_of_size(side, side))
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    for options in ({}, {"size": 8, "resize": "box"}):
        refused(folder, f"{path}: too large", f"at most {MAX_PIXELS} pixels", **options)
    assert before == (Image.MAX_IMAGE_PIXELS, list(warnings.filters))


# --- which kind ---------------------------------------------------------------------------------------------


def test_no_kind_at_all(tmp_path):
    forms = ["sprites.toml", "[N,H,W,C]", "<category>/*.png"]
    refused(tmp_path / "none", f"{tmp_path / 'none'}: there is no such folder", *forms)
    (tmp_path / "file").touch()
    refused(tmp_path / "file", f"{tmp_path / 'file'}: a file, expected the folder", *forms)
    folder = tmp_path / "empty"
    folder.mkdir()
    refused(folder, f"{folder}: no sprites (found nothing)", *forms)
    (folder / "hero").mkdir()
    (folder / "notes.txt").touch()
    refused(folder, f"{folder}: no sprites (found hero/, notes.txt)", *forms)
    for i in range(20):
        (folder / f"z{i}").touch()
    refused(folder, "and 14 more", *forms)


def test_more_than_one_kind(tmp_path):
    folder = write_pair(tmp_path / "d", draw(), LABELS)
    write_categories(folder, draw())
    refused(folder, f"{folder}: looks like an npy pair and a folder per category", "food/", "images.npy")
    write_set(folder, draw())
    refused(folder, "looks like a sprite set and an npy pair and a folder per category", "sprites.toml")


@pytest.mark.parametrize("write", [write_set, write_categories, lambda f, i: write_pair(f, i, LABELS)])
def test_unreadable_files_are_named(tmp_path, monkeypatch, write):
    """As root every file is readable, so the refusal is played."""
    folder = write(tmp_path / "d", draw())
    closed = {p for p in folder.rglob("*") if (p.suffix in (".png", ".npy") and "hero" in str(p)) or p.stem == "labels"}
    assert closed

    def guarded(function):
        def call(path, *args, **kwargs):
            if Path(path) in closed:
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *args, **kwargs)

        return call

    monkeypatch.setattr(Image, "open", guarded(Image.open))
    monkeypatch.setattr(np, "load", guarded(np.load))
    refused(folder, f"{min(closed)}: cannot be read", "Permission denied")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_closed_folders_are_named_as_an_ordinary_user(tmp_path):
    folder = write_categories(tmp_path / "d", draw())
    for closed in (folder / "hero", folder):
        closed.chmod(0)
        try:
            refused(folder, f"{closed}: cannot be read", "Permission denied")
        finally:
            closed.chmod(0o755)


def test_closed_folders_are_named(tmp_path, monkeypatch):
    folder = write_categories(tmp_path / "d", draw())
    listdir = os.listdir

    def guarded(path):
        if Path(path) == folder / "hero":
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", guarded)
    refused(folder, f"{folder / 'hero'}: cannot be read (Permission denied)")


# --- sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_set, write_categories, lambda f, i: write_pair(f, i, LABELS)])
def test_sizes_8_to_128(tmp_path, write):
    for size in (8, 128):
        assert load_sprites(write(tmp_path / f"{size}", draw(size=size))).size == size
    for size in (7, 129):
        message = refused(write(tmp_path / f"{size}", draw(size=size)), f"{size}x{size}", "8 to 128", "--resize")
        assert re.match(re.escape(str(tmp_path / f"{size}")) + r"/.+\.(toml|png|npy): ", message)
        assert load_sprites(tmp_path / f"{size}", size=8, resize="box").size == 8


@pytest.mark.parametrize("options", [{"size": 7}, {"size": 129}, {"resize": "bicubic"}])
def test_options_out_of_range(tmp_path, options):
    with pytest.raises(ValueError, match=r"8 to 128|'nearest', 'box'"):
        load_sprites(write_set(tmp_path / "d", draw()), **options)


def test_another_size_is_refused_in_words_that_help(tmp_path):
    images = draw(size=16)
    help_parts = ("16x16 pixels", "expected 32x32", "--resize nearest or box", "--size 16")
    folder = write_set(tmp_path / "a", images)
    refused(folder, f"{folder / 'sprites.toml'}: ", *help_parts, size=32)
    folder = write_pair(tmp_path / "b", images, LABELS)
    refused(folder, f"{folder / 'images.npy'}: ", *help_parts, size=32)
    folder = write_categories(tmp_path / "c", images)
    refused(folder, f"{folder / 'food' / '000.png'}: ", *help_parts, "as 6 other files", size=32)


def test_mixed_sizes_go_to_the_most_common_one_only_if_told(tmp_path):
    folder = write_categories(tmp_path / "d", draw(size=16))
    save_pngs(folder, draw(1, 8), ["food/odd"])
    save_pngs(folder, draw(1, 32), ["hero/odd"])
    refused(
        folder,
        f"{folder / 'food' / 'odd.png'}: 8x8 pixels",
        "(as 1 other file)",
        "expected 16x16",
        "--resize",
    )
    assert load_sprites(folder, resize="nearest").images.shape == (9, 16, 16, 4)
    assert load_sprites(folder, resize="box", size=8).images.shape == (9, 8, 8, 4)


def test_images_that_are_not_square(tmp_path):
    image = np.full((1, 8, 12, 3), 200, np.uint8)
    image[0, 0, 0] = (1, 2, 3)
    image[0, :, 6:] = 50
    padded = np.full((1, 12, 12, 3), (1, 2, 3))
    padded[:, 2:10] = image
    pair, categories = write_pair(tmp_path / "pair", image, [0], ("x",)), tmp_path / "categories"
    save_pngs(categories, image, ["x/0"])
    for folder in (pair, categories):
        refused(folder, "12x8 pixels, expected 12x12", "--resize")
        refused(folder, "12x8 pixels, expected 8x8", "--resize", size=8)
        np.testing.assert_array_equal(load_sprites(folder, resize="nearest").images, padded)
        np.testing.assert_array_equal(load_sprites(folder, resize="box", size=12).images, padded)

    # In a set with alpha the padding is transparent, for an opaque image too, and odd rests go to the end.
    tall = np.dstack([np.full((12, 9, 3), 77, np.uint8), np.full((12, 9), 255, np.uint8)])
    save_pngs(tmp_path / "rgba", draw(1), ["x/0"])
    save_pngs(tmp_path / "rgba", tall[None], ["x/1"])
    save_pngs(tmp_path / "rgba", tall.swapaxes(0, 1)[None], ["x/2"])
    _, got, turned = load_sprites(tmp_path / "rgba", size=12, resize="nearest").images
    np.testing.assert_array_equal(got[:, 1:10], tall)
    assert not got[:, :1].any() and not got[:, 10:].any()
    np.testing.assert_array_equal(turned, got.swapaxes(0, 1))


def test_resize_nearest_takes_pixels_as_they_are(tmp_path):
    images = draw(size=16)
    images[..., 3] = images[..., 0]  # soft alpha is kept
    for folder in (write_categories(tmp_path / "a", images), write_pair(tmp_path / "b", images, LABELS)):
        np.testing.assert_array_equal(load_sprites(folder, size=8, resize="nearest").images, images[:, 1::2, 1::2])
        np.testing.assert_array_equal(
            load_sprites(folder, size=32, resize="nearest").images, images.repeat(2, 1).repeat(2, 2)
        )


def test_resize_box_averages_rgb(tmp_path):
    images = draw(size=16, channels=3)
    mean = images.reshape(7, 8, 2, 8, 2, 3).mean(axis=(2, 4))
    got = load_sprites(write_pair(tmp_path / "d", images, LABELS), size=8, resize="box").images
    assert np.abs(got - mean).max() <= 1


def test_resize_box_weighs_colour_by_alpha_and_keeps_hard_alpha_hard(tmp_path):
    images = draw(size=16)
    images[..., :3] = np.where(images[..., 3:] == 0, 255, images[..., :3] // 2)  # bright colour, never seen
    alpha = images[..., 3:] / 255
    blocks = (images[..., :3] * alpha).reshape(7, 8, 2, 8, 2, 3).sum(axis=(2, 4))
    weight = alpha.reshape(7, 8, 2, 8, 2, 1).sum(axis=(2, 4))
    visible = (weight * 255 / 4).round()[..., 0] >= 128
    assert 0 < visible.mean() < 1
    got = load_sprites(write_set(tmp_path / "d", images), size=8, resize="box").images
    np.testing.assert_array_equal(got[..., 3], np.where(visible, 255, 0))
    assert np.abs(got[..., :3] - blocks / np.maximum(weight, 1))[visible].max() <= 2
    assert not got[~visible].any()


def test_resize_box_keeps_soft_alpha_soft(tmp_path):
    images = np.full((1, 16, 16, 4), (100, 0, 0, 60), np.uint8)
    got = load_sprites(write_pair(tmp_path / "d", images, [0], ("x",)), size=8, resize="box").images
    assert (got[..., 3] == 60).all()
    assert np.abs(got[..., 0].astype(int) - 100).max() <= 2


# --- hashes and split ---------------------------------------------------------------------------------------


def test_hashes_see_pixels_shape_and_visible_colour_only():
    images = draw(50)
    hashes = content_hashes(images)
    assert hashes.dtype == np.uint64 and hashes.shape == (50,) and count_duplicates(hashes) == 0
    recoloured = images.copy()
    recoloured[..., :3][images[..., 3] == 0] = 123
    np.testing.assert_array_equal(content_hashes(recoloured), hashes)
    np.testing.assert_array_equal(content_hashes(images[::-1]), hashes[::-1])

    touched = images.copy()
    touched[:, 0, 0, 0] ^= 1  # visible: draw() makes this corner opaque
    assert not np.isin(content_hashes(touched), hashes).any()
    faint = images.copy()
    faint[:, 0, 0, 3] = 1
    assert not np.isin(content_hashes(faint), hashes).any()
    touched = faint.copy()
    touched[:, 0, 0, 0] ^= 1
    assert not np.isin(content_hashes(touched), content_hashes(faint)).any()
    black = np.zeros((1, 8, 8, 3), np.uint8)
    assert content_hashes(black) != content_hashes(black.reshape(1, 4, 16, 3))


def test_hashes_are_the_same_on_every_machine():
    images = draw(2)
    expected = [blake2b(struct.pack("<3I", 8, 8, 4) + i.tobytes(), digest_size=8).digest() for i in images]
    assert content_hashes(images).tolist() == [int.from_bytes(digest, "little") for digest in expected]


def test_duplicates_are_counted():
    images = draw(10)
    hashes = content_hashes(np.concatenate([images, images[:3], images[:1]]))
    assert count_duplicates(hashes) == 4
    assert count_duplicates(hashes[:10]) == 0
    assert count_duplicates(hashes[:0]) == 0


def test_split_parts_sprites_by_content(tmp_path):
    images = draw(400)
    copies = np.concatenate([images, images[::-1]])
    hashes = content_hashes(copies)
    train, val = split(hashes, 0.3)
    assert train.dtype == val.dtype == np.int64
    np.testing.assert_array_equal(np.sort(np.concatenate([train, val])), np.arange(800))
    assert len(val) and not np.isin(hashes[val], hashes[train]).any()
    for part in (train, val):
        assert (np.diff(part) > 0).all()

    for again in (split(hashes, 0.3), split(Sprites(copies, np.zeros(800, np.int64), ("x",), tmp_path), 0.3)):
        np.testing.assert_array_equal(again[0], train)
        np.testing.assert_array_equal(again[1], val)


def test_split_of_a_sprite_depends_on_nothing_else():
    hashes = content_hashes(draw(400))
    chosen = set(hashes[split(hashes, 0.3)[1]].tolist())
    order = np.random.default_rng(1).permutation(400)
    assert set(hashes[order][split(hashes[order], 0.3)[1]].tolist()) == chosen
    some = hashes[100:200]
    assert set(some[split(some, 0.3)[1]].tolist()) == chosen & set(some.tolist())
    assert chosen < set(hashes[split(hashes, 0.6)[1]].tolist())


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.95])
def test_split_meets_the_fraction_on_average(fraction):
    images = np.zeros((10_000, 8, 8, 3), np.uint8)
    images[:, 0, 0, :2] = np.arange(10_000, dtype="<u2")[:, None].view(np.uint8)
    default = split(content_hashes(images))[1]
    val = split(content_hashes(images), fraction)[1]
    assert abs(len(val) / 10_000 - fraction) < 5 * np.sqrt(fraction * (1 - fraction) / 10_000)
    if fraction == 0.05:
        np.testing.assert_array_equal(val, default)


def test_split_refuses_what_is_no_fraction_and_no_hashes():
    hashes = content_hashes(draw(3))
    assert [len(part) for part in split(hashes, 0.0)] == [3, 0]
    for fraction in (-0.1, 1.0, 5, float("nan")):
        with pytest.raises(ValueError, match="val_fraction"):
            split(hashes, fraction)
    for wrong in (draw(3), hashes.astype(np.int64)):
        with pytest.raises(ValueError, match="content_hashes"):
            split(wrong)


# --- writing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [3, 4])
def test_saved_pngs_are_read_back_bit_for_bit(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, channels), dtype=np.uint8)
    save_pngs(tmp_path / "d", images, ["a/1", "a/2", "b/1", "b/2"])
    assert_same(load_sprites(tmp_path / "d"), images, [0, 0, 1, 1], ("a", "b"))


def test_save_pngs_refuses_other_arrays_and_names(tmp_path):
    images = draw(2)
    for wrong in (images / 255, images[0], images[..., :2]):
        with pytest.raises(ValueError, match="images: got"):
            save_pngs(tmp_path, wrong, ["a", "b"])
    for names in (["a"], ["a", "a"], ["a", "../b"], ["a", "/b"], ["a", ""], ["a", "..\\b"]):
        with pytest.raises(ValueError, match="names: got"):
            save_pngs(tmp_path, images, names)
    assert not list(tmp_path.iterdir())


# --- further forms ------------------------------------------------------------------------------------------


def test_a_new_form_is_one_entry_of_the_table(tmp_path, monkeypatch):
    images = draw()
    archive = tmp_path / "outer" / "pack" / "sprites.npz"
    archive.parent.mkdir(parents=True)
    np.savez(archive, images=images, labels=LABELS)

    def read(inside, size, resize):
        (path,) = [path for path in inside.files if path.suffix == ".npz"]
        with np.load(path) as file:
            return Contents(file["images"], file["labels"], NAMES)

    def found(inside):
        return any(path.suffix == ".npz" for path in inside.files)

    form = Form("an archive", "(sprites.npz)", found, read, names=lambda folder: NAMES, suffixes=(".npz",))
    refused(archive.parent, "no sprites", "(<category>/*.png)")
    monkeypatch.setattr(forms, "FORMS", (*forms.FORMS, form))
    sprites = load_sprites(archive.parent)
    assert sprites.categories == NAMES
    np.testing.assert_array_equal(sprites.images, images)
    refused(tmp_path / "outer", f"the sprites are in {archive.parent}; give that folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "or an archive (sprites.npz)")
    (archive.parent / "tags.csv").write_text("category,index,kind\n" + "spell,1,b\nspell,0,a\nfood,0,c\n")
    assert load_tags(archive.parent).categories == NAMES  # not in the order of the table
