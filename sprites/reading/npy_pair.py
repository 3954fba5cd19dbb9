"""An npy pair: an array of images and one of labels; `categories.json` and `clips.npy`, if there are."""

import json
import os
import reprlib
import warnings
import weakref
from fnmatch import fnmatchcase
from functools import partial
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from sprites.clips import begins, of_lengths
from sprites.files import MAX_NAMES, DataError, check_file, check_link, checked_names, plural, read_text, why
from sprites.reading.form import Contents, Form, Inside
from sprites.reading.image import Resize, check_total, fit_all, target_size

NAMES = "categories.json"
CLIPS = "clips.npy"
SUFFIX = ".npy"
IN_MEMORY = 512 * 2**20  # bytes; a larger image array stays on disk
MAX_SPRITES = 10**8  # of an npy pair; a sparse file can hold any number of them in no space
CHUNK = 2**24  # labels looked at in one go
COURSE_FILES = ("sprites_*.npy", "sprite_labels_*.npy")  # of the "How Diffusion Models Work" course
COURSE_NAMES = ("hero", "non_hero", "food", "spell", "side_facing")


class OnDisk(np.memmap):
    """A mapped array whose rows are read from its file by `array[rows]`, not through the map: where the file was cut
    short meanwhile that raises OSError, and the map would kill the process (SIGBUS)."""

    file: FileIO | None = None  # of the whole array; None for a view of it

    @classmethod
    def of(cls, mapped: np.memmap) -> np.memmap:
        """The array itself where rows are not contiguous, or where the system lets nobody cut a mapped file."""
        if not mapped.flags.c_contiguous or not hasattr(os, "pread"):
            return mapped
        array = mapped.view(cls)
        array.file = FileIO(str(mapped.filename))
        weakref.finalize(array, array.file.close)
        return array

    def __getitem__(self, index: Any) -> Any:
        if self.file is None or not isinstance(index, (int, np.integer, slice, np.ndarray, list)):
            return super().__getitem__(index)
        if not isinstance(index, (np.ndarray, list)):
            rows = np.asarray(range(len(self))[index])
        elif (rows := np.asarray(index)).dtype == bool:
            return super().__getitem__(index) if rows.ndim > 1 else self[np.flatnonzero(rows)]
        elif rows.size and not -len(self) <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"got rows {rows.min()} to {rows.max()}, expected less than {len(self)}")
        out = np.empty((rows.size, *self.shape[1:]), self.dtype)
        if os.fstat(self.file.fileno()).st_size < self.offset + self.nbytes:
            raise self.truncated()
        flat = rows.ravel() % len(self)
        starts = np.flatnonzero(np.diff(flat, prepend=-2) != 1)  # of rows that lie side by side in the file
        for start, stop in pairwise([*starts.tolist(), rows.size]):
            self.read(out[start:stop], int(flat[start]))
        return out.reshape(*rows.shape, *self.shape[1:])

    def read(self, out: np.ndarray, row: int) -> None:
        """Fill `out` from this row on."""
        assert self.file is not None
        view, place = out.data.cast("B"), self.offset + row * self.strides[0]
        while view:
            found = os.pread(self.file.fileno(), len(view), place)
            if not found:
                raise self.truncated()
            view[: len(found)] = found
            view, place = view[len(found) :], place + len(found)

    def truncated(self) -> OSError:
        assert self.file is not None
        left, whole = os.fstat(self.file.fileno()).st_size, self.offset + self.nbytes
        return OSError(
            f"{self.filename}: truncated while it was in use, {left:,} of {whole:,} bytes are left; put the whole file "
            "back"
        )


def arrays_in(inside: Inside) -> list[Path]:
    return [path for path in inside.files if path.suffix.lower() == SUFFIX]


