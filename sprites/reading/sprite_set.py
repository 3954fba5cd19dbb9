"""A sprite set: `sprites.toml`, and a sheet of square tiles for each category."""

import json
import os
import reprlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.clips import of_lengths
from sprites.files import DataError, check_link, checked_names, parse_toml, plural, read_text, some, why
from sprites.reading.folder import notes_on_files
from sprites.reading.form import Contents, Form, Inside
from sprites.reading.image import MAX_PIXELS, Resize, check_total, fit_all, is_opaque, read_rgba, survey, target_size

FILE = "sprites.toml"
MAX_TILE = 8192

Cycles = dict[str, int | list[int]]
"""Of some categories, how many frames each clip has: one number, or that of each clip in turn."""


class Settings(NamedTuple):
    """What `sprites.toml` says."""

    tile: int
    categories: tuple[str, ...]
    cycles: object = None  # not looked at, unless clips are asked for


def read_set(inside: Inside, size: int | None, resize: Resize | None, clips: bool = False) -> Contents:
    """`sprites.toml` and one sheet of square tiles per category. RGBA if any sheet is not opaque."""
    toml = inside.folder / FILE
    tile, categories, said = read_toml(toml)
    cycles = read_cycles(toml, said, categories) if clips else {}
    side = target_size([toml], [(tile, tile)], size, resize)
    paths = [toml.with_name(f"{name}.png") for name in categories]
    for name, path in zip(categories, paths, strict=True):
        if not os.path.exists(path):
            raise DataError(f"{path}: there is no such sheet, but {toml.name} lists {name!r}; add it or drop it")
        check_link(toml.parent, path)
    found = survey(paths)
    check_total(toml, sum(w * h for w, h in found.sizes) // tile**2, max(tile, side))
    groups, lengths, opaque = [], list[int](), True
    shallow: list[Path] = []
    for name, path in zip(categories, paths, strict=True):
        sheet = read_rgba(path, shallow)
        opaque = opaque and is_opaque(sheet)
        tiles, places = cut(path, sheet, tile)
        lengths += lengths_in(toml, name, cycles.get(name, 1), places)
        groups.append(fit_all(tiles, side, resize))
    images = np.concatenate([group[..., :3] if opaque else group for group in groups])
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    notes = tuple(notes_on_files(toml.parent, found.animated, shallow))
    return Contents(images, labels, categories, notes, clips=of_lengths(lengths) if clips else None)


def read_toml(path: Path) -> Settings:
    """Tile size and category names of a sprite set, and what it says of cycles; further keys are left to others."""
    check_link(path.parent, path)
    text = read_text(path)
    try:
        settings = parse_toml(text)
    except ValueError as error:
        raise DataError(f"{path}: not valid TOML ({why(error)})") from error
    for key, example in (("tile", "32"), ("categories", '["hero", "food"]')):
        if key not in settings:
            raise DataError(f"{path}: the key {key!r} is missing; add a line such as: {key} = {example}")
    tile = settings["tile"]
    if type(tile) is not int or not 1 <= tile <= MAX_TILE:  # bool is an int too
        got = reprlib.repr(tile)
        raise DataError(f"{path}: tile: got {got}, expected the side in pixels, 1 to {MAX_TILE:,}, such as 32")
    return Settings(tile, checked_names(path, settings["categories"]), settings.get("cycles"))


def read_cycles(path: Path, said: object, categories: Sequence[str]) -> Cycles:
    """The key `cycles` of `sprites.toml`, as found there; none if it is missing."""
    if said is None:
        return {}
    example = f"cycles = {{ {json.dumps(categories[0], ensure_ascii=False)} = 4 }}"
    if not isinstance(said, dict):
        raise DataError(f"{path}: cycles: got {reprlib.repr(said)}, expected the frames by category, as {example}")
    for name, frames in said.items():
        if name not in categories:
            raise DataError(f"{path}: cycles: category {reprlib.repr(name)} is not one of {some(categories)}")
        several = isinstance(frames, list) and frames
        if not (all(map(is_count, frames)) if several else is_count(frames) and frames > 1):
            raise DataError(
                f"{path}: cycles: {name!r}: got {reprlib.repr(frames)}, expected the frames of a cycle, 2 or more, or "
                "a list of those of each cycle, in which 1 is a still, as [4, 6, 1]"
            )
    return said


def is_count(number: object) -> bool:
    return type(number) is int and 1 <= number <= MAX_PIXELS  # bool is an int too; a sheet has no more tiles


def lengths_in(path: Path, name: str, cycle: int | list[int], places: np.ndarray) -> list[int]:
    """How many frames each clip of a category has. places: where its tiles are on the sheet, int64 [n], ascending."""
    n = len(places)
    lengths = cycle if isinstance(cycle, list) else [cycle] * -(-n // cycle)
    if sum(lengths) != n:
        what = f"a sum of {sum(lengths):,}" if isinstance(cycle, list) else f"cycles of {cycle:,}"
        raise DataError(
            f"{path}: cycles: {name!r}: got {what}, but {name}.png has {plural(n, 'tile')} that "
            f"{'shows' if n == 1 else 'show'} something; make them fit"
        )
    gaps = np.flatnonzero((np.diff(places) > 1) & (np.diff(of_lengths(lengths)) == 0))
    if len(gaps):
        raise DataError(
            f"{path}: cycles: {name!r}: tile {places[gaps[0]] + 1} of {name}.png, counted from 0, shows nothing, but "
            "is within a cycle; draw it, or list the frames of each cycle"
        )
    return lengths


def cut(path: Path, sheet: np.ndarray, tile: int) -> tuple[np.ndarray, np.ndarray]:
    """The tiles of uint8 [H, W, 4] that show something: [n, tile, tile, 4], row by row, and their places, int64 [n],
    counted from 0."""
    h, w = sheet.shape[:2]
    if h % tile or w % tile:
        raise DataError(f"{path}: {w}x{h} pixels, expected both sides to be multiples of the tile size {tile}")
    tiles = sheet.reshape(h // tile, tile, w // tile, tile, 4).swapaxes(1, 2).reshape(-1, tile, tile, 4)
    places = np.flatnonzero(tiles[..., 3].any(axis=(1, 2)))
    if not len(places):
        raise DataError(f"{path}: category {path.stem!r} has no sprite, every tile is transparent; draw one or drop it")
    return tiles[places], places


def names(folder: Path) -> tuple[str, ...] | None:
    """The categories of a sprite set; None if it is none."""
    return read_toml(folder / FILE).categories if (folder / FILE).is_file() else None


FORM = Form(
    "a sprite set",
    "(sprites.toml and a <category>.png sheet each)",
    found=lambda inside: inside.folder / FILE in inside.files,
    read=read_set,
    read_clips=partial(read_set, clips=True),
    names=names,
    holds_pictures=True,
)
