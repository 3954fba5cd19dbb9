"""Which sprites each step of training sees: those of a set over and over, or ones that are drawn meanwhile."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from ddpm.config import Config
from ddpm.context.tags import flags_of
from ddpm.data.collection import SpriteData
from ddpm.data.order import VOLUMES, ShuffledOrder, seed_of
from sprites.colour import keep_to
from sprites.content import content_hashes
from sprites.endless import GENERATORS, Generator

VOLUME = 10_000  # sprites drawn in one go, and kept: some seconds, and 10 MB at 16x16


class Stream(Protocol):
    """(start, count): sprites at positions start ... start + count - 1 of an endless order, as indices int64 [count]
    into a collection. A function of the seed and of these numbers, so that a resumed run sees the same."""

    def __call__(self, start: int, count: int) -> tuple[SpriteData, np.ndarray]: ...


class Shuffled:
    """The training sprites of a set, in another order each time."""

    def __init__(self, data: SpriteData, seed: int) -> None:
        self.data, self.order = data, ShuffledOrder(len(data.train), seed)

    def __call__(self, start: int, count: int) -> tuple[SpriteData, np.ndarray]:
        return self.data, self.data.train[self.order(start, count)]


class Endless:
    """What a generator draws, a volume after the other, brought to the palette and the tags of `data`.

    Sprites that `data` holds out are left out: by their pixels, and by the tags that `hold_out` names.
    Raises ValueError for a generator of other categories, channels, sizes or facets than those of `data`.
    """

    def __init__(self, data: SpriteData, generate: Generator, seed: int, hold_out: tuple[str, ...]) -> None:
        self.data, self.generate, self.seed, self.hold_out = data, generate, seed, hold_out
        self.turn_to(0)

    def turn_to(self, number: int) -> None:
        """Draw a volume, in place of the one before."""
        base, seed = self.data, seed_of(self.seed, VOLUMES, number)
        sprites, tags = self.generate(seed, VOLUME, base.sprites.size)
        if (sprites.categories, sprites.channels) != (base.sprites.categories, base.sprites.channels):
            kinds = (f"{', '.join(s.categories)} in {s.channels} channels" for s in (sprites, base.sprites))
            raise ValueError("endless draws {}; the data has {}".format(*kinds))
        hashes = content_hashes(sprites.images)
        if base.palette is not None:
            sprites = replace(sprites, images=keep_to(sprites.images, base.palette))
        flags = None if base.flags is None else flags_of(tags, base.facets)
        train = np.flatnonzero(~np.isin(hashes, base.hashes[base.val]))
        volume = replace(base, sprites=sprites, train=train, val=train[:0], hashes=hashes, flags=flags, notes=())
        self.number, self.volume = number, volume.without(self.hold_out)
        self.order = ShuffledOrder(len(self.volume.train), seed)

    def __call__(self, start: int, count: int) -> tuple[SpriteData, np.ndarray]:
        number, place = divmod(start // count, max(1, VOLUME // count))
        if number != self.number:
            self.turn_to(number)
        return self.volume, self.volume.train[self.order(place * count, count)]


def stream_of(data: SpriteData, config: Config) -> Stream:
    """What a run trains on. Raises ValueError for a generator that does not draw such sprites."""
    if config.endless == "none":
        return Shuffled(data, config.seed)
    return Endless(data, GENERATORS[config.endless], config.seed, config.hold_out)
