"""Which categories there are, which kinds each has, and how one sprite of them is painted."""

import math
from collections.abc import Callable
from functools import cache
from importlib import import_module

from sprites.draw.brush import Canvas
from sprites.draw.dice import TAG_NAMES, Dice, Tags
from sprites.draw.palette import NAMED

CYCLES = {"hero": 1, "non_hero": 1, "food": 1, "spell": 1, "side_facing": 4}
"""How many sprites in a row are the frames of one walk, by category; 1: each stands alone."""
CATEGORIES = tuple(CYCLES)
WHOLE = math.lcm(*CYCLES.values())
"""Of so many sprites, or a multiple, every category has whole walks."""

Artist = Callable[..., Tags]


@cache
def kinds(category: str) -> dict[str, Artist]:
    """The kinds of a category by name, in the order of `KINDS` in its module: number n is drawn as kind n modulo K.

    Each gets (canvas, dice), in a category of cycles also the frame, paints, and returns `tags(...)`.
    """
    if category not in CYCLES:
        raise ValueError(f"unknown category {category!r}: expected one of {', '.join(CATEGORIES)}")
    return {artist.__name__: artist for artist in import_module(f"sprites.draw.kinds.{category}").KINDS}


def paint(seed: int, category: str) -> tuple[Canvas, Tags]:
    """Draw one sprite, and say what it shows. In a category of cycles, the seeds of one walk follow each other."""
    artists = kinds(category)
    names = tuple(artists)
    number, frame = divmod(seed, CYCLES[category])
    walk = (frame,) if CYCLES[category] > 1 else ()
    name = names[number % len(names)]
    canvas, dice = Canvas(), Dice(f"{category}/{number}")
    answer = artists[name](canvas, dice, *walk)
    canvas.economise(keep=NAMED[answer["colour"]])
    answer |= {"kind": name, "frame": "".join(map(str, walk))}
    return canvas, {key: answer[key] for key in TAG_NAMES}
