"""From sources to sprites: pictures at their true size, cut into tiles, with hard alpha, each with its names."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from sprites.clips import runs
from sprites.colour import hardened
from sprites.files import DataError, plural, some
from sprites.prepare.names import CATEGORY, wrapping
from sprites.prepare.settings import TO_CUT, Settings, Told
from sprites.prepare.sources import READERS, Picture, read_source, sliced
from sprites.prepare.tiles import Grid, guess_grid, in_blobs, other_grids
from sprites.reading.folder import in_order, is_series
from sprites.reading.guesses import enlarged
from sprites.reading.image import SIZES

MAX_PIXELS = 2**28  # of all pictures of a source, when each is at its true size
LARGE = 48  # pixels a side; of smaller pictures it is not asked whether they are sheets
MOST_FRAMES = 32  # a folder of more numbered images is hardly a clip


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
    files: Sequence[str]
    """Of each sprite, what it is from."""


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
    """The sprites of all pictures, without blank ones. Each picture leaves the list, and the memory, when it is cut."""
    sides = Counter(p.frames.shape[1] for p, _ in pictures if p.frames.shape[1] == p.frames.shape[2])
    known = next((side for side, count in sides.most_common(1) if 2 * count > len(pictures) and side in SIZES), None)
    wraps: dict[str, int] = {}
    for source in {p.file.source for p, _ in pictures}:
        wraps[source] = wrapping([p.file for p, _ in pictures if p.file.source == source])
    pictures[:] = [(replace(p, grid=grid_of(p, times, settings, known)), times) for p, times in pictures]
    if settings.naming.by in ("folder", "slice"):
        pictures[:] = in_clips(pictures, wraps, settings, told)
    pictures.reverse()
    while pictures:
        picture, _ = pictures.pop()
        try:
            frames = cut(picture, settings, told)
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


def in_clips(
    pictures: list[tuple[Picture, int]], wraps: dict[str, int], settings: Settings, told: Told
) -> list[tuple[Picture, int]]:
    """The same, but the numbered images of a folder in the folder of a category are the frames of one picture.

    `load_sprites` takes all images of such a folder for frames. Without numbers they are stills here, and told.
    """
    folders = defaultdict[Path, list[int]](list)
    for index, (picture, _) in enumerate(pictures):
        below = len(picture.file.folders) - settings.naming.depth(picture.file, wraps[picture.file.source])
        if below > 0 and is_still(picture, settings) and not is_sheet(picture):
            folders[picture.file.path.parent].append(index)
    clips, others = [], []
    for folder, indices in folders.items():
        indices.sort(key=lambda index: in_order(pictures[index][0].file.path))
        if is_clip([pictures[index] for index in indices]):
            clips.append(indices)
            told.series.append(str(folder))
        elif len(indices) > 1:
            others.append(str(folder))
    if others:
        what = "taken for folders of stills, not being one series of numbered images of one size"
        told.notes.append(("folders", f"{what}: {some(others, 3)}"))
    told_outer(pictures, wraps, settings, told)
    return [joined([pictures[index] for index in run]) for run in runs(clips, len(pictures))]


def is_still(picture: Picture, settings: Settings) -> bool:
    """Whether a picture is all that a file shows, and has a name of its own."""
    named = picture.file.path.suffix.lower() in READERS and settings.naming.matched(picture.file) is not None
    return named and len(picture.frames) == 1 and not picture.label and not picture.tags


def is_sheet(picture: Picture) -> bool:
    """Whether a picture has more than one tile."""
    _, h, w, _ = picture.frames.shape
    return picture.grid is not None and (h > picture.grid.height or w > picture.grid.width)


def is_clip(own: Sequence[tuple[Picture, int]]) -> bool:
    """Whether pictures can be the frames of one clip: of one size, in files that are numbered."""
    sizes = {(times, picture.frames.shape) for picture, times in own}
    return len(sizes) == 1 and is_series([picture.file.path for picture, _ in own])


def joined(own: Sequence[tuple[Picture, int]]) -> tuple[Picture, int]:
    """Pictures of one size as the frames of one."""
    (first, times), *others = own
    if not others:
        return own[0]
    frames = np.concatenate([picture.frames for picture, _ in own])
    files = [picture.file for picture, _ in own]
    return replace(first, frames=frames, files=files, cycles=[range(len(frames))], grid=None), times


def told_outer(pictures: list[tuple[Picture, int]], wraps: dict[str, int], settings: Settings, told: Told) -> None:
    """Tell of folders that are taken for categories, though they look like the clips of the one around them."""
    for source, wrap in wraps.items():
        folders = defaultdict[tuple[str, ...], list[tuple[Picture, int]]](list)
        for picture, times in pictures:
            if picture.file.source == source:
                folders[picture.file.folders].append((picture, times))
        short = all(len(key) == wrap + 1 and len(own) <= MOST_FRAMES for key, own in folders.items())
        if wrap and short and not settings.naming.category and all(map(is_clip, folders.values())):
            pattern = "*/" * (wrap - 1) + "{category}/*/*"
            names = some([key[-1] for key in folders], 3)
            what = f"{'/'.join(next(iter(folders))[:wrap])} holds all else, so its folders are categories: {names}"
            told.notes.append(("folders", f'{what}; if each is a clip, give --category "{pattern}"'))


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
    tiles = len(frames) // len(picture.frames)
    files = [str(picture.file_of(index // tiles).path) for index in range(len(frames))]
    shown = {*seen}
    told.blank += [file for index, file in enumerate(files) if index not in shown]
    chosen = [index for index in seen if names[index][CATEGORY]]
    if len(chosen) < len(seen):
        told.left_out.add(f"{picture.file.path} ({plural(len(seen) - len(chosen), 'frame')})", "in no frame tag")
    if not chosen:
        return None
    told.sizes[frames.shape[2], frames.shape[1]] += len(chosen)
    kept = frames if len(chosen) == len(frames) else frames[chosen]
    place = {index: at for at, index in enumerate(chosen)}
    moving = [[place[index] for index in cycle if index in place] for cycle in cycles]
    return Group(picture, kept, [names[index] for index in chosen], soft[chosen], moving, [files[i] for i in chosen])


def cut(picture: Picture, settings: Settings, told: Told) -> np.ndarray:
    """The sprites of a picture, uint8 [n, h, w, 4]: its tiles if it is a sheet, else its frames."""
    frames, grid, path = picture.frames, picture.grid, picture.file.path
    _, h, w, _ = frames.shape
    if grid and not settings.grid:
        told.sheets[str(grid)].append(str(path))
    elif not grid and not picture.ready and len(frames) == 1:
        if max(h, w) > LARGE and in_blobs(frames[0]):
            told.blobs[str(path)] = w, h
        elif h != w and told.files == 1:
            told.notes.append(("sheets", f"{path}: {w}x{h} is not square; if it is a sheet, {TO_CUT}"))
    if not grid or not is_sheet(picture):
        return frames
    try:
        return np.concatenate([grid.cut(frame) for frame in frames]) if len(frames) > 1 else grid.cut(frames[0])
    except ValueError as error:
        other = next(other_grids(grid, h, w), None)
        advice = f"--margin {other.margin} --spacing {other.spacing} would do" if other else "give another --tile"
        raise DataError(f"{path}: {error}; {advice}") from error


def grid_of(picture: Picture, times: int, settings: Settings, known: int | None) -> Grid | None:
    """The tiles of a picture, as the user says or as they are guessed; None if it is no sheet."""
    if picture.ready:
        return None
    if settings.grid:
        return shrunk(settings.grid, times) if times > 1 else settings.grid
    if len(picture.frames) > 1 or (known is not None and max(picture.frames.shape[1:3]) <= known):
        return None
    return guess_grid(picture.frames[0], known)


def shrunk(grid: Grid, times: int) -> Grid:
    """A grid in the pixels of a file that was enlarged, in true ones; one of true pixels already as it is."""
    sides = (grid.width, grid.height, grid.margin, grid.spacing)
    if any(side % times for side in sides) or min(grid.width, grid.height) < SIZES[0] * times:
        return grid
    return Grid(*(side // times for side in sides))
