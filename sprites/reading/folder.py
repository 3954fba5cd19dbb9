"""What lies in a folder that anyone may have made: images at any depth, what is left out, what is no category."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from sprites.files import DataError, plural, some, why

SUFFIXES = (".png", ".gif", ".webp", ".bmp")
LITTER = ("__MACOSX", "__pycache__")
WRITTEN = ("config.toml", "sweep.json", "facets.json")  # one of them lies beside tb/ in what our commands write
LINK = "linked"
LEFT_OUT = {
    "JPEG blurs pixel art; save as PNG": ".jpg .jpeg .jpe .jfif",
    "read by scripts/prepare.py": ".aseprite .ase .apng .zip .parquet",
    "export to PNG": ".psd .psb .xcf .kra .ora .piskel .pxo .pyxel .clip .pdn .gal .svg .svgz",
    "convert to PNG": ".tif .tiff .tga .avif .heic .heif .jxl .jp2 .ico .cur .pcx .ppm .pgm .pbm .dds .qoi .iff .lbm",
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
    folder: Path,
    left_out: Counter[str] | None = None,
    suffixes: tuple[str, ...] = SUFFIXES,
    tell: Callable[[Path, str], object] = lambda path, reason: None,
) -> Iterator[Path]:
    """Image files at any depth, sorted within each folder; symbolic links to folders are not followed.

    left_out: is given how many files of which suffix are pictures too, but not read; tell: each of them, and why.
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
                tell(path, REASONS[LINK])
        elif suffix in suffixes:
            yield path
        elif suffix in REASONS:
            left_out[suffix] += 1
            tell(path, REASONS[suffix])


def in_order(path: Path) -> list[str | int]:
    """A key to sort by, so that walk_10 comes after walk_9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.as_posix().lower())]


def is_series(paths: Sequence[Path]) -> bool:
    """Whether files are numbered: two or more names that are alike but for a different number at their ends."""
    found = [re.fullmatch(r"(.*?)(\d+)", path.stem.lower()) for path in paths]
    named = [(name[1], int(name[2])) for name in found if name]
    return 1 < len(paths) == len(set(named)) and len({stem for stem, _ in named}) == 1


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


def refuse_link(folder: Path) -> NoReturn:
    """DataError for a link in place of a folder."""
    raise DataError(f"{folder}: a symbolic link, which is not followed; put the folder itself here")


def notes_on_files(root: Path, animated: list[Path], shallow: list[Path]) -> list[str]:
    """A line each about animations, and about 16-bit grey that holds 8 bits."""
    first, grey = (some([str(path.relative_to(root)) for path in paths], 3) for paths in (animated, shallow))
    notes = []
    if animated:
        count = plural(len(animated), "animation")
        notes.append(f"{root}: {count} read as the first frame ({first}); scripts/prepare.py reads all frames")
    if shallow:
        notes.append(f"{root}: {plural(len(shallow), 'file')} of 16-bit grey from 0 to 255 read as 8-bit ({grey})")
    return notes
