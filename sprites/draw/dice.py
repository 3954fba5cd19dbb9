"""What a kind works with besides the canvas: the dice that it chooses by, and the tags that it answers with."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

import numpy as np

from sprites.draw.brush import TILE

TAG_NAMES = ("kind", "colour", "material", "facing", "frame", "accessory")

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


def tags(colour: str, material: str = "", accessory: str = "", facing: str = "") -> Tags:
    """What a kind says about the sprite it drew; `draw` adds kind and frame. Empty: nothing to say."""
    return {"colour": colour, "material": material, "accessory": accessory, "facing": facing}