def read_pair(inside: Inside, size: int | None, resize: Resize | None, clips: bool = False) -> Contents:
    """Two arrays told apart by their shapes, the names in `categories.json`, and the clips in `clips.npy`, if there
    are such files."""
    folder, paths = inside.folder, arrays_in(inside)
    beside = [path for path in paths if path.name == CLIPS and len(paths) > 2]
    paths = [path for path in paths if path not in beside]
    if len(paths) != 2:
        found = ", ".join(path.name for path in paths)
        raise DataError(f"{folder}: {plural(len(paths), '.npy file')} ({found}), expected two: images and labels")
    arrays = {path: read_npy(path) for path in paths}
    image_path, label_path = sorted(paths, key=lambda path: -arrays[path].ndim)
    images, labels = arrays[image_path], np.asarray(arrays[label_path])
    check_images(image_path, images)
    if labels.ndim == 4:
        raise DataError(f"{label_path}: images as well as {image_path.name}, expected labels, [N,K] or [N]")

    names_path = folder / NAMES
    told = read_names(names_path) if names_path.exists() else None
    indices, count = check_labels(label_path, labels, image_path, len(images), told)
    of_course = all(map(fnmatchcase, (image_path.name, label_path.name), COURSE_FILES)) and count == len(COURSE_NAMES)
    names = told or (COURSE_NAMES if of_course else tuple(map(str, range(count))))
    counts = np.bincount(indices, minlength=count)
    if not counts.all():
        raise DataError(
            f"{label_path}: category {names[counts.argmin()]!r} never occurs, so it cannot be learnt; "
            "add sprites of it or drop it"
        )

    height, width = images.shape[1:3]
    side = target_size([image_path], [(width, height)], size, resize)
    if (width, height) != (side, side):
        check_total(image_path, len(images), side)
    images = fit_all(images, side, resize)
    if isinstance(images, np.memmap):
        images = np.array(images) if images.nbytes <= IN_MEMORY else OnDisk.of(images)
    return Contents(images, indices, names, clips=read_clips(beside[0], indices) if clips and beside else None)


def read_clips(path: Path, labels: np.ndarray) -> np.ndarray:
    """The clip of each sprite, counted from 0: int64 [N]. DataError unless its frames follow each other, in one
    category."""
    found = read_npy(path)
    if found.ndim != 1 or found.dtype.kind not in "iu" or len(found) != len(labels):
        raise DataError(
            f"{path}: got {found.dtype} {list(found.shape)}, expected integers [{len(labels)}], the clip of each sprite"
        )
    first = begins(found)
    starts = np.flatnonzero(first)
    _, seen = np.unique(found[starts], return_index=True)
    if len(seen) < len(starts):
        row = starts[np.setdiff1d(np.arange(len(starts)), seen)[0]]
        raise DataError(
            f"{path}: row {row} is {found[row]}, a clip that another one interrupts; put its frames one after another"
        )
    mixed = ~first & (np.diff(labels, prepend=labels[:1]) != 0)
    if mixed.any():
        row = mixed.argmax()
        raise DataError(f"{path}: row {row} is of clip {found[row]}, as the row before, but of another category")
    return of_lengths(np.diff(starts, append=len(found)))


def read_npy(path: Path) -> np.ndarray:
    """The array of a `.npy` file, memory-mapped and read-only; never a pickle."""
    check_link(path.parent, path)
    check_file(path)
    try:
        with open(path, "rb") as file:
            start = file.read(12)  # the magic number, the version, and how long the header is
        if not start.startswith(MAGIC_PREFIX):
            raise ValueError("it does not begin like one")
        if start[len(MAGIC_PREFIX)] > 1 and int.from_bytes(start[8:], "little") > 2**16:
            raise ValueError("its header is too long")
        with warnings.catch_warnings(action="ignore"):  # of the Python syntax that a header is written in
            return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # at a broken header NumPy raises nearly anything
        raise DataError(
            f"{path}: cannot be read as a plain .npy array ({why(error)}); "
            "objects and pickles are refused: save a numeric array with np.save"
        ) from error


def check_images(path: Path, images: np.ndarray) -> None:
    """DataError unless uint8 [N, H, W, C] with C 3 or 4 and nothing empty."""
    expected = "uint8 [N,H,W,C] with C 3 (RGB) or 4 (RGBA)"
    got = f"{path}: got {images.dtype} {list(images.shape)}, expected {expected}"
    if images.ndim != 4 or images.shape[-1] not in (3, 4):
        raise DataError(f"{got}; stack grey to three channels, and put the channels last")
    if images.dtype != np.uint8:
        scale = "x * 255" if images.dtype.kind == "f" else "x"
        raise DataError(f"{got}, 0..255; convert with ({scale}).round().astype('uint8')")
    if 0 in images.shape:
        raise DataError(f"{got}; there are no sprites in it")
    if len(images) > MAX_SPRITES:
        raise DataError(f"{got}; these are too many sprites, at most {MAX_SPRITES:,} are read")


