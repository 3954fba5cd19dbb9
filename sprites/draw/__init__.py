"""The procedural artist: `draw(seed, category)` gives a sprite and tags of what it was drawn from."""

import numpy as np

from sprites.draw.dice import TAG_NAMES
from sprites.draw.registry import CATEGORIES, CYCLES, kinds, paint

__all__ = ["CATEGORIES", "CYCLES", "TAG_NAMES", "draw", "kinds"]


def draw(seed: int, category: str) -> tuple[np.ndarray, dict[str, str]]:
    """One sprite, uint8 [16, 16, 4] with alpha 0 or 255, and its tags; the same seed, the same sprite."""
    canvas, answer = paint(seed, category)
    return canvas.rgba(), answer
