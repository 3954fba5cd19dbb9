"""Sprites from a folder of any form, which is recognised."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sprites.files import DataError, Unprepared, why
from sprites.reading.forms import expected, read_folder
from sprites.reading.image import SIZES, Resize, quiet


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Sprites:
    """Square sprites of one size, each with a category."""

    images: np.ndarray  # uint8 [N, H, H, C], RGB or RGBA, straight alpha as stored; may stay on disk
    labels: np.ndarray  # int64 [N], index into categories
    categories: tuple[str, ...]  # distinct; each has at least one sprite
    source: Path
    notes: tuple[str, ...] = ()  # what the user should know, one line each: files left out, and the like
    files: Sequence[Path] = ()  # of each sprite, in a folder per category
    clips: np.ndarray | None = None
    """int64 [N]: the clip that each sprite is a frame of; its frames follow each other, in order. A still has a number
    of its own. None if clips were not asked for."""

    def __post_init__(self) -> None:
        n, h, w, c = self.images.shape
        assert self.images.dtype == np.uint8 and h == w and c in (3, 4), self.images.shape
        assert self.labels.dtype == np.int64 and self.labels.shape == (n,), self.labels.shape
        assert self.clips is None or (self.clips.dtype == np.int64 and self.clips.shape == (n,)), self.clips

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
        return self.images[indices]

    def name(self, index: int) -> str:
        """What a user finds a sprite by."""
        if self.files:
            return str(self.files[index].relative_to(self.source))
        return f"sprite {index} ({self.categories[self.labels[index]]})"


def load_sprites(
    folder: str | Path, *, size: int | None = None, resize: Resize | None = None, clips: bool = False
) -> Sprites:
    """Reads a sprite set, an npy pair or a folder per category; which one is recognised.

    `size` is the side wanted, 8 to 128; None takes the most common one of the data. A sprite of another size,
    or not square, is an error unless `resize` says how to scale it: "nearest", or "box" (averages, for
    shrinking), after padding to a centred square. An image array above 512 MiB stays on disk.

    `clips` asks which sprites are the frames of one clip: those that `cycles` in sprites.toml names, or `clips.npy`
    of an npy pair; of a folder per category, each animation with all its frames, and each folder in a category's
    folder that holds two or more images.

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
        raise DataError(f"{folder}: there is no such folder; expected {expected()}")
    if not is_folder:
        raise DataError(f"{folder}: a file, expected the folder that holds {expected()}; or {to_prepare(folder)}")
    with quiet(), advised(folder):
        return Sprites(**read_folder(folder, size, resize, clips)._asdict(), source=folder)


@contextmanager
def advised(folder: Path) -> Iterator[None]:
    """What `Unprepared` is raised for in the body is told with the command that makes `folder` readable."""
    try:
        yield
    except Unprepared as error:
        raise DataError(f"{error}; or {to_prepare(folder)}") from error


def to_prepare(path: Path) -> str:
    """The command that makes a set of sprites of a folder or a file, in words for a message."""
    path = path if path.name else path.resolve()
    out = path.with_name(f"{path.name if path.is_dir() else path.stem}-prepared")
    return f"make it readable: scripts/prepare.py {shlex.quote(str(path))} --out {shlex.quote(str(out))}"
