"""Drawn sprites as files: the shipped set and its check, npy pairs of any length, contact sheets and walks."""

import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from sprites.draw.brush import TILE
from sprites.draw.collection import draw_distinct
from sprites.draw.dice import TAG_NAMES, Tags
from sprites.draw.palette import COLOURS
from sprites.draw.registry import CATEGORIES, CYCLES
from sprites.draw.variety import Variety, measure
from sprites.writing.sheets import contact_sheet, enlarge, sheet
from sprites.writing.sprite_set import TagTable, cycles_of, described

RGB = np.ascontiguousarray(COLOURS[:, :3])
Tick = Callable[[], object]  # called once a sprite, for progress

# The files of each kind of drawing; the last of them is what the folder is recognised by.
SHEETS = tuple(f"{category}.png" for category in CATEGORIES)
SET_FILES = (*SHEETS, "tags.csv", "contact.png", "sprites.toml")
PAIR_FILES = ("tags.csv", "categories.json", "clips.npy", "labels.npy", "sprites.npy")
CONTACT_FILES = (*SHEETS, "walk.gif")


def draw_category(category: str, count: int, seed: int, tick: Tick = lambda: None) -> tuple[np.ndarray, list[Tags]]:
    """The first sprites of a category as palette indices, uint8 [count, 16, 16], and their tags."""
    tiles, answers = np.empty((count, TILE, TILE), dtype=np.uint8), []
    for index, (tile, answer) in enumerate(islice(draw_distinct(category, seed), count)):
        tiles[index] = tile
        answers.append(answer)
        tick()
    return tiles, answers


def write_set(folder: Path, count: int, seed: int = 0, size: int = TILE, tick: Tick = lambda: None) -> None:
    """A sprite set: a sheet a category, sprites.toml, tags.csv and a small contact sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    with (folder / "tags.csv").open("w", newline="", encoding="utf-8") as file:
        table = TagTable(file, TAG_NAMES)
        for category in CATEGORIES:
            tiles, answers = draw_category(category, count, seed, tick)
            for index, answer in enumerate(answers):
                table.add(category, index, tuple(answer.values()))
            tiles = enlarge(tiles, size)
            sheet(tiles, RGB).save(folder / f"{category}.png", optimize=True)
            cycle = CYCLES[category]
            samples += [row for row in (tiles[::cycle][:20], tiles[32:52]) if len(row)]
    (folder / "sprites.toml").write_text(settings(count, size), encoding="utf-8")
    contact_sheet(samples, RGB).save(folder / "contact.png", optimize=True)


def write_pair(folder: Path, count: int, seed: int = 0, size: int = TILE, tick: Tick = lambda: None) -> None:
    """An npy pair, streamed to disk: sprites.npy, labels.npy, clips.npy, categories.json and tags.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = (count * len(CATEGORIES), size, size, 4)
    with (
        (folder / "sprites.npy").open("wb") as images,  # not mapped: a full disk would be the end of the process
        (folder / "tags.csv").open("w", newline="", encoding="utf-8") as file,
    ):
        np.lib.format.write_array_header_1_0(images, {"descr": "|u1", "fortran_order": False, "shape": shape})
        table = TagTable(file, TAG_NAMES)
        for category in CATEGORIES:
            for index, (tile, answer) in enumerate(islice(draw_distinct(category, seed), count)):
                images.write(COLOURS[enlarge(tile[None], size)[0]].tobytes())
                table.add(category, index, tuple(answer.values()))
                tick()
    np.save(folder / "labels.npy", np.repeat(np.arange(len(CATEGORIES), dtype=np.int64), count))
    np.save(folder / "clips.npy", clips_drawn(count))
    (folder / "categories.json").write_text(json.dumps(CATEGORIES), encoding="utf-8")


def clips_drawn(count: int, categories: Sequence[str] = CATEGORIES) -> np.ndarray:
    """The clip of each sprite where so many of each category follow each other: int64 [N]. What is left at the end of a
    category is a shorter clip."""
    numbers = [np.arange(count) // CYCLES[category] for category in categories]
    return np.concatenate([own + count * label for label, own in enumerate(numbers)])


def settings(count: int, size: int = TILE) -> str:
    """The text of sprites.toml for so many sprites of each category."""
    labels = np.arange(len(CATEGORIES)).repeat(count)
    return described(size, CATEGORIES, cycles_of(clips_drawn(count), labels, CATEGORIES))


def differences(folder: Path, count: int, seed: int = 0, tick: Tick = lambda: None) -> list[str]:
    """Where a redraw of a 16x16 set differs from the folder: names of its files; empty if nowhere.

    Sheets are compared pixel for pixel, since the bytes of a PNG file depend on the library that packs it.
    """
    found, lines = [], [",".join(("category", "index", *TAG_NAMES))]
    for category in CATEGORIES:
        tiles, answers = draw_category(category, count, seed, tick)
        lines += [",".join((category, str(index), *row.values())) for index, row in enumerate(answers)]
        path = folder / f"{category}.png"
        with Image.open(path) as picture:
            redrawn = sheet(tiles, RGB).convert("RGBA")
            if not np.array_equal(np.asarray(picture.convert("RGBA")), np.asarray(redrawn)):
                found.append(path.name)
    if (folder / "tags.csv").read_bytes() != ("\n".join(lines) + "\n").encode():
        found.append("tags.csv")
    if (folder / "sprites.toml").read_text(encoding="utf-8") != settings(count):
        found.append("sprites.toml")
    return found


def write_contact(folder: Path, seed: int = 0, tick: Tick = lambda: None) -> None:
    """A contact sheet of 100 sprites a category, and 48 walk cycles as an animation (walk.gif)."""
    folder.mkdir(parents=True, exist_ok=True)
    for category in CATEGORIES:
        cycle = CYCLES[category]
        tiles, _ = draw_category(category, 100 * cycle, seed, tick)
        firsts = tiles[::cycle]
        contact_sheet(list(firsts.reshape(5, 20, TILE, TILE)), RGB).save(folder / f"{category}.png", optimize=True)
        if cycle > 1:
            walks = tiles[: 48 * cycle].reshape(4, 12, cycle, TILE, TILE)
            frames = [contact_sheet(list(walks[:, :, step]), RGB, scale=4) for step in range(cycle)]
            first, *others = frames
            first.save(folder / "walk.gif", save_all=True, append_images=others, duration=160, loop=0)


def report(count: int, seed: int = 0, tick: Tick = lambda: None) -> dict[str, Variety]:
    """How different the sprites of each category are; frames of one walk are not held against each other."""
    tiles = {category: draw_category(category, count, seed, tick)[0] for category in CATEGORIES}
    return {category: measure(drawn, CYCLES[category]) for category, drawn in tiles.items()}
