"""Sheets: where their tiles are, as a user says or as empty lines show, and the tiles cut out of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from sprites.colour import opaque
from sprites.reading.guesses import TILES, tile_of

MOST = 128  # pixels a side of a tile that is guessed
USUAL = (8, 16, 18, 20, 24, 32, 40, 48, 64, 96, 128)
MARGINS, SPACINGS = (0, 1, 2), (1, 2, 4, 8)
LEAST, DRIFT = 8, 3  # pixels: the smallest tile, and how far from its place a seam within larger tiles may be
BLOBS = 3  # things in a picture that seems to be a sheet, none of less than a quarter of the pixels of another
FILLED = 0.75  # of the rows and columns of a sheet at least, or its tiles are thought too small


@dataclass(frozen=True)
class Grid:
    """Tiles of a sheet, in pixels: their sides, what is around all of them and what is between them."""

    width: int
    height: int
    margin: int = 0
    spacing: int = 0

    def __str__(self) -> str:
        more = [f"{name} {value}" for name, value in (("margin", self.margin), ("spacing", self.spacing)) if value]
        return f"{self.width}x{self.height}" + "".join(f", {one}" for one in more)

    def counts(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of a sheet of this size. ValueError if something is left over."""
        rows, columns = self.count(height, self.height), self.count(width, self.width)
        if not rows or not columns:
            raise ValueError(f"{width}x{height} pixels are not divided by tiles of {self}")
        return rows, columns

    def count(self, length: int, tile: int) -> int:
        """How many tiles there are along one side, 0 if they do not fit.

        The margin at its end may be missing, and there may be a spacing behind the last tile.
        """
        for end in (self.margin, 0, self.spacing, self.margin + self.spacing):
            count, left = divmod(length - self.margin - end + self.spacing, tile + self.spacing)
            if count > 0 and not left:
                return count
        return 0

    def cut(self, sheet: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 4] -> [n, height, width, 4], row by row, blank ones too. ValueError as in `counts`."""
        rows, columns = self.counts(*sheet.shape[:2])
        if self.margin or self.spacing:
            tops = self.margin + np.arange(rows) * (self.height + self.spacing)
            lefts = self.margin + np.arange(columns) * (self.width + self.spacing)
            down = (tops[:, None] + np.arange(self.height)).ravel()
            sheet = sheet[down[:, None], (lefts[:, None] + np.arange(self.width)).ravel()]
        else:
            sheet = sheet[: rows * self.height, : columns * self.width]
        tiles = sheet.reshape(rows, self.height, columns, self.width, 4).swapaxes(1, 2)
        return tiles.reshape(-1, self.height, self.width, 4)


def parse_tile(text: str) -> tuple[int, int]:
    """Width and height of "16" or "16x24"."""
    found = re.fullmatch(r"(\d{1,4})(?:x(\d{1,4}))?", text.strip().lower())
    sides = [int(side or found[1]) for side in found.groups()] if found else [0]
    if not found or min(sides) < 1:
        raise ValueError(f"--tile {text}: expected a side in pixels, or width x height, as in 16 or 16x24")
    return sides[0], sides[1]


def other_grids(grid: Grid, height: int, width: int) -> Iterator[Grid]:
    """The same tiles with another margin and spacing that divide a sheet of this size."""
    for spacing, margin in product((0, *SPACINGS), MARGINS):
        other = Grid(grid.width, grid.height, margin, spacing)
        if fits(other, height, width):
            yield other


def fits(grid: Grid, height: int, width: int) -> bool:
    """Whether a sheet of this size is divided exactly, with the margin on all sides."""
    return all(
        (side - 2 * grid.margin + grid.spacing) % (tile + grid.spacing) == 0 and side >= tile + 2 * grid.margin
        for side, tile in ((height, grid.height), (width, grid.width))
    )


def guess_grid(sheet: np.ndarray, known: int | None = None) -> Grid | None:
    """The tiles of a sheet, uint8 [H, W, 4]; None if it is not plain that it is one of three tiles or more.

    known: the side of its like, which is tried first. Without it, two seams are too few to tell: 43 of the 10,000
    sprites of the shipped set have one of each by chance.
    """
    grid = likely_grid(sheet, known)
    return grid if grid and (known or sum(grid.counts(*sheet.shape[:2])) > 4) else None


def likely_grid(sheet: np.ndarray, known: int | None) -> Grid | None:
    """The tiles that a picture would have, if it is a sheet: the finest grid with nothing between its tiles."""
    clear = sheet[..., 3] == 0
    if not clear.any():
        clear = (sheet == sheet[0, 0]).all(-1)
    empty = clear.all(0), clear.all(1)
    for margin in MARGINS:
        if all(lines[:margin].all() and lines[len(lines) - margin :].all() for lines in empty):
            inner = sheet[margin : sheet.shape[0] - margin, margin : sheet.shape[1] - margin]
            if inner.size and (tile := tile_of(inner, known)):
                grid = Grid(tile, tile, margin)
                return None if is_coarse(grid, empty) else grid
    around = [(0, 0), *((margin, spacing) for spacing in SPACINGS for margin in sorted({*MARGINS, spacing}))]
    for usual in ([known] if known else [], None):
        found = []
        for margin, spacing in around:
            tried = usual if usual is not None else range(8, MOST + 1) if spacing else USUAL
            widths, heights = (sides_of(lines, tried, margin, spacing) for lines in empty)
            grids = [Grid(width, height, margin, spacing) for width, height in product(widths, heights)]
            found += [grid for grid in grids if max(grid.width, grid.height) <= 2 * min(grid.width, grid.height)]
        found = [grid for grid in found if np.prod(grid.counts(*sheet.shape[:2])) > 2 and not is_coarse(grid, empty)]
        if found:
            return max(found, key=lambda grid: (np.prod(grid.counts(*sheet.shape[:2])), -unusual(grid)))
    return None


def in_blobs(picture: np.ndarray) -> bool:
    """Whether uint8 [H, W, 4] shows several separate things of like size, as a sheet does."""
    from scipy import ndimage  # takes a fifth of a second

    labels, _ = ndimage.label(opaque(picture), np.ones((3, 3)))
    sizes = np.sort(np.bincount(labels.ravel())[1:])
    return len(sizes) >= BLOBS and 4 * sizes[-BLOBS] >= sizes[-1]


def unusual(grid: Grid) -> int:
    """How many sides of its tiles are such as artists seldom choose."""
    return sum(side not in TILES for side in (grid.width, grid.height))


def is_coarse(grid: Grid, empty: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether the tiles look like sheets themselves: along one axis most of them fall into equal parts.

    empty: of the columns and the rows of the sheet, which are empty, bool [L] each.
    """
    for lines, side in zip(empty, (grid.width, grid.height), strict=True):
        count = grid.count(len(lines), side)
        starts = grid.margin + np.arange(count) * (side + grid.spacing)
        tiles = [tile for start in starts if not (tile := lines[start : start + side]).all()]
        if 2 * sum(map(in_parts, tiles)) > len(tiles):
            return True
    return False


