"""Which kinds each category has, the dice they are drawn with, and the tags they answer with."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

import numpy as np

from sprites.draw.brush import TILE, Canvas
from sprites.draw.palette import NAMED

CATEGORIES = ("hero", "non_hero", "food", "spell", "side_facing")
TAG_NAMES = ("kind", "colour", "material", "facing", "frame", "accessory")
FRAMES = 4  # pictures of one walk cycle

Item = TypeVar("Item")
Tags = dict[str, str]


class Dice:
    """Every choice of the artist. It rests on `Random.random`, whose sequence Python promises to keep."""

    def __init__(self, seed: str) -> None:
        self._next = Random(seed).random

    def chance(self, probability: float = 0.5) -> bool:
        """True with this probability."""
        return self._next() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._next() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[int(self._next() * len(items))]

    def reshape(self, drawing: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Art [H, W] in other proportions: a row and a column of these ranges left out, kept or doubled."""
        for axis, (low, high) in enumerate((rows, columns)):
            place, change = self.between(low, min(high, drawing.shape[axis] - 2)), self.between(-1, 1)
            if change < 0:
                drawing = np.delete(drawing, place, axis)
            elif change > 0 and drawing.shape[axis] < TILE - 2:
                drawing = np.insert(drawing, place, drawing.take(place, axis), axis)
        return drawing

    def two(self, items: Sequence[Item]) -> tuple[Item, Item]:
        """Two items from different places."""
        first = self.between(0, len(items) - 1)
        second = self.between(0, len(items) - 2)
        return items[first], items[second + (second >= first)]


Artist = Callable[..., Tags]
_KINDS: dict[str, dict[str, Artist]] = {category: {} for category in CATEGORIES}


def kind(category: str) -> Callable[[Artist], Artist]:
    """Register a function as one kind of a category, under its own name.

    The function gets (canvas, dice), in `side_facing` also the frame, paints, and returns `tags(...)`.
    """

    def register(artist: Artist) -> Artist:
        _KINDS[category][artist.__name__] = artist
        return artist

    return register


def kinds(category: str) -> dict[str, Artist]:
    """The kinds of a category by name, in the order they were registered."""
    if category not in _KINDS:
        raise ValueError(f"unknown category {category!r}: expected one of {', '.join(CATEGORIES)}")
    return _KINDS[category]


def tags(colour: str, material: str = "", accessory: str = "", facing: str = "") -> Tags:
    """What a kind says about the sprite it drew; `draw` adds kind and frame. Empty: nothing to say."""
    return {"colour": colour, "material": material, "accessory": accessory, "facing": facing}


def paint(seed: int, category: str) -> tuple[Canvas, Tags]:
    """Draw one sprite, and say what it shows. In `side_facing` four seeds in a row are one walk cycle."""
    cycle = category == "side_facing"
    number, frame = divmod(seed, FRAMES) if cycle else (seed, 0)
    artists = kinds(category)
    name = tuple(artists)[number % len(artists)]
    canvas, dice = Canvas(), Dice(f"{category}/{number}")
    answer = artists[name](canvas, dice, frame) if cycle else artists[name](canvas, dice)
    canvas.economise(keep=NAMED[answer["colour"]])
    answer |= {"kind": name, "frame": str(frame) if cycle else ""}
    return canvas, {key: answer[key] for key in TAG_NAMES}
