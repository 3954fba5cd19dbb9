"""The three kinds of folder: sprite set, npy pair, folder per category. Each reader: folder -> contents."""

import json
import os
import reprlib
import warnings
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from sprites import sheets
from sprites.files import (
    MAX_NAMES,
    DataError,
    check_file,
    check_link,
    check_names,
    parse_toml,
    plural,
    read_text,
    some,
    why,
)
from sprites.folders import (
    SUFFIXES,
    holds_images,
    images_below,
    note_left_out,
    reasons,
    refuse_link,
    refuse_wrapper,
    visible,
)
from sprites.pixels import Resize, check_total, fit, fit_all, is_opaque, read_rgba, survey, target_size

IN_MEMORY = 512 * 2**20  # bytes; a larger image array stays on disk, memory-mapped
MAX_SPRITES = 10**8  # of an npy pair; a sparse file can hold any number of them in no space
MAX_TILE = 8192
CHUNK = 2**24  # labels looked at in one go
COURSE_FILES = ("sprites_*.npy", "sprite_labels_*.npy")  # of the "How Diffusion Models Work" course
COURSE_NAMES = ("hero", "non_hero", "food", "spell", "side_facing")
FORMS = (
    "a sprite set (sprites.toml and a <category>.png sheet each), an npy pair (images [N,H,W,C] uint8 and "
    "labels, one-hot [N,K] or integer [N]) or a folder per category (<category>/*.png)"
)


class Contents(NamedTuple):
    """What a folder holds, as in `sprites.io.Sprites`."""

    images: np.ndarray
    labels: np.ndarray
    categories: tuple[str, ...]
    notes: tuple[str, ...] = ()
    files: Sequence[Path] = ()


def read_folder(folder: Path, size: int | None, resize: Resize | None) -> Contents:
    """The contents of a folder of any of the three kinds, recognised by what lies in it."""
    is_folder = {path: os.path.isdir(path) for path in visible(folder)}
    folders = [path for path in is_folder if is_folder[path]]
    files = [path for path in is_folder if not is_folder[path]]
    arrays = [path for path in files if path.suffix.lower() == ".npy"]
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]

    links = [path for path in folders if path.is_symlink()]
    kinds = {}
    if folder / "sprites.toml" in files:
        kinds["a sprite set"] = lambda: read_set(folder / "sprites.toml", size, resize)
    if arrays:
        kinds["an npy pair"] = lambda: read_pair(folder, arrays, size, resize)
    if any(holds_images(sub) for sub in folders if sub not in links):
        kinds["a folder per category"] = lambda: read_categories(folders, files, size, resize)
    if not kinds.keys() - {"a folder per category"}:
        refuse_wrapper(folder, folders)

    names = [f"{path.name}/" if is_folder[path] else path.name for path in is_folder]
    found = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "nothing"
    if len(kinds) > 1:
        raise DataError(f"{folder}: looks like {' and '.join(kinds)} (found {found}); keep one of them: {FORMS}")
    if not kinds and pictures:
        refuse_loose(pictures, found)
    if not kinds and links:
        refuse_link(links[0])
    if not kinds:
        left_out: Counter[str] = Counter()
        for path in is_folder:
            list(images_below(path, left_out))
        only = f", but pictures that are not read: {reasons(left_out)}" if left_out else f" (found {found})"
        raise DataError(f"{folder}: no sprites{only}; expected {FORMS}")
    return next(iter(kinds.values()))()


def checked_names(path: Path, names: object) -> tuple[str, ...]:
    """Category names as found in a file; a DataError names it."""
    try:
        return check_names(names)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error


# --- sprite set ---------------------------------------------------------------------------------------------


