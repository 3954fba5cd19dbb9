"""From sources to sprites: pictures at their true size, cut into tiles, with hard alpha, each with its names."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from sprites.colour import hardened
from sprites.files import DataError, plural
from sprites.prepare.names import CATEGORY, wrapping
from sprites.prepare.settings import Settings, Told
from sprites.prepare.sources import Picture, read_source, sliced
from sprites.prepare.tiles import Grid, guess_grid, other_grids
from sprites.reading.guesses import enlarged
from sprites.reading.image import SIZES

MAX_PIXELS = 2**28  # of all pictures of a source, when each is at its true size


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
            raise DataError(f"{source}: more than {MAX_PIXELS:,} pixels; prepare it in parts, or with --arrays")
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
