"""Sprites of all sources as one collection: of one size, by category, and nothing twice."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.clips import of_lengths, runs
from sprites.content import content_hashes
from sprites.files import DataError, check_learnt, check_names, some
from sprites.prepare.cutting import Group, cut_all, read_pictures, true_sized
from sprites.prepare.names import CATEGORY, Naming, one_spelling, told_spellings
from sprites.prepare.settings import PICTURE, Settings, Told
from sprites.reading.image import SIZES, Fit, check_total, place, quiet

STEP = 8  # a size that is chosen for the user is a multiple of it
TOO_LARGE = ", and no plain grid of tiles was seen; give --tile for a sheet, or --size 16 --fit box to scale it down"


@dataclass(frozen=True, eq=False)
class Collection:
    """Sprites of one size, grouped by category in the order of `categories`."""

    images: np.ndarray  # uint8 [N, S, S, 4], alpha 0 or 255
    labels: np.ndarray  # int64 [N]
    categories: tuple[str, ...]
    facets: Sequence[dict[str, str]]  # of each sprite
    files: Sequence[str]  # of each sprite, what it is from
    clips: np.ndarray  # int64 [N], the clip that each sprite is a frame of
    told: Told

    @property
    def size(self) -> int:
        """Side in pixels."""
        return self.images.shape[1]


class Origin(NamedTuple):
    """What else is known of a sprite."""

    facets: dict[str, str]
    file: str
    soft: int


def collect(sources: Sequence[Path], settings: Settings, tick: Callable[[], object] = lambda: None) -> Collection:
    """All sprites of files and folders. tick: called after each picture. DataError in one line for a source that cannot
    be read, or if there is no sprite in all of them."""
    told = Told(root=f"{sources[0]}/" if len(sources) == 1 else "")
    with quiet():
        pictures = true_sized([p for s in sources for p in read_pictures(s, settings, told, tick)], told)
        has_tags = any(picture.tags for picture, _ in pictures)
        groups = list(cut_all(pictures, settings, told))
    if not groups and settings.naming.by == "tag" and not has_tags:
        raise DataError(f"{', '.join(map(str, sources))}: no frame tags found; use --by folder")
    if note := settings.naming.note:
        told.notes.append(("categories", note))
    if not groups:
        why = next(iter(told.left_out.names.items()), None)
        only = f"; {some(why[1], 2)}: {why[0]}" if why else ""
        raise DataError(f"{', '.join(map(str, sources))}: no sprites{only}")
    return gathered(groups, settings, told)


def common_size(sides: Iterable[tuple[int, Path]], advice: str) -> int:
    """The side that most sprites have or need, as a multiple of `STEP`. DataError if it is more than the model takes.

    sides: of each sprite, with its file. advice: ends that message.
    """
    counts, first = Counter[int](), dict[int, Path]()
    for side, path in sides:
        counts[side] += 1
        first.setdefault(side, path)
    side = counts.most_common(1)[0][0]
    if side > SIZES[-1]:
        raise DataError(f"{first[side]}: {side} pixels a side, at most {SIZES[-1]} are learnt{advice}")
    return max(SIZES[0], -(-side // STEP) * STEP)


def gathered(groups: list[Group], settings: Settings, told: Told) -> Collection:
    """The sprites of all groups at one size and by category, each once in its category."""
    sides = ((max(group.frames.shape[1:3]), group.picture.file.path) for group in groups for _ in group.names)
    size = settings.size or common_size(sides, TOO_LARGE)
    check_total(groups[0].picture.file.path, sum(len(group.frames) for group in groups), size)
    spelt = one_spelling([name[CATEGORY] for group in groups for name in group.names])
    told.notes += [("categories", line) for line in told_spellings(spelt)]
    parts: dict[str, list[np.ndarray]] = defaultdict(list)
    origins: dict[str, list[Origin]] = defaultdict(list)
    lengths: dict[str, list[int]] = defaultdict(list)
    groups.reverse()
    while groups:
        group = groups.pop()
        placed, fitting = placed_at(group, size, settings.fit, told)
        categories = [spelt[name[CATEGORY]] for name in group.names]
        together = [cycle for cycle in group.cycles if len({categories[i] for i in cycle}) == 1]
        chosen: dict[str, list[list[int]]] = defaultdict(list)
        for run in runs(together, len(categories)):
            if fitting[run].all():
                chosen[categories[run[0]]].append(run)
        for category, those in chosen.items():
            indices = [index for run in those for index in run]
            parts[category].append(placed if indices == [*range(len(placed))] else placed[indices])
            lengths[category] += map(len, those)
            origins[category] += [origin(group, index) for index in indices]
    if not parts:
        reason, names = next(iter(told.left_out.names.items()))
        raise DataError(f"{names[0]}: {reason}, so no sprite is left")
    order = sorted(parts, key=str.casefold)
    check_names(order)
    for category in order:
        check_free(Path(origins[category][0].file), category)
    images, said, labels, frames = [], list[Origin](), [], list[int]()
    for label, category in enumerate(order):
        pixels = parts.pop(category)
        own, rows, left = distinct(category, pixels, origins[category], lengths[category], settings.naming, told)
        images.append(own)
        said += rows
        labels += [label] * len(rows)
        frames += left
    table = settings.naming.table
    told.unused = table.unused() if table else []
    told.softened = sum(one.soft for one in said)
    facets, files = [one.facets for one in said], [one.file for one in said]
    clips = of_lengths(frames)
    return Collection(np.concatenate(images), np.array(labels, np.int64), tuple(order), facets, files, clips, told)


def check_free(path: Path, category: str) -> None:
    """DataError, naming the first file of a category, if its name stands for something else."""
    check_learnt(path, [category])
    if category.casefold() == Path(PICTURE).stem:
        raise DataError(
            f"{path}: a category is named {category}, as {PICTURE} is; name it otherwise, or give --category"
        )


def origin(group: Group, index: int) -> Origin:
    """What else is known of one sprite of a group."""
    facets = {facet: value for facet, value in group.names[index].items() if facet != CATEGORY}
    return Origin(facets, group.files[index], int(group.soft[index]))


def placed_at(group: Group, size: int, how: Fit, told: Told) -> tuple[np.ndarray, np.ndarray]:
    """Sprites at one size, uint8 [n, size, size, 4], and which of them, bool [n], fit."""
    frames, n = group.frames, len(group.frames)
    if group.picture.tags or len(group.picture.frames) > 1 or max(frames.shape[1:3]) <= size:  # frames move as one
        placed = place(frames, size, how)
        fitting = np.full(n, placed is not None)
    else:
        each = [place(frames[i : i + 1], size, how) for i in range(n)]
        fitting = np.array([one is not None for one in each])
        placed = np.concatenate([np.zeros((1, size, size, 4), np.uint8) if one is None else one for one in each])
    if not fitting.all():
        tile = f"--tile {size}" if not (frames.shape[1] % size or frames.shape[2] % size) else "--tile"
        sheet = f"{tile} (--margin, --spacing) if it is a sheet"
        reason = f"larger than {size}x{size}; --fit box or crop, another --size, or {sheet}"
        told.left_out.add(group.picture.file.path, reason)
    return np.zeros((n, size, size, 4), np.uint8) if placed is None else placed, fitting


def distinct(
    category: str, parts: list[np.ndarray], origins: list[Origin], lengths: list[int], naming: Naming, told: Told
) -> tuple[np.ndarray, list[Origin], list[int]]:
    """The clips of a category, each once, with what the table says of each sprite by its index; how many frames each
    clip has."""
    images = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if naming.table and not naming.table.by_file:
        key = category.casefold()
        rows = (naming.table.row((key, str(index))) for index in range(len(origins)))
        origins = [one._replace(facets=one.facets | row) for one, row in zip(origins, rows, strict=True)]
    numbers = iter(range(len(images)))
    kept = once(content_hashes(images).tolist(), [list(islice(numbers, length)) for length in lengths])
    chosen = [index for clip in kept for index in clip]
    if len(chosen) == len(images):
        return images, origins, [len(clip) for clip in kept]
    told.repeated += [origins[index].file for index in np.setdiff1d(np.arange(len(images)), chosen)]
    return images[chosen], [origins[index] for index in chosen], [len(clip) for clip in kept]


def once(hashes: list[int], clips: list[list[int]]) -> list[list[int]]:
    """Clips without those whose frames are all of another, and without stills that are a frame of one. A clip whose
    frames are all the same is a still. hashes: of each sprite."""
    clips = [clip if len({hashes[i] for i in clip}) > 1 else clip[:1] for clip in clips]
    moving = {hashes[index] for clip in clips if len(clip) > 1 for index in clip}
    seen, kept = set[tuple[int, ...]](), []
    for clip in clips:
        shown = tuple(hashes[index] for index in clip)
        if shown not in seen and (len(clip) > 1 or shown[0] not in moving):
            kept.append(clip)
        seen.add(shown)
    return kept
