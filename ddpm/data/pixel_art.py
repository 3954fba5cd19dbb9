"""Sampled sprites as pixel art: few colours, of a palette if there is one, and hard alpha."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ddpm.data.tensors import to_tensor, to_uint8
from sprites.colour import chosen_palette, distances, fewer, opaque

PRICE = 0.12**2  # of a colour: it stays where its pixels would move by more in OKLab, squared and summed
CANDIDATES = 64  # colours of a sprite without a palette, from which fewer are chosen


@dataclass(frozen=True, eq=False)
class PixelArt:
    """Takes sprites x [B, C, H, W] as they are sampled to sprites of exact colours."""

    palette: np.ndarray | None = None
    """uint8 [P, 3]; None: a sprite's own colours."""
    most: int | None = None
    """Colours of a sprite, at most."""

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
        """uint8 [H, W, C] -> the same with few colours. Of near ones that of more pixels stays."""
        seen, out = opaque(pixels), pixels.copy()
        if not seen.any():
            return out
        palette = chosen_palette(pixels[None], CANDIDATES) if self.palette is None else self.palette
        cost = distances(pixels[seen][:, :3], palette) ** 2
        out[seen, :3] = palette[fewer(cost, 0.0 if self.palette is None else PRICE, self.most)]
        return out
