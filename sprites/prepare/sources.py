"""What an artist has, as pictures: one table from the suffix of a file to its reader.

A file that a user names must be readable. One that lies in a folder or an archive and is not is left out, and told.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from sprites.clips import lengths_of
from sprites.colour import with_alpha
from sprites.files import DataError, check_link
from sprites.loading import load_sprites
from sprites.prepare.aseprite.document import Slice, Tag
from sprites.prepare.aseprite.file import read_aseprite
from sprites.prepare.containers import Member, cells, members
from sprites.prepare.tiles import Grid
from sprites.reading.folder import REASONS, SUFFIXES, images_below
from sprites.reading.form import Inside
from sprites.reading.forms import is_described
from sprites.reading.image import MAX_PIXELS, read_frames
from sprites.tags import load_tags

DRAWINGS = (".aseprite", ".ase")
ARCHIVE, TABLE = ".zip", ".parquet"


@dataclass(frozen=True)
class File:
    """A file as it was found."""

    path: Path
    """What a user finds it by."""
    folders: tuple[str, ...] = ()
    """Those it lies in, below what the user named, outermost first."""
    source: str = ""
    """The name of what the user named."""
    alone: bool = False
    """Whether the user named this very file."""
    content: bytes | None = None
    """Of a file in another one; else it is read from `path`."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image, or the frames of an animation."""

    file: File
    frames: np.ndarray  # uint8 [F, H, W, 4], straight alpha
    label: str | None = None
    """The category, where the file says it."""
    tags: Sequence[str | None] = ()
    """Of each frame the name of its tag, if any frame has one."""
    slices: Sequence[Slice] = ()
    """Named parts of it."""
    facets: Sequence[Mapping[str, str]] = ()
    """More that is said of each frame, if anything is."""
    cycles: Sequence[Sequence[int]] = ()
    """Of each animation its frames, in the order in which they are shown."""
    ready: bool = False
    """Whether the frames are sprites already, neither enlarged nor a sheet."""
    files: Sequence[File] = ()
    """Of each frame its file, if each has one of its own; else all are of `file`."""
    grid: Grid | None = None
    """The tiles to cut it into, as the user says or as they were guessed."""

    def file_of(self, frame: int) -> File:
        """The file of one frame."""
        return self.files[frame] if self.files else self.file


@dataclass
class LeftOut:
    """What is not read, by the reason."""

    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: object, reason: str) -> None:
        self.names[reason].append(str(name))

    def error(self, path: Path, error: DataError) -> None:
        """A file that cannot be read."""
        self.add(path, str(error).removeprefix(f"{path}: "))


def sliced(picture: Picture) -> Iterator[Picture]:
    """Each slice as a picture of its own, whose category is the name of the slice; a picture without slices as it is.

    A slice begins with its frame, and ends at the edge of the canvas. DataError for more than 2^26 pixels in all.
    """
    if not picture.slices:
        yield picture
    pixels = 0
    for part in picture.slices:
        rows, columns = (
            slice(max(0, at), max(0, at + size)) for at, size in ((part.y, part.height), (part.x, part.width))
        )
        frames = picture.frames[part.frame :, rows, columns]
        pixels += frames[..., 0].size
        if pixels > MAX_PIXELS:
            raise DataError(f"{picture.file.path}: its slices have more than {MAX_PIXELS:,} pixels")
        cycles = [[i - part.frame for i in cycle] for cycle in picture.cycles if min(cycle) >= part.frame]
        if frames.size:
            tags = picture.tags[part.frame :]
            yield replace(picture, frames=frames, label=part.name, tags=tags, slices=(), cycles=cycles)


Reader = Callable[[File, LeftOut], Iterator[Picture]]


def read_image(file: File, left_out: LeftOut) -> Iterator[Picture]:
    frames = read_frames(file.path, file.content)
    yield Picture(file, frames, cycles=whole(frames))


def whole(frames: np.ndarray) -> list[range]:
    """All frames as one cycle, if there are several."""
    return [range(len(frames))] if len(frames) > 1 else []