def in_parts(empty: np.ndarray) -> bool:
    """Whether what is drawn along a tile, not `empty` [L], falls into two or more equal parts of 8 pixels or more."""
    side, drawn = len(empty), np.flatnonzero(~empty)
    gaps = drawn[0] + np.flatnonzero(empty[drawn[0] : drawn[-1]])
    for parts in range(2, side // LEAST + 1):
        seams = np.arange(1, parts) * side / parts
        if (abs(gaps[:, None] - seams) <= DRIFT).any(0).all():
            return True
    return False


def sides_of(empty: np.ndarray, tried: Iterable[int], margin: int, spacing: int) -> list[int]:
    """Sides that the tiles may have along one axis, of whose lines bool [L] says which are empty on the whole sheet.

    All lines between tiles are empty, or, without any, one of the two at each seam; and most tiles are not.
    """
    length, found = len(empty) - 2 * margin, []
    for side in tried:
        count, left = divmod(length + spacing, side + spacing)
        if left or count < 1:
            continue
        inner = np.append(empty[margin : margin + length], np.ones(spacing, bool)).reshape(count, side + spacing)
        tiles = inner[:, :side]
        seams = tiles[:-1, -1] | tiles[1:, 0] if not spacing else inner[:-1, side:].all(1)
        around = empty[:margin].all() and empty[margin + length :].all()
        if around and seams.all() and (~tiles.all(1)).mean() >= FILLED:
            found.append(side)
    return found
