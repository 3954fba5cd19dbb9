"""The procedural artist: `draw(seed, category)` gives a sprite and tags of what it was drawn from."""

import numpy as np

from sprites.draw import food, hero, non_hero, side_facing, spell
from sprites.draw.registry import CATEGORIES, FRAMES, TAG_NAMES, kinds, paint

__all__ = [
    "CATEGORIES",
    "FRAMES",
    "TAG_NAMES",
    "draw",
    "food",
    "hero",
    "kinds",
    "non_hero",
    "side_facing",
    "spell",
]


def draw(seed: int, category: str) -> tuple[np.ndarray, dict[str, str]]:
    """One sprite, uint8 [16, 16, 4] with alpha 0 or 255, and its tags; the same seed, the same sprite."""
    canvas, answer = paint(seed, category)
    return canvas.rgba(), answer
