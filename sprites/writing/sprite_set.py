"""A sprite set as files: a sheet a category, `sprites.toml`, and `tags.csv` where there are tags."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from sprites.clips import lengths_of
from sprites.colour import MOST, codes, palette_of, parts
from sprites.files import MAX_TEXT, DataError
from sprites.reading.image import MAX_PIXELS
from sprites.tags import KEYS
from sprites.writing.sheets import COLUMNS, sheet, side_by_side

TOML = """\
# A sprite set: one PNG sheet a category, named <category>.png, next to this file.
# A sheet holds square tiles row by row, from the upper left; its width and height are multiples of `tile`.
# A tile with no opaque pixel is padding. The order of `categories` is the order of the labels.
# Any folder with a file like this one can be trained on.

tile = {tile}
categories = {categories}
"""
CYCLES = """\

# Of these categories the tiles are animations, one after the other: how many frames each has, or that of each in turn.
# After the last frame of an animation comes its first. 1 is a still.

cycles = {{ {cycles} }}
"""
BARE = re.compile("[A-Za-z0-9_-]+")  # keys of TOML that need no quotes


def described(tile: int, categories: Sequence[str], cycles: Mapping[str, int | Sequence[int]] | None = None) -> str:
    """The text of `sprites.toml`. cycles: by category the frames of its clips, if they are equal, or those of each."""
    text = TOML.format(tile=tile, categories=quoted(categories))
    if not cycles:
        return text
    keys = {name: name if BARE.fullmatch(name) else quoted(name) for name in cycles}
    return text + CYCLES.format(cycles=", ".join(f"{keys[name]} = {json.dumps(cycles[name])}" for name in cycles))


def quoted(names: str | Sequence[str]) -> str:
    """A name or some as TOML."""
    return json.dumps(names, ensure_ascii=False)


def cycles_of(clips: np.ndarray, labels: np.ndarray, categories: Sequence[str]) -> dict[str, int | list[int]]:
    """The cycles of `described`, of the clip int64 [N] and category of each sprite; categories of stills are left
    out."""
    cycles: dict[str, int | list[int]] = {}
    for label, category in enumerate(categories):
        lengths = lengths_of(clips[labels == label]).tolist()
        if max(lengths) > 1:
            cycles[category] = lengths if len({*lengths}) > 1 else lengths[0]
    return cycles


class TagTable:
    """tags.csv, written row by row in the order of the sprites; what a sprite does not have is empty."""

    def __init__(self, file: TextIO, facets: Sequence[str]) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow((*KEYS, *facets))

    def add(self, category: str, index: int, values: Sequence[str]) -> None:
        """One sprite of a category; the index counts within the category."""
        self._rows.writerow((category, index, *values))


def sheet_of(images: np.ndarray) -> Image.Image:
    """Sprites uint8 [N, S, S, 4] with an alpha of 0 or 255 as one sheet, about square: indexed if it has at most 255
    colours, else RGBA."""
    columns = min(COLUMNS, int(np.ceil(np.sqrt(len(images)))))
    palette = palette_of(images, MOST - 1)
    if palette is None:
        return Image.fromarray(side_by_side(images, columns))
    tiles, table = np.empty(images.shape[:3], np.uint8), codes(palette)
    for part in parts(images):
        found = codes(images[part])
        tiles[part] = np.where(found >= 0, np.searchsorted(table, found) + 1, 0)
    return sheet(tiles, np.concatenate([np.zeros((1, 3), np.uint8), palette]), columns)


def write_sprite_set(
    folder: Path,
    images: np.ndarray,
    labels: np.ndarray,
    categories: Sequence[str],
    facets: Sequence[Mapping[str, str]] = (),
    clips: np.ndarray | None = None,
) -> None:
    """Sprites uint8 [N, S, S, 4], alpha 0 or 255 and none blank, labels int64 [N] that ascend, the tags of each, and
    its clip, int64 [N].

    They are read back by `load_sprites` and `load_tags`. DataError for more than a sheet, or sprites.toml, can hold.
    """
    cycles = cycles_of(clips, labels, categories) if clips is not None else None
    described_as = described(images.shape[1], list(categories), cycles)
    if len(described_as.encode()) > MAX_TEXT:
        raise DataError("clips of so many lengths that sprites.toml cannot list them; make several sets")
    side = images.shape[1]
    for label, category in enumerate(categories):
        own = images[labels == label]
        if own[..., 0].size > MAX_PIXELS - COLUMNS * side**2:
            raise DataError(f"category {category!r}: {len(own):,} sprites are more than one sheet holds; split it")
        sheet_of(own).save(folder / f"{category}.png")
    names = list(dict.fromkeys(facet for row in facets for facet in row))
    if names:
        with (folder / "tags.csv").open("w", newline="", encoding="utf-8") as file:
            table = TagTable(file, names)
            first = np.searchsorted(labels, labels)
            for index, (label, row) in enumerate(zip(labels, facets, strict=True)):
                table.add(categories[label], index - int(first[index]), [row.get(name, "") for name in names])
    (folder / "sprites.toml").write_text(described_as, encoding="utf-8")
