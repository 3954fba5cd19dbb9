"""Frames that belong together: read from every form of folder, written, and kept on one side of the split."""

from pathlib import Path

import aseprites as ase
import numpy as np
import pytest
from folders import LABELS, draw, refused, write_categories, write_pair, write_set
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sprites.clips import lengths_of, of_lengths, told
from sprites.content import content_hashes, split
from sprites.endless import drawn
from sprites.files import DataError
from sprites.loading import Sprites, load_sprites
from sprites.prepare.collection import Collection, collect
from sprites.prepare.names import By, Naming, read_table
from sprites.prepare.report import report
from sprites.prepare.settings import Settings
from sprites.prepare.tiles import Grid
from sprites.tags import load_tags
from sprites.writing.png import save_pngs
from sprites.writing.sprite_set import write_sprite_set

SHIPPED = Path(__file__).parents[2] / "sprites"
TWO = np.array([0] * 10 + [1] * 3)


def lengths(folder: Path, **options: object) -> list[int]:
    return lengths_of(load_sprites(folder, clips=True, **options).clips).tolist()


def with_cycles(folder: Path, cycles: str, count: int = 10) -> Path:
    """A set of two categories, walk of `count` tiles and food of 3, which says this of cycles."""
    labels = np.array([0] * count + [1] * 3)
    write_set(folder, draw(len(labels)), labels, ("walk", "food"), columns=4)
    with (folder / "sprites.toml").open("a") as file:
        file.write(f"cycles = {cycles}\n")
    return folder


# --- numbers ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), max_size=20))
def test_lengths_and_clips_are_inverses(each):
    clips = of_lengths(each)
    assert clips.dtype == np.int64 and lengths_of(clips).tolist() == each
    assert lengths_of((7 - clips).astype(np.int8)).tolist() == each  # any numbers do


def test_clips_are_told_in_words():
    assert told(of_lengths([4, 6, 4, 1])) == "3 clips; frames of each: 4 (2), 6 (1); 1 still"
    assert told(of_lengths([1, 1])) == ""


# --- sprite sets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cycles, expected",
    [
        ("{ walk = 5 }", [5, 5, 1, 1, 1]),
        ("{ walk = [4, 6], food = 3 }", [4, 6, 3]),
        ("{ walk = [1, 8, 1] }", [1, 8, 1, 1, 1, 1]),
        ("{}", [1] * 13),
    ],
)
def test_sprites_toml_names_the_frames_of_cycles(tmp_path, cycles, expected):
    folder = with_cycles(tmp_path / "set", cycles)
    assert lengths(folder) == expected
    plain, found = load_sprites(folder), load_sprites(folder, clips=True)
    assert plain.clips is None and found.clips.dtype == np.int64
    np.testing.assert_array_equal(found.images, plain.images)
    np.testing.assert_array_equal(found.labels, plain.labels)


def test_a_set_without_cycles_has_stills(tmp_path):
    assert lengths(write_set(tmp_path / "set", draw())) == [1] * 7


def test_an_empty_tile_may_lie_between_cycles_but_not_within_one(tmp_path):
    folder = with_cycles(tmp_path / "set", "{ walk = 3 }", count=8)
    sheet = Image.open(folder / "walk.png")
    sheet.paste((0, 0, 0, 0), (24, 0, 32, 8))
    sheet.paste((0, 0, 0, 0), (24, 8, 32, 16))
    sheet.save(folder / "walk.png")
    assert lengths(folder) == [3, 3, 1, 1, 1]
    sheet.paste((0, 0, 0, 0), (8, 8, 16, 16))
    sheet.paste((255, 0, 0, 255), (24, 8, 32, 16))
    sheet.save(folder / "walk.png")
    refused(folder, folder / "sprites.toml", "tile 5 of walk.png", "within a cycle", clips=True)
    assert len(load_sprites(folder)) == 9  # to those who want stills it is a sheet as any other


