"""What can be exported, as an album: what sample.py sampled, a set, pictures, or a palette."""

import shlex
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.clips import begins
from sprites.export.album import Album, grouped, palette_only
from sprites.files import DataError, Unprepared, check_file, preparable, some, why
from sprites.loading import advised, load_sprites
from sprites.palettes import FORMATS as PALETTES
from sprites.palettes import read_palette
from sprites.reading.folder import SUFFIXES, images_below, in_order, note_left_out, notes_on_files
from sprites.reading.form import Inside
from sprites.reading.forms import is_described
from sprites.reading.image import MAX_DECODED, check_total, is_opaque, quiet, read_rgba, survey
from sprites.reading.npy_pair import check_images
from sprites.tags import Tags, load_tags

EXPECTED = "expected an npz of sample.py, a folder of PNGs, a sprite set, a PNG, a palette or a model"


class Found(NamedTuple):
    """Sprites with their groups, before any are chosen."""

    images: np.ndarray  # uint8 [N, H, W, C]
    labels: np.ndarray  # int64 [N], index into groups
    groups: Sequence[str]
    names: Sequence[str] | None = None
    tags: Tags | None = None
    notes: Sequence[str] = ()
    clips: np.ndarray | None = None  # int64 [N], the clip that each is a frame of


def load_album(path: Path, only: Sequence[str] = (), count: int | None = None) -> tuple[Album, Sequence[str]]:
    """The sprites at `path`, and what the user should know of them, a line each.

    only: groups to take, by their names, or tags such as "kind=dog facing=left" where there is a table of them; each
    becomes a run. count: how many of each, the first ones. Raises DataError, in one line that names the file.
    """
    if path.suffix.lower() in PALETTES:
        return palette_only(read_palette(path)), ()
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder; {EXPECTED}")
    with quiet():
        if path.is_dir():
            with advised(path):
                found = described(path, only) if is_described(Inside(path)) else pictures(path)
        elif path.suffix.lower() == ".npz":
            found = sampled(path)
        elif path.suffix.lower() in SUFFIXES:
            found = pictures(path.parent, [path])
        else:
            raise DataError(f"{path}: cannot be exported; {EXPECTED}")
    return chosen(path, found, only, count), found.notes


def described(folder: Path, only: Sequence[str]) -> Found:
    """A sprite set or an npy pair, with its clips; with its tags, if some are asked for."""
    tags = load_tags(folder) if any("=" in name for name in only) else None
    sprites = load_sprites(folder, clips=True)
    return Found(
        np.asarray(sprites.take(np.arange(len(sprites)))),
        sprites.labels,
        sprites.categories,
        None,
        tags,
        sprites.notes,
        sprites.clips,
    )


def pictures(folder: Path, files: Sequence[Path] = ()) -> Found:
    """Image files of one size, those at any depth of `folder` or these; each folder is a group, named by its path."""
    left_out: Counter[str] = Counter()
    paths = files or list(images_below(folder, left_out))
    if not paths:
        raise DataError(f"{folder}: no sprites, as there is no {', '.join(SUFFIXES)} in it; {EXPECTED}")
    paths = sorted(paths, key=lambda path: (in_order(path.parent), in_order(path)))
    with preparable():
        seen = survey(paths)
    w, h = seen.sizes[0]
    for path, size in zip(paths, seen.sizes, strict=True):
        if size != (w, h):
            raise Unprepared(
                f"{path}: {size[0]}x{size[1]} pixels, and {paths[0].name} has {w}x{h}; what is exported together has "
                "one size: export folder by folder"
            )
    check_total(folder, len(paths), max(w, h))
    shallow: list[Path] = []
    with preparable():
        images = np.stack([read_rgba(path, shallow) for path in paths])
    where = [path.parent.relative_to(folder).as_posix() for path in paths]
    groups = list(dict.fromkeys(where))
    number = {name: i for i, name in enumerate(groups)}
    labels = np.array([number[name] for name in where])
    names = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
    names = names if len(set(names)) == len(names) else [path.relative_to(folder).as_posix() for path in paths]
    called = [folder.resolve().name or "sprites" if name == "." else name for name in groups]
    called = called if len(set(called)) == len(called) else groups
    notes = notes_on_files(folder, seen.animated, shallow) + note_left_out(folder, left_out)
    return Found(images[..., :3] if is_opaque(images) else images, labels, called, names, None, notes)


