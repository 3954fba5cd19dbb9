"""Redraw the shipped sprite set, draw any number of other sprites, or look after the set.

    python scripts/make_sprites.py --out sprites                        # redraw sprites/
    python scripts/make_sprites.py --check                              # is sprites/ what the code draws?
    python scripts/make_sprites.py --report                             # how different are the sprites?
    python scripts/make_sprites.py --contact docs/sprites               # contact sheets and walk cycles
    python scripts/make_sprites.py --npy big --count 20000 --seed 1     # 100,000 others as an npy pair

The same seed and count give the same pixels every time; another seed gives other sprites. Only files that this command
drew are replaced, unless --overwrite is given: drawn.json beside them tells which.
"""

import argparse
import math
import sys
from pathlib import Path

from tqdm import tqdm

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.parsing import Parser
from ddpm.system.console import progress
from ddpm.system.outputs import held
from sprites.draw.collection import SIZES
from sprites.draw.folders import replacing
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
from sprites.draw.registry import CATEGORIES, CYCLES

MOST = 1_000_000  # sprites a category


def parse() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the sprite set to write, or to --check (sprites)")
    parser.add_argument("--count", type=int, default=2000, help="sprites a category (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other sprites (default: 0)")
    parser.add_argument(
        "--size",
        type=int,
        choices=SIZES,
        default=SIZES[0],
        help="side in pixels; 32 is each sprite enlarged by Scale2x",
    )
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--npy", type=Path, metavar="FOLDER", help="write an npy pair instead of a sprite set")
    task.add_argument("--check", action="store_true", help="compare a redraw with --out; exit code 1 if they differ")
    task.add_argument("--report", action="store_true", help="print nearest-neighbour distances a category")
    task.add_argument("--contact", type=Path, metavar="FOLDER", help="write contact sheets and walk.gif")
    parser.add_argument("--overwrite", action="store_true", help="replace files, whoever wrote or changed them")
    args = parser.parse_args()
    if not math.lcm(*CYCLES.values()) <= args.count <= MOST or args.count % math.lcm(*CYCLES.values()) or args.seed < 0:
        parser.error(f"--count must be a multiple of {math.lcm(*CYCLES.values())} (whole walk cycles) up to {MOST:,}, --seed 0 or more")
    if args.out and (args.npy or args.contact):
        parser.error("--out goes with neither --npy nor --contact, which name folders of their own")
    if not (args.out or args.npy or args.contact or args.check or args.report):
        parser.error(
            "nothing to do: --out FOLDER draws a sprite set (--out sprites: the shipped one), --npy FOLDER a pair"
        )
    if args.size != SIZES[0] and (args.check or args.report or args.contact):
        parser.error(f"--size {args.size} goes with a sprite set or --npy only")
    return args


def check(folder: Path, args: argparse.Namespace, bar: tqdm) -> None:
    try:
        found = differences(folder, args.count, args.seed, bar.update)
    except OSError as error:
        sys.exit(f"{folder}: no sprite set to compare with ({error})")
    bar.close()
    if found:
        sys.exit(f"{folder}: {', '.join(found)} differ from a redraw; redraw them with --out {folder}")
    print(f"{folder}: all {args.count * len(CATEGORIES)} sprites and their tags equal a redraw")


def print_report(args: argparse.Namespace, bar: tqdm) -> None:
    varieties = report(args.count, args.seed, bar.update)
    bar.close()
    print("pixels changed to the nearest other sprite / opaque pixels")
    print(f"{'category':12} {'sprites':>8} {'median':>8} {'5 %':>8} {'recolourings':>13}")
    for name, row in varieties.items():
        print(f"{name:12} {row.count:8} {row.median:8.1%} {row.low:8.1%} {row.recoloured:13.1%}")


def write(args: argparse.Namespace) -> None:
    """Draw into the folder that was asked for, if nothing in it would be lost."""
    how = {"seed": args.seed} if args.contact else {"seed": args.seed, "count": args.count, "size": args.size}
    if args.contact:
        names, total, draw = CONTACT_FILES, 100 * sum(CYCLES.values()), write_contact
    else:
        names, draw = (PAIR_FILES, write_pair) if args.npy else (SET_FILES, write_set)
        total = args.count * len(CATEGORIES)
    folder = args.contact or args.npy or args.out
    with (
        held(folder),
        replacing(folder, names, args.overwrite, **how) as aside,
        progress(total=total, unit="sprite") as bar,
    ):
        draw(aside, **how, tick=bar.update)


@exit_on_user_error
def main() -> int:
    args = parse()
    if args.check or args.report:
        with progress(total=args.count * len(CATEGORIES), unit="sprite") as bar:
            if args.check:
                check(args.out or Path("sprites"), args, bar)
            else:
                print_report(args, bar)
    else:
        write(args)
    return 0
