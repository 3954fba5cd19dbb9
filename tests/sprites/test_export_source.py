"""What can be exported: arrays of sample.py, folders of pictures, sets, palettes; and what is no sprite at all."""

import zipfile

import numpy as np
import pytest
from folders import LABELS, NAMES, draw, write_categories, write_pair, write_set
from PIL import Image

from sprites.export import source
from sprites.export.album import Run
from sprites.export.formats import export
from sprites.export.source import load_album
from sprites.files import DataError
from sprites.palettes import read_palette
from sprites.writing.png import save_pngs


def save(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def refused(path, *words, **how) -> None:
    """One line that begins with the path and has the words."""
    with pytest.raises(DataError) as caught:
        load_album(path, **how)
    said = str(caught.value)
    assert said.startswith(f"{path}") and "\n" not in said and all(word in said for word in words), said


def test_arrays_are_grouped_by_the_rows_of_the_grid(tmp_path):
    sprites, rows, row = (
        draw(6),
        np.array(["kind=cat facing=left", "hero + food", "never"]),
        np.array([0, 0, 0, 1, 1, 1]),
    )
    scales = np.array([1, 1, 2, 1, 2, 2], np.float32)
    path = save(tmp_path / "a.npz", sprites=sprites, guidance=scales, row=row, rows=rows, labels=np.zeros(6, int))
    album, notes = load_album(path)
    np.testing.assert_array_equal(album.sprites, sprites)
    assert list(album.runs) == [("kind=cat facing=left", 0, 2), ("hero + food", 3, 5)] and not notes
    said = [name.removeprefix("kind=cat facing=left/") for name in album.names[:3]]
    assert said == ["s1_0000", "s1_0001", "s2_0000"] and album.names[3] == "hero + food/s1_0000"


def test_arrays_of_older_files_are_grouped_by_their_labels(tmp_path):
    sprites = draw(5, channels=3)
    album, _ = load_album(save(tmp_path / "a.npz", sprites=sprites, labels=np.array([4, -1, 2, 2, 4])))
    assert list(album.runs) == [("sprites", 0, 0), ("category 2", 1, 2), ("category 4", 3, 4)]
    np.testing.assert_array_equal(album.sprites, sprites[[1, 2, 3, 0, 4]])
    album, _ = load_album(save(tmp_path / "b.npz", sprites=sprites))
    assert list(album.runs) == [("sprites", 0, 4)] and album.names[4] == "sprites/0004"


def test_arrays_that_are_none_are_refused(tmp_path):
    hostile = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "pickled.npz", sprites=hostile)
    refused(tmp_path / "pickled.npz", "allow_pickle=False")
    refused(save(tmp_path / "a.npz"), "no array 'sprites' in it, but nothing")
    refused(save(tmp_path / "b.npz", images=draw(2)), "no array 'sprites' in it, but images")
    refused(save(tmp_path / "c.npz", sprites=draw(2)[:0]), "there are no sprites in it")
    refused(save(tmp_path / "d.npz", sprites=draw(2) / 255), "convert with")
    refused(save(tmp_path / "e.npz", sprites=draw(2)[..., 0]), "expected uint8 [N,H,W,C]")
    names = np.array(["x", "y"])
    for number, row in enumerate(([0, 2], [-1, 0], [0.0, 1.0], [0])):
        path = save(tmp_path / f"f{number}.npz", sprites=draw(2), row=np.array(row), rows=names)
        refused(path, "row")
    refused(save(tmp_path / "g.npz", sprites=draw(2), row=np.array([0, 1]), rows=np.array(["x", "x"])), "row")
    refused(save(tmp_path / "h.npz", sprites=draw(2), row=np.array([0, 1]), rows=np.array(["x", "\x1b]"])), "row")
    (tmp_path / "i.npz").write_bytes(b"PK")
    refused(tmp_path / "i.npz", "not an npz that sample.py wrote")
    whole = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "c.npz").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "c.npz", "not an npz that sample.py wrote")


def test_arrays_that_claim_more_than_there_is_are_refused(tmp_path, monkeypatch):
    """A bomb of zeros that is told by its directory, and a head that claims a billion sprites of its few bytes."""
    monkeypatch.setattr(source, "MAX_DECODED", 2**20)
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("sprites.npy", "w") as file,
    ):
        file.write(bytes(2**20 + 1))
    refused(tmp_path / "bomb.npz", "at most 1,048,576 are read")
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive, archive.open("sprites.npy", "w") as file:
        about = {"descr": "|u1", "fortran_order": False, "shape": (10**9, 64, 64, 4)}
        np.lib.format.write_array_header_1_0(file, about)
        file.write(bytes(100))
    refused(tmp_path / "lie.npz", "not an npz that sample.py wrote")


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    sprites = draw(12)[:, :6]
    save_pngs(tmp_path / "walk", sprites, [f"Step_{i}" for i in range(12)])
    album, _ = load_album(tmp_path / "walk")
    assert album.runs == (Run("walk", 0, 11),) or list(album.runs) == [("walk", 0, 11)]
    np.testing.assert_array_equal(album.sprites, sprites)
    assert album.size == (8, 6) and album.names[10] == "Step_10"


