"""An npy pair as files, written a block of rows at a time: it may be larger than the memory."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.lib.format import write_array_header_1_0

from sprites.colour import with_alpha
from sprites.files import DataError
from sprites.reading.image import is_opaque
from sprites.reading.npy_pair import MAX_SPRITES, NAMES, OnDisk

IMAGES, LABELS = "images.npy", "labels.npy"
BLOCK = 2**22  # bytes rewritten in one go; a multiple of those of a pixel and of a label


class PairWriter:
    """Writes `images.npy`, `labels.npy` and `categories.json` into a folder. There is no pair before `finish`.

    A context manager, which closes the files. OSError if the disk is full.
    """

    def __init__(self, folder: Path, size: int) -> None:
        """size: side of the sprites in pixels."""
        self.folder, self.size, self.count, self.opaque = folder, size, 0, True
        self._images, self._labels = ((folder / name).open("w+b") for name in (IMAGES, LABELS))

    def __enter__(self) -> Self:
        self._write_headers(4)  # the room for them
        return self

    def __exit__(self, *error: object) -> None:
        self._images.close()
        self._labels.close()

    def add(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Append sprites uint8 [n, S, S, 4] and their labels, int64 [n]. DataError for more than can be read back."""
        assert images.dtype == np.uint8 and images.shape[1:] == (self.size, self.size, 4), images.shape
        assert labels.dtype == np.int64 and labels.shape == images.shape[:1], labels.shape
        self.count += len(images)
        if self.count > MAX_SPRITES:
            raise DataError(f"{self.folder}: more than {MAX_SPRITES:,} sprites; make several sets")
        self.opaque = self.opaque and is_opaque(images)
        self._images.write(np.ascontiguousarray(images).data)
        self._labels.write(np.ascontiguousarray(labels).data)

    def finish(self, categories: Sequence[str], places: np.ndarray | None = None) -> None:
        """Make it a pair: RGB if all sprites are opaque, else RGBA. places: int64, the place in `categories` of each
        label that was given; None: itself."""
        if self.opaque:
            rewrite(self._images, 4 * self.count * self.size**2, lambda block: block.reshape(-1, 4)[:, :3])
        if places is not None:
            rewrite(self._labels, 8 * self.count, lambda block: places[block.view(np.int64)])
        self._write_headers(3 if self.opaque else 4)
        for file in (self._images, self._labels):
            file.flush()
        text = json.dumps(list(categories), ensure_ascii=False)
        (self.folder / NAMES).write_text(f"{text}\n", encoding="utf-8")

    def _write_headers(self, channels: int) -> None:
        """At the start of both files. NumPy pads a header so that the count of rows may grow in place."""
        header_of(self._images, np.uint8, (self.count, self.size, self.size, channels))
        header_of(self._labels, np.int64, (self.count,))


def header_of(file: BinaryIO, dtype: type, shape: tuple[int, ...]) -> None:
    """Write the header of an array in C order to the start of a file."""
    file.seek(0)
    write_array_header_1_0(file, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape})


def rewrite(file: BinaryIO, size: int, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the last `size` bytes of a file in place, uint8 [n] at a time: to as many or fewer, so that nothing is
    written over before it was read."""
    read = written = file.seek(0, 2) - size
    while file.seek(read) == read and (block := file.read(BLOCK)):
        read += len(block)
        changed = np.ascontiguousarray(change(np.frombuffer(block, np.uint8)))
        file.seek(written)
        written += file.write(changed.data)
    file.truncate(written)


def examples(folder: Path, counts: Sequence[int], choose: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """Of a pair that was written, some sprites uint8 [n, S, S, 4] of each of the first categories.

    counts: of the sprites in each of these; choose: takes numbers from 0 to a count, and gives some of them.
    """
    images, labels = (OnDisk.of(np.load(folder / name, mmap_mode="r")) for name in (IMAGES, LABELS))
    wanted, rows = [choose(np.arange(count)) for count in counts], [list[int]() for _ in counts]
    seen = [0] * len(counts)
    for start in range(0, len(labels), BLOCK // 8):
        part = labels[start : start + BLOCK // 8]
        for label, numbers in enumerate(wanted):
            own = np.flatnonzero(part == label)
            here = numbers[(numbers >= seen[label]) & (numbers < seen[label] + len(own))] - seen[label]
            rows[label] += (start + own[here]).tolist()
            seen[label] += len(own)
    return [with_alpha(images[chosen]) for chosen in rows]
