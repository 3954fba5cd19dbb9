"""Which sprites each step of training sees: those of a set over and over, or ones that are drawn meanwhile."""

import math
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_all_start_methods, get_context, parent_process
from threading import Thread
from typing import Any, Protocol

import numpy as np

from ddpm.config import Config
from ddpm.context.tags import flags_of
from ddpm.data.collection import SpriteData
from ddpm.data.order import CYCLES, JUDGED, VOLUMES, ShuffledOrder, seed_of
from sprites.colour import keep_to
from sprites.content import content_hashes
from sprites.endless import GENERATORS

NONE = np.empty(0, np.int64)
VOLUME = 10_000  # sprites drawn in one go, and kept: some seconds, and 10 MB at 16x16
CHOICE = 3  # times as many are drawn where rare ones are preferred


class Stream(Protocol):
    """step, counted from 1: a collection, and the sprites of it that this step sees, int64 [stills + clips]: stills,
    and the first frames of cycles. A function of the seed and of the step, so that a resumed run sees the same."""

    def __call__(self, step: int) -> tuple[SpriteData, np.ndarray]: ...

    def close(self) -> None:
        """No step follows."""


class Shuffled:
    """The training sprites and cycles of a set, in another order each time."""

    def __init__(self, data: SpriteData, seed: int, stills: int, clips: int) -> None:
        self.data, self.stills, self.clips = data, stills, clips
        self.sprites = ShuffledOrder(len(data.train), seed)
        if clips and not len(data.cycles):
            raise ValueError(
                "clips needs cycles of two frames or more to learn from, and the data has none to train on; see "
                "docs/walks.md for how to give them"
            )
        self.cycles = ShuffledOrder(len(data.cycles), seed_of(seed, CYCLES))

    def __call__(self, step: int) -> tuple[SpriteData, np.ndarray]:
        found = self.data.train[self.sprites((step - 1) * self.stills, self.stills)] if self.stills else NONE
        if not self.clips:
            return self.data, found
        firsts = self.data.cycles[self.cycles((step - 1) * self.clips, self.clips), 0]
        return self.data, np.concatenate([found, firsts])

    def close(self) -> None:
        """Nothing waits."""


