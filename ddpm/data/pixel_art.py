"""Sampled sprites as pixel art: few colours, of a palette if there is one, clean areas, and hard alpha.

A network says of each pixel by itself which colour is likely. Taken so, a sprite has more colours, and more pixels that
stand alone, than any artist would leave. What is doubtful is therefore decided for the sprite as a whole.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ddpm.data.tensors import to_tensor, to_uint8
from sprites.colour import (
    chosen_palette,
    codes,
    count_colours,
    fewer,
    opaque,
    orphans,
    settled,
    squares,
    sureness,
)

# In sure pixels: see `sprites.colour.sureness`. With these, sprites of the shipped set get the numbers of colours and
# the share of orphans that drawn ones have (docs/palettes.md), after some minutes of training.
COLOUR_PRICE = 2.0  # what a colour of a sprite must be worth, where it is not known of a model: `Style.price`
ORPHAN_PRICE = 0.7  # how sure an orphan must be
CANDIDATES = 64  # colours of a sprite without a palette, from which fewer are chosen


@dataclass(frozen=True)
class Style:
    """What sprites of a set are like, so that sampled ones are not made plainer than they are."""

    colours: int
    """Of a sprite: as many or fewer in 99 of 100 sprites."""
    orphans: float
    """Share of the opaque pixels that equal none of their neighbours: as many or fewer in a quarter of the sprites."""
    usual: float | None = None
    """Colours of a sprite: the mean of each category, and of these the mean."""
    price: float = COLOUR_PRICE
    """What a colour must be worth in what the model samples, for it to have as many as is usual (`sampling.priced`)."""

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray) -> "Style":
        """From uint8 [N, H, W, C] and their categories, int [N]."""
        alone = orphans(codes(images)).sum((1, 2)) / opaque(images).sum((1, 2)).clip(1)
        counts = count_colours(images)
        usual = float(np.mean([counts[labels == k].mean() for k in np.unique(labels)]))
        return cls(int(np.quantile(counts, 0.99)), round(float(np.quantile(alone, 0.25)), 4), round(usual, 2))


@dataclass(frozen=True, eq=False)
class PixelArt:
    """Takes sprites x [B, C, H, W] as they are sampled to sprites of exact colours."""

    palette: np.ndarray | None = None
    """uint8 [P, 3]; None: a sprite's own colours."""
    most: int | None = None
    """Colours of a sprite, at most."""
    orphans: float = 1.0
    """Share of a sprite's pixels that may stand alone unquestioned."""
    price: float = COLOUR_PRICE
    """What a colour of the palette must be worth."""

    @property
    def is_raw(self) -> bool:
        """Whether sprites stay as they are."""
        return self.palette is None and self.most is None

    @property
    def indices(self) -> np.ndarray:
        """The palette of indexed pictures, uint8 [P, 3]; without one, none: each has its own colours."""
        return np.empty((0, 3), np.uint8) if self.palette is None else self.palette

    def __call__(self, x: Tensor) -> Tensor:
        if self.is_raw or not x.isfinite().all():  # what is not finite is to be seen
            return x
        return to_tensor(np.stack([self.sprite(pixels) for pixels in to_uint8(x)])).to(x)

    def sprite(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [H, W, C] -> the same in few colours, with few orphans."""
        seen, out = opaque(pixels), pixels.copy()
        if not seen.any():
            return out
        palette = chosen_palette(pixels[None], CANDIDATES) if self.palette is None else self.palette
        square, apart = squares(pixels[seen][:, :3], palette), squares(palette, palette)
        left = fewer(square, apart, 0.0 if self.palette is None else self.price, self.most)
        square, apart = square[:, left], apart[np.ix_(left, left)]
        index, sure = np.full(seen.shape, -1), np.full((*seen.shape, len(left)), np.inf)
        index[seen], sure[seen] = square.argmin(1), sureness(square, apart)
        out[seen, :3] = palette[left[settled(index, sure, ORPHAN_PRICE, self.orphans)[seen]]]
        return out
