"""Labelled picture grids: categories down, guidance scales across."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torch.nn import functional as F

from ddpm.show.fonts import label_font
from ddpm.system.outputs import written_aside

CHECKER = ((255, 255, 255), (222, 222, 222))  # what shows through transparent pixels
MOST_PIXELS = 2**24  # of a picture, about
GAP = 10  # pixels between cells
PAPER, INK = 250, (40, 40, 40)  # PAPER is a grey, the same in all channels


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
    height, width = images.shape[-3:-1]
    board = checkerboard(height, width, square)
    return (color * alpha + board * (1 - alpha)).round().astype(np.uint8)


def columns_for(n: int) -> int:
    """Columns for n pictures: full rows, about square, where n allows it (8 -> 4), else nearly square (7 -> 3)."""
    root = math.ceil(math.sqrt(n))
    return next((c for c in range(root, 2 * root) if n % c == 0), root)


def enlargement(size: int) -> int:
    """How often a pixel is repeated, so that sprites of this size have about 48 pixels."""
    return max(1, round(48 / size))


def drawn(shape: Sequence[int], factor: int | None = None) -> tuple[int, int, int]:
    """How many rows, columns, and sprites of each cell a picture shows of cells [R, S, N, H, ...]: all of them, or the
    first so many that it has about `MOST_PIXELS`."""
    R, S, N, size = shape[:4]
    most = MOST_PIXELS // (size * (factor or enlargement(size)) + GAP) ** 2
    S = min(S, max(1, most))
    R = min(R, max(1, most // S))
    each = max(1, most // (R * S))
    return R, S, N if each >= N else math.isqrt(each) ** 2


def left_out(shape: Sequence[int]) -> str:
    """In words, what a picture shows of cells [R, S, N, H, ...]; "" if it is all of them."""
    whole, shown = shape[:3], drawn(shape)
    parts = [
        f"{few} of {all_} {what}"
        for few, all_, what in zip(shown, whole, ("rows", "columns", "sprites of each cell"), strict=True)
        if few < all_
    ]
    return f"the first {', '.join(parts)}" if parts else ""


def tiled(tiles: Tensor, columns: int, gap: int) -> Tensor:
    """uint8 [N, 3, H, W] -> [3, height, width]: `columns` a row, `gap` pixels of paper between them, none around."""
    across = min(columns, len(tiles))
    blank = tiles.new_full((-len(tiles) % across, *tiles.shape[1:]), PAPER)
    framed = F.pad(torch.cat([tiles, blank]), (0, gap, 0, gap), value=PAPER)
    sheet = rearrange(framed, "(down across) c h w -> c (down h) (across w)", across=across)
    return sheet[:, :-gap, :-gap]


def cell(sprites: np.ndarray, done: np.ndarray, factor: int) -> Tensor:
    """Enlarged sprites in one block: uint8 [N, H, W, 3 or 4] -> [3, height, width].

    done: bool [N]; a sprite that is not done leaves paper.
    """
    N, size = sprites.shape[:2]
    tiles = np.full((N, size * factor, size * factor, 3), PAPER, np.uint8)
    for k in np.flatnonzero(done):
        tiles[k] = on_checkerboard(upscale(sprites[k], factor), 2 * factor)
    return tiled(torch.from_numpy(tiles).movedim(-1, 1), columns_for(N), 2)


def labelled_grid(
    cells: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    done: np.ndarray | None = None,
    factor: int | None = None,
) -> Image.Image:
    """A picture of cells with a label before each row and above each column; of very many, the first: see `drawn`.

    cells: uint8 [R, S, N, H, W, 3 or 4], N sprites in each cell, in a block about as wide as high. done: bool
    [R, S, N], where there is a sprite; elsewhere the paper stays. factor: enlargement of a pixel (default: sprites of
    about 48 pixels).
    """
    factor = factor or enlargement(cells.shape[3])
    R, S, N = drawn(cells.shape, factor)
    font, labels = label_font([*rows[:R], *columns[:S]])
    rows, columns = labels[:R], labels[R:]
    done = np.ones((R, S, N), bool) if done is None else done
    blocks = torch.stack([cell(cells[i, j, :N], done[i, j, :N], factor) for i, j in np.ndindex(R, S)])
    height, width = blocks.shape[-2:]
    top = 26 if any(columns) else GAP
    left = 20 + math.ceil(max(font.getlength(r) for r in rows))
    widest = max(width, *(math.ceil(font.getlength(c)) for c in columns))
    before = (widest - width) // 2
    blocks = F.pad(blocks, (before, widest - width - before), value=PAPER)
    sheet = Image.new("RGB", (left + S * (widest + GAP), top + R * (height + GAP)), (PAPER, PAPER, PAPER))
    sheet.paste(Image.fromarray(tiled(blocks, S, GAP).movedim(0, -1).numpy()), (left, top))
    draw = ImageDraw.Draw(sheet)
    for j, label in enumerate(columns):
        draw.text((left + j * (widest + GAP) + widest // 2, top - 6), label, INK, font, anchor="ms")
    for i, label in enumerate(rows):
        draw.text((left - 10, top + i * (height + GAP) + height // 2), label, INK, font, anchor="rm")
    return sheet


def save_picture(path: Path, picture: Image.Image, about: Mapping[str, str] | None = None) -> None:
    """Write a PNG file, whole or not at all. about: texts to put into it, in this order, by their names."""
    texts = PngInfo()
    for name, text in (about or {}).items():
        texts.add_text(name, text)
    with written_aside(path) as aside:
        picture.save(aside, format="png", pnginfo=texts)
