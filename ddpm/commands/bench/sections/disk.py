"""A set that is larger than the memory: its rows from the disk beside those in memory, and training on both."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np
import torch

from ddpm.commands.bench.contestants import Own
from ddpm.commands.bench.sections.comparison import fresh
from ddpm.commands.bench.sections.disk_files import SIZE, cache, decoded, forget, write_pair, write_shard
from ddpm.commands.bench.tables import Table
from ddpm.commands.bench.timing import Effort, interleave, medians, rate
from ddpm.config import Config, DataConfig
from ddpm.data.collection import SpriteData
from ddpm.data.loading import load_data
from ddpm.data.order import ShuffledOrder
from ddpm.system.memory import gib
from sprites.reading.npy_pair import OnDisk
from sprites.writing.npy_pair import IMAGES

CPU = torch.device("cpu")
BATCH, IN_SHARD = 64, 20_000  # sprites read in one go, and those put into a shard at most
READ = (
    "reading, from memory",
    "reading, an npy pair on disk, cached by the system",
    "reading, an npy pair on disk, not cached",
    "reading, a Parquet shard of PNGs",
)
TRAINED = ("training, from memory", "training, an npy pair on disk, not cached")


def data_of(folder: Path, in_memory: bool) -> SpriteData:
    """The pair with its images read into memory, or left on the disk, however large they are."""
    data, path = load_data(folder, DataConfig()), folder / IMAGES
    images = np.load(path) if in_memory else OnDisk.of(np.load(path, mmap_mode="r"))
    return replace(data, sprites=replace(data.sprites, images=images))


def contestant_of(config: Config, folder: Path, in_memory: bool) -> Own:
    return Own("ours", config, data_of(folder, in_memory), CPU)


def batches(data: SpriteData) -> Callable[[], object]:
    """Reads the next of shuffled batches, as bytes."""
    order, starts = ShuffledOrder(len(data.train), seed=0), count(step=BATCH)
    return lambda: data.sprites.take(data.train[order(next(starts), BATCH)])


def measured(call: Callable[[], object], amount: int, seconds: float, before: Callable[[], object] = int) -> float:
    """As `rate`; `before` is called first."""
    before()
    return rate(call, amount, seconds, CPU)


def on_disk(config: Config, sprites: int, effort: Effort) -> Table:
    """Sprites a second that are read and trained on, from memory and from the disk, and the memory of training."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        pair, shard = Path(name) / "pair", Path(name) / "shard.parquet"
        cached, dropped = partial(cache, pair / IMAGES), partial(forget, pair / IMAGES)
        write_pair(pair, sprites)
        kept, left = (partial(contestant_of, config, pair, in_memory) for in_memory in (True, False))
        memory = {what: fresh(make).memory / 1e6 for what, make in zip(TRAINED, (kept, left), strict=True)}
        inside, outside = kept(), left()
        takes = [batches(own.trainer.data) for own in (inside, outside)]
        calls = [partial(measured, takes[0])]
        calls += [partial(measured, takes[1], before=before) for before in (cached, dropped)]
        if find_spec("pyarrow"):
            write_shard(shard, outside.trainer.data.sprites.images[:IN_SHARD])
            calls.append(partial(measured, partial(next, decoded(shard, BATCH))))
        blocks = {what: partial(call, BATCH, effort.seconds) for what, call in zip(READ, calls, strict=False)}
        blocks[TRAINED[0]] = partial(measured, inside.step, inside.batch, effort.seconds)
        blocks[TRAINED[1]] = partial(measured, outside.step, outside.batch, effort.seconds, dropped)
        found = medians(interleave(blocks, min(effort.rounds, 3), "on disk"))
    firsts = {what: names[0] for names in (READ, TRAINED) for what in names}
    rows = [(what, speed, speed / found[firsts[what]], memory.get(what)) for what, speed in found.items()]
    notes = (
        f"{sprites:,} sprites of {SIZE}x{SIZE}, {gib(4 * SIZE**2 * sprites)}; ratio: to the same from memory",
        f"reading: as bytes, shuffled batches of {BATCH}; of the shard in the order of the file",
        "MB: the most that was resident in a process of its own that trained",
    )
    return Table("More than memory", ("", "sprites/s", "ratio", "MB"), rows, notes)