@pytest.mark.parametrize(
    "cycles, words",
    [
        ("4", 'expected the frames by category, as cycles = { "walk" = 4 }'),
        ("[4]", "expected the frames by category"),
        ("{ run = 4 }", "'run' is not one of walk, food"),
        ("{ walk = 3 }", "got cycles of 3, but walk.png has 10 tiles"),
        ("{ walk = 20 }", "got cycles of 20, but walk.png has 10 tiles"),
        ("{ walk = [4, 4] }", "got a sum of 8, but walk.png has 10 tiles"),
        ("{ walk = [4, 4, 4] }", "got a sum of 12"),
        ("{ walk = 67108864 }", "got cycles of 67,108,864"),
        *((f"{{ walk = {wrong} }}", "'walk': got") for wrong in ("1", "0", "-4", "2.0", "true", '"4"', "[]", "[5, 0]")),
        *((f"{{ walk = {wrong} }}", "'walk': got") for wrong in ("[[5], 5]", "{ a = 1 }", f"{10**40}", f"[{10**40}]")),
        ("{ walk = [" + "1, " * 40_000 + "1] }", "got a sum of 40,001"),
    ],
)
def test_cycles_that_do_not_fit_are_refused(tmp_path, cycles, words):
    folder = with_cycles(tmp_path / "set", cycles)
    assert len(refused(folder, folder / "sprites.toml", words, clips=True)) < 400
    assert len(load_sprites(folder)) == 13


def test_tags_stay_in_step(tmp_path):
    facets = [{"step": str(i)} for i in range(13)]
    write_sprite_set(tmp_path, draw(13), TWO, ("walk", "food"), facets, of_lengths([4, 6, 1, 1, 1]))
    found, tags = load_sprites(tmp_path, clips=True), load_tags(tmp_path)
    assert lengths_of(found.clips).tolist() == [4, 6, 1, 1, 1]
    assert [tags["step"][i] for i in range(13)] == [str(i) for i in range(13)] and len(tags) == len(found)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), min_size=1, max_size=3), st.data())
def test_clips_written_are_read_back(tmp_path_factory, each, data):
    folder = tmp_path_factory.mktemp("set")
    names = ["walk", 'a "run", ü', "no.1"][: len(each)]
    labels = np.repeat(np.arange(len(each)), [sum(own) for own in each])
    images = draw(len(labels))
    write_sprite_set(folder, images, labels, names, clips=of_lengths([n for own in each for n in own]))
    found = load_sprites(folder, clips=True)
    np.testing.assert_array_equal(found.images, images)
    assert found.categories == tuple(names) and lengths_of(found.clips).tolist() == [n for own in each for n in own]


def test_the_shipped_set_has_five_hundred_walks():
    assert "cycles = { side_facing = 4 }" in (SHIPPED / "sprites.toml").read_text()
    found = load_sprites(SHIPPED, clips=True)
    assert lengths_of(found.clips).tolist() == [1] * 8000 + [4] * 500
    frames = load_tags(SHIPPED)["frame"]
    assert [frames[i] for i in range(8000, 10000)] == ["0", "1", "2", "3"] * 500


def test_what_is_drawn_without_end_has_walks():
    sprites, tags = drawn(3, 60, 16)
    assert lengths_of(sprites.clips).tolist() == [1] * 48 + [4] * 3
    assert [tags["frame"][i] for i in range(48, 60)] == ["0", "1", "2", "3"] * 3


# --- npy pairs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int64", "uint8", ">i4", "uint64"])
def test_clips_npy_numbers_the_clip_of_each_sprite(tmp_path, dtype):
    folder = write_pair(tmp_path / "pair", draw(), LABELS)
    assert lengths(folder) == [1] * 7
    np.save(folder / "clips.npy", np.array([9, 9, 200, 200, 200, 0, 3]).astype(dtype))
    assert load_sprites(folder, clips=True).clips.tolist() == [0, 0, 1, 1, 1, 2, 3]
    assert load_sprites(folder).clips is None


@pytest.mark.parametrize(
    "clips, words",
    [
        (np.arange(6), "got int64 [6], expected integers [7]"),
        (np.zeros((7, 1), int), "expected integers [7]"),
        (np.zeros(7), "got float64 [7]"),
        (np.zeros(7, bool), "got bool [7]"),
        (np.array(["a"] * 7), "got <U1 [7]"),
        (np.array([0, 0, 1, 2, 1, 3, 3]), "row 4 is 1, a clip that another one interrupts"),
        (np.array([0, 0, 0, 1, 1, 3, 3]), "row 2 is of clip 0, as the row before, but of another category"),
        (np.array([{}] * 7), "cannot be read as a plain .npy array"),
    ],
)
def test_clips_npy_that_does_not_fit_is_refused(tmp_path, clips, words):
    folder = write_pair(tmp_path / "pair", draw(), LABELS)
    np.save(folder / "clips.npy", clips)
    refused(folder, folder / "clips.npy", words, clips=True)
    assert len(load_sprites(folder)) == 7


