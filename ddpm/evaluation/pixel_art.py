"""What matters to pixel art: how many colours, from the palette of the set, as grey and as dark as real ones, in clean
areas; and outlines without holes."""

import numpy as np
from scipy import ndimage
from torch import Tensor

from sprites import colour
from sprites.colour import MOST, NEAR, codes, count_colours, distances, keeps_to, opaque, own_colours

SOFT = 1 / 16  # alpha this near to 0 or 1 is as good as either
BLACK = 32  # of 255: no channel of a black pixel is as high
GREY = 20  # of 255: channels of a grey pixel are no further apart


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """float64 [N]: the sum of the part [N, H, W] in the pixels of the whole, bool [N, H, W], by their number; 0 of
    none."""
    return part.sum((1, 2)) / whole.sum((1, 2)).clip(1)


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
    return _share(colour.orphans(codes(images)), opaque(images))


def palette_share(images: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """float64 [N]: of the opaque pixels of sprites uint8 [N, H, W, C], the share in a palette uint8 [P, 3]; 1 without
    any."""
    return 1 - _share(~keeps_to(images, palette), opaque(images))


def lit(images: np.ndarray) -> np.ndarray:
    """bool [N, H, W]: which pixels of sprites uint8 [N, H, W, C] are opaque and not nearly black."""
    return opaque(images) & (images[..., :3].max(-1) >= BLACK)


def blacks(images: np.ndarray) -> np.ndarray:
    """float64 [N]: of the opaque pixels of sprites uint8 [N, H, W, C], the share that is nearly black."""
    return _share(opaque(images) & ~lit(images), opaque(images))


def greys(images: np.ndarray) -> np.ndarray:
    """float64 [N]: of the pixels of sprites uint8 [N, H, W, C] that are opaque and not black, the share of greys. Where
    a network errs in each channel by itself, stone and steel get coloured specks."""
    seen = lit(images)
    return _share(seen & (np.ptp(images[..., :3], axis=-1) <= GREY), seen)


def chroma(images: np.ndarray) -> np.ndarray:
    """float64 [N]: the highest channel less the lowest, from 0 to 1, in the mean of the pixels of sprites uint8
    [N, H, W, C] that are opaque and not black."""
    seen = lit(images)
    return _share(np.ptp(images[..., :3], axis=-1) * seen, seen) / 255


def holes(images: np.ndarray) -> np.ndarray:
    """float64 [N]: of the pixels inside the outline of sprites uint8 [N, H, W, C], the share that is transparent: no
    way leads from them out of the sprite, by left, right, up and down."""
    seen = opaque(images)
    inside = ndimage.binary_fill_holes(seen, _within(1))
    return _share(inside & ~seen, inside)


def parts(images: np.ndarray) -> np.ndarray:
    """int64 [N]: pieces of sprites uint8 [N, H, W, C] that hang together, diagonally too."""
    pieces, _ = ndimage.label(opaque(images), _within(2))
    return np.array([len(np.unique(piece[piece > 0])) for piece in pieces])


def _within(steps: int) -> np.ndarray:
    """bool [3, 3, 3]: which neighbours pixels of [N, H, W] have in their own sprite, diagonally if two steps away."""
    neighbours = np.zeros((3, 3, 3), bool)
    neighbours[1] = ndimage.generate_binary_structure(2, steps)
    return neighbours


def summary(images: np.ndarray, palette: np.ndarray) -> dict[str, float]:
    """The figures of sprites uint8 [N, H, W, C] that are quick to have: the median of their colours, and means."""
    share = {"in_palette": float(palette_share(images, palette).mean())} if len(palette) else {}
    return {
        "colours": float(np.median(count_colours(images))),
        "near_colours": float(near_colours(images).mean()),
        "orphans": float(orphans(images).mean()),
        "chroma": float(chroma(images).mean()),
        "greys": float(greys(images).mean()),
        "blacks": float(blacks(images).mean()),
        "holes": float(holes(images).mean()),
        "parts": float(parts(images).mean()),
    } | share


def alpha_hardness(x: Tensor) -> Tensor:
    """float32 [N]: of the alpha values of x [N, 4, H, W] in [-1, 1], as sampled, the share that is nearly 0 or 1."""
    alpha = (x[:, 3] + 1) / 2
    return ((alpha <= SOFT) | (alpha >= 1 - SOFT)).float().mean((1, 2))
