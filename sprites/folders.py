"""What lies in a folder that anyone may have made: images at any depth, what is left out, what is no category."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from sprites.files import DataError, plural, why

SUFFIXES = (".png", ".gif", ".webp", ".bmp")
SPRITES = (*SUFFIXES, ".npy")
LITTER = ("__MACOSX", "__pycache__")
WRITTEN = ("config.toml", "sweep.json", "facets.json")  # one of them lies beside tb/ in what our commands write
MAX_WRAPS = 8
LINK = "linked"
LEFT_OUT = {
    "JPEG blurs pixel art; save as PNG": ".jpg .jpeg .jpe .jfif",
    "export to PNG": ".aseprite .ase .psd .psb .xcf .kra .ora .piskel .pxo .pyxel .clip .pdn .gal .svg .svgz",
    "convert to PNG": ".tif .tiff .tga .avif .heic .heif .jxl .jp2 .ico .cur .pcx .ppm .pgm .pbm .dds .qoi .iff .lbm",
    "save its frames as PNG": ".apng",
    "links to folders are not followed; put the folders there": LINK,
}
REASONS = {name: reason for reason, names in LEFT_OUT.items() for name in names.split()}


def visible(folder: Path) -> list[Path]:
    """What lies in a folder, sorted by name, without hidden entries and the litter of other programs.

    DataError for a folder that a command of ours wrote, whose pictures are no sprites.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({why(error)})") from error
    if "tb" in names and not set(WRITTEN).isdisjoint(names) and any((folder / "tb").glob("events.out.tfevents.*")):
        raise DataError(f"{folder}: a run, or what was measured of one; give a folder of sprites, with no run in it")
    return [folder / name for name in names if not name.startswith(".") and name not in LITTER]


def images_below(
    folder: Path, left_out: Counter[str] | None = None, suffixes: tuple[str, ...] = SUFFIXES
) -> Iterator[Path]:
    """Image files at any depth, sorted within each folder; symbolic links to folders are not followed.

    left_out: is given how many files of which suffix are pictures too, but not read.
    """
    left_out = Counter() if left_out is None else left_out
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        suffix = path.suffix.lower()
        if os.path.isdir(path):  # unlike its methods, this raises nothing at a link that leads nowhere
            if path == folder or not path.is_symlink():
                waiting += reversed(visible(path))
            else:
                left_out[LINK] += 1
        elif suffix in suffixes:
            yield path
        elif suffix in REASONS:
            left_out[suffix] += 1


def reasons(left_out: Counter[str]) -> str:
    """How many files of which kind are left out, and why."""
    kinds = {reason: [name for name in left_out if REASONS[name] == reason] for reason in LEFT_OUT}
    return ", ".join(
        f"{' and '.join(f'{left_out[name]} {name}' for name in names)} ({reason})"
        for reason, names in kinds.items()
        if names
    )


def note_left_out(root: Path, left_out: Counter[str]) -> list[str]:
    """One line about the pictures that are not read."""
    return [f"{root}: {plural(left_out.total(), 'file')} left out: {reasons(left_out)}"] if left_out else []


def holds_images(folder: Path) -> bool:
    """Whether there is an image at any depth."""
    return next(images_below(folder), None) is not None


def refuse_wrapper(folder: Path, folders: list[Path]) -> None:
    """DataError, with the path to give, if all that `folder` holds is one folder that is itself a set of sprites."""
    path = folder
    for _ in range(MAX_WRAPS):
        folders = [sub for sub in folders if not sub.is_symlink() and next(images_below(sub, None, SPRITES), None)]
        if len(folders) != 1:
            break
        path = folders[0]
        inside = visible(path)
        folders = [sub for sub in inside if os.path.isdir(sub)]
        pictures = any(file.suffix.lower() in SUFFIXES for file in inside if file not in folders)
        if is_described(inside, pictures):
            raise DataError(f"{folder}: the sprites are in {path}; give that folder")
        if pictures:
            return
    if path != folder and len(folders) > 1:
        raise DataError(
            f"{folder}: holds a single folder, and that {len(folders)} folders of images; give {path} if these are the "
            f"categories, or move their images right into {path} if it is the only one"
        )


def is_described(inside: list[Path], pictures: bool) -> bool:
    """Whether a sprite set, or an npy pair without pictures beside it, is among the files of a folder."""
    return any(path.name == "sprites.toml" or (path.suffix.lower() == ".npy" and not pictures) for path in inside)


def refuse_link(folder: Path) -> NoReturn:
    """DataError for a link in place of a folder."""
    raise DataError(f"{folder}: a symbolic link, which is not followed; put the folder itself here")