# --- folders ------------------------------------------------------------------------------------------------


def animate(path: Path, frames: np.ndarray) -> None:
    first, *more = map(Image.fromarray, frames)
    how = {"lossless": True} if path.suffix == ".webp" else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    first.save(path, save_all=True, append_images=more, duration=80, disposal=2 if path.suffix == ".gif" else 0, **how)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_an_animation_is_a_clip_of_all_its_frames(tmp_path, suffix):
    images = draw(7)
    images[..., :3] = images[..., :3] // 128 * 255 * (images[..., 3:] > 0)  # few enough colours for a GIF
    save_pngs(tmp_path, images[:2], ["a/1", "b/1"])
    animate(tmp_path / f"a/walk{suffix}", images[2:])
    found = load_sprites(tmp_path, clips=True)
    assert lengths_of(found.clips).tolist() == [1, 5, 1] and found.labels.tolist() == [0] * 6 + [1]
    shown = found.images * (found.images[..., 3:] > 0)
    np.testing.assert_array_equal(shown, images[[0, 2, 3, 4, 5, 6, 1]])
    assert found.name(3) == f"a/walk{suffix}" and not found.notes
    assert len(load_sprites(tmp_path)) == 3


def test_a_folder_in_the_folder_of_a_category_is_a_clip_in_natural_order(tmp_path):
    images = draw(9)
    names = ["a/10", "a/9", "a/run/one", "a/walk/walk10", "a/walk/walk2", "a/walk/Walk1", "b/x/y/2", "b/x/y/1", "b/0"]
    save_pngs(tmp_path, images, names)
    animate(tmp_path / "a/walk/walk3.webp", images[:2])
    found = load_sprites(tmp_path, clips=True)
    told = [found.name(i).rpartition(".")[0] for i in range(len(found))]
    assert told == [
        *("a/9", "a/10", "a/run/one", "a/walk/Walk1", "a/walk/walk2", "a/walk/walk10"),
        *("a/walk/walk3", "a/walk/walk3", "b/0", "b/x/y/1", "b/x/y/2"),
    ]
    assert lengths_of(found.clips).tolist() == [1, 1, 1, 3, 2, 1, 2]
    stills = [i for i, name in enumerate(told) if name != "a/walk/walk3"]
    expected = [names.index(told[i]) for i in stills]
    np.testing.assert_array_equal(found.images[stills], images[expected])


def test_frames_of_a_clip_have_one_size_even_if_sprites_are_resized(tmp_path):
    write_categories(tmp_path, draw())
    save_pngs(tmp_path / "food", draw(2, size=16), ["walk/0", "still/0"])
    save_pngs(tmp_path / "food", draw(1, size=8), ["walk/1"])
    refused(tmp_path, "16x16 pixels", "expected 8x8", clips=True)
    refused(tmp_path, "walk/1.png: 8x8", "0.png in the same folder has 16x16", clips=True, resize="nearest")
    assert len(load_sprites(tmp_path, resize="nearest")) == 10


