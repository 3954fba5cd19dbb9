"""Sets of sprites: many different ones of a category, the sheets they are kept on and the contact sheet."""

from collections.abc import Iterator
from itertools import count

import numpy as np
from PIL import Image

from sprites.draw.brush import TILE
from sprites.draw.dice import Tags
from sprites.draw.palette import COLOURS, DEEP, NAMED, TONE
from sprites.draw.registry import CYCLES, paint

SHEET_COLUMNS = 64
SIZES = (TILE, 2 * TILE)
ENOUGH = 10  # pixels
_FILLS = {name: which & (TONE > DEEP) for name, which in NAMED.items()}  # boolean [N], without outline tones
_STRIDE = 10_000_000  # room between the sprite numbers of two set seeds


def draw_distinct(category: str, seed: int = 0) -> Iterator[tuple[np.ndarray, Tags]]:
    """Endless sprites of a category as palette indices, uint8 [16, 16], with tags; no two are equal.

    Walk cycles come whole: a cycle with a frame that was drawn before is left out. So is what hardly shows
    the colour of its tag, and a cycle that shows something in one frame only.
    """
    group = CYCLES[category]
    seen: set[bytes] = set()
    for number in count(seed * _STRIDE):
        drawn = [paint(number * group + step, category) for step in range(group)]
        keys = {canvas.px.tobytes() for canvas, _ in drawn}
        clear = all(_shows(canvas.px, answer["colour"]) for canvas, answer in drawn)
        same = len({answer["accessory"] for _, answer in drawn}) == 1
        if clear and same and len(keys) == group and not keys & seen:
            seen |= keys
            yield from ((canvas.px, answer) for canvas, answer in drawn)


def _shows(tile: np.ndarray, colour: str) -> bool:
    """Whether a named colour has enough pixels of a tile [16, 16], outlines left out."""
    return int(_FILLS[colour][tile].sum()) >= ENOUGH


def enlarge(tiles: np.ndarray, size: int) -> np.ndarray:
    """Tiles uint8 [N, 16, 16] as they are, or at 32 by Scale2x (Mazzoleni 2001): no colour is added."""
    if size == TILE:
        return tiles
    assert size == 2 * TILE, size
    wide = np.pad(tiles, ((0, 0), (1, 1), (1, 1)))
    up, down, left, right = wide[:, :-2, 1:-1], wide[:, 2:, 1:-1], wide[:, 1:-1, :-2], wide[:, 1:-1, 2:]
    edge = (up != down) & (left != right)
    large = np.empty((len(tiles), size, size), dtype=np.uint8)
    for dy, dx, above, beside in ((0, 0, up, left), (0, 1, up, right), (1, 0, down, left), (1, 1, down, right)):
        large[:, dy::2, dx::2] = np.where(edge & (above == beside), above, tiles)
    return large


def sheet(tiles: np.ndarray, columns: int = SHEET_COLUMNS) -> Image.Image:
    """Tiles of palette indices, uint8 [N, H, H], row by row on one picture with the master palette."""
    rows, side = -(-len(tiles) // columns), tiles.shape[1]
    padded = np.zeros((rows * columns, side, side), dtype=np.uint8)
    padded[: len(tiles)] = tiles
    pixels = padded.reshape(rows, columns, side, side).swapaxes(1, 2).reshape(rows * side, columns * side)
    picture = Image.fromarray(pixels, mode="P")
    picture.putpalette(COLOURS[:, :3].tobytes())
    picture.info["transparency"] = 0
    return picture


def contact_sheet(rows: list[np.ndarray], scale: int = 3) -> Image.Image:
    """Rows of tiles, each uint8 [n, H, H], on a dark checkerboard, enlarged without smoothing."""
    side = rows[0].shape[1]
    cell = side + 2
    widest = max(map(len, rows))
    y, x = np.mgrid[: len(rows) * cell, : widest * cell]
    ground = np.where((x // cell + y // cell) % 2 == 0, len(COLOURS), len(COLOURS) + 1).astype(np.uint8)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            window = ground[row * cell + 1 : row * cell + 1 + side, column * cell + 1 : column * cell + 1 + side]
            np.copyto(window, tile, where=tile > 0)
    picture = Image.fromarray(ground.repeat(scale, 0).repeat(scale, 1), mode="P")
    picture.putpalette(COLOURS[:, :3].tobytes() + bytes((58, 60, 74, 66, 68, 82)))
    return picture
