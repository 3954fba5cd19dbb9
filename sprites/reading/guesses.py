"""Guesses about an image that is no sprite as it is: a sheet of tiles, or a sprite that was enlarged."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sprites.files import some
from sprites.reading.image import SIZES, opened, rgba

TILES = (8, 16, 24, 32, 48, 64)  # usual sides of tiles, tried from the smallest
NEAR = 24  # in each channel: colours that go on
SELDOM = 0.5  # of how often colours go on from pixel to pixel; at every seam between tiles they do so less often
FLAT = 0.05  # where colours go on less often (noise, photographs) there is nothing to tell tiles by
PART = 384  # pixels a side that are looked at; a multiple of the usual tiles
MOST_PIXELS = 2**22  # larger images are not decoded only to be looked at
SAMPLE = 16  # files of the side wanted that are looked at
FEW = 4  # of them tell nothing about all; of each other size so many are looked at
MOST_LOOKS = 200


def block_of(pixels: np.ndarray) -> int:
    """The side of the blocks of one colour that uint8 [H, W, 4] consists of, 1 if it does not, 0 for one colour."""
    seen = part(pixels) * (part(pixels)[..., 3:] > 0)
    edges = [np.flatnonzero((np.diff(seen, axis=axis) != 0).any(axis=(1 - axis, 2))) + 1 for axis in (0, 1)]
    return int(np.gcd.reduce([*np.concatenate(edges), *pixels.shape[:2]])) if any(map(len, edges)) else 0


def enlarged(frames: np.ndarray) -> int:
    """How many times uint8 [F, H, W, 4] is enlarged: every pixel is a square of so many of one colour, exactly.

    0 if all frames are of one colour each, which tells nothing. Colour under alpha 0 is not seen.
    """
    block = 0
    for frame in frames:
        block = int(np.gcd(block, block_of(frame)))
        if block == 1:
            return 1
    for smaller in (k for k in range(block, 1, -1) if block % k == 0):
        if all(consists_of(frame, smaller) for frame in frames):
            return smaller
    return min(block, 1)


def consists_of(frame: np.ndarray, block: int) -> bool:
    """Whether uint8 [H, W, 4] consists of squares of one colour."""
    h, w = frame.shape[:2]
    squares = frame.reshape(h // block, block, w // block, block, 4)
    first = squares[:, :1, :, :1]
    return all(
        (
            (squares[:, y, :, x] == first[:, 0, :, 0]).all(-1) | ((squares[:, y, :, x, 3] | first[:, 0, :, 0, 3]) == 0)
        ).all()
        for y in range(block)
        for x in range(block)
    )


def tile_of(pixels: np.ndarray, known: int | None = None) -> int | None:
    """The side of the tiles of a sheet, uint8 [H, W, 4]; None if it does not look like one. `known` is tried first.

    Within a sprite colours often go on from pixel to pixel; from tile to tile they seldom do.
    """
    (h, w), pixels = pixels.shape[:2], part(pixels)
    tiles = [known] if known else []
    tiles += sorted({*TILES, min(h, w)} & {*SIZES})
    tiles = [tile for tile in tiles if h % tile == w % tile == 0 and h * w > 2 * tile**2]
    clear = pixels[..., 3] == 0
    seen = ~clear if clear.any() else (pixels != pixels[0, 0]).any(axis=-1)
    if not tiles or not seen.any():
        return None
    down, across = goes_on(pixels, seen), goes_on(pixels.swapaxes(0, 1), seen.T)
    usual = np.concatenate([down, across]).mean()
    for tile in tiles if usual >= FLAT else ():
        seams = np.concatenate([down[tile - 1 :: tile], across[tile - 1 :: tile]])
        if seams.max(initial=0) < SELDOM * usual and shown(seen, tile) > 1:
            return tile
    return None


def part(pixels: np.ndarray) -> np.ndarray:
    """The top left of a large image."""
    return pixels[:PART, :PART]


def goes_on(pixels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """float [H - 1]: the share of the pixels in each row of [H, W, 4] whose colour goes on in the next row."""
    above, below = pixels[:-1].astype(np.int16), pixels[1:].astype(np.int16)
    return ((np.abs(above - below) <= NEAR).all(axis=-1) & seen[:-1] & seen[1:]).mean(axis=1)


def shown(seen: np.ndarray, tile: int) -> int:
    """How many tiles of bool [H, W] are not empty."""
    rows, columns = (side // tile for side in seen.shape)
    tiles = seen[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile)
    return int(tiles.any(axis=(1, 3)).sum())


def guess(pixels: np.ndarray, known: int | None = None) -> tuple[int | None, int]:
    """The tile of a sheet, or None, and `block_of`, of uint8 [H, W, 4]; `known` is the side of its like.

    What can be a sprite of that side, enlarged, is no sheet.
    """
    block = block_of(pixels)
    step = max(1, block)
    h, w = (side // step for side in pixels.shape[:2])
    if known and h == w and known % h == 0:
        return None, block
    tile = tile_of(pixels[::step, ::step], known)
    return tile and tile * step, block


def guess_file(path: Path, known: int | None = None) -> tuple[int | None, int]:
    """`guess` of an image file, unless it is large."""
    with opened(path) as image:
        return guess(rgba(image)[0], known) if image.width * image.height <= MOST_PIXELS else (None, 1)


def set_of_sheets(tile: int, categories: Sequence[str]) -> str:
    """What to write so that sheets are read as such."""
    names = json.dumps(list(categories[:8]), ensure_ascii=False)
    more = names[:-1] + ", ...]" if categories[8:] else names
    return f"a sprites.toml with the lines tile = {tile} and categories = {more}"


class Guesses:
    """What the images of a folder of categories look like, told from some of them while all are read."""

    def __init__(self, root: Path, categories: Sequence[str], sizes: Sequence[tuple[int, int]], size: int | None):
        self.root, self.categories, self.side = root, categories, 0
        squares = Counter(wh for wh in sizes if wh[0] == wh[1])
        most, count = squares.most_common(1)[0] if squares else ((None, None), 0)
        self.known = size or (most[0] if 2 * count > len(sizes) and most[0] in SIZES else None)
        self.every = max(1, len(sizes) // SAMPLE)
        self.looked: Counter[tuple[int, ...]] = Counter()  # at images of other sizes
        self.sheets: dict[Path, int] = {}  # and their tiles
        self.like: list[tuple[Path, int | None, int]] = []  # of files of the side wanted: tile and block

    def advise(self, path: Path, wh: tuple[int, int], side: int) -> str | None:
        """What to do with a file where sprites of a side are expected; None if nothing can be told from it."""
        tile, block = guess_file(path, self.known)
        w, h = wh
        if tile:
            return (
                f"it looks like a sheet of {tile}x{tile} tiles ({w // tile} by {h // tile}): cut it into a file each, "
                f"or put one sheet a category ({path.relative_to(self.root).parts[0]}.png, ...) beside "
                f"{set_of_sheets(tile, self.categories)}; if it is a single sprite, pass --resize nearest"
            )
        small = h // max(1, block)
        if block > 1 and h == w and small in SIZES and (side % small == 0 or side not in SIZES):
            flag = "" if side in SIZES else f"--size {small} "
            return f"it looks like a {small}x{small} sprite enlarged {block} times: pass {flag}--resize nearest"
        return None

    def look(self, path: Path, pixels: np.ndarray, side: int, index: int) -> None:
        """At one file, uint8 [H, W, 4], in its place among all, of which sprites of a side are made."""
        self.side = side
        shape = pixels.shape[:2]
        if shape != (side, side):
            if self.looked[shape] < FEW and self.looked.total() < MOST_LOOKS:
                self.looked[shape] += 1
                tile, _ = guess(pixels, self.known or side)
                self.sheets |= {path: tile} if tile else {}
        elif index % self.every == 0:
            tile, block = guess(pixels)
            self.like.append((path, tile, block))

    def notes(self) -> list[str]:
        """A line about files that look like sheets and were read as a sprite each, or about sprites all enlarged."""
        if len({tile for _, tile, _ in self.like}) == 1:
            self.sheets |= {path: tile for path, tile, _ in self.like if tile is not None}
        if self.sheets:
            return [self.note_on_sheets()]
        block = int(np.gcd.reduce([block for *_, block in self.like])) if len(self.like) >= FEW else 1
        if block > 1 and self.side // block in SIZES:
            how = f"--size {self.side // block} --resize nearest"
            return [f"{self.root}: all sprites look enlarged {block} times; {how} reads them as they were drawn"]
        return []

    def note_on_sheets(self) -> str:
        names = some([str(path.relative_to(self.root)) for path in self.sheets], 3)
        tile = Counter(self.sheets.values()).most_common(1)[0][0]
        return (
            f"{self.root}: what looks like sheets of {tile}x{tile} tiles read as one sprite each ({names}); cut them "
            f"into a file each, or put one sheet a category beside {set_of_sheets(tile, self.categories)}"
        )