def test_a_broken_animation_is_one_line(tmp_path):
    write_categories(tmp_path, draw())
    animate(tmp_path / "food/walk.png", draw(3))
    data = (tmp_path / "food/walk.png").read_bytes()
    (tmp_path / "food/walk.png").write_bytes(data[: len(data) // 2])
    refused(tmp_path, "food/walk.png", clips=True)


# --- prepare.py ---------------------------------------------------------------------------------------------


def prepared(*sources: Path, by: By = "folder", **how: object) -> Collection:
    return collect(sources, Settings(Naming(by=by), **how))  # type: ignore[arg-type]


def set_of(found: Collection, folder: Path) -> Sprites:
    """Written and read back."""
    folder.mkdir()
    write_sprite_set(folder, found.images, found.labels, found.categories, found.facets, found.clips)
    sprites = load_sprites(folder, clips=True)
    np.testing.assert_array_equal(sprites.images, found.images)
    assert sprites.clips is not None
    np.testing.assert_array_equal(lengths_of(sprites.clips), lengths_of(found.clips))
    return sprites


def drawing(path: Path, images: np.ndarray, *tags: tuple[str, int, int, int]) -> Path:
    first, *more = [[ase.cel(image)] for image in images]
    path.write_bytes(ase.aseprite([[ase.layer(), ase.tags(*tags), *first], *more], *images.shape[1:3]))
    return path


def test_each_frame_tag_of_a_drawing_is_a_clip_in_the_order_it_is_played(tmp_path):
    images = draw(12)
    tags = [("idle", 0, 2, 2), ("walk", 3, 6, 0), ("hit", 8, 9, 1), ("back", 10, 11, 3)]
    found = prepared(drawing(tmp_path / "hero.aseprite", images, *tags))
    order = [0, 1, 2, 1, 3, 4, 5, 6, 7, 9, 8, 11, 10]
    np.testing.assert_array_equal(set_of(found, tmp_path / "set").images, images[order])
    assert lengths_of(found.clips).tolist() == [4, 4, 1, 2, 2]
    tags = load_tags(tmp_path / "set")["animation"]
    assert [tags[i] for i in (0, 4, 8, 9, 11)] == ["idle", "walk", None, "hit", "back"]
    assert ("clips", "4 clips; frames of each: 2 (2), 4 (2); 1 still") in list(report(found))
    assert "hero = [4, 4, 1, 2, 2]" in (tmp_path / "set/sprites.toml").read_text()


def test_frame_tags_as_categories_are_clips_too(tmp_path):
    tags = [("idle", 0, 2, 0), ("walk", 3, 6, 0)]
    found = prepared(drawing(tmp_path / "hero.aseprite", draw(8), *tags), by="tag")
    set_of(found, tmp_path / "set")
    assert "cycles = { idle = 3, walk = 4 }" in (tmp_path / "set/sprites.toml").read_text()


def test_a_tag_that_another_one_cuts_is_no_clip(tmp_path):
    found = prepared(drawing(tmp_path / "hero.aseprite", draw(6), ("all", 0, 5, 0), ("walk", 2, 4, 0)))
    assert lengths_of(found.clips).tolist() == [1, 1, 3, 1]


def test_a_drawing_without_tags_and_an_animation_are_a_clip_and_loose_pictures_are_stills(tmp_path):
    images = draw(9)
    drawing(tmp_path / "a.aseprite", images[:4])
    animate(tmp_path / "b.webp", images[4:7])
    save_pngs(tmp_path, images[7:], ["c", "d"])
    found = prepared(tmp_path)
    assert sorted(lengths_of(set_of(found, tmp_path / "set").clips)) == [1, 1, 3, 4]


def test_frames_that_recur_in_a_clip_are_kept_and_clips_that_recur_are_not(tmp_path):
    a, b, c = images = draw(3)
    blank = np.zeros_like(a)
    frames = np.stack([a, b, a, c, a, b, a, c, a, a, blank, a, b])
    tags = [("walk", 0, 3, 0), ("again", 4, 7, 0), ("stands", 8, 9, 0), ("blinks", 10, 12, 0)]
    found = prepared(drawing(tmp_path / "hero.aseprite", frames, *tags))
    np.testing.assert_array_equal(found.images, images[[0, 1, 0, 2, 0, 1]])
    assert lengths_of(found.clips).tolist() == [4, 2] and len(found.told.blank) == 1
    save_pngs(tmp_path, images[:1], ["hero"])
    (tmp_path / "in").mkdir()
    for name in ("hero.aseprite", "hero.png"):
        (tmp_path / name).rename(tmp_path / "in" / name)
    assert lengths_of(prepared(tmp_path / "in", by="file").clips).tolist() == [4, 2]  # the still is a frame of one


def test_so_many_tiles_of_a_sheet_are_a_clip_blank_ones_counted(tmp_path):
    images = draw(10)
    tiles = np.zeros((3, 4, 8, 8, 4), np.uint8)
    tiles.reshape(12, 8, 8, 4)[[0, 1, 2, 3, 4, 5, 6, 8, 9, 10]] = images  # rows of 4, 3 and 3
    Image.fromarray(tiles.swapaxes(1, 2).reshape(24, 32, 4)).save(tmp_path / "hero.png")
    found = prepared(tmp_path / "hero.png", grid=Grid(8, 8), cycle=4)
    np.testing.assert_array_equal(set_of(found, tmp_path / "set").images, images)
    assert lengths_of(found.clips).tolist() == [4, 3, 3]
    assert lengths_of(prepared(tmp_path / "hero.png", grid=Grid(8, 8)).clips).tolist() == [1] * 10
    with pytest.raises(DataError, match=r"hero\.png: 12 tiles, blank ones too, are no cycles of 5"):
        prepared(tmp_path / "hero.png", grid=Grid(8, 8), cycle=5)


def test_an_animated_sheet_is_a_clip_of_each_tile(tmp_path):
    images = draw(6)
    sheets = images.reshape(3, 1, 2, 8, 8, 4).swapaxes(2, 3).reshape(3, 8, 16, 4)
    animate(tmp_path / "two.webp", sheets)
    found = prepared(tmp_path / "two.webp", grid=Grid(8, 8))
    shown = images * (images[..., 3:] > 0)
    np.testing.assert_array_equal(found.images, shown[[0, 2, 4, 1, 3, 5]])
    assert lengths_of(found.clips).tolist() == [3, 3]


def test_slices_move_as_their_drawing_does(tmp_path):
    images = draw(4, size=16)
    about = [ase.layer(), ase.tags(("walk", 0, 2, 0)), ase.slices("head", (0, 0, 0, 8, 8))]
    frames = [[*about, ase.cel(images[0])], *([ase.cel(image)] for image in images[1:])]
    (tmp_path / "hero.aseprite").write_bytes(ase.aseprite(frames, 16, 16))
    found = prepared(tmp_path / "hero.aseprite", by="slice")
    assert found.categories == ("head",) and lengths_of(found.clips).tolist() == [3, 1]


def test_a_set_that_is_prepared_again_keeps_its_clips(tmp_path):
    folder = with_cycles(tmp_path / "set", "{ walk = [4, 1, 5] }")
    found = prepared(folder)
    assert found.categories == ("food", "walk") and lengths_of(found.clips).tolist() == [1, 1, 1, 4, 1, 5]


def walking(folder: Path, images: np.ndarray, *places: str, numbers: str = "{}") -> Path:
    """Folders of four files each: step, pass, the same step, another pass."""
    for index, place in enumerate(places):
        step, one, other = images[3 * index : 3 * index + 3]
        save_pngs(folder / place, np.stack([step, one, step, other]), [numbers.format(n) for n in range(8, 12)])
    return folder


@pytest.mark.parametrize("numbers", ["{}", "walk_{}", "Walk {:03}"])
def test_numbered_images_of_a_folder_are_a_clip_as_they_are_in_training(tmp_path, numbers):
    places = ("hero/walkA", "hero/walkB", "slime/deeper/hop")
    folder = walking(tmp_path / "art", draw(9), *places, numbers=numbers)
    save_pngs(folder / "slime", draw(2, seed=7), ["7", "8"])  # right in the folder of their category: stills
    found, trained = prepared(folder), load_sprites(folder, clips=True)
    assert found.categories == trained.categories and found.told.repeated == []
    assert lengths_of(found.clips).tolist() == lengths_of(trained.clips).tolist() == [4, 4, 1, 1, 4]
    np.testing.assert_array_equal(found.images, trained.images)
    said = f"3 folders of numbered images taken for a clip each: {places[0]}, {places[1]}, {places[2]}"
    assert said in dict(report(found))["clips"]
    set_of(found, tmp_path / "set")


def test_tags_and_files_are_those_of_each_frame(tmp_path):
    folder = walking(tmp_path / "art", draw(3), "hero/walk")
    save_pngs(folder / "food", draw(1), ["x"])
    (tmp_path / "t.csv").write_text("file,step\nhero/walk/9.png,left\nhero/walk/11.png,right\n")
    found = collect([folder], Settings(Naming(table=read_table(tmp_path / "t.csv"))))
    assert [one.get("step") for one in found.facets[-4:]] == [None, "left", None, "right"]
    assert [Path(file).name for file in found.files[-4:]] == ["8.png", "9.png", "10.png", "11.png"]


def test_other_folders_of_images_are_stills_and_told(tmp_path):
    images = draw(12)
    save_pngs(tmp_path / "art/heroes/bosses", images[:4], ["dragon", "ogre 1", "ogre 2", "bat"])
    save_pngs(tmp_path / "art/food/fruit", images[4:6], ["1", "2"])
    save_pngs(tmp_path / "art/food/fruit", draw(1, size=16), ["3"])
    found = prepared(tmp_path / "art", size=8)
    said = dict(report(found))
    assert found.categories == ("food", "heroes") and "clips" not in said
    assert said["folders"].endswith("one series of numbered images of one size: food/fruit, heroes/bosses")


def test_folders_of_a_single_category_are_categories_unless_a_pattern_says_otherwise(tmp_path):
    walking(tmp_path / "art", draw(6), "hero/walk", "hero/run")
    found = prepared(tmp_path / "art")
    assert found.categories == ("run", "walk")
    said = dict(report(found))["folders"]
    pattern = "{category}/*/*"
    advice = f'if each is a clip, give --category "{pattern}"'
    assert said == f"hero holds all else, so its folders are categories: run, walk; {advice}"
    found = collect([tmp_path / "art"], Settings(Naming(pattern)))
    assert found.categories == ("hero",) and lengths_of(found.clips).tolist() == [4, 4]


def test_numbered_sheets_are_cut_and_no_frames(tmp_path):
    walking(tmp_path / "art", draw(6, size=16), "hero/sheets", "food/sheets")
    found = prepared(tmp_path / "art", grid=Grid(8, 8))
    assert found.size == 8 and not told(found.clips)


# --- the split ----------------------------------------------------------------------------------------------

grouped = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), min_size=1, max_size=30)


