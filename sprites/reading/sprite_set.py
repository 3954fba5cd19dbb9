"""A sprite set: `sprites.toml`, and a sheet of square tiles for each category."""

import itertools
import os
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sprites.files import DataError, check_link, checked_names, parse_toml, read_text, some, why
from sprites.reading.folder import notes_on_files
from sprites.reading.form import Contents, Form, Inside
from sprites.reading.image import Resize, check_total, fit_all, is_opaque, read_rgba, survey, target_size

FILE = "sprites.toml"
MAX_TILE = 8192
MAX_CYCLE = 1024


def read_set(inside: Inside, size: int | None, resize: Resize | None) -> Contents:
    """`sprites.toml` and one sheet of square tiles per category. RGBA if any sheet is not opaque."""
    toml = inside.folder / FILE
    tile, categories = read_toml(toml)
    cycles = read_cycles(toml, categories)
    side = target_size([toml], [(tile, tile)], size, resize)
    paths = [toml.with_name(f"{name}.png") for name in categories]
    for name, path in zip(categories, paths, strict=True):
        if not os.path.exists(path):
            raise DataError(f"{path}: there is no such sheet, but {toml.name} lists {name!r}; add it or drop it")
        check_link(toml.parent, path)
    found = survey(paths)
    check_total(toml, sum(w * h for w, h in found.sizes) // tile**2, max(tile, side))
    groups, opaque = [], True
    shallow: list[Path] = []
    for path in paths:
        sheet = read_rgba(path, shallow)
        opaque = opaque and is_opaque(sheet)
        groups.append(fit_all(cut(path, sheet, tile), side, resize))
    images = np.concatenate([group[..., :3] if opaque else group for group in groups])
    counts = [len(group) for group in groups]
    labels, notes = np.repeat(np.arange(len(groups)), counts), notes_on_files(toml.parent, found.animated, shallow)
    clips = clips_of([lengths_of(path, n, cycles.get(path.stem, 1)) for path, n in zip(paths, counts, strict=True)])
    return Contents(images, labels, categories, tuple(notes), clips=clips if cycles else None)


def settings_of(path: Path) -> dict[str, Any]:
    """What a sprites.toml says."""
    check_link(path.parent, path)
    text = read_text(path)
    try:
        return parse_toml(text)
    except ValueError as error:
        raise DataError(f"{path}: not valid TOML ({why(error)})") from error


def read_cycles(path: Path, categories: Sequence[str]) -> dict[str, int | list[int]]:
    """The lengths of the cycles of each category that has some: one number for all, or one for each."""
    cycles = settings_of(path).get("cycles", {})
    usual = "expected such as cycles = { walk = 4 }, or { walk = [4, 6] } for cycles of several lengths"
    if not isinstance(cycles, dict):
        raise DataError(f"{path}: cycles: got {reprlib.repr(cycles)}, {usual}")
    for name, lengths in cycles.items():
        if name not in categories:
            raise DataError(
                f"{path}: cycles names {name!r}, which is no category; the categories are {some(categories)}"
            )
        each = lengths if isinstance(lengths, list) else [lengths]
        if not each or not all(type(n) is int and 1 <= n <= MAX_CYCLE for n in each):
            got = reprlib.repr(lengths)
            raise DataError(f"{path}: cycles of {name!r}: got {got}, which are no numbers of 1 to {MAX_CYCLE}; {usual}")
    return cycles


def lengths_of(path: Path, count: int, cycle: int | list[int]) -> list[int]:
    """Of the cycles that the tiles of a sheet are. DataError if they do not fit their number."""
    lengths = [cycle] * (count // cycle) if isinstance(cycle, int) else cycle
    if sum(lengths) != count:
        told = f"cycles of {cycle}" if isinstance(cycle, int) else f"cycles of {sum(cycle)} together"
        raise DataError(
            f"{path}: {count} tiles that are not empty, and {told} in sprites.toml, which do not fit; correct it, or "
            "fill in the frames that are missing"
        )
    return lengths


def clips_of(lengths: Sequence[Sequence[int]]) -> np.ndarray:
    """int64 [N]: the clip of each sprite, from the lengths of the clips of each category."""
    each = list(itertools.chain.from_iterable(lengths))
    return np.repeat(np.arange(len(each)), each)


def read_toml(path: Path) -> tuple[int, tuple[str, ...]]:
    """Tile size and category names of a sprite set; further keys are left to others."""
    settings = settings_of(path)
    for key, example in (("tile", "32"), ("categories", '["hero", "food"]')):
        if key not in settings:
            raise DataError(f"{path}: the key {key!r} is missing; add a line such as: {key} = {example}")
    tile = settings["tile"]
    if type(tile) is not int or not 1 <= tile <= MAX_TILE:  # bool is an int too
        got = reprlib.repr(tile)
        raise DataError(f"{path}: tile: got {got}, expected the side in pixels, 1 to {MAX_TILE:,}, such as 32")
    return tile, checked_names(path, settings["categories"])


def cut(path: Path, sheet: np.ndarray, tile: int) -> np.ndarray:
    """uint8 [H, W, 4] -> [n, tile, tile, 4], row by row, without the tiles that show nothing."""
    h, w = sheet.shape[:2]
    if h % tile or w % tile:
        raise DataError(f"{path}: {w}x{h} pixels, expected both sides to be multiples of the tile size {tile}")
    tiles = sheet.reshape(h // tile, tile, w // tile, tile, 4).swapaxes(1, 2).reshape(-1, tile, tile, 4)
    tiles = tiles[tiles[..., 3].any(axis=(1, 2))]
    if not len(tiles):
        raise DataError(f"{path}: category {path.stem!r} has no sprite, every tile is transparent; draw one or drop it")
    return tiles


def names(folder: Path) -> tuple[str, ...] | None:
    """The categories of a sprite set; None if it is none."""
    return read_toml(folder / FILE)[1] if (folder / FILE).is_file() else None


FORM = Form(
    "a sprite set",
    "(sprites.toml and a <category>.png sheet each)",
    found=lambda inside: inside.folder / FILE in inside.files,
    read=read_set,
    names=names,
    holds_pictures=True,
)
