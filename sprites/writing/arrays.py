"""Any number of pictures as an npy pair, written as they are read: memory does not grow with their number."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.colour import hardened, parts, with_alpha
from sprites.files import MAX_NAMES, DataError, check_learnt, check_name, check_names, plural, some
from sprites.loading import load_sprites
from sprites.prepare.collection import common_size
from sprites.prepare.cutting import cleared
from sprites.prepare.names import CATEGORY, Naming, one_spelling, told_spellings
from sprites.prepare.report import sized
from sprites.prepare.settings import Settings
from sprites.prepare.sources import File, LeftOut, Picture, read_source
from sprites.reading.form import Inside
from sprites.reading.forms import is_described
from sprites.reading.image import place, quiet
from sprites.writing.npy_pair import PairWriter

AT_ONCE = 2**20  # pixels of the pictures that are handled together
TOO_LARGE = "; give --size 16 --fit box to scale it down, or leave --arrays out if it is a sheet to be cut"
FIRST, MAX_REASONS = 3, 100  # names that are kept of what is left out for a reason, and reasons


class Tally(LeftOut):
    """What is not read, by the reason: only the first names, since there may be millions, and how many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def add(self, name: object, reason: str) -> None:
        if reason not in self.counts and len(self.counts) >= MAX_REASONS:
            reason = "other reasons"
        self.counts[reason] += 1
        if len(self.names[reason]) < FIRST:
            super().add(name, reason)

    def lines(self) -> Iterator[str]:
        for reason, names in self.names.items():
            more = self.counts[reason] - len(names)
            yield f"{', '.join(names)}{f' and {more:,} more' if more else ''}: {reason}"


