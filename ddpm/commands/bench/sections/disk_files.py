"""A set on the disk as an npy pair and as a Parquet shard, and what the system keeps of it in memory."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path

import numpy as np
from PIL import Image

from ddpm.system.memory import check_fits, gib
from sprites.endless import GENERATORS
from sprites.prepare.sources import LeftOut, read_source
from sprites.reading.image import quiet
from sprites.writing.npy_pair import PairWriter

SIZE = 16  # pixels a side
DRAWN = 100_000  # sprites that are drawn at most, and repeated


def check_room(sprites: int) -> None:
    """ValueError if the temporary folder, or the memory, has no room for so many."""
    needed, folder = 4 * SIZE**2 * sprites, tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    advice = "give a smaller --on-disk, or leave out the section disk"
    if 1.1 * needed > free:
        where = f"{gib(needed)} in {folder}, {gib(free)} are free"
        raise ValueError(f"--on-disk {sprites:,} would take {where}; {advice}, or let TMPDIR name another folder")
    check_fits(f"--on-disk {sprites:,}, which is read into memory to compare,", needed, advice)


def write_pair(folder: Path, sprites: int, seed: int = 0) -> None:
    """An npy pair of the artist's sprites, `DRAWN` at most, again and again with other offsets."""
    drawn, _ = GENERATORS["drawn"](seed, min(DRAWN, sprites), SIZE)
    folder.mkdir()
    with PairWriter(folder, SIZE) as pair:
        for turn in range(-(-sprites // len(drawn.labels))):
            left = sprites - pair.count
            moved = np.roll(drawn.images[:left], divmod(turn, SIZE), (1, 2))
            pair.add(moved, drawn.labels[:left])
        pair.finish(drawn.categories)


def write_shard(path: Path, images: np.ndarray) -> None:
    """Sprites uint8 [N, H, W, 4] as a Parquet file of PNGs, as model hubs keep them."""
    import pyarrow
    from pyarrow import parquet

    def png(image: np.ndarray) -> bytes:
        Image.fromarray(image).save(file := io.BytesIO(), "png")
        return file.getvalue()

    table = pyarrow.table({"image": [{"bytes": png(image), "path": None} for image in images]})
    parquet.write_table(table, path, row_group_size=1000)


def decoded(path: Path, batch: int) -> Iterator[int]:
    """Decodes a shard over and over, in the order of the file, so many sprites at a time."""
    with quiet():
        for row, _ in enumerate(chain.from_iterable(read_source(path, LeftOut()) for _ in count()), start=1):
            if row % batch == 0:
                yield batch


def cache(path: Path) -> None:
    """Read a file once, so that the system keeps it in memory if there is room."""
    with path.open("rb", buffering=0) as file:
        while file.read(2**24):
            pass


def forget(path: Path) -> None:
    """Have the system drop what it keeps in memory of a file, where it can be told to."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
