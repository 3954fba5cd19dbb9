"""Pictures of any number as an npy pair: what is read back, their names and sizes, and how much memory that takes."""

import tracemalloc
import zipfile
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from folders import NAMES, draw, write_categories, write_pair, write_shard
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sprites.content import content_hashes
from sprites.files import DataError
from sprites.loading import Sprites, load_sprites
from sprites.prepare.collection import collect
from sprites.prepare.names import Naming
from sprites.prepare.settings import Settings
from sprites.writing import arrays, npy_pair
from sprites.writing.arrays import Made, write_arrays
from sprites.writing.npy_pair import PairWriter, examples


def made(*sources: Path, out: Path | None = None, naming: Naming | None = None, **how) -> Made:
    if out:
        out.mkdir()
    return write_arrays(sources, Settings(naming or Naming(), **how), out)


def refused(*sources: Path, **how) -> str:
    with pytest.raises(DataError) as error:
        made(*sources, **how)
    assert "\n" not in str(error.value)
    return str(error.value)


def kinds(sprites: Sprites) -> set[tuple[str, int]]:
    """Which pictures are in which category."""
    names = [sprites.categories[label] for label in sprites.labels]
    return {*zip(names, content_hashes(sprites.images).tolist(), strict=True)}


@settings(max_examples=12, deadline=None)
@given(st.integers(3, 40), st.sampled_from([8, 16, 24]), st.sampled_from([3, 4]), st.integers(1, 60), st.randoms())
def test_shards_become_the_pair_of_their_pixels_and_labels(tmp_path_factory, count, size, channels, block, random):
    folder = tmp_path_factory.mktemp("set")
    images, labels = draw(count, size, channels, seed=random.randrange(2**32)), np.arange(count) % 3
    for shard, rows in enumerate(np.array_split(np.arange(count), 3)):
        write_shard(folder / "data" / f"{shard}.parquet", images[rows], labels[rows], NAMES)
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # several blocks, of rows as they are read and of bytes as they are moved
        patch.setattr(arrays, "AT_ONCE", block * size**2 // 4)
        patch.setattr(npy_pair, "BLOCK", 24 * block)
        found = made(folder / "data", out=folder / "out")
    sprites = load_sprites(folder / "out")
    assert (sprites.images == images).all() and sprites.channels == channels
    assert (sprites.labels == labels).all() and sprites.categories == NAMES
    assert found.counts == tuple(np.bincount(labels)) and found.pictures == count and not found.left_out.counts
    for name in ("images.npy", "labels.npy"):  # no bytes are left behind what the header tells of
        array = np.load(folder / "out" / name, mmap_mode="r")
        assert (folder / "out" / name).stat().st_size == array.offset + array.nbytes


def test_memory_does_not_grow_with_the_number_of_sprites(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "AT_ONCE", 2**17)  # 32 sprites
    monkeypatch.setattr(npy_pair, "BLOCK", 2**16)
    sprites = draw(100, 64, 3)  # opaque, so that they are written twice

    def peak(shards: int) -> int:
        for shard in range(shards):
            write_shard(tmp_path / str(shards) / f"{shard}.parquet", sprites)
        tracemalloc.start()
        assert sum(made(tmp_path / str(shards), out=tmp_path / f"out{shards}").counts) == 100 * shards
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    once, twice = peak(4), peak(8)
    assert twice < once + 2**21 < once + 400 * 64 * 64 * 4 / 3  # Python's table of strings may grow meanwhile


FORMS = ("folders", "wrapped", "zip", "wrapped zip", "loose", "shards", "a pair", "animation")
HOWS = ({}, {"size": 24}, {"size": 8, "fit": "crop"}, {"size": 8, "fit": "box"}, {"size": 8})
# In three of the forms nothing is small enough for the last; and a set is scaled as a whole, here each sprite.
APART = [("loose", HOWS[4]), ("a pair", HOWS[4]), ("animation", HOWS[4]), ("a pair", HOWS[3])]


@pytest.mark.parametrize("form, how", [case for case in product(FORMS, HOWS) if case not in APART])
def test_names_and_sizes_are_those_of_a_sprite_set(tmp_path, form, how):
    """What `collect` finds in the memory, which drops exact copies."""
    images, labels = draw(20, 16), np.arange(20) % 3
    images[3] = 0
    images[4, 2, 2] = (9, 200, 30, 100)
    images[5:, :4] = images[5:, 12:] = images[5:, :, :4] = images[5:, :, 12:] = 0
    source = tmp_path / "art"
    if form == "shards":
        write_shard(source / "a" / "0.parquet", images, labels)
        write_shard(source / "b" / "1.parquet", images[::-1])
    elif form == "a pair":
        write_pair(source, images, labels)
        Image.new("RGBA", (90, 30)).save(source / "report.png")
    elif form == "animation":
        source.mkdir()
        frames = [Image.fromarray(image) for image in images[5:9]]
        frames[0].save(source / "walk.png", save_all=True, append_images=frames[1:])
    else:
        inner = source / "outer" if "wrapped" in form else source
        write_categories(inner, images, labels, ("Hero", "hero", "spell"))
        if form == "loose":
            source = inner / "spell"
        if "zip" in form:
            with zipfile.ZipFile(tmp_path / "pack.zip", "w") as file:
                for path in sorted(source.rglob("*.png")):
                    file.write(path, path.relative_to(source))
            source = tmp_path / "pack.zip"
    expected = collect([source], Settings(Naming(), **how))
    found = made(source, out=tmp_path / "out", **how)
    sprites = load_sprites(tmp_path / "out")
    assert kinds(sprites) == kinds(Sprites(expected.images, expected.labels, expected.categories, source))
    assert sprites.categories == found.categories == expected.categories and sprites.size == expected.size
    assert found.pictures >= 1 and sum(found.counts) == len(sprites)


@pytest.mark.parametrize("naming", [Naming("one"), Naming("{category}_*"), Naming("*/{category}/*"), Naming(by="file")])
def test_categories_that_are_asked_for(tmp_path, naming):
    folder = tmp_path / "art"
    write_categories(folder / "x" / "red_cap", draw(3, 16, seed=1), np.arange(3))
    write_categories(folder / "y", draw(3, 16, seed=2), np.arange(3), ("a_1", "b_1", "b_2"))
    for path in sorted(folder.rglob("*.png")):
        path.rename(path.with_name(f"{path.parent.name}_{path.name}"))
    expected = collect([folder], Settings(naming))
    made(folder, out=tmp_path / "out", naming=naming)
    assert kinds(load_sprites(tmp_path / "out")) == kinds(
        Sprites(expected.images, expected.labels, expected.categories, folder)
    )


def test_what_is_left_out_is_counted_and_only_the_first_are_named(tmp_path):
    images = draw(40, 16)
    images[10:30] = 0
    write_shard(tmp_path / "art" / "good.parquet", images)
    (tmp_path / "art" / "bad.parquet").write_bytes(b"PAR1" * 9)
    (tmp_path / "art" / "a.psd").write_bytes(b"x")
    Image.fromarray(draw(1, 40)[0]).save(tmp_path / "art" / "large.png")
    found = made(tmp_path / "art", out=tmp_path / "out")
    told = [line for heading, line in found.report() if heading == "left out"]
    row = Path("good.parquet", "row")
    assert f"{row} 10, {row} 11, {row} 12 and 17 more: blank" in told and len(told) == 4
    assert ("sprites", "20: art 20") in found.report()
    assert any("large.png: larger than 16x16" in line for line in told)
    tally = arrays.Tally()
    for number in range(1000):
        tally.add(f"file {number}", f"reason {number}")
    assert len(tally.names) == arrays.MAX_REASONS + 1 and "and 897 more: other reasons" in [*tally.lines()][-1]


def test_damaged_data_that_is_named_is_refused_and_so_is_nothing(tmp_path):
    path = write_shard(tmp_path / "a.parquet", draw(200, 16), np.arange(200) % 3)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = b"\xff" * 3000
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.parquet").write_bytes(data)
    assert "a.parquet" in refused(tmp_path / "folder" / "a.parquet", out=tmp_path / "out")
    assert not (tmp_path / "out" / "categories.json").exists()
    found = made(tmp_path / "folder")
    assert sum(found.counts) < 200
    (reason,) = found.left_out.counts
    assert f"of images from row {sum(found.counts)} on" in reason and sum(found.counts) >= 64
    path.write_bytes(path.read_bytes()[:-50])
    assert "Parquet" in refused(path)
    (tmp_path / "empty").mkdir()
    assert "no sprites" in refused(tmp_path / "empty") and "no such file" in refused(tmp_path / "none")
    blank = write_shard(tmp_path / "blank.parquet", np.zeros((5, 16, 16, 4), np.uint8))
    assert "no sprites" in (said := refused(blank)) and "and 2 more: blank" in said


def test_categories_that_cannot_be_are_told_of_at_the_first(tmp_path, monkeypatch):
    images = draw(30, 16)
    captions = write_shard(tmp_path / "captions.parquet", images, [f"a knight {i}" for i in range(30)])
    monkeypatch.setattr(arrays, "MAX_NAMES", 20)
    assert "row 20: 'a knight 20' is one category more than 20; --category" in refused(captions)
    assert made(captions, naming=Naming("knight")).categories == ("knight",)
    paths = write_shard(tmp_path / "paths.parquet", images, ["x"] * 10 + ["a/b"] * 20)
    assert "row 10: category 'a/b': a name may hold no path separator" in refused(paths)


def test_the_size_is_that_of_most_of_the_first(tmp_path):
    for number in range(5):
        Image.fromarray(draw(1, 16 if number else 12, seed=number)[0]).save(tmp_path / f"{number}.png")
    found = made(tmp_path)
    assert found.size == 16 and found.sizes == Counter({(16, 16): 4, (12, 12): 1}) and sum(found.counts) == 5
    Image.new("RGB", (300, 300)).save(tmp_path / "sheet.PNG")
    assert "300 pixels a side, at most 128" in refused(tmp_path / "sheet.PNG")


def test_a_writer_refuses_more_than_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(npy_pair, "MAX_SPRITES", 10)
    with PairWriter(tmp_path, 8) as pair:
        pair.add(draw(10), np.zeros(10, np.int64))
        with pytest.raises(DataError, match="more than 10 sprites"):
            pair.add(draw(1), np.zeros(1, np.int64))


def test_examples_are_those_of_the_ranks_that_are_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(npy_pair, "BLOCK", 56)  # seven labels
    images, labels = draw(50, 8, 3), np.random.default_rng(0).integers(0, 3, 50)
    write_pair(tmp_path, images, labels)
    shown = examples(tmp_path, np.bincount(labels)[:2].tolist(), lambda rows: rows[[0, 5, -1]])
    for label, some in enumerate(shown):
        assert (some[..., :3] == images[labels == label][[0, 5, -1]]).all() and (some[..., 3] == 255).all()
    assert len(shown) == 2