def read_set(toml: Path, size: int | None, resize: Resize | None) -> Contents:
    """`sprites.toml` and one sheet of square tiles per category. RGBA if any sheet is not opaque."""
    tile, categories = read_toml(toml)
    side = target_size([toml], [(tile, tile)], size, resize)
    paths = [toml.with_name(f"{name}.png") for name in categories]
    for name, path in zip(categories, paths, strict=True):
        if not os.path.exists(path):
            raise DataError(f"{path}: there is no such sheet, but {toml.name} lists {name!r}; add it or drop it")
        check_link(toml.parent, path)
    found = survey(paths)
    check_total(toml, sum(w * h for w, h in found.sizes) // tile**2, max(tile, side))
    groups, opaque, shallow = [], True, []
    for path in paths:
        sheet = read_rgba(path, shallow)
        opaque = opaque and is_opaque(sheet)
        groups.append(fit_all(cut(path, sheet, tile), side, resize))
    images = np.concatenate([group[..., :3] if opaque else group for group in groups])
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return Contents(images, labels, categories, tuple(notes_on_files(toml.parent, found.animated, shallow)))


def read_toml(path: Path) -> tuple[int, tuple[str, ...]]:
    """Tile size and category names of a sprite set; further keys are left to others."""
    check_link(path.parent, path)
    text = read_text(path)
    try:
        settings = parse_toml(text)
    except ValueError as error:
        raise DataError(f"{path}: not valid TOML ({why(error)})") from error
    for key, example in (("tile", "32"), ("categories", '["hero", "food"]')):
        if key not in settings:
            raise DataError(f"{path}: the key {key!r} is missing; add a line such as: {key} = {example}")
    tile = settings["tile"]
    if type(tile) is not int or not 1 <= tile <= MAX_TILE:  # bool is an int too
        got = reprlib.repr(tile)
        raise DataError(f"{path}: tile: got {got}, expected the side in pixels, 1 to {MAX_TILE:,}, such as 32")
    return tile, checked_names(path, settings["categories"])


def cut(path: Path, sheet: np.ndarray, tile: int) -> np.ndarray:
    """uint8 [H, W, 4] -> [n, tile, tile, 4], row by row, without the tiles that show nothing."""
    h, w = sheet.shape[:2]
    if h % tile or w % tile:
        raise DataError(f"{path}: {w}x{h} pixels, expected both sides to be multiples of the tile size {tile}")
    tiles = sheet.reshape(h // tile, tile, w // tile, tile, 4).swapaxes(1, 2).reshape(-1, tile, tile, 4)
    tiles = tiles[tiles[..., 3].any(axis=(1, 2))]
    if not len(tiles):
        raise DataError(f"{path}: category {path.stem!r} has no sprite, every tile is transparent; draw one or drop it")
    return tiles


# --- npy pair -----------------------------------------------------------------------------------------------


def read_pair(folder: Path, paths: list[Path], size: int | None, resize: Resize | None) -> Contents:
    """Two arrays told apart by their shapes, and the names in `categories.json`, if there is one."""
    if len(paths) != 2:
        names = ", ".join(path.name for path in paths)
        raise DataError(f"{folder}: {len(paths)} .npy files ({names}), expected two: images and labels")
    arrays = {path: read_npy(path) for path in paths}
    image_path, label_path = sorted(paths, key=lambda path: -arrays[path].ndim)
    images, labels = arrays[image_path], np.asarray(arrays[label_path])
    check_images(image_path, images)
    if labels.ndim == 4:
        raise DataError(f"{label_path}: images as well as {image_path.name}, expected labels, [N,K] or [N]")

    names_path = folder / "categories.json"
    names = read_names(names_path) if names_path.exists() else None
    indices, count = check_labels(label_path, labels, image_path, len(images), names)
    if (
        names is None
        and count == len(COURSE_NAMES)
        and all(map(fnmatchcase, (image_path.name, label_path.name), COURSE_FILES))
    ):
        names = COURSE_NAMES
    names = names or tuple(map(str, range(count)))
    counts = np.bincount(indices, minlength=count)
    if not counts.all():
        raise DataError(
            f"{label_path}: category {names[counts.argmin()]!r} never occurs, so it cannot be learnt; "
            "add sprites of it or drop it"
        )

    height, width = images.shape[1:3]
    side = target_size([image_path], [(width, height)], size, resize)
    if (width, height) != (side, side):
        check_total(image_path, len(images), side)
    images = fit_all(images, side, resize)
    if isinstance(images, np.memmap) and images.nbytes <= IN_MEMORY:
        images = np.array(images)
    return Contents(images, indices, names)


def read_npy(path: Path) -> np.ndarray:
    """The array of a `.npy` file, memory-mapped and read-only; never a pickle."""
    check_link(path.parent, path)
    check_file(path)
    try:
        with open(path, "rb") as file:
            start = file.read(12)  # the magic number, the version, and how long the header is
        if not start.startswith(MAGIC_PREFIX):
            raise ValueError("it does not begin like one")
        if start[len(MAGIC_PREFIX)] > 1 and int.from_bytes(start[8:], "little") > 2**16:
            raise ValueError("its header is too long")
        with warnings.catch_warnings(action="ignore"):  # of the Python syntax that a header is written in
            return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # at a broken header NumPy raises nearly anything
        raise DataError(
            f"{path}: cannot be read as a plain .npy array ({why(error)}); "
            "objects and pickles are refused: save a numeric array with np.save"
        ) from error


def check_images(path: Path, images: np.ndarray) -> None:
    """DataError unless uint8 [N, H, W, C] with C 3 or 4 and nothing empty."""
    expected = "uint8 [N,H,W,C] with C 3 (RGB) or 4 (RGBA)"
    got = f"{path}: got {images.dtype} {list(images.shape)}, expected {expected}"
    if images.ndim != 4 or images.shape[-1] not in (3, 4):
        raise DataError(f"{got}; stack grey to three channels, and put the channels last")
    if images.dtype != np.uint8:
        scale = "x * 255" if images.dtype.kind == "f" else "x"
        raise DataError(f"{got}, 0..255; convert with ({scale}).round().astype('uint8')")
    if 0 in images.shape:
        raise DataError(f"{got}; there are no sprites in it")
    if len(images) > MAX_SPRITES:
        raise DataError(f"{got}; these are too many sprites, at most {MAX_SPRITES:,} are read")


def check_labels(
    path: Path, labels: np.ndarray, image_path: Path, expected: int, names: tuple[str, ...] | None
) -> tuple[np.ndarray, int]:
    """One-hot [N, K] or integer [N] -> int64 [N] and K. DataError that names the first bad row."""
    got = f"{path}: got {labels.dtype} {list(labels.shape)}"
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "biuf":
        raise DataError(f"{got}, expected numeric labels, one-hot [N,K] or integer [N]")
    if len(labels) != expected:
        raise DataError(
            f"{path}: {len(labels)} labels for the {expected} images of {image_path.name}; make them one each"
        )
    if labels.ndim == 2:
        count = labels.shape[1]
        if names is not None and len(names) != count:
            raise DataError(
                f"{path.with_name('categories.json')}: {len(names)} names for the {count} columns of "
                f"{path.name}; give one name a column"
            )
        if count > MAX_NAMES:
            raise DataError(f"{got}, expected at most {MAX_NAMES:,} categories")
        return from_one_hot(path, labels), count
    if labels.dtype.kind not in "iu":
        refuse(path, labels, np.isnan(labels), "expected numbers")
        raise DataError(f"{got}, expected integers; convert with .astype('int64')")
    # Every category has a sprite: without names, a stray huge label does not stand for as many categories.
    count = len(names) if names is not None else min(int(labels.max()) + 1, len(labels))
    whose = "names in categories.json" if names is not None else "labels, as each category needs a sprite"
    refuse(path, labels, labels < 0, "expected 0 or more")
    refuse(path, labels, labels >= count, f"expected less than {count}, the number of {whose}")
    if count > MAX_NAMES:
        raise DataError(f"{path}: {count:,} categories, expected at most {MAX_NAMES:,}")
    return labels.astype(np.int64), count


def from_one_hot(path: Path, labels: np.ndarray) -> np.ndarray:
    """One-hot [N, K] -> int64 [N], looked at in parts, as the array may be larger than the memory."""
    indices = np.empty(len(labels), np.int64)
    rows = CHUNK // max(1, labels.shape[1]) + 1
    for start in range(0, len(labels), rows):
        part = labels[start : start + rows]
        refuse(path, part, np.isnan(part), "expected numbers", start)
        bad = ((part != 0) & (part != 1)).any(axis=1) | (np.count_nonzero(part, axis=1) != 1)
        refuse(path, part, bad, "expected one-hot: a single 1, else 0 (or an integer array [N])", start)
        indices[start : start + rows] = part.argmax(axis=1)
    return indices


def refuse(path: Path, labels: np.ndarray, bad: np.ndarray, expected: str, start: int = 0) -> None:
    """DataError that shows the first row where bad, bool [N] or [N, K], holds; `start` is the number of row 0."""
    if bad.any():
        row = int(bad.reshape(len(bad), -1).any(axis=1).argmax())
        raise DataError(f"{path}: row {start + row} is {reprlib.repr(labels[row].tolist())}, {expected}")


def read_names(path: Path) -> tuple[str, ...]:
    """Category names of an npy pair."""
    check_link(path.parent, path)
    text = read_text(path)
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON ({why(error)}); expected a list of names") from error
    return checked_names(path, names)


# --- folder per category ------------------------------------------------------------------------------------


def read_categories(folders: list[Path], beside: list[Path], size: int | None, resize: Resize | None) -> Contents:
    """One sub-folder of image files per category, and files beside them. RGBA if any pixel is not opaque."""
    root, left_out = folders[0].parent, Counter()
    groups = images_of(folders, beside, left_out)
    paths = [path for group in groups for path in group]
    categories = checked_names(root, [folder.name for folder in folders])
    for path in paths:
        check_link(root, path)
    found = survey(paths)
    guesses = sheets.Guesses(root, categories, found.sizes, size)
    side = target_size(paths, found.sizes, size, resize, guesses.advise)
    check_total(root, len(paths), side)
    opaque = all(is_opaque(read_rgba(path)) for path in found.unsure)
    images = np.empty((len(paths), side, side, 3 if opaque else 4), np.uint8)
    shallow: list[Path] = []
    for index, path in enumerate(paths):
        pixels = read_rgba(path, shallow)
        guesses.look(path, pixels, side, index)
        images[index] = fit(pixels[..., : images.shape[-1]], side, resize)
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    notes = [*note_left_out(root, left_out), *notes_on_files(root, found.animated, shallow), *guesses.notes()]
    return Contents(images, labels, categories, tuple(notes), paths)


def images_of(folders: list[Path], beside: list[Path], left_out: Counter[str]) -> list[list[Path]]:
    """The image files of each category; DataError for one without, and for what is none."""
    loose = [image for path in beside for image in images_below(path, left_out)]
    if loose:
        raise DataError(f"{loose[0]}: a loose image beside folders of images; move it into one of them")
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
            raise DataError(
                f"{folder}: category {folder.name!r} has no image{only}; "
                f"add some ({', '.join(SUFFIXES)}) or remove the folder"
            )
        left_out += here
    return groups


def notes_on_files(root: Path, animated: list[Path], shallow: list[Path]) -> list[str]:
    """A line each about animations, and about 16-bit grey that holds 8 bits."""
    first, grey = (some([str(path.relative_to(root)) for path in paths], 3) for paths in (animated, shallow))
    notes = []
    if animated:
        count = plural(len(animated), "animation")
        notes.append(f"{root}: {count} read as the first frame ({first}); save all frames as PNG to have them read")
    if shallow:
        notes.append(f"{root}: {plural(len(shallow), 'file')} of 16-bit grey from 0 to 255 read as 8-bit ({grey})")
    return notes


def refuse_loose(pictures: list[Path], found: str) -> NoReturn:
    """DataError for images in no folder, which may be sheets that are not described."""
    tiles = {sheets.guess_file(path)[0] for path in pictures[:4]}
    tile = tiles.pop() if len(tiles) == 1 else None
    what, how = "", "describe sheets in a sprites.toml"
    if tile:
        what = f" that looks like a sheet of {tile}x{tile} tiles"
        how = f"add {sheets.set_of_sheets(tile, [path.stem for path in pictures])}"
    raise DataError(
        f"{pictures[0]}: a loose image{what}; sort the images into one folder per category "
        f"(a single one is fine), or {how} (found {found})"
    )
