"""Sheets: many sprites on one picture, to be read again or looked at."""

import numpy as np
from PIL import Image

from sprites.writing.png import picture_of

COLUMNS = 64  # tiles in a row
GROUND = bytes((58, 60, 74, 66, 68, 82))  # RGB of the two squares of the checkerboard


def enlarge(tiles: np.ndarray, size: int) -> np.ndarray:
    """Tiles uint8 [N, H, H] as they are, or twice as large by Scale2x (Mazzoleni 2001): no colour is added."""
    side = tiles.shape[1]
    if size == side:
        return tiles
    assert size == 2 * side, size
    wide = np.pad(tiles, ((0, 0), (1, 1), (1, 1)))
    up, down, left, right = wide[:, :-2, 1:-1], wide[:, 2:, 1:-1], wide[:, 1:-1, :-2], wide[:, 1:-1, 2:]
    edge = (up != down) & (left != right)
    large = np.empty((len(tiles), size, size), dtype=np.uint8)
    for dy, dx, above, beside in ((0, 0, up, left), (0, 1, up, right), (1, 0, down, left), (1, 1, down, right)):
        large[:, dy::2, dx::2] = np.where(edge & (above == beside), above, tiles)
    return large


def side_by_side(tiles: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Tiles uint8 [N, H, W, ...], `columns` of them in a row, as one array; what is left of the last row is 0."""
    N, H, W, *channels = tiles.shape
    rows = -(-N // columns)
    padded = np.zeros((rows * columns, H, W, *channels), dtype=np.uint8)
    padded[:N] = tiles
    return padded.reshape(rows, columns, H, W, *channels).swapaxes(1, 2).reshape(rows * H, columns * W, *channels)


def sheet(tiles: np.ndarray, palette: np.ndarray, columns: int = COLUMNS) -> Image.Image:
    """Tiles of indices, uint8 [N, H, H], into a palette, uint8 [P, 3], row by row on one picture; 0 is transparent."""
    return picture_of(side_by_side(tiles, columns), palette, clear=True)


def contact_sheet(rows: list[np.ndarray], palette: np.ndarray, scale: int = 3) -> Image.Image:
    """Rows of such tiles, each uint8 [n, H, H], on a dark checkerboard, enlarged without smoothing."""
    side = rows[0].shape[1]
    cell = side + 2
    widest = max(map(len, rows))
    y, x = np.mgrid[: len(rows) * cell, : widest * cell]
    ground = np.where((x // cell + y // cell) % 2 == 0, len(palette), len(palette) + 1).astype(np.uint8)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            window = ground[row * cell + 1 : row * cell + 1 + side, column * cell + 1 : column * cell + 1 + side]
            np.copyto(window, tile, where=tile > 0)
    picture = Image.fromarray(ground.repeat(scale, 0).repeat(scale, 1), mode="P")
    picture.putpalette(palette.tobytes() + GROUND)
    return picture
