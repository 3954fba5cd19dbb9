"""A sprite set: `sprites.toml`, and a sheet of square tiles for each category."""

import os
import reprlib
from pathlib import Path

import numpy as np

from sprites.files import DataError, check_link, checked_names, parse_toml, read_text, why
from sprites.reading.folder import notes_on_files
from sprites.reading.form import Contents, Form, Inside
from sprites.reading.image import Resize, check_total, fit_all, is_opaque, read_rgba, survey, target_size

FILE = "sprites.toml"
MAX_TILE = 8192


def read_set(inside: Inside, size: int | None, resize: Resize | None) -> Contents:
    """`sprites.toml` and one sheet of square tiles per category. RGBA if any sheet is not opaque."""
    toml = inside.folder / FILE
    tile, categories = read_toml(toml)
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
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return Contents(images, labels, categories, tuple(notes_on_files(toml.parent, found.animated, shallow)))


def read_toml(path: Path) -> tuple[int, tuple[str, ...]]:
    """Tile size and category names of a sprite set; further keys are left to others."""
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
