"""What a form of a folder of sprites is: how one is recognised, and what is read of it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.files import some
from sprites.reading.folder import SUFFIXES, visible
from sprites.reading.image import Resize


class Inside:
    """What lies in a folder, sorted by name; see `visible`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        is_folder = {path: os.path.isdir(path) for path in visible(folder)}
        self.paths = list(is_folder)
        self.folders = [path for path in self.paths if is_folder[path]]
        self.files = [path for path in self.paths if not is_folder[path]]
        self.links = [path for path in self.folders if path.is_symlink()]
        self.pictures = [path for path in self.files if path.suffix.lower() in SUFFIXES]

    def told(self) -> str:
        """The first names, in words for a message."""
        first = [f"{path.name}/" if path in self.folders else path.name for path in self.paths[:8]]
        return some(first + [path.name for path in self.paths[8:]], 8) or "nothing"


class Contents(NamedTuple):
    """What a folder holds, as in `sprites.loading.Sprites`."""

    images: np.ndarray
    labels: np.ndarray
    categories: tuple[str, ...]
    notes: tuple[str, ...] = ()
    files: Sequence[Path] = ()
    clips: np.ndarray | None = None


@dataclass(frozen=True)
class Form:
    """One entry of the table in `sprites.reading.forms`."""

    name: str
    """As in "a sprite set"."""
    layout: str
    """What a user has to put there, in brackets."""
    found: Callable[[Inside], bool]
    """Whether a folder looks like this form."""
    read: Callable[[Inside, int | None, Resize | None], Contents]
    """Its contents at a side in pixels; None is the most common one. Raises DataError for a mistake in it."""
    read_clips: Callable[[Inside, int | None, Resize | None], Contents] | None = None
    """The same with the clip of each sprite, and all frames of animations; None if the form knows stills only."""
    names: Callable[[Path], tuple[str, ...] | None] = lambda folder: None
    """The categories in the order of the labels, where a file of the folder says so."""
    suffixes: tuple[str, ...] = ()
    """Of files that hold sprites in this form, pictures aside."""
    holds_pictures: bool = False
    """Whether pictures lie beside its other files."""
