"""The formats of an export. A new one is a function from an album to files, and its entry in FORMATS."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sprites.colour import MOST
from sprites.export.album import Album, Files
from sprites.export.animations import write_apng, write_gif
from sprites.export.aseprite import write_aseprite
from sprites.export.characters import write_lpc, write_rpg_maker
from sprites.export.engines import write_godot, write_tiled
from sprites.export.sheets import write_json, write_pngs, write_sheet
from sprites.files import plural
from sprites.palettes import written_gimp, written_hexadecimal, written_jasc

Writer = Callable[[Album, str, int | None], Files]


@dataclass(frozen=True)
class Format:
    """One entry of the table."""

    about: str
    """What it is, in a few words."""
    write: Writer
    """From an album, the name of the file or folder, and a number of columns (None: as it fits best)."""
    suffixes: tuple[str, ...] = ()
    """Of the file; none of what is a folder."""
    beside: tuple[str, ...] = ()
    """Suffixes of further files of the same name."""
    takes: tuple[str, ...] = ("scale",)
    """Which of scale, columns and delay change anything."""
    of_palette: bool = False
    """Whether it holds colours alone."""


def palette_format(about: str, suffix: str, write: Callable) -> Format:
    def of_album(album: Album, name: str, columns: int | None) -> Files:
        colours = album.palette if album.palette is not None else album.colours
        if colours is None:
            raise ValueError(f"more than {MOST} colours, too many for a palette; --palette 64 chooses so many")
        if not len(colours):
            raise ValueError("all sprites are wholly transparent, so there are no colours for a palette")
        return Files({name: write(colours, Path(name).stem).encode()}, plural(len(colours), "colour"))

    return Format(about, of_album, (suffix,), takes=(), of_palette=True)


PNG, JSON, ASE = (".png",), (".json",), (".aseprite", ".ase")
GRID, FRAMES, BOTH = ("scale", "columns"), ("scale", "delay"), ("scale", "columns", "delay")
FORMATS: dict[str, Format] = {
    "sheet": Format("one PNG of all sprites", write_sheet, PNG, takes=GRID),
    "json-hash": Format("a sheet and Aseprite's JSON", partial(write_json, is_hash=True), JSON, PNG, BOTH),
    "json-array": Format("the same, frames as an array", partial(write_json, is_hash=False), JSON, PNG, BOTH),
    "phaser": Format("the same for Phaser, frames by number", partial(write_json, numbered=True), JSON, PNG, BOTH),
    "aseprite": Format("Aseprite, of indices if the colours fit", write_aseprite, ASE, takes=FRAMES),
    "aseprite-indexed": Format("Aseprite, of indices", partial(write_aseprite, is_indexed=True), ASE, takes=FRAMES),
    "aseprite-rgba": Format("Aseprite, RGBA", partial(write_aseprite, is_indexed=False), ASE, takes=FRAMES),
    "tiled": Format("a Tiled tileset and its sheet", write_tiled, (".tsx",), PNG, BOTH),
    "godot": Format("Godot 4 SpriteFrames and their sheet", write_godot, (".tres",), PNG, BOTH),
    "rpgmaker": Format("a character of RPG Maker VX to MZ", partial(write_rpg_maker, across=3), PNG),
    "rpgmaker-xp": Format("a character of RPG Maker XP", partial(write_rpg_maker, across=4), PNG),
    "lpc": Format("a character in rows as of the Liberated Pixel Cup", write_lpc, PNG),
    "gif": Format("an animation, one palette", write_gif, (".gif",), takes=FRAMES),
    "apng": Format("an animation as PNG", write_apng, (".apng", ".png"), takes=FRAMES),
    "png": Format("PNG files", partial(write_pngs, is_indexed=False)),
    "png-indexed": Format("PNG files of indices", partial(write_pngs, is_indexed=True)),
    "gpl": palette_format("a palette of GIMP", ".gpl", written_gimp),
    "hex": palette_format("a palette, RRGGBB a line", ".hex", written_hexadecimal),
    "pal": palette_format("a palette of JASC", ".pal", written_jasc),
}


def format_of(path: Path) -> str:
    """The first format that files of this suffix are of. Raises ValueError if there is none."""
    suffix = path.suffix.lower()
    found = next((name for name, form in FORMATS.items() if suffix in form.suffixes), None)
    if found is None:
        known = dict.fromkeys(known for form in FORMATS.values() for known in form.suffixes)
        raise ValueError(f"{path}: no format has the suffix {suffix!r}; expected one of {', '.join(known)}")
    return found


def places(form: Format, path: Path) -> list[Path]:
    """What is written: the file and those beside it, or the folder."""
    return [path, *(path.with_suffix(suffix) for suffix in form.beside)]


def files_of(name: str, album: Album, path: Path, columns: int | None = None) -> Files:
    """The files of an album in the format of this name, to be written to `path`. Raises ValueError, in one line, for
    what the format cannot hold."""
    form = FORMATS[name]
    if not len(album) and not form.of_palette:
        raise ValueError(f"there are no sprites, only a palette, and {name} is made of sprites")
    return form.write(album, path.name, columns)


def export(name: str, album: Album, path: str | Path, columns: int | None = None) -> list[Path]:
    """Write an album to a file, or to a folder where the format is one; returns the paths of all files written. What is
    there is replaced. Raises ValueError as `files_of`, before anything is written."""
    path = Path(path)
    folder = path.parent if FORMATS[name].suffixes else path
    contents = files_of(name, album, path, columns).contents
    for file, content in contents.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    return [folder / file for file in contents]
