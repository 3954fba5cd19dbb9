"""Redraw the shipped sprite set, draw any number of other sprites, or look after the set.

    python scripts/make_sprites.py --out sprites                        # redraw sprites/
    python scripts/make_sprites.py --check                              # is sprites/ what the code draws?
    python scripts/make_sprites.py --report                             # how different are the sprites?
    python scripts/make_sprites.py --contact docs/sprites               # contact sheets and walk cycles
    python scripts/make_sprites.py --npy big --count 20000 --seed 1     # 100,000 others as an npy pair

The same seed and count give the same pixels every time; another seed gives other sprites. Only files that this command
drew are replaced, unless --overwrite is given: drawn.json beside them tells which.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.parsing import parse
from ddpm.system.console import progress
from ddpm.system.outputs import held
from sprites.draw.collection import SIZES
from sprites.draw.output import (
    CONTACT_FILES,
    PAIR_FILES,
    SET_FILES,
    differences,
    report,
    write_contact,
    write_pair,
    write_set,
)
from sprites.draw.registry import CATEGORIES, CYCLES, WHOLE
from sprites.writing.folder import replacing

MOST = 1_000_000  # sprites a category
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class Arguments:
    out: Path | None = None
    """The sprite set to write, or to --check; left out, --check looks at sprites/."""
    count: int = 2000
    """Sprites a category."""
    seed: int = 0
    """Another seed draws other sprites."""
    size: int = SIZES[0]
    """Side in pixels, 16 or 32; 32 is each sprite enlarged by Scale2x."""
    npy: Path | None = None
    """Folder for an npy pair, instead of a sprite set."""
    check: Switch = False
    """Compare a redraw with --out; exit code 1 if they differ."""
    report: Switch = False
    """Print nearest-neighbour distances a category."""
    contact: Path | None = None
    """Folder for contact sheets and walk.gif."""
    overwrite: Switch = False
    """Replace files, whoever wrote or changed them."""

    def validate(self) -> None:
        """Refuse values that cannot work, and flags that do not go together, before anything is drawn."""
        tasks = [name for name in ("npy", "check", "report", "contact") if getattr(self, name)]
        if self.size not in SIZES:
            raise ValueError(f"--size {self.size}: expected one of {', '.join(map(str, SIZES))}")
        if len(tasks) > 1:
            raise ValueError(f"--{tasks[1]}: not allowed with argument --{tasks[0]}")
        if not WHOLE <= self.count <= MOST or self.count % WHOLE or self.seed < 0:
            raise ValueError(
                f"--count must be a multiple of {WHOLE} (whole walk cycles) up to {MOST:,}, --seed 0 or more"
            )
        if self.out and (self.npy or self.contact):
            raise ValueError("--out goes with neither --npy nor --contact, which name folders of their own")
        if not self.out and not tasks:
            raise ValueError(
                "nothing to do: --out FOLDER draws a sprite set (--out sprites: the shipped one), --npy FOLDER a pair"
            )
        if self.size != SIZES[0] and (self.check or self.report or self.contact):
            raise ValueError(f"--size {self.size} goes with a sprite set or --npy only")


def check(folder: Path, args: Arguments, bar: tqdm) -> None:
    try:
        found = differences(folder, args.count, args.seed, bar.update)
    except OSError as error:
        sys.exit(f"{folder}: no sprite set to compare with ({error})")
    bar.close()
    if found:
        sys.exit(f"{folder}: {', '.join(found)} differ from a redraw; redraw them with --out {folder}")
    print(f"{folder}: all {args.count * len(CATEGORIES)} sprites and their tags equal a redraw")


def print_report(args: Arguments, bar: tqdm) -> None:
    varieties = report(args.count, args.seed, bar.update)
    bar.close()
    print("pixels changed to the nearest other sprite / opaque pixels")
    print(f"{'category':12} {'sprites':>8} {'median':>8} {'5 %':>8} {'recolourings':>13}")
    for name, row in varieties.items():
        print(f"{name:12} {row.count:8} {row.median:8.1%} {row.low:8.1%} {row.recoloured:13.1%}")


def write(args: Arguments) -> None:
    """Draw into the folder that was asked for, if nothing in it would be lost."""
    how = {"seed": args.seed} if args.contact else {"seed": args.seed, "count": args.count, "size": args.size}
    draw: Callable[..., None]
    if args.contact:
        names, total, draw = CONTACT_FILES, 100 * sum(CYCLES.values()), write_contact
    else:
        names, draw = (PAIR_FILES, write_pair) if args.npy else (SET_FILES, write_set)
        total = args.count * len(CATEGORIES)
    folder = args.contact or args.npy or args.out
    assert folder
    with (
        held(folder),
        replacing(folder, names, args.overwrite, **how) as aside,
        progress(total=total, unit="sprite") as bar,
    ):
        draw(aside, **how, tick=bar.update)


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.validate()
    if args.check or args.report:
        with progress(total=args.count * len(CATEGORIES), unit="sprite") as bar:
            if args.check:
                check(args.out or Path("sprites"), args, bar)
            else:
                print_report(args, bar)
    else:
        write(args)
    return 0
