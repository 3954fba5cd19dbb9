"""Sets of sprites: many different ones of a category, the sheets they are kept on and the contact sheet."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from sprites.draw.brush import TILE
from sprites.draw.dice import Tags
from sprites.draw.palette import DEEP, NAMED, TONE
from sprites.draw.registry import CYCLES, paint

SIZES = (TILE, 2 * TILE)
ENOUGH = 10  # pixels
_FILLS = {name: which & (TONE > DEEP) for name, which in NAMED.items()}  # boolean [N], without outline tones
_STRIDE = 10_000_000  # room between the sprite numbers of two set seeds


def draw_distinct(category: str, seed: int = 0) -> Iterator[tuple[np.ndarray, Tags]]:
    """Endless sprites of a category as palette indices, uint8 [16, 16], with tags; no two are equal.

    Walk cycles come whole: a cycle with a frame that was drawn before is left out. So is what hardly shows
    the colour of its tag, and a cycle that shows something in one frame only.
    """
    group = CYCLES[category]
    seen: set[bytes] = set()
    for number in count(seed * _STRIDE):
        drawn = [paint(number * group + step, category) for step in range(group)]
        keys = {canvas.px.tobytes() for canvas, _ in drawn}
        clear = all(_shows(canvas.px, answer["colour"]) for canvas, answer in drawn)
        same = len({answer["accessory"] for _, answer in drawn}) == 1
        if clear and same and len(keys) == group and not keys & seen:
            seen |= keys
            yield from ((canvas.px, answer) for canvas, answer in drawn)


def _shows(tile: np.ndarray, colour: str) -> bool:
    """Whether a named colour has enough pixels of a tile [16, 16], outlines left out."""
    return int(_FILLS[colour][tile].sum()) >= ENOUGH
