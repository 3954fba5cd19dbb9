"""What a user is told of a folder of sprites that is read otherwise than meant: one line each, or a refusal."""

import contextlib
import io
import os
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, tiny_sprites, write_npy
from folders import png_of_size, refused, write_pair, write_set
from PIL import Image
from readers import mended, script

from ddpm.config import Config, DataConfig
from ddpm.data.loading import load_data
from sprites.files import DataError
from sprites.loading import load_sprites
from sprites.reading import guesses, npy_pair
from sprites.reading.folder import WRITTEN
from sprites.writing.png import save_pngs

REAL = load_sprites(ROOT / "sprites")


def of(name: str, count: int, start: int = 0) -> np.ndarray:
    """Shipped sprites of a category."""
    return REAL.images[np.flatnonzero(REAL.labels == REAL.categories.index(name))[start : start + count]]


def folder_of(root: Path, count: int = 20, names: tuple[str, ...] = ("food", "hero")) -> Path:
    """A folder per category, of which there is nothing to be said."""
    for name in names:
        save_pngs(root, of(name, count), [f"{name}/{i:03}" for i in range(count)])
    return root


def joined(tiles: np.ndarray, rows: int) -> Image.Image:
    """A sheet of tiles."""
    n, h, w, c = tiles.shape
    return Image.fromarray(tiles.reshape(rows, n // rows, h, w, c).swapaxes(1, 2).reshape(rows * h, -1, c))


def enlarged(pixels: np.ndarray, times: int) -> Image.Image:
    return Image.fromarray(pixels.repeat(times, 0).repeat(times, 1))


def notes(folder: Path, *parts: object, **options) -> tuple[str, ...]:
    """All notes of a folder, of which there is one for all the parts, or none."""
    found = load_data(folder, DataConfig(**options)).notes
    assert all(note.isprintable() and note.startswith(f"{folder}: ") for note in found)
    assert len(found) == bool(parts), found
    for part in parts:
        assert str(part) in found[0]
    return found


def test_nothing_is_said_of_sets_that_are_as_they_should_be(tmp_path):
    notes(ROOT / "sprites")
    notes(folder_of(tmp_path / "a"))
    notes(write_npy(tmp_path / "b", *tiny_sprites(40, 8, 3)))


# --- files --------------------------------------------------------------------------------------------------


def test_pictures_that_are_left_out_are_counted_with_the_reason(tmp_path):
    folder = folder_of(tmp_path / "d")
    for name in ("hero/a.jpg", "hero/deep/b.JPG", "food/c.jpeg", "hero/x.aseprite", "hero/x.txt", "preview.tga"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "hero" / "link").symlink_to(folder / "food", target_is_directory=True)
    notes(
        folder,
        "6 files left out: 1 .jpeg and 2 .jpg (JPEG blurs pixel art; save as PNG), 1 .aseprite (read by "
        "scripts/prepare.py), "
        "1 .tga (convert to PNG), 1 linked (links to folders are not followed",
    )


@pytest.mark.parametrize("names", [("hero/a.jpg", "food/b.jpg"), ("a.jpg", "b.jpg")])
def test_a_folder_of_nothing_but_pictures_that_are_not_read_says_so(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    refused(tmp_path, "no sprites, but pictures that are not read: 2 .jpg (JPEG blurs pixel art; save as PNG)")


def test_a_category_of_nothing_but_pictures_that_are_not_read_says_so(tmp_path):
    folder = folder_of(tmp_path / "d")
    (folder / "spell").mkdir()
    (folder / "spell" / "x.kra").touch()
    refused(folder, "category 'spell' has no image that is read, but 1 .kra (export to PNG)")


@pytest.mark.parametrize("name", ["walk.gif", "walk.png", "walk.webp"])
def test_animations_are_told(tmp_path, name):
    folder = folder_of(tmp_path / "d", 21)
    frames = [Image.fromarray(x) for x in of("hero", 3, 50)]
    frames[0].save(folder / "hero" / name, save_all=True, append_images=frames[1:], lossless=True)
    notes(folder, f"1 animation read as the first frame (hero/{name})")


def test_an_animation_that_breaks_off_is_read_as_before(tmp_path):
    folder = folder_of(tmp_path / "d", 21)
    frames, out = [Image.fromarray(x) for x in of("hero", 2, 50)], io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    whole = out.getvalue()
    (folder / "hero" / "a.gif").write_bytes(whole[: whole.rindex(b"!\xf9") + 5])
    assert len(load_sprites(folder)) == 43


def test_an_apng_that_is_none_makes_no_lines_of_its_own(tmp_path, recwarn):
    folder = folder_of(tmp_path / "d", 20)
    frames, out = [Image.fromarray(x) for x in of("hero", 3, 50)], io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    whole = out.getvalue()
    at = whole.index(b"acTL") + 4  # then the number of frames
    (folder / "hero" / "a.png").write_bytes(mended(whole[:at] + bytes(4) + whole[at + 4 :]))
    assert len(load_sprites(folder)) == 41 and not recwarn.list


def test_16_bit_grey_of_8_bits_is_read_as_8_bits(tmp_path):
    folder = folder_of(tmp_path / "d")
    grey = (np.arange(256, dtype=np.uint16) % 251).reshape(16, 16)
    Image.fromarray(grey).save(folder / "hero" / "grey.png")
    Image.fromarray(grey << 8).save(folder / "hero" / "grey_too.png")
    notes(folder, "1 file of 16-bit grey from 0 to 255 read as 8-bit (hero/grey.png)")
    np.testing.assert_array_equal(load_sprites(folder).images[-2:, ..., 0], [grey, grey])


# --- sheets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "rows", "tiles"), [(64, 8, "8 by 8"), (4, 1, "4 by 1"), (6, 3, "2 by 3")])
def test_a_sheet_among_sprites_is_recognised(tmp_path, count, rows, tiles):
    folder = folder_of(tmp_path / "d")
    joined(of("hero", count, 100), rows).save(folder / "hero" / "walk.png")
    lines = 'a sprites.toml with the lines tile = 16 and categories = ["food", "hero"]'
    said = refused(folder, f"{folder / 'hero' / 'walk.png'}: ", f"a sheet of 16x16 tiles ({tiles})", lines, "hero.png")
    assert f"a single sprite, pass --resize nearest; or make it readable: scripts/prepare.py {folder} --out" in said
    notes(folder, "sheets of 16x16 tiles read as one sprite each (hero/walk.png)", lines, resize="nearest")


def test_the_lines_that_are_given_make_it_work(tmp_path):
    for name in ("food", "hero"):
        joined(of(name, 64), 8).save(tmp_path / f"{name}.png")
    lines = 'tile = 16 and categories = ["food", "hero"]'
    refused(tmp_path, "food.png: a loose image that looks like a sheet of 16x16 tiles", lines)
    (tmp_path / "sprites.toml").write_text(lines.replace(" and ", "\n"))
    assert load_sprites(tmp_path).images.shape == (128, 16, 16, 4)


@pytest.mark.parametrize("columns", [8, 16])
def test_sheets_in_the_place_of_sprites_are_recognised(tmp_path, columns):
    for name in ("food", "hero"):
        (tmp_path / name).mkdir()
        joined(of(name, columns**2), columns).save(tmp_path / name / "sheet.png")
    if columns == 16:
        refused(tmp_path, "256x256 pixels are out of range", "sheet of 16x16 tiles (16 by 16)", "tile = 16")
        return
    assert "sheets of 16x16 tiles read as one sprite each" in load_sprites(tmp_path).notes[0]


def test_an_enlarged_sprite_is_no_sheet(tmp_path):
    folder = folder_of(tmp_path / "d")
    enlarged(of("hero", 1, 90)[0], 8).save(folder / "hero" / "big.png")
    said = refused(folder, "128x128 pixels", "a 16x16 sprite enlarged 8 times: pass --resize nearest")
    assert "sheet" not in said
    assert not load_data(folder, DataConfig(resize="nearest")).notes
    assert (load_sprites(folder, resize="nearest").images[-1] == of("hero", 1, 90)[0]).all()


@pytest.mark.parametrize("times", [4, 16])
def test_a_folder_of_enlarged_sprites(tmp_path, times):
    for name in ("food", "hero"):
        (tmp_path / name).mkdir()
        for i, pixels in enumerate(of(name, 20)):
            enlarged(pixels, times).save(tmp_path / name / f"{i}.png")
    if times == 16:
        refused(tmp_path, "out of range", "enlarged 16 times: pass --size 16 --resize nearest")
    else:
        notes(tmp_path, "all sprites look enlarged 4 times; --size 16 --resize nearest reads them as they were drawn")
    assert len(load_data(tmp_path, DataConfig(size=16, resize="nearest")).sprites) == 40


def test_a_larger_sprite_is_no_sheet(tmp_path):
    folder = folder_of(tmp_path / "d")
    Image.fromarray(of("hero", 1)[0]).resize((31, 31), 0).resize((32, 32), 0).save(folder / "hero" / "boss.png")
    assert refused(folder, "32x32 pixels, expected 16x16; pass --resize nearest or box to train.py, or --size 32")
    notes(folder, resize="box")


def test_single_sprites_are_hardly_ever_taken_for_sheets_and_sheets_nearly_always_for_what_they_are():
    chance = np.random.default_rng(0)
    rows = chance.choice(len(REAL), 200)
    assert sum(guesses.tile_of(REAL.images[i], 8) is not None for i in rows) <= 4
    found = Counter(guesses.tile_of(np.asarray(joined(REAL.images[chance.choice(rows, 16)], 4))) for _ in range(50))
    assert found[16] >= 45
    noise = chance.integers(0, 256, (64, 64, 4), np.uint8)
    assert guesses.tile_of(noise) is None and guesses.block_of(noise) == 1


def test_a_large_image_is_not_decoded_to_be_looked_at(tmp_path):
    folder = folder_of(tmp_path / "d")
    (folder / "hero" / "huge.png").write_bytes(png_of_size(8000, 8000))  # which holds no pixels
    refused(folder, "8000x8000 pixels, expected 16x16; pass --resize nearest")


# --- folders ------------------------------------------------------------------------------------------------


def test_a_wrapper_is_refused_with_the_path_to_give(tmp_path):
    pack = folder_of(tmp_path / "a" / "pack")
    (tmp_path / "a" / "__MACOSX").mkdir()
    (tmp_path / "a" / "licence").mkdir()
    for folder in (tmp_path, tmp_path / "a"):
        refused(folder, f"{folder}: holds a single folder, and that 2 folders of images; give {pack}")
    Image.new("RGB", (300, 200)).save(tmp_path / "a" / "preview.png")
    refused(tmp_path / "a", f"give {pack}")
    assert len(load_sprites(pack)) == 40


@pytest.mark.parametrize("write", [write_set, lambda f, images: write_pair(f, images, [0, 0, 1, 1, 1, 2, 2])])
def test_a_wrapped_set_or_pair_is_refused_with_the_path_to_give(tmp_path, write):
    (tmp_path / "a").mkdir()
    write(tmp_path / "a" / "pack", of("hero", 7))
    for folder in (tmp_path / "a", tmp_path):
        refused(folder, f"{folder}: the sprites are in {tmp_path / 'a' / 'pack'}; give that folder")


def test_a_set_among_categories_is_refused(tmp_path):
    write_set(folder_of(tmp_path / "d") / "more", of("hero", 7))
    refused(tmp_path / "d", f"{tmp_path / 'd' / 'more'}: a sprite set of its own (sprites.toml)")


@pytest.mark.parametrize("names", [("hero/male/1", "hero/female/1", "food/1"), ("hero/1", "hero/old/1", "hero/new/1")])
def test_categories_may_be_nested(tmp_path, names):
    save_pngs(tmp_path, of("hero", len(names)), list(names))
    assert len(load_sprites(tmp_path).categories) == len({name.split("/")[0] for name in names})


def test_two_packs_are_two_categories_and_a_single_nested_folder_is_one(tmp_path):
    save_pngs(tmp_path / "a", of("hero", 4), ["one/x/1", "one/y/1", "two/x/1", "two/y/1"])
    assert load_sprites(tmp_path / "a").categories == ("one", "two")
    save_pngs(tmp_path / "b", of("hero", 2), ["one/deep/1", "one/deep/2"])
    assert load_sprites(tmp_path / "b").categories == ("one",)


@pytest.mark.parametrize("marker", WRITTEN)
def test_a_run_is_never_read(tmp_path, marker):
    folder = folder_of(tmp_path / "d")
    run = folder / "hero" / "run"
    (run / "tb").mkdir(parents=True)
    (run / "tb" / "events.out.tfevents.1.vm").touch()
    (run / marker).touch()
    save_pngs(run, of("hero", 1), ["samples/grid"])
    for data in (run, folder):
        refused(data, f"{run}: a run, or what was measured of one")
    os.rename(run, folder / "run")
    refused(folder, f"{folder / 'run'}: a run, or what was measured of one")


def test_what_is_no_run_is_no_run(tmp_path):
    folder = folder_of(tmp_path / "d")
    os.rename(folder / "hero", folder / "tb")  # a category may have that name
    (folder / "config.toml").touch()
    assert load_sprites(folder).categories == ("food", "tb")


def test_an_array_beside_the_pictures_of_the_only_category_is_no_pair(tmp_path):
    save_pngs(tmp_path, of("hero", 3), [f"hero/{i}" for i in range(3)])
    np.save(tmp_path / "hero" / "features.npy", np.zeros(3))
    assert load_sprites(tmp_path).categories == ("hero",)


def test_a_sprite_of_two_squares_is_no_sheet():
    tall = np.zeros((32, 16, 4), np.uint8)
    tall[2:15, 4:12] = tall[17:30, 4:12] = (200, 40, 40, 255)  # a thin neck, where two tiles would meet
    assert guesses.tile_of(tall) is None and guesses.tile_of(np.concatenate([tall, tall, tall])) == 16


# --- pixels -------------------------------------------------------------------------------------------------


def test_soft_alpha_is_told(tmp_path):
    images = of("hero", 40).copy()
    images[:3, 0, :2] = (9, 9, 9, 128)
    folder = write_npy(tmp_path / "d", images, np.arange(40) % 2)
    notes(folder, "3 sprites with an alpha of 1 to 254 (6 pixels)", "below 128")


def test_wholly_transparent_sprites_are_told_by_name(tmp_path):
    folder = folder_of(tmp_path / "d")
    for name in ("food", "hero"):
        Image.new("RGBA", (16, 16)).save(folder / name / "empty.png")
    notes(folder, "2 sprites wholly transparent, as food/empty.png")
    images = of("hero", 40).copy()
    images[5] = 0
    notes(write_npy(tmp_path / "p", images, np.arange(40) // 20), "1 sprite wholly transparent, as sprite 5 (square)")


def test_a_category_of_which_nothing_is_seen_is_refused(tmp_path):
    folder = write_npy(tmp_path / "d", of("hero", 40) * (np.arange(40) < 20)[:, None, None, None], np.arange(40) // 20)
    with pytest.raises(DataError, match="category 'bar': all sprites are wholly transparent"):
        load_data(folder)


def test_a_picture_in_two_categories_is_told_by_name(tmp_path):
    folder = folder_of(tmp_path / "d")
    for i in (3, 4):
        (folder / "food" / f"z{i}.png").write_bytes((folder / "hero" / f"00{i}.png").read_bytes())
    (folder / "food" / "copy.png").write_bytes((folder / "food" / "001.png").read_bytes())  # which is no mistake
    said = notes(folder, "2 pictures in more than one category")[0]
    assert "(food/z3.png and hero/003.png)" in said or "(food/z4.png and hero/004.png)" in said


def test_categories_of_few_sprites_are_named(tmp_path):
    folder = folder_of(tmp_path / "d")
    save_pngs(folder, of("spell", 19), [f"spell/{i}" for i in range(19)])
    notes(folder, "categories of fewer than 20 sprites, too few to learn from: spell 19; add some")


def test_pixels_are_looked_at_in_parts_that_make_no_difference(tmp_path, monkeypatch):
    images = of("hero", 40).copy()
    images[7], images[3, 0, 0, 3] = 0, 7
    folder = write_npy(tmp_path / "d", images, np.arange(40) // 20)
    whole = load_data(folder)
    monkeypatch.setattr("sprites.colour.PART", 3 * images[0, ..., 0].size)
    parts = load_data(folder)
    assert parts.notes == whole.notes and len(parts.notes) == 2 and (parts.hashes == whole.hashes).all()


# --- who is told --------------------------------------------------------------------------------------------


def test_a_new_run_tells_it_once_by_its_main_process(tmp_path, monkeypatch, capsys):
    (tmp_path / "c.toml").write_text("")
    save_pngs(tmp_path / "data", of("hero", 3), ["a/1", "a/2", "b/1"])
    main = script("train")
    made = SimpleNamespace(model=torch.nn.Linear(1, 1), precision="fp32", config=Config(), taken=None)
    made.spec = SimpleNamespace(diffusion=made.config.diffusion)
    monkeypatch.setattr("ddpm.commands.train.train", lambda *args: 0)
    monkeypatch.setattr("ddpm.training.trainer.Trainer", lambda *args: made)
    words = ["train.py", tmp_path / "c.toml", "--data", tmp_path / "data", "--out", tmp_path / "run"]
    monkeypatch.setattr(sys, "argv", [*map(str, words), "--device", "cpu"])
    for is_main, goes_on in product((True, False), (True, False)):
        monkeypatch.setattr("ddpm.system.distributed.main_first", contextlib.nullcontext)
        monkeypatch.setattr("ddpm.system.distributed.is_main", lambda is_main=is_main: is_main)
        monkeypatch.setattr("ddpm.commands.train.begin_or_resume", lambda *args, goes_on=goes_on: goes_on)
        assert main() == 0
        told = capsys.readouterr().err
        assert told.count("warning: ") == told.count("fewer than 20 sprites") == (is_main and not goes_on)


# --- on the disk --------------------------------------------------------------------------------------------


def test_a_truncated_array_is_told_before_it_is_read_and_a_deleted_one_is_read_on(tmp_path, monkeypatch):
    monkeypatch.setattr(npy_pair, "IN_MEMORY", 0)
    folder = write_npy(tmp_path / "d", *tiny_sprites(4000, 16, 3))
    path, data = folder / "sprites.npy", load_data(folder)
    before, size = data.batch([3999])[0], path.stat().st_size
    for left in (0, 5000, size - 1):
        os.truncate(path, left)
        with pytest.raises(OSError, match=f"truncated while it was in use, {left:,} of {size:,} bytes are left"):
            data.batch([0])  # also where the page is still there
        with pytest.raises(OSError, match="truncated"):
            data.validation()
        os.truncate(path, size)
    np.save(path, tiny_sprites(4000, 16, 3)[0])
    path.unlink()
    assert torch.equal(data.batch([3999])[0], before)