class Endless:
    """What a generator draws, a volume after the other, brought to the palette and the tags of `data`.

    Sprites that `data` holds out are left out: by their pixels, and by the tags that `hold_out` names.
    Raises ValueError for a generator of other categories, channels, sizes or facets than those of `data`.
    """

    def __init__(self, data: SpriteData, config: Config, stills: int, clips: int, ahead: int = 0) -> None:
        """ahead: processes that draw the volumes to come; 0: each is drawn when it is needed."""
        self.drawing = (data, config.endless, config.hold_out, VOLUME, config.rare)
        self.seed, self.stills, self.clips, self.ahead = config.seed, stills, clips, ahead
        self.steps = config.passes * max(1, VOLUME // (stills + clips))  # with a volume
        self.pool = workers(ahead, self.drawing) if ahead else None
        self.coming: dict[int, Future[SpriteData]] = {}
        self.turn_to(0)

    def turn_to(self, number: int) -> None:
        """Have a volume, in place of the one before."""
        seed = seed_of(self.seed, VOLUMES, number)
        self.number, self.stream = number, Shuffled(self.volume(number), seed, self.stills, self.clips)

    def volume(self, number: int) -> SpriteData:
        """A volume as it is, or will be, drawn."""
        if self.pool is None:
            return volume_of(*self.drawing, seed_of(self.seed, VOLUMES, number))
        for n in range(number, number + self.ahead + 1):
            if n not in self.coming:
                self.coming[n] = self.pool.submit(work, seed_of(self.seed, VOLUMES, n))
        self.coming = {n: future for n, future in self.coming.items() if n >= number}
        return self.coming.pop(number).result()

    def __call__(self, step: int) -> tuple[SpriteData, np.ndarray]:
        number, place = divmod(step - 1, self.steps)
        if number != self.number:
            self.turn_to(number)
        return self.stream(place + 1)

    def close(self) -> None:
        """Have no more drawn; else the process would wait for all that was to come before it ends."""
        if self.pool:
            self.pool.shutdown(wait=False, cancel_futures=True)


def workers(count: int, drawing: tuple[Any, ...]) -> ProcessPoolExecutor:
    """Processes that draw, of one thread each. They are forked from one that has imported what they need, where the
    system can."""
    context: Any = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload([__name__, "sprites.draw.output"])
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    before = {name: os.environ.get(name) for name in one}
    os.environ |= one
    try:
        pool = ProcessPoolExecutor(count, context, be_worker, drawing)
        pool.submit(int).result()  # starts the first of them, and the one they are forked from
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return pool


def be_worker(*drawing: Any) -> None:
    """Begin a process that draws: it leaves Ctrl-C to its parent, and ends when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent
    globals()["drawing"] = drawing

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    Thread(target=end_with_parent, daemon=True).start()


def work(seed: int) -> SpriteData:
    """`volume_of` in a process that draws."""
    drawing: tuple[SpriteData, str, tuple[str, ...], int, float] = globals()["drawing"]
    return volume_of(*drawing, seed)


def volume_of(
    base: SpriteData, generator: str, hold_out: tuple[str, ...], count: int, rare: float, seed: int
) -> SpriteData:
    """What a generator draws from a seed, brought to the palette and the tags of `base`, without what is held out.

    rare: if above 0, about `count` of more sprites that are drawn (`preferred`).
    """
    sprites, tags = GENERATORS[generator](seed, CHOICE * count if rare else count, base.sprites.size)
    if (sprites.categories, sprites.channels) != (base.sprites.categories, base.sprites.channels):
        kinds = (f"{', '.join(s.categories)} in {s.channels} channels" for s in (sprites, base.sprites))
        raise ValueError("endless draws {}; the data has {}".format(*kinds))
    hashes = content_hashes(sprites.images)
    if base.palette is not None:
        sprites = replace(sprites, images=keep_to(sprites.images, base.palette))
    flags = None if base.flags is None else flags_of(tags, base.facets)
    train = np.flatnonzero(~np.isin(hashes, base.hashes[base.val]))
    volume = replace(base, sprites=sprites, train=train, val=train[:0], hashes=hashes, flags=flags, notes=())
    volume = volume.without(hold_out)
    return preferred(volume, rare, seed) if rare else volume


def preferred(data: SpriteData, rare: float, seed: int) -> SpriteData:
    """With one of `CHOICE` of the training sprites of each category, taken with chances in proportion to 1 / n**rare,
    where n have its rarest tag; the frames of a clip together.

    They are those with the smallest of Exp(1) / chance (Efraimidis & Spirakis 2006).
    """
    contexts, labels = data.contexts(data.train), data.sprites.labels[data.train]
    rarest = (contexts / contexts.sum(0).clamp(min=1)).amax(1).numpy() ** rare
    clips = np.arange(len(data.sprites)) if data.sprites.clips is None else data.sprites.clips
    _, clip = np.unique(clips[data.train], return_inverse=True)
    chance = np.zeros(clip.max(initial=-1) + 1)
    np.maximum.at(chance, clip, rarest)
    turn = (np.random.default_rng(seed).exponential(size=len(chance)) / chance)[clip]
    of_each = [np.flatnonzero(labels == label) for label in range(len(data.sprites.categories))]
    first = [rows[turn[rows].argsort(kind="stable")[: math.ceil(len(rows) / CHOICE)]] for rows in of_each]
    return replace(data, train=data.train[np.sort(np.concatenate(first))])


def drawn_to_judge(data: SpriteData, config: Config, seed: int, count: int = 3 * VOLUME) -> SpriteData:
    """About `count` sprites for judges to learn from, by the generator of a run, which does not see them itself."""
    return volume_of(data, config.endless, (), count, 0.0, seed_of(seed, JUDGED))


def stream_of(data: SpriteData, config: Config, stills: int, clips: int, ahead: int = 0) -> Stream:
    """What a run trains on, so many stills and clips a step; by `ahead` processes more where it is drawn.

    Raises ValueError for a generator that does not draw such sprites, and for clips where there are none.
    """
    if config.endless == "none":
        return Shuffled(data, config.seed, stills, clips)
    return Endless(data, config, stills, clips, ahead)
