"""Sprites as files of engines and art programs: what may be replaced, and all files of an export together."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ddpm.commands.shared.flags import check_file, check_new_folder
from ddpm.system.outputs import check_writable, write_all, write_together, written_aside
from sprites.export.album import Album
from sprites.export.formats import FORMATS, files_of, format_of, places

if TYPE_CHECKING:
    from ddpm.show.sampled import Sampled


class Exporting:
    """A command line with --export."""

    export: Sequence[Sequence[Path]]

    @property
    def exports(self) -> list[Path]:
        """All that --export names, given once or again."""
        return [path for paths in self.export for path in paths]


class Outputs(Protocol):
    """What the command lines of sample.py and edit.py say of their files."""

    @property
    def out(self) -> Path: ...
    @property
    def npz(self) -> Path | None: ...
    @property
    def png_folder(self) -> Path | None: ...
    @property
    def exports(self) -> Sequence[Path]: ...


def check_export(flag: str, path: Path, overwrite: bool, name: str | None = None) -> None:
    """Raise ValueError unless an export can be written to `path`, in the format of this name or that of its suffix, and
    replaces nothing unasked."""
    name = name or format_of(path)
    form = FORMATS[name]
    if not form.suffixes:
        if overwrite and path.is_dir():
            check_writable(flag, path, path)
        else:
            check_new_folder(flag, path, ", or add --overwrite to write into it")
        return
    if path.suffix.lower() not in form.suffixes:
        raise ValueError(f"{flag} {path}: a file of the format {name} ends in {' or '.join(form.suffixes)}")
    for place in places(form, path):
        check_file(flag, place, place.suffix.lower())
        if place.exists() and not overwrite:
            raise ValueError(f"{flag} {place} is there already: name another, or add --overwrite to replace it")


def check_exports(flag: str, paths: Sequence[Path], others: Sequence[Path | None], overwrite: bool) -> None:
    """`check_export` for several, in the formats of their suffixes; `others` are files that are written too."""
    taken = {path.absolute() for path in others if path}
    for path in paths:
        check_export(flag, path, overwrite)
        for place in places(FORMATS[format_of(path)], path):
            if taken & {place.absolute(), *place.absolute().parents}:
                raise ValueError(f"{flag} {path} would write {place}, which another flag names too; choose another")


def save_sampled(args: Outputs, sampled: "Sampled", pictured: "Sampled", palette: np.ndarray | None) -> None:
    """Write the picture of `pictured`, and if asked arrays, PNG files and exports of `sampled`; tell of each.

    palette: of the exports, uint8 [P, 3]; None: their own colours.
    """
    saves = [(pictured.save_grid, args.out), (sampled.save_npz, args.npz), (sampled.save_pngs, args.png_folder)]
    if args.exports:
        saves += [(partial(save_album, sampled.album(palette)), path) for path in args.exports]
    write_all(*(partial(tell, save, path) for save, path in saves if path))


def tell(save: Callable[[Path], str], path: Path) -> None:
    print(save(path))


def save_album(album: Album, path: Path, name: str | None = None, columns: int | None = None) -> str:
    """Write an album in the format of this name, or that of the suffix of `path`: all its files or none. Returns a line
    that tells what was written. Raises ValueError for what the format cannot hold."""
    name = name or format_of(path)
    contents, told = files_of(name, album, path, columns)
    if FORMATS[name].suffixes:
        write_together(path.parent, contents)
    elif path.is_dir() and any(path.iterdir()):
        write_together(path, contents)
    else:
        with written_aside(path) as aside:
            write_together(aside, contents)
    also = [str(path.with_name(file)) for file in contents if FORMATS[name].beside and file != path.name]
    return f"{' and '.join([str(path), *also])}: {name}, {told}"