def hashed(contents: list[int]) -> np.ndarray:
    pixels = np.zeros((len(contents), 1, 1, 3), np.uint8)
    pixels[:, 0, 0, 0] = contents
    return content_hashes(pixels)


@given(grouped, st.floats(0, 0.9))
def test_no_clip_and_no_content_is_on_both_sides(each, fraction):
    hashes, clips = hashed([c for own in each for c in own]), of_lengths([len(own) for own in each])
    train, val = split(hashes, fraction, clips)
    assert sorted([*train, *val]) == list(range(len(hashes)))
    assert not {*clips[train]} & {*clips[val]} and not {*hashes[train]} & {*hashes[val]}
    more = split(hashes, fraction + 0.05, clips)[1]
    assert {*val} <= {*more}


@given(grouped, st.randoms(use_true_random=False))
def test_neither_the_order_of_clips_nor_their_numbers_matter(each, random):
    def held_out(some: list[list[int]], numbers: list[int]) -> set[int]:
        hashes = hashed([c for own in some for c in own])
        clips = np.repeat(numbers, [len(own) for own in some])
        return {*hashes[split(hashes, 0.4, clips)[1]].tolist()}

    shuffled = random.sample(each, len(each))
    numbers = random.sample(range(1000), len(each))
    assert held_out(each, list(range(len(each)))) == held_out(shuffled, numbers)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_stills_are_split_as_without_clips(contents):
    hashes = hashed(contents)
    for got, plain in zip(split(hashes, 0.3, np.arange(len(hashes))), split(hashes, 0.3), strict=True):
        np.testing.assert_array_equal(got, plain)


