"""A folder per category: its image files at any depth; or, with clips, all their frames."""

import os
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.clips import of_lengths
from sprites.files import DataError, Unprepared, check_link, checked_names, preparable
from sprites.reading.folder import (
    SUFFIXES,
    holds_images,
    images_below,
    in_order,
    note_left_out,
    notes_on_files,
    reasons,
    refuse_link,
)
from sprites.reading.form import Contents, Form, Inside
from sprites.reading.guesses import Guesses
from sprites.reading.image import (
    Resize,
    Survey,
    check_total,
    fit,
    is_opaque,
    read_frames,
    read_rgba,
    survey,
    target_size,
)


class Listed(NamedTuple):
    """The image files of all categories, and what their headers say."""

    paths: list[Path]
    labels: np.ndarray  # int64, the category of each
    categories: tuple[str, ...]
    seen: Survey
    side: int
    guesses: Guesses
    notes: list[str]


def found(inside: Inside) -> bool:
    """Whether a folder in it holds images."""
    return any(holds_images(folder) for folder in inside.folders if folder not in inside.links)


def listed(inside: Inside, size: int | None, resize: Resize | None) -> Listed:
    """One sub-folder of image files per category, and files beside them."""
    root, folders = inside.folder, inside.folders
    left_out: Counter[str] = Counter()
    groups = images_of(folders, inside.files, left_out)
    paths = [path for group in groups for path in group]
    categories = checked_names(root, [folder.name for folder in folders])
    for path in paths:
        check_link(root, path)
    with preparable():
        seen = survey(paths)
        guesses = Guesses(root, categories, seen.sizes, size)
        side = target_size(paths, seen.sizes, size, resize, guesses.advise)
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return Listed(paths, labels, categories, seen, side, guesses, note_left_out(root, left_out))


def read_categories(inside: Inside, size: int | None, resize: Resize | None) -> Contents:
    """A sprite of each image file, the first frame of an animation. RGBA if any pixel is not opaque."""
    paths, labels, categories, seen, side, guesses, notes = listed(inside, size, resize)
    check_total(inside.folder, len(paths), side)
    with preparable():
        opaque = all(is_opaque(read_rgba(path)) for path in seen.unsure)
        images = np.empty((len(paths), side, side, 3 if opaque else 4), np.uint8)
        shallow: list[Path] = []
        for index, path in enumerate(paths):
            pixels = read_rgba(path, shallow)
            guesses.look(path, pixels, side, index)
            images[index] = fit(pixels[..., : images.shape[-1]], side, resize)
    notes += [*notes_on_files(inside.folder, seen.animated, shallow), *guesses.notes()]
    return Contents(images, labels, categories, tuple(notes), paths)


def read_clips(inside: Inside, size: int | None, resize: Resize | None) -> Contents:
    """All frames: an animation is a clip, and so are the other images of a folder that lies in a category's folder."""
    paths, labels, categories, seen, side, guesses, notes = listed(inside, size, resize)
    moving = {*seen.animated}
    clips = in_clips(paths, labels, moving, inside)
    order = [index for clip in clips for index in clip]
    with preparable():
        check_one_size(paths, seen, clips)
        frames = [len(read_frames(paths[index])) if paths[index] in moving else 1 for index in order]
    check_total(inside.folder, sum(frames), side)
    with preparable():
        opaque = all(is_opaque(read_frames(path)) for path in {*seen.unsure, *moving})
        images = np.empty((sum(frames), side, side, 3 if opaque else 4), np.uint8)
        shallow: list[Path] = []
        at = 0
        for index in order:
            pixels = read_frames(paths[index], shallow=shallow)
            guesses.look(paths[index], pixels[0], side, index)
            for frame in pixels[..., : images.shape[-1]]:
                images[at] = fit(frame, side, resize)
                at += 1
    notes += [*notes_on_files(inside.folder, [], shallow), *guesses.notes()]
    of_frame = np.repeat(order, frames)
    numbers = of_lengths([len(clip) for clip in clips]).repeat(frames)
    return Contents(images, labels[of_frame], categories, tuple(notes), [paths[i] for i in of_frame], numbers)


def in_clips(paths: list[Path], labels: np.ndarray, moving: set[Path], inside: Inside) -> list[list[int]]:
    """The indices of files, in natural order, those of one clip together; a still has a list of its own."""
    alone = [path in moving or path.parent in inside.folders for path in paths]

    def folder(index: int) -> tuple:
        path = paths[index]
        return int(labels[index]), in_order(path.parent), path.parent, alone[index]

    order = sorted(range(len(paths)), key=lambda index: (*folder(index), in_order(paths[index])))
    runs = [(key[-1], list(run)) for key, run in groupby(order, folder)]
    return [clip for is_alone, run in runs for clip in ([[index] for index in run] if is_alone else [run])]


def check_one_size(paths: list[Path], seen: Survey, clips: list[list[int]]) -> None:
    """DataError if the frames of a clip differ in size, which no resizing mends."""
    for clip in clips:
        for index in clip:
            if seen.sizes[index] != seen.sizes[clip[0]]:
                (w, h), (width, height) = seen.sizes[index], seen.sizes[clip[0]]
                raise DataError(
                    f"{paths[index]}: {w}x{h} pixels, but {paths[clip[0]].name} in the same folder has "
                    f"{width}x{height}; frames of a clip are of one size"
                )


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
            raise Unprepared(
                f"{folder}: category {folder.name!r} has no image{only}; "
                f"add some ({', '.join(SUFFIXES)}) or remove the folder"
            )
        left_out += here
    return groups


FORM = Form("a folder per category", "(<category>/*.png)", found, read_categories, read_clips)
