"""What matters to pixel art, in exact colours: how many, from the palette of the set, in clean areas, hard edges."""

import numpy as np
from torch import Tensor

from sprites import colour
from sprites.colour import MOST, NEAR, codes, count_colours, distances, keeps_to, opaque, own_colours

SOFT = 1 / 16  # alpha this near to 0 or 1 is as good as either


def near_colours(images: np.ndarray) -> np.ndarray:
    """int64 [N]: how many colours of a sprite are hardly told apart from another of its colours."""
    counts = np.zeros(len(images), np.int64)
    for n, colours in enumerate(own_colours(images)):
        if 1 < len(colours) <= MOST:
            apart = distances(colours, colours)
            np.fill_diagonal(apart, np.inf)
            counts[n] = (apart.min(1) < NEAR).sum()
        elif len(colours) > MOST:
            counts[n] = len(colours)  # more than the eye tells apart anyway
    return counts


def orphans(images: np.ndarray) -> np.ndarray:
    """float64 [N]: of the opaque pixels of sprites uint8 [N, H, W, C], the share that equals none of its four
    neighbours; 0 without any. Pixel art has some, as eyes and sparks; noise is made of nothing else."""
    return colour.orphans(codes(images)).sum((1, 2)) / opaque(images).sum((1, 2)).clip(1)


def palette_share(images: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """float64 [N]: of the opaque pixels of sprites uint8 [N, H, W, C], the share in a palette uint8 [P, 3]; 1 without
    any."""
    return 1 - (~keeps_to(images, palette)).sum((1, 2)) / opaque(images).sum((1, 2)).clip(1)


def summary(images: np.ndarray, palette: np.ndarray) -> dict[str, float]:
    """The figures of sprites uint8 [N, H, W, C] that are quick to have: the median of their colours, and means."""
    share = {"in_palette": float(palette_share(images, palette).mean())} if len(palette) else {}
    return {
        "colours": float(np.median(count_colours(images))),
        "near_colours": float(near_colours(images).mean()),
        "orphans": float(orphans(images).mean()),
    } | share


def alpha_hardness(x: Tensor) -> Tensor:
    """float32 [N]: of the alpha values of x [N, 4, H, W] in [-1, 1], as sampled, the share that is nearly 0 or 1."""
    alpha = (x[:, 3] + 1) / 2
    return ((alpha <= SOFT) | (alpha >= 1 - SOFT)).float().mean((1, 2))
