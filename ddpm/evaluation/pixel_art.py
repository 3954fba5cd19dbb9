"""What matters to pixel art: few colours, from the palette of its set, and edges without half-transparency."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

ON_PALETTE = 0.95  # of a sprite's opaque pixels
SOFT = 1 / 16  # alpha this near to 0 or 1 is as good as either


# Colours are taken at 5 bits a channel, as consoles of the nineties had them, and one step away is the same colour: a
# network's output wobbles by a few of 255, and so crosses from step to step wherever a colour lies near an edge.


def _coarse(images: np.ndarray) -> np.ndarray:
    return images[..., :3] >> 3


def _opaque(images: np.ndarray) -> np.ndarray:
    return images[..., 3] >= 128 if images.shape[-1] == 4 else np.ones(images.shape[:-1], bool)


def count_colours(images: np.ndarray) -> np.ndarray:
    """int64 [N]: the distinct colours of the opaque pixels of sprites uint8 [N, H, W, C].

    A colour within a step of a more frequent one counts as that one, beginning with the most frequent.
    """
    counts = np.zeros(len(images), np.int64)
    for n, (pixels, opaque) in enumerate(zip(_coarse(images).astype(np.int64), _opaque(images), strict=True)):
        colours, pixels_of = np.unique(pixels[opaque], axis=0, return_counts=True)
        colours = colours[np.argsort(-pixels_of, kind="stable")]
        while len(colours):
            colours = colours[(np.abs(colours - colours[0]) > 1).any(1)]
            counts[n] += 1
    return counts


def palette(images: np.ndarray) -> np.ndarray:
    """bool [32, 32, 32]: which 15-bit colours lie within a step of one in the opaque pixels of uint8 [N, H, W, C].

    Its mean is the share of all colours that it holds: near 1, the set has no palette to speak of.
    """
    table = torch.zeros(32, 32, 32)
    table[tuple(_coarse(images)[_opaque(images)].astype(np.int64).T)] = 1
    return F.max_pool3d(table[None], 3, stride=1, padding=1)[0].bool().numpy()


def palette_share(images: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """float64 [N]: of the opaque pixels of sprites uint8 [N, H, W, C], the share on the palette; 1 without any."""
    opaque = _opaque(images)
    off = opaque & ~palette[tuple(np.moveaxis(_coarse(images), -1, 0))]
    return 1 - off.sum((1, 2)) / opaque.sum((1, 2)).clip(1)


def on_palette(images: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """bool [N]: whose opaque pixels are all but a few on the palette."""
    return palette_share(images, palette) >= ON_PALETTE


def alpha_hardness(x: Tensor) -> Tensor:
    """float32 [N]: of the alpha values of x [N, 4, H, W] in [-1, 1], as sampled, the share that is nearly 0 or 1."""
    alpha = (x[:, 3] + 1) / 2
    return ((alpha <= SOFT) | (alpha >= 1 - SOFT)).float().mean((1, 2))
