"""From sources to sprites of one size: true pixels, tiles, hard alpha, names, and nothing twice."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.clips import of_lengths, runs
from sprites.content import content_hashes
from sprites.files import DataError, check_names, plural, some
from sprites.prepare.names import CATEGORY, Naming, one_spelling, wrapping
from sprites.prepare.sources import LeftOut, Picture, read_source, sliced
from sprites.prepare.tiles import Grid, guess_grid, other_grids
from sprites.reading.guesses import enlarged
from sprites.reading.image import SIZES, Fit, check_total, place, quiet

MAX_PIXELS = 2**28  # of all pictures of a source, when each is at its true size
STEP = 8  # a size that is chosen for the user is a multiple of it
HARD = 128  # the alpha from which on a pixel is opaque


@dataclass(frozen=True)
class Settings:
    """What a user says of the sources."""

    naming: Naming
    grid: Grid | None = None
    size: int | None = None
    fit: Fit = "pad"
    cycle: int | None = None
    """How many tiles of a sheet are the frames of one animation; None: each is a still."""
    clear: tuple[int, int, int] | None = None
    """A colour that stands for transparent."""


@dataclass
class Told:
    """What a user wants to know of what was done."""

    root: str = ""
    """What the names of all files begin with."""
    files: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(width, height) of the sprites, before they were brought to one size."""
    enlarged: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """How many times pictures were enlarged."""
    sheets: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of each guessed grid, the sheets."""
    softened: int = 0
    """Pixels whose alpha was neither 0 nor 255."""
    blank: list[str] = field(default_factory=list)
    """Of each blank sprite the file."""
    repeated: list[str] = field(default_factory=list)
    """Of each sprite that is another of its category the file."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Further lines of the report, each with its heading."""
    unused: int = 0
    """Rows of the table that no sprite belongs to."""
    left_out: LeftOut = field(default_factory=LeftOut)


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


@dataclass
class Group:
    """Sprites of one picture: their pixels, uint8 [n, h, w, 4], and what each is called."""

    picture: Picture
    frames: np.ndarray
    names: list[dict[str, str]]
    soft: np.ndarray
    """Of each sprite, how many of its pixels were neither clear nor opaque, int [n]."""
    cycles: Sequence[Sequence[int]]
    """Of each animation its sprites, in the order in which they are shown."""


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


def read_pictures(
    source: Path, settings: Settings, told: Told, tick: Callable[[], object]
) -> list[tuple[Picture, int]]:
    """Pictures of a source, each made as small as it can be, and how many times it was enlarged; 0 tells nothing."""
    found, total = [], 0
    read = read_source(source, told.left_out)
    for picture in chain.from_iterable(map(sliced, read)) if settings.naming.by == "slice" else read:
        frames = picture.frames
        if settings.clear:
            frames = cleared(frames, settings.clear)
        block = 1 if picture.ready else enlarged(frames)
        small = frames[:, :: max(1, block), :: max(1, block)].copy() if block > 1 else frames
        total += small[..., 0].size
        if total > MAX_PIXELS:
            raise DataError(f"{source}: more than {MAX_PIXELS:,} pixels; prepare it in parts")
        found.append((replace(picture, frames=small), block))
        told.files += 1
        tick()
    return found


