"""What every export takes: sprites of one size in an order, with names, frame tags, durations and a palette."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sprites.colour import keep_to, keeps_to, opaque, palette_of, with_alpha
from sprites.writing.png import indices

DELAY = 125  # milliseconds a frame, where nothing else is said
TWO_BYTES = MOST_DELAY = 65_535  # GIF and .aseprite files have no more for a side; the latter for a delay and frames


class Run(NamedTuple):
    """Frames in a row that belong together, a category or an animation: what Aseprite calls a tag."""

    name: str
    first: int
    last: int  # the last of them, not the one after it

    @property
    def frames(self) -> range:
        return range(self.first, self.last + 1)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Album:
    """N sprites to export; none in what is only a palette."""

    sprites: np.ndarray
    """uint8 [N, H, W, 3 or 4], straight alpha."""
    names: Sequence[str]
    """Of each sprite, distinct; they may have folders, as in "hero/0001"."""
    runs: Sequence[Run] = ()
    durations: np.ndarray | None = None
    """Milliseconds of each frame, int64 [N]; None where nobody has said that these are frames of an animation."""
    palette: np.ndarray | None = None
    """uint8 [P, 3], in an order that is to be kept; it need not be that of the sprites."""

    def __post_init__(self) -> None:
        images, N = self.sprites, len(self.sprites)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (3, 4):
            raise ValueError(
                f"sprites: got {images.dtype} {list(images.shape)}, expected uint8 [N,H,W,C] with C 3 or 4"
            )
        if len(self.names) != N or len(set(self.names)) != N:
            raise ValueError(f"names: got {len(self.names)}, expected a different one for each of {N} sprites")
        for name in (*self.names, *(run.name for run in self.runs)):
            if not name.isprintable():
                raise ValueError(f"names: got {name!r}, expected characters that can be printed; rename it")
        for name, count in Counter(run.name for run in self.runs).items():
            if count > 1:
                raise ValueError(f"{count} frame tags are called {name!r}; give them different names")
        for run in self.runs:
            if not 0 <= run.first <= run.last < N:
                raise ValueError(
                    f"the frame tag {run.name!r} is of frames {run.first} to {run.last}, and there are {N}"
                )
        if self.durations is not None and not all(1 <= d <= MOST_DELAY for d in self.durations):
            raise ValueError(f"durations: expected 1 to {MOST_DELAY:,} milliseconds")

    def __len__(self) -> int:
        return len(self.sprites)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a sprite."""
        return self.sprites.shape[2], self.sprites.shape[1]

    def check_size(self) -> tuple[int, int]:
        """Width and height of a sprite. ValueError for what two bytes do not hold."""
        if max(self.size) > TWO_BYTES:
            w, h = self.size
            raise ValueError(f"sprites of {w}x{h} pixels, where such a file has {TWO_BYTES:,} a side at most")
        return self.size

    @property
    def delays(self) -> list[int]:
        """Milliseconds of each frame, said or not."""
        return [DELAY] * len(self) if self.durations is None else self.durations.tolist()

    @property
    def rgba(self) -> np.ndarray:
        """The sprites as uint8 [N, H, W, 4]."""
        return with_alpha(self.sprites)

    @property
    def colours(self) -> np.ndarray | None:
        """uint8 [P, 3]: the palette, if the sprites keep to it; else their own colours. None if these are too many."""
        if self.palette is not None and keeps_to(self.sprites, self.palette).all():
            return self.palette
        return palette_of(self.sprites) if opaque(self.sprites).any() else np.empty((0, 3), np.uint8)

    @property
    def is_hard(self) -> bool:
        """Whether each pixel is opaque or transparent."""
        return self.sprites.shape[-1] == 3 or bool(np.isin(self.sprites[..., 3], (0, 255)).all())

    def indexed(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices uint8 [N, H, W] into one table of colours uint8 [P, 3], of which the first is transparent."""
        colours = self.colours
        return indices(self.rgba, np.empty((0, 3), np.uint8) if colours is None else colours)

    def enlarged(self, scale: int) -> "Album":
        """Each pixel as `scale` x `scale` pixels."""
        return replace(self, sprites=self.sprites.repeat(scale, 1).repeat(scale, 2))

    def in_palette(self, palette: np.ndarray) -> "Album":
        """With the nearest colour of the palette, uint8 [P, 3], in each opaque pixel, and hard alpha."""
        return replace(self, sprites=keep_to(self.sprites, palette), palette=palette)

    def timed(self, delay: int) -> "Album":
        """With so many milliseconds for each frame."""
        return replace(self, durations=np.full(len(self), delay))


class Files(NamedTuple):
    """What a writer makes."""

    contents: dict[str, bytes]  # by names in the folder of the first, or in the folder to be made
    told: str  # what they are, for a message


def palette_only(palette: np.ndarray) -> Album:
    """An album without sprites, of a palette uint8 [P, 3]."""
    return Album(np.empty((0, 1, 1, 4), np.uint8), (), palette=palette)


def grouped(
    sprites: np.ndarray,
    labels: np.ndarray,
    groups: Sequence[str],
    names: Sequence[str] | None = None,
    palette: np.ndarray | None = None,
) -> Album:
    """An album with a run for each group that has sprites, in the order of the groups.

    labels: int [N], index into `groups`. names: of the sprites, in their order; left out, "hero/0001" and so on,
    counted within the group.
    """
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=len(groups))
    ends = counts.cumsum()
    runs = [Run(name, int(e - n), int(e) - 1) for name, n, e in zip(groups, counts, ends, strict=True) if n]
    said = [f"{run.name}/{i:04d}" for run in runs for i in range(len(run.frames))]
    return Album(sprites[order], said if names is None else [names[i] for i in order], runs, None, palette)