@pytest.mark.parametrize("length", [1, 4, 16])
def test_the_fraction_is_met_for_clips_of_any_length(length):
    hashes = np.random.default_rng(0).integers(0, 2**64, 4000 * length, np.uint64)
    val = split(hashes, 0.1, of_lengths([length] * 4000))[1]
    assert abs(len(val) / len(hashes) - 0.1) < 0.02  # four standard deviations of 4,000 draws


def test_a_chain_of_shared_frames_holds_clips_together_in_little_time():
    numbers = np.random.default_rng(1).integers(0, 2**64, 50_001, np.uint64)
    hashes = np.stack([numbers[:-1], numbers[1:]], 1).ravel()  # each clip ends as the next begins
    train, val = split(hashes, 0.5, of_lengths([2] * 50_000))
    assert not len(train) or not len(val)


def test_sprites_are_split_by_their_clips(tmp_path):
    found = load_sprites(SHIPPED, clips=True)
    walks = np.flatnonzero(found.labels == found.categories.index("side_facing"))
    sprites = Sprites(found.images[walks], np.zeros(2000, np.int64), ("walk",), tmp_path, clips=found.clips[walks])
    train, val = split(sprites, 0.1)
    assert not {*sprites.clips[train]} & {*sprites.clips[val]} and 0.05 < len(val) / 2000 < 0.15


def test_clips_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"clips: got int64 \[2\], expected int64 \[3\]"):
        split(hashed([1, 2, 3]), 0.1, np.arange(2))