def read_drawing(file: File, left_out: LeftOut) -> Iterator[Picture]:
    """A file of Aseprite. Of tags that overlap, the shorter one counts; a tag is a cycle if all its frames are its own.

    Without tags all frames are one.
    """
    found = read_aseprite(file.path, file.content)
    owners: list[Tag | None] = [None] * len(found.frames)
    for tag in sorted(found.tags, key=lambda tag: tag.first - tag.last):
        owners[tag.first : tag.last + 1] = [tag] * (tag.last - tag.first + 1)
    cycles = (
        [played(tag) for tag in found.tags if all(owners[i] is tag for i in range(tag.first, tag.last + 1))]
        if found.tags
        else whole(found.frames)
    )
    tags = [tag and tag.name for tag in owners]
    yield Picture(file, found.frames, tags=tags if any(tags) else (), slices=found.slices, cycles=cycles)


def played(tag: Tag) -> list[int]:
    """The frames of a tag in the order in which they are shown, once around."""
    frames = list(range(tag.first, tag.last + 1))
    if tag.direction in ("reverse", "pingpong_reverse"):
        frames.reverse()
    return frames + frames[-2:0:-1] if tag.direction.startswith("pingpong") else frames


def read_archive(file: File, left_out: LeftOut) -> Iterator[Picture]:
    """The files of a zip archive. One within another is left out: it could hold any number of others."""
    for member in members(file.path, file.content, tuple(READERS)):
        if not isinstance(member, Member):
            if member.suffix.lower() in REASONS:
                left_out.add(file.path / member, REASONS[member.suffix.lower()])
            continue
        source = file.source if file.alone or file.folders else file.path.stem
        inner = File(file.path / Path(*member.folders, member.name), (*file.folders, *member.folders), source)
        if inner.path.suffix.lower() == ARCHIVE:
            left_out.add(inner.path, "an archive in an archive; unpack it")
        else:
            yield from tried(File(inner.path, inner.folders, inner.source, content=member.content), left_out)


def read_table(file: File, left_out: LeftOut) -> Iterator[Picture]:
    for cell in cells(file.path, file.content):
        inner = File(file.path / f"row {cell.row}", file.folders, file.source, content=cell.content)
        try:
            frames = read_frames(inner.path, inner.content)
            yield Picture(inner, frames, cell.label, cycles=whole(frames))
        except DataError as error:
            left_out.error(inner.path, error)


READERS: dict[str, Reader] = {
    **dict.fromkeys((*SUFFIXES, ".apng"), read_image),
    **dict.fromkeys(DRAWINGS, read_drawing),
    ARCHIVE: read_archive,
    TABLE: read_table,
}


def tried(file: File, left_out: LeftOut) -> Iterator[Picture]:
    """The pictures of a file that the user did not name."""
    try:
        yield from READERS[file.path.suffix.lower()](file, left_out)
    except DataError as error:
        left_out.error(file.path, error)


def read_source(path: Path, left_out: LeftOut) -> Iterator[Picture]:
    """All pictures of a file, or of a folder at any depth, in the order of their names.

    DataError if there is no such thing, it is a file that cannot be read, or the folder of a run.
    """
    source = path.resolve().stem if path.is_file() else path.resolve().name
    if not os.path.isdir(path):
        if not path.exists():
            raise DataError(f"{path}: there is no such file or folder")
        reader = READERS.get(suffix := path.suffix.lower())
        if reader is None:
            advice = REASONS.get(suffix, f"expected a folder, or one of {', '.join(READERS)}")
            raise DataError(f"{path}: {suffix or 'a file without a suffix'} is not read: {advice}")
        yield from reader(File(path, source=source, alone=True), left_out)
    elif is_described(Inside(path)):
        yield from read_set(path)
    else:
        for found in images_below(path, None, tuple(READERS), left_out.add):
            file = File(found, found.relative_to(path).parts[:-1], source)
            try:
                check_link(path, found)
            except DataError as error:
                left_out.error(found, error)
                continue
            yield from tried(file, left_out)


def read_set(folder: Path) -> Iterator[Picture]:
    """A sprite set or an npy pair: a picture a category, with its tags."""
    sprites, tags = load_sprites(folder, clips=True), load_tags(folder)
    assert sprites.clips is not None
    for label, category in enumerate(sprites.categories):
        rows = np.flatnonzero(sprites.labels == label)
        frames = with_alpha(sprites.take(rows))
        said = [{name: value for name, value in tags.row(int(row)).items() if value} for row in rows] if tags else ()
        ends = lengths_of(sprites.clips[rows]).cumsum().tolist()
        cycles = [range(start, end) for start, end in pairwise([0, *ends]) if end - start > 1]
        file = File(folder / category, (), folder.name)
        yield Picture(file, frames, category, facets=said, cycles=cycles, ready=True)
