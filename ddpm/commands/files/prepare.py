"""Make a set of sprites that can be trained on of the files you have: sheets, animations, Aseprite's, archives.

    python scripts/prepare.py art --dry-run                                 # what is there, and what would come of it
    python scripts/prepare.py art --out set --size 16                       # each folder in art/ is a category
    python scripts/prepare.py walks.png --tile 16 --cycle 4 --out set       # a sheet of walks of four frames
    python scripts/prepare.py items.png --tile 16x24 --spacing 1 --out set  # a sheet
    python scripts/prepare.py pack.zip --category "{category}_{colour}_*.png" --out set
    python scripts/prepare.py hero.aseprite --by tag --out set              # each frame tag is a category
    python scripts/prepare.py shards --arrays --out set                     # Parquet files of any number of sprites

The sources stay as they are. What came of them is told, and shown in report.png. More in docs/files.md.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_folder
from ddpm.commands.shared.parsing import command_line, parse, project_file
from ddpm.show.fonts import label_font
from ddpm.system.console import one_line, progress, warn
from ddpm.system.outputs import check_apart, folder_written_aside
from sprites.files import plural, some
from sprites.prepare.collection import Collection, collect
from sprites.prepare.names import CATEGORY, By, Naming, read_table
from sprites.prepare.report import ROWS, captions, gallery, picture, report, spread
from sprites.prepare.settings import PICTURE, Settings
from sprites.prepare.sources import READERS
from sprites.prepare.tiles import Grid, parse_tile
from sprites.reading.image import SIZES, Fit
from sprites.writing.arrays import Made, write_arrays
from sprites.writing.folder import digest, read_manifest
from sprites.writing.npy_pair import examples
from sprites.writing.sprite_set import write_sprite_set

MANIFEST = "prepared.json"  # the files of an earlier result, and a digest of each
FEW = 20  # sprites; fewer are not worth training on
MANY = 1000  # sprites of 16x16; more are better trained on from nothing, as those of other sizes are
FROM_NOTHING = {size: f"configs/sprites{size}.toml" for size in (16, 32, 64)}
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class Arguments:
    sources: tyro.conf.Positional[tuple[Path, ...]]
    """Files and folders, in any mixture."""
    out: Path | None = None
    """The folder to make: sheets, sprites.toml, tags.csv and report.png."""
    tile: str | None = None
    """Of sheets, the side of a tile, or width x height, as in 16 or 16x24; left out, it is found where it is plain."""
    margin: int = 0
    """Of sheets, pixels around all tiles."""
    spacing: int = 0
    """Of sheets, pixels between tiles."""
    cycle: int | None = None
    """Of sheets, how many tiles in a row are the frames of one animation, blank ones counted; left out, each is a
    still."""
    size: int | None = None
    """Side of the sprites made, 8 to 128; left out, that of most of them, as a multiple of 8."""
    fit: Fit = "pad"
    """What is done with larger sprites: pad drops what is too large, crop keeps the middle, nearest and box scale.
    Smaller ones are centred."""
    category: str | None = None
    """One category for all, or a pattern for names of files, as in "{category}_{colour}_*.png", where other fields are
    tags."""
    by: By = "folder"
    """Where categories are from, unless --category says it: folders, names of files, frame tags or slices."""
    tags: Path | None = None
    """A table with a column file, or category and index; each other column is a tag."""
    clear: str | None = None
    """A colour that stands for transparent, as in ff00ff."""
    arrays: Switch = False
    """Write an npy pair as the pictures are read, for more sprites than the memory holds: no sheets are cut, and there
    are no tags and clips."""
    dry_run: Switch = False
    """Only report."""
    overwrite: Switch = False
    """Replace an earlier result of this command."""

    def settings(self) -> Settings:
        """What to do. ValueError for flags that cannot work, before any source is read."""
        if not self.out and not self.dry_run:
            raise ValueError("--out is missing: expected a folder to make, or --dry-run")
        if self.size is not None and self.size not in SIZES:
            raise ValueError(f"--size {self.size}: expected {SIZES[0]} to {SIZES[-1]}")
        if not 0 <= self.margin <= 1000 or not 0 <= self.spacing <= 1000:
            raise ValueError(f"--margin {self.margin} --spacing {self.spacing}: expected 0 to 1,000 pixels")
        if (self.margin or self.spacing) and not self.tile:
            raise ValueError("--margin and --spacing go with --tile")
        if self.cycle is not None and not 2 <= self.cycle <= 1000:
            raise ValueError(f"--cycle {self.cycle}: expected 2 to 1,000 tiles")
        grid = Grid(*parse_tile(self.tile), self.margin, self.spacing) if self.tile else None
        naming = Naming(self.category, self.by, read_table(self.tags) if self.tags else None)
        if self.arrays:
            self.check_arrays(naming)
        return Settings(naming, grid, self.size, self.fit, self.cycle, colour(self.clear) if self.clear else None)

    def check_arrays(self, naming: Naming) -> None:
        """ValueError for flags that ask for what an npy pair does not hold here."""
        given = {
            f"--by {self.by}": self.by in ("tag", "slice"),
            "--tile": self.tile,
            "--cycle": self.cycle,
            "--tags": self.tags,
            f"--category {self.category}": {*naming.fields} - {CATEGORY},
        }
        if wrong := [flag for flag, value in given.items() if value]:
            raise ValueError(
                f"{wrong[0]} does not go with --arrays, which cuts no pictures and keeps no tags; leave one of them out"
            )


def colour(word: str) -> tuple[int, int, int]:
    """Red, green and blue of "ff00ff"."""
    try:
        red, green, blue = bytes.fromhex(word.removeprefix("#"))
    except ValueError:
        raise ValueError(f"--clear {word}: expected a colour of six hexadecimal digits, as in ff00ff") from None
    return red, green, blue


def check_out(out: Path, sources: tuple[Path, ...], overwrite: bool) -> None:
    """ValueError if the result cannot be made there, would lie in a source, or replaces anything but an earlier result
    that is as it was made."""
    if out.is_symlink() or out.name in ("", ".."):
        raise ValueError(f"--out {out} is not the name of a folder to be made; choose another")
    check_folder("--out", out)
    for source in sources:
        if source.is_dir():
            check_apart("--out", out, source)
        check_apart("a source", source, out)
    if not out.exists() or not any(out.iterdir()):
        return
    made = read_manifest(out / MANIFEST)
    others = sorted(path.name for path in out.iterdir() if path.name not in {*made, MANIFEST})
    changed = [name for name in made if (out / name).exists() and digest(out / name) not in made[name]]
    if not made or others or changed:
        what = f"{some(others, 3)}, not made by this command" if others else f"{changed[0]}, changed since it was made"
        raise ValueError(f"--out {out} holds {what}; give a new or empty folder")
    if not overwrite:
        raise ValueError(f"--out {out} holds an earlier result; --overwrite replaces it")


@contextmanager
def made_whole(out: Path, check: Callable[[], None]) -> Iterator[Path]:
    """A folder for the result to be written into, whole or not at all, and what it is known by.

    check: whether what is there may be replaced, asked once more before it is.
    """
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with folder_written_aside(out) as aside:
        aside.mkdir()
        yield aside
        files = {path.name: digest(path) for path in sorted(aside.iterdir())}
        (aside / MANIFEST).write_text(json.dumps({"files": files}, indent=2) + "\n", encoding="utf-8")
        check()


def write(folder: Path, found: Collection) -> None:
    """The sprite set, and the picture of the report."""
    write_sprite_set(folder, found.images, found.labels, found.categories, found.facets, found.clips)
    picture(found, label_font).save(folder / PICTURE)


def make_arrays(sources: tuple[Path, ...], settings: Settings, out: Path | None, check: Callable[[], None]) -> Made:
    """Read all sources into an npy pair, or only look at them if there is no `out`."""
    with progress(desc="reading", unit="picture", leave=False) as bar:
        if not out:
            return write_arrays(sources, settings, None, bar.update)
        with made_whole(out, check) as folder:
            made = write_arrays(sources, settings, folder, bar.update)
            shown = examples(folder, made.counts[:ROWS], spread)
            gallery(shown, captions(made.categories, made.counts), None, label_font).save(folder / PICTURE)
    return made


def tell(lines: Iterable[tuple[str, str]]) -> None:
    """Print a report, each line with its heading."""
    for heading, what in lines:
        print(f"{heading:13} {one_line(what)}")


def config_for(size: int, count: int) -> str:
    """What so many sprites of a size are best trained with (docs/finetuning.md)."""
    tuned = "configs/finetune.toml"
    return tuned if size == 16 and count <= MANY else FROM_NOTHING.get(size, tuned)


def tell_next(out: Path, count: int, size: int, has_tags: bool = False, has_clips: bool = False) -> None:
    """Print what was made, and the commands that train on it."""
    print(f"made {out}; look at {out / PICTURE}")
    if count < FEW:
        few = f"{plural(count, 'sprite')} {'is' if count == 1 else 'are'} few"
        warn(f"{few}: {FEW} or more are needed to learn from, see docs/finetuning.md")
    train, data = command_line("train"), f"--data {shlex.quote(str(out))}"
    print(f"next: {train} {project_file(config_for(size, count))} {data}{' --tags' * has_tags} --out runs/mine")
    if has_clips:
        walks = (
            f"{project_file('configs/walks.toml')} --from walks {data} --endless none{' --no-tags' * (not has_tags)}"
        )
        print(f"or, for its clips: {train} {walks} --out runs/walks")


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, f"{__doc__}\nIt reads {', '.join(READERS)}, sprite sets and npy pairs.")
    settings = args.settings()
    out = None if args.dry_run else args.out
    check = partial(check_out, out, args.sources, args.overwrite) if out else lambda: None
    check()
    has_tags = has_clips = False
    if args.arrays:
        made = make_arrays(args.sources, settings, out, check)
        tell(made.report())
        count, size = sum(made.counts), made.size
    else:
        with progress(desc="reading", unit="picture", leave=False) as bar:
            found = collect(args.sources, settings, bar.update)
        tell(report(found))
        if out:
            with made_whole(out, check) as folder:
                write(folder, found)
        count, size = len(found.images), found.size
        has_tags, has_clips = any(found.facets), len({*found.clips.tolist()}) < count
    if out:
        tell_next(out, count, size, has_tags, has_clips)
    return 0
