"""Write sprites as files that engines and art programs open.

    python scripts/export.py sprites.npz --out hero.aseprite                    # what sample.py wrote with --npz
    python scripts/export.py FOLDER --out walk.gif --delay 100                  # a folder of PNGs, by their names
    python scripts/export.py FOLDER --format json-array --out hero.json         # a sheet and Aseprite's JSON of it
    python scripts/export.py sprites --only "kind=knight facing=left" --count 4 --format rpgmaker --out '$knight.png'
    python scripts/export.py shipped --out colours.gpl                          # the palette of a model

Without --out, the file has the name of what is exported. More in docs/files.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.exports import check_export, save_album
from ddpm.commands.shared.flags import check_count
from ddpm.commands.shared.parsing import parse
from ddpm.system.console import warn
from ddpm.system.memory import check_fits
from ddpm.system.outputs import check_apart, check_is_sprite
from sprites.colour import MOST, from_hexadecimals
from sprites.export.album import MOST_DELAY, Album, palette_only
from sprites.export.formats import FORMATS, format_of, places
from sprites.export.source import load_album
from sprites.palettes import asked_palette

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]
MOST_SCALE = 64
LISTED = "; ".join(f"{name}: {form.about} ({', '.join(form.suffixes) or 'a folder'})" for name, form in FORMATS.items())


@dataclass(frozen=True)
class Arguments:
    sprites: tyro.conf.Positional[Path]
    """An npz that sample.py wrote, a folder of PNGs (each folder in it becomes a frame tag), a sprite set, a PNG or a
    palette; or a model, for its palette."""
    format: Annotated[FormatName | None, tyro.conf.arg(help=f"{LISTED}. Left out, the first that fits --out.")] = None
    out: Path | None = None
    """The file to write, or the folder; left out, the name of SPRITES with the suffix of the format, in this folder."""
    only: tuple[str, ...] = ()
    """Only these categories, or sprites of these tags as in "kind=dog facing=left"; each becomes a frame tag."""
    count: int | None = None
    """Only the first so many of each category, or of each of --only."""
    scale: int = 1
    """Each pixel becomes a square of so many."""
    columns: int | None = None
    """Cells in a row of a sheet."""
    delay: int | None = None
    """Milliseconds of each frame; left out, 125."""
    palette: str | None = None
    """Bring all sprites to the colours of this file (.hex, .gpl, .pal or an image), or to so many, chosen for them."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace files that are there."""

    @property
    def name(self) -> str:
        """That of the format."""
        if self.format:
            return self.format
        if not self.out:
            raise ValueError(f"what shall be written? Name a file with --out, or a --format: {', '.join(FORMATS)}")
        return format_of(self.out) if self.out.suffix else "png"

    @property
    def place(self) -> Path:
        """Where to write to."""
        stem = self.sprites.resolve().stem
        return self.out or Path(stem + (FORMATS[self.name].suffixes or ("-" + self.name,))[0])

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is read."""
        if not 1 <= self.scale <= MOST_SCALE:
            raise ValueError(f"--scale must be from 1 to {MOST_SCALE}, got {self.scale}")
        if self.count is not None:
            check_count("--count", self.count)
        if self.columns is not None:
            check_count("--columns", self.columns)
        if self.delay is not None:
            check_count("--delay", self.delay, MOST_DELAY)
        given = {"scale": self.scale > 1, "columns": self.columns is not None, "delay": self.delay is not None}
        for flag, is_given in given.items():
            if is_given and flag not in FORMATS[self.name].takes:
                fit = [name for name, form in FORMATS.items() if flag in form.takes]
                raise ValueError(f"--{flag} changes nothing in the format {self.name}; it goes with {', '.join(fit)}")
        if self.sprites.is_dir() and not is_model(self.sprites):
            check_apart("--out", self.place, self.sprites)
        written = places(FORMATS[self.name], self.place)
        if self.sprites.resolve() in [path.resolve() for path in written]:
            raise ValueError(f"--out {self.place} would replace {self.sprites} itself; choose another")
        if not self.out and not self.overwrite and (there := next((path for path in written if path.exists()), None)):
            way = "name another with --out, or add --overwrite to replace it"
            raise ValueError(f"would write {there}, which is there already: {way}")
        check_export("--out", self.place, self.overwrite, self.name)


def is_model(path: Path) -> bool:
    """Whether there is a model at this place, by the name of its file."""
    return path.suffix == ".safetensors" or (path / "model.safetensors").is_file()


def palette_of_model(path: Path) -> Album | None:
    """The palette of a model at this place or of this name; None if it is no model. Raises ValueError for a model
    without one."""
    if not is_model(path):
        if path.exists() or path.suffix:
            return None
        from ddpm.runs.models import pretrained

        if path not in pretrained():
            return None
    from ddpm.runs.models import read_model, spec_of

    spec = spec_of(read_model(path)[1])
    if not spec.palette:
        raise ValueError(f"{path}: the model has no palette, as its sprites have more than {MOST} colours; sample some")
    return palette_only(from_hexadecimals(spec.palette))


def prepared(args: Arguments) -> Album:
    """The album that is asked for, in its colours, scale and delays. Raises ValueError for what there is not."""
    if (album := palette_of_model(args.sprites)) is not None:
        if not FORMATS[args.name].of_palette:
            raise ValueError(f"{args.sprites} is a model: sample.py {args.sprites} --export FILE writes sprites of it")
    else:
        check_is_sprite(args.sprites)
        album, notes = load_album(args.sprites, args.only, args.count)
        for note in notes:
            warn(note)
    if not len(album):
        return album
    if args.palette:
        sprites = album.sprites
        album = album.in_palette(asked_palette(args.palette, lambda: sprites))
    needed = 4 * album.rgba.nbytes * args.scale**2
    check_fits(f"a --scale of {args.scale}", needed, "take a smaller one, or fewer sprites by --only and --count")
    album = album.enlarged(args.scale)
    return album if args.delay is None else album.timed(args.delay)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    print(save_album(prepared(args), args.place, args.name, args.columns))
    return 0
