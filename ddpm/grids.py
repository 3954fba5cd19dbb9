"""Labelled picture grids: categories down, guidance scales across."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CHECKER = ((255, 255, 255), (222, 222, 222))  # what shows through transparent pixels
PAPER, INK = (250, 250, 250), (40, 40, 40)


def upscale(images: np.ndarray, factor: int) -> np.ndarray:
    """Each pixel repeated factor x factor times: uint8 [..., H, W, C] -> [..., H * factor, W * factor, C]."""
    return images.repeat(factor, axis=-3).repeat(factor, axis=-2)


def checkerboard(height: int, width: int, square: int) -> np.ndarray:
    """uint8 [height, width, 3] of squares in two light greys."""
    odd = (np.arange(height)[:, None] // square + np.arange(width) // square) % 2
    return np.array(CHECKER, np.uint8)[odd]


def on_checkerboard(images: np.ndarray, square: int = 4) -> np.ndarray:
    """uint8 [..., H, W, 3 or 4] -> [..., H, W, 3], RGBA laid over a checkerboard, RGB as it is."""
    if images.shape[-1] == 3:
        return images
    color, alpha = images[..., :3].astype(np.float32), images[..., 3:] / np.float32(255)
    board = checkerboard(*images.shape[-3:-1], square)
    return (color * alpha + board * (1 - alpha)).round().astype(np.uint8)


def block(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Tile uint8 [N, H, W, 3] row by row into one picture with `columns` columns."""
    n, h, w, _ = images.shape
    rows = math.ceil(n / columns)
    out = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), PAPER, np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * (h + gap), i % columns * (w + gap)
        out[y : y + h, x : x + w] = image
    return out


def columns_for(n: int) -> int:
    """Columns for n pictures: full rows, about square, where n allows it (8 -> 4), else nearly square (7 -> 3)."""
    root = math.ceil(math.sqrt(n))
    return next((c for c in range(root, 2 * root) if n % c == 0), root)


def labelled_grid(
    cells: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    factor: int | None = None,
) -> Image.Image:
    """A picture of cells with a label before each row and above each column.

    cells: uint8 [R, S, N, H, W, 3 or 4], N sprites in each cell, in a block about as wide as high. factor: enlargement
    of a pixel (default: sprites of about 48 pixels).
    """
    n, size = cells.shape[2], cells.shape[3]
    factor = factor or max(1, round(48 / size))
    across = columns_for(n)
    font = ImageFont.load_default(size=14)
    pictures = [[block(on_checkerboard(upscale(cell, factor), 2 * factor), across) for cell in row] for row in cells]
    height, width = pictures[0][0].shape[:2]
    gap, top = 10, 26 if any(columns) else 10
    left = 20 + math.ceil(max(font.getlength(r) for r in rows))
    widest = max(width, *(math.ceil(font.getlength(c)) for c in columns))
    sheet = Image.new("RGB", (left + len(columns) * (widest + gap), top + len(rows) * (height + gap)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for j, label in enumerate(columns):
        draw.text((left + j * (widest + gap) + widest // 2, top - 6), label, INK, font, anchor="ms")
    for i, label in enumerate(rows):
        y = top + i * (height + gap)
        draw.text((left - 10, y + height // 2), label, INK, font, anchor="rm")
        for j in range(len(columns)):
            sheet.paste(Image.fromarray(pictures[i][j]), (left + j * (widest + gap) + (widest - width) // 2, y))
    return sheet


def guidance_labels(scales: Sequence[float]) -> list[str]:
    """Column labels of guidance scales: "s = 0", "s = 1.5", ..."""
    return [f"s = {s:g}" for s in scales]