def check_labels(
    path: Path, labels: np.ndarray, image_path: Path, expected: int, names: tuple[str, ...] | None
) -> tuple[np.ndarray, int]:
    """One-hot [N, K] or integer [N] -> int64 [N] and K. DataError that names the first bad row."""
    got = f"{path}: got {labels.dtype} {list(labels.shape)}"
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "biuf":
        raise DataError(f"{got}, expected numeric labels, one-hot [N,K] or integer [N]")
    if len(labels) != expected:
        raise DataError(
            f"{path}: {len(labels)} labels for the {expected} images of {image_path.name}; make them one each"
        )
    if labels.ndim == 2:
        count = labels.shape[1]
        if names is not None and len(names) != count:
            raise DataError(
                f"{path.with_name(NAMES)}: {plural(len(names), 'name')} for the {count} columns of "
                f"{path.name}; give one name a column"
            )
        if count > MAX_NAMES:
            raise DataError(f"{got}, expected at most {MAX_NAMES:,} categories")
        return from_one_hot(path, labels), count
    if labels.dtype.kind not in "iu":
        refuse(path, labels, np.isnan(labels), "expected numbers")
        raise DataError(f"{got}, expected integers; convert with .astype('int64')")
    # Every category has a sprite: without names, a stray huge label does not stand for as many categories.
    count = len(names) if names is not None else min(int(labels.max()) + 1, len(labels))
    whose = "names in categories.json" if names is not None else "labels, as each category needs a sprite"
    refuse(path, labels, labels < 0, "expected 0 or more")
    refuse(path, labels, labels >= count, f"expected less than {count}, the number of {whose}")
    if count > MAX_NAMES:
        raise DataError(f"{path}: {count:,} categories, expected at most {MAX_NAMES:,}")
    return labels.astype(np.int64), count


def from_one_hot(path: Path, labels: np.ndarray) -> np.ndarray:
    """One-hot [N, K] -> int64 [N], looked at in parts, as the array may be larger than the memory."""
    indices = np.empty(len(labels), np.int64)
    rows = CHUNK // max(1, labels.shape[1]) + 1
    for start in range(0, len(labels), rows):
        part = labels[start : start + rows]
        refuse(path, part, np.isnan(part), "expected numbers", start)
        bad = ((part != 0) & (part != 1)).any(axis=1) | (np.count_nonzero(part, axis=1) != 1)
        refuse(path, part, bad, "expected one-hot: a single 1, else 0 (or an integer array [N])", start)
        indices[start : start + rows] = part.argmax(axis=1)
    return indices


def refuse(path: Path, labels: np.ndarray, bad: np.ndarray, expected: str, start: int = 0) -> None:
    """DataError that shows the first row where bad, bool [N] or [N, K], holds; `start` is the number of row 0."""
    if bad.any():
        row = int(bad.reshape(len(bad), -1).any(axis=1).argmax())
        raise DataError(f"{path}: row {start + row} is {reprlib.repr(labels[row].tolist())}, {expected}")


def read_names(path: Path) -> tuple[str, ...]:
    """Category names of an npy pair."""
    check_link(path.parent, path)
    text = read_text(path)
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON ({why(error)}); expected a list of names") from error
    return checked_names(path, names)


def names(folder: Path) -> tuple[str, ...] | None:
    """The names in `categories.json`; None if there is none."""
    return read_names(folder / NAMES) if (folder / NAMES).is_file() else None


FORM = Form(
    "an npy pair",
    "(images [N,H,W,C] uint8 and labels, one-hot [N,K] or integer [N])",
    found=lambda inside: bool(arrays_in(inside)),
    read=read_pair,
    read_clips=partial(read_pair, clips=True),
    names=names,
    suffixes=(SUFFIX,),
)
