"""Sprites from a folder of any of three kinds, their content hashes and split, and PNG files of them."""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from mmap import mmap
from pathlib import Path, PureWindowsPath

import numpy as np
from PIL import Image

from sprites.files import DataError, why
from sprites.formats import FORMS, read_folder
from sprites.pixels import SIZES, Resize, quiet

__all__ = [
    "DataError",
    "Resize",
    "Sprites",
    "check_png_names",
    "content_hashes",
    "count_duplicates",
    "load_sprites",
    "save_pngs",
    "split",
]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Sprites:
    """Square sprites of one size, each with a category."""

    images: np.ndarray  # uint8 [N, H, H, C], RGB or RGBA, straight alpha as stored; may be a memmap
    labels: np.ndarray  # int64 [N], index into categories
    categories: tuple[str, ...]  # distinct; each has at least one sprite
    source: Path
    notes: tuple[str, ...] = ()  # what the user should know, one line each: files left out, and the like
    files: Sequence[Path] = ()  # of each sprite, in a folder per category

    def __post_init__(self) -> None:
        n, h, w, c = self.images.shape
        assert self.images.dtype == np.uint8 and h == w and c in (3, 4), self.images.shape
        assert self.labels.dtype == np.int64 and self.labels.shape == (n,), self.labels.shape

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side in pixels."""
        return self.images.shape[1]

    @property
    def channels(self) -> int:
        """3 (RGB) or 4 (RGBA)."""
        return self.images.shape[3]

    def take(self, indices: np.ndarray) -> np.ndarray:
        """uint8 [n, H, H, C]: the images at these indices. OSError if their file was truncated."""
        check_whole(self.images)
        return self.images[indices]

    def name(self, index: int) -> str:
        """What a user finds a sprite by."""
        if self.files:
            return str(self.files[index].relative_to(self.source))
        return f"sprite {index} ({self.categories[self.labels[index]]})"


def load_sprites(folder: str | Path, *, size: int | None = None, resize: Resize | None = None) -> Sprites:
    """Reads a sprite set, an npy pair or a folder per category; which one is recognised.

    `size` is the side wanted, 8 to 128; None takes the most common one of the data. A sprite of another size,
    or not square, is an error unless `resize` says how to scale it: "nearest", or "box" (averages, for
    shrinking), after padding to a centred square. An image array above 512 MiB stays memory-mapped.

    Raises DataError, one line that names the file, for whatever is wrong with the data, for what would take more
    than 4 GiB of memory, and for links that lead out of the folder; ValueError for a wrong `size` or `resize`.
    """
    if size is not None and size not in SIZES:
        raise ValueError(f"size: got {size}, expected {SIZES[0]} to {SIZES[-1]}")
    if resize not in (None, "nearest", "box"):
        raise ValueError(f"resize: got {resize!r}, expected 'nearest', 'box' or None")
    folder = Path(folder)
    try:
        missing, is_folder = not folder.exists(), folder.is_dir()
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({why(error)})") from error
    if missing:
        raise DataError(f"{folder}: there is no such folder; expected {FORMS}")
    if not is_folder:
        raise DataError(f"{folder}: a file, expected the folder that holds {FORMS}")
    with quiet():
        return Sprites(**read_folder(folder, size, resize)._asdict(), source=folder)


def check_whole(images: np.ndarray) -> None:
    """OSError if images that stay on disk end before they should: to read there would kill the process (SIGBUS)."""
    if isinstance(images, np.memmap) and isinstance(images.base, mmap):
        size, expected = images.base.size(), images.offset + images.nbytes  # also of a file that was deleted
        if size < expected:
            raise OSError(
                f"{images.filename}: truncated while it was in use, {size:,} of {expected:,} bytes are left; "
                "put the whole file back"
            )


def content_hashes(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> uint64 [N], one hash per sprite of its shape and pixels.

    Colour under alpha 0 is not seen, so it does not count. The same on every machine.
    """
    shape = blake2b(np.array(images.shape[1:], "<u4").tobytes(), digest_size=8)
    hashes = np.empty(len(images), np.uint64)
    for i, image in enumerate(np.asarray(images)):  # rows of a memmap are slow objects
        if image.shape[-1] == 4:
            image = image * (image[..., 3:] != 0)
        digest = shape.copy()
        digest.update(np.ascontiguousarray(image))
        hashes[i] = int.from_bytes(digest.digest(), "little")
    return hashes


def count_duplicates(hashes: np.ndarray) -> int:
    """How many sprites are exact copies of an earlier one: N less the number of distinct hashes."""
    return len(hashes) - len(np.unique(hashes))


def split(sprites: Sprites | np.ndarray, val_fraction: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation indices, int64 and ascending, of Sprites or of their content hashes [N].

    A sprite's own hash decides, so copies are always on the same side, and neither order nor other sprites
    matter. The fraction is met on average; few sprites may leave validation empty. A larger fraction only
    adds to validation.
    """
    if not 0 <= val_fraction < 1:
        raise ValueError(f"val_fraction: got {val_fraction}, expected 0 <= val_fraction < 1")
    hashes = content_hashes(sprites.images) if isinstance(sprites, Sprites) else np.asarray(sprites)
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise ValueError(f"hashes: got {hashes.dtype} {list(hashes.shape)}, expected uint64 [N] of content_hashes")
    held_out = hashes < np.uint64(int(val_fraction * 2**64))
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def check_png_names(names: Sequence[str]) -> None:
    """ValueError for names, less .png, that repeat, leave the folder they are for, or cannot be those of files."""
    if len(set(names)) != len(names):
        raise ValueError(f"names: got {len(names)}, {len(set(names))} of them distinct; they must not repeat")
    for name in names:
        path = PureWindowsPath(name)  # which knows both kinds of separator, and drives
        if not path.name or path.anchor or ".." in path.parts or not name.isprintable():
            raise ValueError(f"names: got {name!r}, expected a printable path inside the folder")
        if any(len(part.encode()) > 250 for part in path.parts):
            raise ValueError(f"names: got {reprlib.repr(name)}, which is too long for a file; at most 250 bytes")


def save_pngs(folder: str | Path, images: np.ndarray, names: Sequence[str]) -> None:
    """Writes uint8 [N, H, W, C], RGB or RGBA with straight alpha, as `folder/<name>.png`.

    A name may have folders ("hero/0001"), so that `load_sprites(folder)` reads categories back. Files of the
    same name are overwritten. ValueError for other arrays, and for names that repeat or leave the folder.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (3, 4):
        raise ValueError(f"images: got {images.dtype} {list(images.shape)}, expected uint8 [N,H,W,C] with C 3 or 4")
    if len(names) != len(images):
        raise ValueError(f"names: got {len(names)}, expected one for each of {len(images)} images")
    check_png_names(names)
    for name, image in zip(names, images, strict=True):
        path = Path(folder, f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(image)).save(path)