def cleared(frames: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The same with one colour made transparent."""
    frames = frames.copy()
    frames[(frames[..., :3] == colour).all(-1)] = 0
    return frames


def true_sized(found: Iterable[tuple[Picture, int]], told: Told) -> list[tuple[Picture, int]]:
    """Pictures at their true size, and how many times each was enlarged.

    Of one size, all are held to be enlarged as most are, so that a plain sprite among others keeps its size. What would
    be less than 8 pixels a side was not enlarged, but drawn that plainly.
    """
    found, blocks = list(found), defaultdict(list)
    for picture, block in found:
        if block:
            blocks[shape_of(picture, block)].append(block)
    common = {size: shared(each) for size, each in blocks.items()}
    out = []
    for picture, block in found:
        size, now = shape_of(picture, block), max(1, block)
        times = common.get(size, 1)
        if block % times or max(size) // times < SIZES[0]:
            times = 1
        if block == 0:
            frames = picture.frames[:, ::times, ::times]
        else:
            frames = picture.frames.repeat(now // times, 1).repeat(now // times, 2) if times < now else picture.frames
        if times > 1:
            told.enlarged[times].append(str(picture.file.path))
        out.append((replace(picture, frames=frames), times))
    return out


def shape_of(picture: Picture, block: int) -> tuple[int, int]:
    """(height, width) of a picture as it was found, of which it was made `block` times smaller."""
    return picture.frames.shape[1] * max(1, block), picture.frames.shape[2] * max(1, block)


def shared(blocks: Sequence[int]) -> int:
    """How many times most of some pictures are enlarged: the largest number that divides more than half of theirs."""
    return max(k for k in {1, *blocks} if 2 * sum(block % k == 0 for block in blocks) > len(blocks))


def cut_all(pictures: list[tuple[Picture, int]], settings: Settings, told: Told) -> Iterable[Group]:
    """The sprites of all pictures, without blank ones."""
    sides = Counter(p.frames.shape[1] for p, _ in pictures if p.frames.shape[1] == p.frames.shape[2])
    known = next((side for side, count in sides.most_common(1) if 2 * count > len(pictures) and side in SIZES), None)
    wraps: dict[str, int] = {}
    for source in {p.file.source for p, _ in pictures}:
        wraps[source] = wrapping([p.file for p, _ in pictures if p.file.source == source])
    pictures.reverse()
    while pictures:  # each is let go of when it is cut
        picture, times = pictures.pop()
        try:
            frames = cut(picture, times, settings, known, told)
            cycles = cycles_in(picture, len(frames), settings.cycle)
        except DataError as error:
            if picture.file.alone:
                raise
            told.left_out.error(picture.file.path, error)
            continue
        names = settings.naming.of(picture, wraps[picture.file.source], len(frames), told.left_out)
        if names is None:
            continue
        if group := visible(picture, frames, names, cycles, told):
            yield group


def cycles_in(picture: Picture, count: int, cycle: int | None) -> list[list[int]]:
    """The animations among the `count` sprites cut of a picture. Of frames that are sheets, each tile moves by itself.

    DataError if the tiles of a sheet are no cycles of so many.
    """
    tiles = count // len(picture.frames)
    if not cycle or picture.ready or len(picture.frames) > 1 or tiles == 1:
        return [[frame * tiles + tile for frame in frames] for frames in picture.cycles for tile in range(tiles)]
    if tiles % cycle:
        raise DataError(f"{picture.file.path}: {tiles} tiles, blank ones too, are no cycles of {cycle}")
    return np.arange(tiles).reshape(-1, cycle).tolist()


def visible(
    picture: Picture, frames: np.ndarray, names: list[dict[str, str]], cycles: list[list[int]], told: Told
) -> Group | None:
    """The sprites of a picture that show something and have a category; None if there are none."""
    frames, soft = hardened(frames)
    seen = np.flatnonzero(frames[..., 3].any(axis=(1, 2))).tolist()
    told.blank += [str(picture.file.path)] * (len(frames) - len(seen))
    chosen = [index for index in seen if names[index][CATEGORY]]
    if len(chosen) < len(seen):
        told.left_out.add(f"{picture.file.path} ({plural(len(seen) - len(chosen), 'frame')})", "in no frame tag")
    if not chosen:
        return None
    told.sizes[frames.shape[2], frames.shape[1]] += len(chosen)
    kept = frames if len(chosen) == len(frames) else frames[chosen]
    place = {index: at for at, index in enumerate(chosen)}
    moving = [[place[index] for index in cycle if index in place] for cycle in cycles]
    return Group(picture, kept, [names[index] for index in chosen], soft[chosen], moving)


def cut(picture: Picture, times: int, settings: Settings, known: int | None, told: Told) -> np.ndarray:
    """The sprites of a picture, uint8 [n, h, w, 4]: its tiles if it is a sheet, else its frames."""
    frames, path = picture.frames, picture.file.path
    _, h, w, _ = frames.shape
    if picture.ready:
        return frames
    grid = settings.grid
    if grid and times > 1:
        grid = shrunk(grid, times)
    elif not grid and len(frames) == 1 and (known is None or max(h, w) > known):
        grid = guess_grid(frames[0], known)
        if grid:
            told.sheets[str(grid)].append(str(path))
        elif h != w and told.files == 1:
            advice = "if it is a sheet, give --tile, and --margin and --spacing if it has any"
            told.notes.append(("sheets", f"{path}: {w}x{h} is not square; {advice}"))
    if not grid or (h <= grid.height and w <= grid.width):
        return frames
    try:
        return np.concatenate([grid.cut(frame) for frame in frames]) if len(frames) > 1 else grid.cut(frames[0])
    except ValueError as error:
        other = next(other_grids(grid, h, w), None)
        advice = f"--margin {other.margin} --spacing {other.spacing} would do" if other else "give another --tile"
        raise DataError(f"{path}: {error}; {advice}") from error


def shrunk(grid: Grid, times: int) -> Grid:
    """A grid in the pixels of a file that was enlarged, in true ones; one of true pixels already as it is."""
    sides = (grid.width, grid.height, grid.margin, grid.spacing)
    if any(side % times for side in sides) or min(grid.width, grid.height) < SIZES[0] * times:
        return grid
    return Grid(*(side // times for side in sides))


def hardened(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [n, h, w, 4] with an alpha of 0 or 255, and no colour where nothing is seen; of each sprite, how many
    pixels had another alpha, int [n]."""
    alpha = frames[..., 3]
    soft = np.count_nonzero(alpha + np.uint8(1) > 1, axis=(1, 2))  # 255 + 1 is 0
    hidden = alpha < HARD
    if soft.any() or frames[hidden].any():
        frames = np.array(frames)
        frames[hidden] = 0
        frames[..., 3][~hidden] = 255
    return frames, soft


def common_size(groups: Sequence[Group]) -> int:
    """The side that most sprites have or need, as a multiple of 8. DataError if that is more than the model takes."""
    counts: Counter[int] = Counter()
    for group in groups:
        counts[max(group.frames.shape[1:3])] += len(group.frames)
    side = counts.most_common(1)[0][0]
    if side > SIZES[-1]:
        path = next(group.picture.file.path for group in groups if max(group.frames.shape[1:3]) == side)
        raise DataError(
            f"{path}: {side} pixels a side, at most {SIZES[-1]} are learnt, and no plain grid of tiles was seen; give "
            "--tile for a sheet, or --size 16 --fit box to scale it down"
        )
    return max(SIZES[0], -(-side // STEP) * STEP)


def gathered(groups: list[Group], settings: Settings, told: Told) -> Collection:
    """The sprites of all groups at one size and by category, each once in its category."""
    size = settings.size or common_size(groups)
    check_total(groups[0].picture.file.path, sum(len(group.frames) for group in groups), size)
    spelt = one_spelling([name[CATEGORY] for group in groups for name in group.names])
    parts: dict[str, list[np.ndarray]] = defaultdict(list)
    origins: dict[str, list[Origin]] = defaultdict(list)
    lengths: dict[str, list[int]] = defaultdict(list)
    groups.reverse()
    while groups:
        group = groups.pop()
        file = str(group.picture.file.path)
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
            origins[category] += [origin(group, index, file) for index in indices]
    if not parts:
        reason, names = next(iter(told.left_out.names.items()))
        raise DataError(f"{names[0]}: {reason}, so no sprite is left")
    order = sorted(parts, key=str.casefold)
    check_names(order)
    images, said, labels, frames = [], list[Origin](), [], list[int]()
    for label, category in enumerate(order):
        pixels = parts.pop(category)
        own, rows, left = distinct(category, pixels, origins[category], lengths[category], settings.naming, told)
        images.append(own)
        said += rows
        labels += [label] * len(rows)
        frames += left
    table = settings.naming.table
    told.unused = len(table.rows.keys() - table.used) if table else 0
    told.softened = sum(one.soft for one in said)
    facets, files = [one.facets for one in said], [one.file for one in said]
    clips = of_lengths(frames)
    return Collection(np.concatenate(images), np.array(labels, np.int64), tuple(order), facets, files, clips, told)


def origin(group: Group, index: int, file: str) -> Origin:
    """What else is known of one sprite of a group."""
    facets = {facet: value for facet, value in group.names[index].items() if facet != CATEGORY}
    return Origin(facets, file, int(group.soft[index]))


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