def sampled(path: Path) -> Found:
    """An npz of sample.py: its sprites, grouped by the rows of the grid."""
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_DECODED:
            raise ValueError(f"{size:,} bytes, at most {MAX_DECODED:,} are read")
        with np.load(path, allow_pickle=False) as file:
            if "sprites" not in file:
                raise ValueError(f"no array 'sprites' in it, but {some(file.files, 5) or 'nothing'}")
            arrays = {name: file[name] for name in ("sprites", "labels", "guidance", "row", "rows") if name in file}
    except Exception as error:  # at broken bytes NumPy and zipfile raise nearly anything
        raise DataError(f"{path}: not an npz that sample.py wrote ({why(error)}); give one made with --npz") from error
    images = arrays["sprites"]
    check_images(path, images)
    labels, groups = rows_of(path, arrays, len(images))
    scales = arrays.get("guidance", np.zeros(0))
    if scales.shape != labels.shape or scales.dtype.kind != "f":
        return Found(images, labels, groups)
    seen: dict[tuple[int, float], int] = {}
    names = []
    for label, scale in zip(labels.tolist(), scales.tolist(), strict=True):
        seen[label, scale] = seen.get((label, scale), -1) + 1
        names.append(f"{groups[label]}/s{scale:g}_{seen[label, scale]:04d}")
    return Found(images, labels, groups, names)


def rows_of(path: Path, arrays: dict[str, np.ndarray], count: int) -> tuple[np.ndarray, Sequence[str]]:
    """The row of each sprite, int64 [N], and the names of the rows; of older files the number of its category."""
    rows, names = arrays.get("row"), arrays.get("rows")
    if rows is not None and names is not None:
        listed = [str(name) for name in names.ravel()]
        if (
            names.dtype.kind != "U"
            or rows.shape != (count,)
            or rows.dtype.kind not in "iu"
            or len(set(listed)) < len(listed)
        ):
            raise DataError(f"{path}: its arrays 'row' and 'rows' do not tell the row of each of {count} sprites")
        if rows.min() < 0 or rows.max() >= len(listed) or not all(name.isprintable() for name in listed):
            raise DataError(f"{path}: its array 'rows' does not name each row of 'row'")
        return rows.astype(np.int64), listed
    labels = arrays.get("labels")
    if labels is None or labels.shape != (count,) or labels.dtype.kind not in "iu":
        return np.zeros(count, np.int64), ["sprites"]
    values, index = np.unique(labels, return_inverse=True)
    return index, ["sprites" if value < 0 else f"category {value}" for value in values.tolist()]


def chosen(path: Path, found: Found, only: Sequence[str], count: int | None) -> Album:
    """An album of the groups or tags that are asked for, of each the first `count` sprites. The clips of a group are
    runs of their own."""
    groups: list[tuple[str, np.ndarray]] = []
    for name in only or found.groups:
        places = np.flatnonzero(matches(path, found, name))[:count]
        if only and not len(places):
            raise DataError(f"{path}: no sprite is {name!r}")
        groups += by_clip(name, places, found.clips)
    wanted, picked = zip(*groups, strict=True)
    indices, labels = np.concatenate(picked), np.repeat(np.arange(len(wanted)), [len(places) for places in picked])
    names = found.names and [found.names[i] for i in indices]
    if names and len(set(names)) < len(names):  # a sprite that was asked for twice
        names = None
    return grouped(found.images[indices], labels, wanted, names)


def by_clip(name: str, places: np.ndarray, clips: np.ndarray | None) -> list[tuple[str, np.ndarray]]:
    """Sprites int64 [n] as runs with their names: stills together, then each clip, numbered if it is not alone."""
    if clips is None:
        return [(name, places)]
    runs = np.split(places, np.flatnonzero(begins(clips[places]))[1:])
    stills, moving = [run for run in runs if len(run) == 1], [run for run in runs if len(run) > 1]
    if len(runs) == 1 or not moving:
        return [(name, places)]
    first = [(name, np.concatenate(stills))] if stills else []
    return [*first, *((f"{name} {i}", run) for i, run in enumerate(moving, 1))]


def matches(path: Path, found: Found, asked: str) -> np.ndarray:
    """bool [N]: which sprites are of the group, or have the tags, that are asked for."""
    if asked in found.groups:
        return found.labels == found.groups.index(asked)
    if "=" not in asked:
        raise DataError(f"{path}: there is no {asked!r}; expected one of {some(found.groups)}, or tags as in kind=dog")
    if found.tags is None:
        raise DataError(
            f"{path}: --only {asked!r} asks for tags, and no tags.csv lies there; expected {some(found.groups)}"
        )
    seen = np.ones(len(found.labels), bool)
    for word in shlex.split(asked):
        facet, _, value = word.partition("=")
        if facet == "category":
            seen &= matches(path, found, value)
        else:
            seen &= found.tags[facet].has(value)
    return seen
