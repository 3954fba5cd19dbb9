"""A folder per category: its image files at any depth."""

import itertools
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np

from sprites.files import DataError, Unprepared, check_link, checked_names
from sprites.reading.folder import (
    SUFFIXES,
    holds_images,
    images_below,
    note_left_out,
    notes_on_files,
    reasons,
    refuse_link,
)
from sprites.reading.form import Contents, Form, Inside
from sprites.reading.guesses import Guesses
from sprites.reading.image import Resize, check_total, fit, is_opaque, read_frames, read_rgba, survey, target_size


def found(inside: Inside) -> bool:
    """Whether a folder in it holds images."""
    return any(holds_images(folder) for folder in inside.folders if folder not in inside.links)


def read_categories(inside: Inside, size: int | None, resize: Resize | None) -> Contents:
    """One sub-folder of image files per category, and files beside them. RGBA if any pixel is not opaque."""
    root, folders = inside.folder, inside.folders
    left_out: Counter[str] = Counter()
    groups = images_of(folders, inside.files, left_out)
    paths = [path for group in groups for path in group]
    categories = checked_names(root, [folder.name for folder in folders])
    for path in paths:
        check_link(root, path)
    try:
        found = survey(paths)
        guesses = Guesses(root, categories, found.sizes, size)
        side = target_size(paths, found.sizes, size, resize, guesses.advise)
    except DataError as error:
        raise Unprepared(error) from error
    check_total(root, len(paths), side)
    shallow: list[Path] = []
    if inside.clips:
        return read_clips(inside, groups, categories, side, resize, note_left_out(root, left_out))
    opaque = all(is_opaque(read_rgba(path)) for path in found.unsure)
    images = np.empty((len(paths), side, side, 3 if opaque else 4), np.uint8)
    for index, path in enumerate(paths):
        pixels = read_rgba(path, shallow)
        guesses.look(path, pixels, side, index)
        images[index] = fit(pixels[..., : images.shape[-1]], side, resize)
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    notes = [*note_left_out(root, left_out), *notes_on_files(root, found.animated, shallow), *guesses.notes()]
    return Contents(images, labels, categories, tuple(notes), paths)


def read_clips(
    inside: Inside,
    groups: list[list[Path]],
    categories: tuple[str, ...],
    side: int,
    resize: Resize | None,
    notes: list[str],
) -> Contents:
    """All frames of animations, and the images of each sub-folder of a category in natural order, as clips."""
    images, labels, clips, files, shallow = [], [], [], [], []
    for label, paths in enumerate(groups):
        home = inside.folders[label]
        for folder, together in itertools.groupby(paths, key=lambda path: path.parent):
            still = folder == home  # images right in a category are no frames of one another
            for path in sorted(together, key=naturally):
                frames = read_frames(path, shallow=shallow)
                check_total(inside.folder, len(images) + len(frames), side)
                begins = still or len(frames) > 1 or not files or files[-1].parent != folder
                clips += [(clips[-1] if clips else -1) + begins] * len(frames)
                images += [fit(frame, side, resize) for frame in frames]
                labels += [label] * len(frames)
                files += [path] * len(frames)
    pixels = np.stack(images)
    pixels = pixels[..., :3] if is_opaque(pixels) else pixels
    notes = [*notes, *notes_on_files(inside.folder, [], shallow)]
    return Contents(pixels, np.array(labels), categories, tuple(notes), files, np.array(clips))


def naturally(path: Path) -> list[tuple[int, int | str]]:
    """A key by which walk2 comes before walk10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", path.name)]


def images_of(folders: list[Path], beside: list[Path], left_out: Counter[str]) -> list[list[Path]]:
    """The image files of each category; DataError for one without, and for what is none."""
    loose = [image for path in beside for image in images_below(path, left_out)]
    if loose:
        raise Unprepared(f"{loose[0]}: a loose image beside folders of images; move it into one of them")
    groups = []
    for folder in folders:
        if folder.is_symlink():
            refuse_link(folder)
        if os.path.exists(folder / "sprites.toml"):
            raise DataError(f"{folder}: a sprite set of its own (sprites.toml), not a category; give that folder")
        here: Counter[str] = Counter()
        groups.append(list(images_below(folder, here)))
        if not groups[-1]:
            only = f" that is read, but {reasons(here)}" if here else ""
            raise (Unprepared if here else DataError)(
                f"{folder}: category {folder.name!r} has no image{only}; "
                f"add some ({', '.join(SUFFIXES)}) or remove the folder"
            )
        left_out += here
    return groups


FORM = Form("a folder per category", "(<category>/*.png)", found, read_categories)
