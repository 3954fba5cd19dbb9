"""Sets of sprites: many different ones of a category, the sheets they are kept on and the contact sheet."""

from collections.abc import Iterator
from itertools import count

import numpy as np
from PIL import Image

from sprites.draw.brush import TILE
from sprites.draw.palette import COLOURS
from sprites.draw.registry import FRAMES, Tags, paint

SHEET_COLUMNS = 64
_STRIDE = 10_000_000  # room between the sprite numbers of two set seeds


def draw_distinct(category: str, seed: int = 0) -> Iterator[tuple[np.ndarray, Tags]]:
    """Endless sprites of a category as palette indices, uint8 [16, 16], with tags; no two are equal.

    Walk cycles come whole: a cycle with a frame that was drawn before is left out.
    """
    group = FRAMES if category == "side_facing" else 1
    seen: set[bytes] = set()
    for number in count(seed * _STRIDE):
        drawn = [paint(number * group + step, category) for step in range(group)]
        keys = {canvas.px.tobytes() for canvas, _ in drawn}
        if len(keys) == group and not keys & seen:
            seen |= keys
            yield from ((canvas.px, answer) for canvas, answer in drawn)


def sheet(tiles: np.ndarray, columns: int = SHEET_COLUMNS) -> Image.Image:
    """Tiles of palette indices, uint8 [N, 16, 16], row by row on one picture with the master palette."""
    rows = -(-len(tiles) // columns)
    padded = np.zeros((rows * columns, TILE, TILE), dtype=np.uint8)
    padded[: len(tiles)] = tiles
    pixels = padded.reshape(rows, columns, TILE, TILE).swapaxes(1, 2).reshape(rows * TILE, columns * TILE)
    picture = Image.fromarray(pixels, mode="P")
    picture.putpalette(COLOURS[:, :3].tobytes())
    picture.info["transparency"] = 0
    return picture


def contact_sheet(rows: list[np.ndarray], scale: int = 3) -> Image.Image:
    """Rows of tiles, each uint8 [n, 16, 16], on a dark checkerboard, enlarged without smoothing."""
    cell = TILE + 2
    widest = max(map(len, rows))
    y, x = np.mgrid[: len(rows) * cell, : widest * cell]
    ground = np.where((x // cell + y // cell) % 2 == 0, len(COLOURS), len(COLOURS) + 1).astype(np.uint8)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            window = ground[row * cell + 1 : row * cell + 1 + TILE, column * cell + 1 : column * cell + 1 + TILE]
            np.copyto(window, tile, where=tile > 0)
    picture = Image.fromarray(ground.repeat(scale, 0).repeat(scale, 1), mode="P")
    picture.putpalette(COLOURS[:, :3].tobytes() + bytes((58, 60, 74, 66, 68, 82)))
    return picture
