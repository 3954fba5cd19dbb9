"""Sampled sprites as pixel art: few colours, of a palette if there is one, clean areas, and hard alpha.

A network says of each pixel by itself which colour is likely. Taken so, nearly equal colours lie side by side, and more
pixels stand alone than any artist would leave. What is doubtful is therefore decided for the sprite as a whole, as far
as the sprites of the set are like that.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ddpm.data.tensors import to_tensor, to_uint8
from sprites.colour import chosen_palette, codes, count_colours, distances, fewer, opaque, orphans, settled

# Squared distances in OKLab, summed over the pixels that would move. With both, sprites of the shipped set get the
# numbers of colours and the share of orphans that drawn ones have (docs/palettes.md).
COLOUR_PRICE = 0.0144  # what a colour must be worth
ORPHAN_PRICE = 0.013  # what it must cost to give an orphan its neighbour's colour, for it to stay
CANDIDATES = 64  # colours of a sprite without a palette, from which fewer are chosen


@dataclass(frozen=True)
class Style:
    """What sprites of a set are like, so that sampled ones are not made plainer than they are."""

    colours: int
    """Of a sprite: as many or fewer in 99 of 100 sprites."""
    orphans: float
    """Share of the opaque pixels that equal none of their neighbours: as many or fewer in a quarter of the sprites."""

    @classmethod
    def of(cls, images: np.ndarray) -> "Style":
        """From uint8 [N, H, W, C]."""
        alone = orphans(codes(images)).sum((1, 2)) / opaque(images).sum((1, 2)).clip(1)
        return cls(int(np.quantile(count_colours(images), 0.99)), round(float(np.quantile(alone, 0.25)), 4))


@dataclass(frozen=True, eq=False)
class PixelArt:
    """Takes sprites x [B, C, H, W] as they are sampled to sprites of exact colours."""

    palette: np.ndarray | None = None
    """uint8 [P, 3]; None: a sprite's own colours."""
    most: int | None = None
    """Colours of a sprite, at most."""
    orphans: float = 1.0
    """Share of a sprite's pixels that may stand alone unquestioned."""

    @property
    def is_raw(self) -> bool:
        """Whether sprites stay as they are."""
        return self.palette is None and self.most is None

    @property
    def indices(self) -> np.ndarray:
        """The palette of indexed pictures, uint8 [P, 3]; without one, none: each has its own colours."""
        return np.empty((0, 3), np.uint8) if self.palette is None else self.palette

    def __call__(self, x: Tensor) -> Tensor:
        if self.is_raw:
            return x
        return to_tensor(np.stack([self.sprite(pixels) for pixels in to_uint8(x)])).to(x)

    def sprite(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [H, W, C] -> the same in few colours. Of near ones that of more pixels stays."""
        seen, out = opaque(pixels), pixels.copy()
        if not seen.any():
            return out
        palette = chosen_palette(pixels[None], CANDIDATES) if self.palette is None else self.palette
        cost = np.zeros((*seen.shape, len(palette)))
        cost[seen] = distances(pixels[seen][:, :3], palette) ** 2
        index = np.full(seen.shape, -1)
        index[seen] = fewer(cost[seen], 0.0 if self.palette is None else COLOUR_PRICE, self.most)
        index = settled(index, cost, ORPHAN_PRICE, self.orphans)
        out[seen, :3] = palette[index[seen]]
        return out