@dataclass
class Made:
    """What was written, and what is told of it."""

    root: str = ""
    """What the names of all files begin with."""
    size: int = 0
    """Side in pixels."""
    categories: tuple[str, ...] = ()
    spellings: list[str] = field(default_factory=list)
    """A line for each category that had several."""
    counts: tuple[int, ...] = ()
    """Of the sprites in each category."""
    pictures: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(width, height) of the sprites, before they were brought to one size."""
    softened: int = 0
    """Pixels whose alpha was neither 0 nor 255."""
    left_out: Tally = field(default_factory=Tally)

    def report(self) -> Iterator[tuple[str, str]]:
        """What to tell, each line with its heading."""
        yield "pictures read", f"{self.pictures:,}"
        yield "sizes found", f"{sized(self.sizes)}; now {self.size}x{self.size}"
        each = [f"{name} {count:,}" for name, count in zip(self.categories, self.counts, strict=True)]
        yield "sprites", f"{sum(self.counts):,}: {some(each, 12)}"
        yield from (("categories", line) for line in self.spellings)
        if self.softened:
            yield "alpha", f"{plural(self.softened, 'pixel')} between clear and opaque made one or the other, at 128"
        for line in self.left_out.lines():
            yield "left out", line.replace(self.root, "") if self.root else line


class Numbers:
    """A number for each category, before it is known how many folders hold all else of a source (`wrapping`)."""

    def __init__(self, naming: Naming) -> None:
        self.naming = naming
        # Of each source, the folders that hold all that was seen of it.
        self.outer: dict[str, tuple[str, ...]] = {}
        # By the source, and the name of the category if none of those folders, one, two, ... tell nothing.
        self.numbers: dict[tuple[str, ...], int] = {}

    def of(self, picture: Picture, left_out: LeftOut) -> int | None:
        """The number of a picture; None if it has no category. DataError for a name that no category may have."""
        file, count = picture.file, len(picture.frames)
        above = file.folders[:-1]
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(self.outer.get(file.source, above), above, strict=False))
        outer = self.outer[file.source] = tuple(folder for folder, _ in alike)
        named = self.naming.of(picture, 0, count, left_out)
        if named is None:
            return None
        wrapped = [self.naming.of(picture, wrap, count, left_out) or named for wrap in range(1, len(outer) + 1)]
        names = [each[0][CATEGORY] for each in (named, *wrapped)]
        key = (file.source, *names)
        if key not in self.numbers:
            self.check(file.path, names)
        return self.numbers.setdefault(key, len(self.numbers))

    def check(self, path: Path, names: Sequence[str]) -> None:
        """DataError if there are too many categories, or this one may not have its name; told now, not after hours."""
        if len(self.numbers) >= (MAX_NAMES if len(names) == 1 else 10 * MAX_NAMES):
            raise DataError(
                f"{path}: {names[0]!r} is one category more than {len(self.numbers):,}; --category says another one"
            )
        if len(names) == 1:
            try:
                check_name(names[0])
            except ValueError as error:
                raise DataError(f"{path}: {error}; --category says another one") from error
            check_learnt(path, names)

    def resolved(self, counts: Counter[int]) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
        """The categories that have sprites, in order, and the place of each number among them, int64 [numbers]; what
        is told of their spellings."""
        names = [names[len(self.outer[source])] for source, *names in self.numbers]
        spelt = one_spelling([name for number, name in enumerate(names) if counts[number]])
        order = check_names(sorted(set(spelt.values()), key=str.casefold))
        check_learnt(Path(next(iter(self.outer))), order)
        places = {name: order.index(chosen) for name, chosen in spelt.items()}
        return order, np.array([places.get(name, -1) for name in names], np.int64), told_spellings(spelt)


class Numbered(NamedTuple):
    """A picture and the number of its category."""

    frames: np.ndarray  # uint8 [F, H, W, 4], straight alpha
    number: int
    path: Path


def write_arrays(
    sources: Sequence[Path],
    settings: Settings,
    folder: Path | None,
    tick: Callable[[int], object] = lambda count: None,
) -> Made:
    """Write all pictures of files and folders as an npy pair into a folder; None only looks at them.

    Frames of an animation are stills. Of `settings`, sheets and tags are not heeded; the size is that of most of the
    first pictures if none is given. tick: called with how many pictures more are done. DataError in one line for a
    source that cannot be read, or if there is no sprite in all of them.
    """
    made = Made(root=f"{sources[0]}/" if len(sources) == 1 else "")
    numbers, counts = Numbers(settings.naming), Counter[int]()
    with quiet(), ExitStack() as stack:
        writer = None
        for some_pictures in together(numbered(sources, settings, numbers, made.left_out)):
            sides = ((max(one.frames.shape[1:3]), one.path) for one in some_pictures)
            made.size = made.size or settings.size or common_size(sides, TOO_LARGE)
            images, labels = rows_of(some_pictures, settings, made)
            if folder:
                writer = writer or stack.enter_context(PairWriter(folder, made.size))
                writer.add(images, labels)
            made.pictures += len(some_pictures)
            counts.update(labels.tolist())
            tick(len(some_pictures))
        if not counts:
            only = next(made.left_out.lines(), None)
            raise DataError(f"{', '.join(map(str, sources))}: no sprites{f'; {only}' if only else ''}")
        made.categories, places, made.spellings = numbers.resolved(counts)
        if writer:
            writer.finish(made.categories, places)
    of_each = np.zeros(len(made.categories), np.int64)
    np.add.at(of_each, places[list(counts)], list(counts.values()))
    made.counts = tuple(of_each.tolist())
    return made


def numbered(sources: Iterable[Path], settings: Settings, numbers: Numbers, left_out: LeftOut) -> Iterator[Numbered]:
    """The pictures of all sources that have a category."""
    for source in sources:
        described = source.is_dir() and is_described(Inside(source))
        for picture in read_rows(source) if described else read_source(source, left_out):
            number = numbers.of(picture, left_out)
            if number is not None:
                frames = cleared(picture.frames, settings.clear) if settings.clear else picture.frames
                yield Numbered(frames, number, picture.file.path)


def read_rows(folder: Path) -> Iterator[Picture]:
    """Each sprite of a sprite set or an npy pair, which may be larger than the memory, as a picture."""
    sprites = load_sprites(folder)
    files = [File(folder / category, (), folder.name) for category in sprites.categories]
    for part in parts(sprites.images):
        for image, label in zip(with_alpha(sprites.images[part]), sprites.labels[part].tolist(), strict=True):
            yield Picture(files[label], image[None], sprites.categories[label])


def together(pictures: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """As many at a time as make `AT_ONCE` pixels, one at least."""
    found, pixels = list[Numbered](), 0
    for one in pictures:
        found.append(one)
        pixels += one.frames[..., 0].size
        if pixels >= AT_ONCE:
            yield found
            found, pixels = [], 0
    if found:
        yield found


def rows_of(pictures: Sequence[Numbered], settings: Settings, made: Made) -> tuple[np.ndarray, np.ndarray]:
    """Sprites uint8 [n, size, size, 4], alpha 0 or 255 and none blank, and the number of each, int64 [n]."""
    size = made.size
    fitting, owners = [np.empty((0, size, size, 4), np.uint8)], list[Numbered]()
    for one in pictures:
        frames: np.ndarray | None = one.frames
        made.sizes[one.frames.shape[2], one.frames.shape[1]] += len(one.frames)
        if one.frames.shape[1:3] != (size, size):
            hard, soft = hardened(one.frames)
            made.softened += int(soft.sum())
            frames = place(hard, size, settings.fit)
        if frames is None:
            made.left_out.add(one.path, f"larger than {size}x{size}; --fit box or crop, or another --size")
        else:
            fitting.append(frames)
            owners += [one] * len(frames)
    images, softened = hardened(np.concatenate(fitting))
    made.softened += int(softened.sum())
    seen = images[..., 3].any(axis=(1, 2))
    for index in np.flatnonzero(~seen).tolist():
        made.left_out.add(owners[index].path, "blank")
    labels = np.array([one.number for one in owners], np.int64)
    return (images, labels) if seen.all() else (images[seen], labels[seen])