def test_folders_of_pictures_are_frame_tags(tmp_path):
    sprites = draw(7)
    save_pngs(tmp_path / "a", sprites, ["walk_10/0", "walk_9/1", "walk_9/0", "idle/b/2", "idle/1", "loose", "walk_9/2"])
    album, _ = load_album(tmp_path / "a")
    assert list(album.runs) == [("a", 0, 0), ("idle", 1, 1), ("idle/b", 2, 2), ("walk_9", 3, 5), ("walk_10", 6, 6)]
    np.testing.assert_array_equal(album.sprites, sprites[[5, 4, 3, 2, 1, 6, 0]])
    assert album.names[2] == "idle/b/2"
    export("png", album, tmp_path / "again")
    again, _ = load_album(tmp_path / "again")
    np.testing.assert_array_equal(again.sprites, album.sprites)
    assert list(again.names) == list(album.names)


def test_pictures_that_do_not_go_together_are_refused(tmp_path):
    save_pngs(tmp_path / "a", draw(2), ["x/0", "x/1"])
    Image.new("RGBA", (8, 9)).save(tmp_path / "a" / "x" / "2.png")
    with pytest.raises(DataError, match=r"2.png: 8x9 pixels, and 0.png has 8x8; .*prepare.py"):
        load_album(tmp_path / "a")
    (tmp_path / "b" / "c").mkdir(parents=True)
    refused(tmp_path / "b", "no sprites", "expected an npz of sample.py")
    refused(tmp_path / "none", "no such file or folder")
    (tmp_path / "a.txt").write_text("x")
    refused(tmp_path / "a.txt", "cannot be exported")
    (tmp_path / "x.png").write_bytes(b"no picture")
    refused(tmp_path / "x.png", "not a PNG")
    save_pngs(tmp_path / "d", draw(2), ["x", "y"])
    frames = [Image.fromarray(sprite) for sprite in draw(2)]
    frames[0].save(tmp_path / "d" / "z.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "d" / "photo.jpg").touch()
    animated, left_out = load_album(tmp_path / "d")[1]
    assert "read as the first frame (z.gif)" in animated and "1 file left out: 1 .jpg" in left_out


def test_a_picture_and_a_palette(tmp_path):
    sprites = draw(1, channels=3)
    save_pngs(tmp_path, sprites, ["hero"])
    album, _ = load_album(tmp_path / "hero.png")
    np.testing.assert_array_equal(album.sprites, sprites)
    (path,) = export("pal", album, tmp_path / "hero.pal")
    only, _ = load_album(path)
    assert len(only) == 0
    np.testing.assert_array_equal(only.palette, read_palette(path))
    assert {tuple(c) for c in only.palette} == {tuple(c) for c in sprites.reshape(-1, 3)}


def test_sets_in_any_form(tmp_path):
    sprites = draw()
    for folder in (write_set(tmp_path / "a", sprites), write_pair(tmp_path / "b", sprites, LABELS)):
        album, _ = load_album(folder)
        assert [run.name for run in album.runs] == list(NAMES) and album.names[2] == "hero/0000"
        np.testing.assert_array_equal(album.sprites, sprites)
    album, _ = load_album(write_categories(tmp_path / "c", sprites))
    assert [run.name for run in album.runs] == list(NAMES) and album.names[2] == "hero/002"
    np.testing.assert_array_equal(album.sprites, sprites)


def test_each_clip_of_a_set_is_a_frame_tag(tmp_path):
    sprites, folder = draw(), write_pair(tmp_path / "a", draw(), LABELS)  # food 0 and 1, hero 2 to 4, spell 5 and 6
    np.save(folder / "clips.npy", np.array([0, 0, 1, 2, 2, 3, 4]))
    album, _ = load_album(folder)
    assert list(album.runs) == [("food", 0, 1), ("hero", 2, 2), ("hero 1", 3, 4), ("spell", 5, 6)]
    np.testing.assert_array_equal(album.sprites, sprites)
    np.save(folder / "clips.npy", np.array([0, 0, 1, 2, 2, 3, 3]))
    album, _ = load_album(folder, ["hero"])
    assert list(album.runs) == [("hero", 0, 0), ("hero 1", 1, 2)]


def test_some_of_a_set_by_category_tags_and_count(tmp_path):
    sprites, folder = draw(), write_set(tmp_path / "a", draw())
    (folder / "tags.csv").write_text(
        "category,index,kind,worn\nfood,0,ham,\nfood,1,egg,\nhero,0,elf,\nhero,1,elf,hat\nhero,2,orc,cape+hat\n"
        "spell,0,orc,\nspell,1,elf,\n"
    )
    album, _ = load_album(folder, ["spell", "hero"], 2)
    assert list(album.runs) == [("spell", 0, 1), ("hero", 2, 3)]
    np.testing.assert_array_equal(album.sprites, sprites[[5, 6, 2, 3]])
    album, _ = load_album(folder, ["kind=elf", "category=hero worn=hat"])
    assert list(album.runs) == [("kind=elf", 0, 2), ("category=hero worn=hat", 3, 4)]
    np.testing.assert_array_equal(album.sprites, sprites[[2, 3, 6, 3, 4]])
    refused(folder, "no sprite is 'kind=elk'", only=["kind=elk"])
    refused(folder, "there is no 'elf'; expected one of food, hero, spell", only=["elf"])
    with pytest.raises(ValueError, match="got 'knid', expected one of kind, worn"):
        load_album(folder, ["knid=elf"])
    (folder / "tags.csv").unlink()
    refused(folder, "no tags.csv lies there", only=["kind=elf"])
