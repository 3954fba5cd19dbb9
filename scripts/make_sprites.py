"""Redraw the shipped sprite set: sheets, tags, sprites.toml and the contact sheet.

    python scripts/make_sprites.py
    python scripts/make_sprites.py --out /tmp/more --count 5000 --seed 1

The same seed and count give the same pixels every time; another seed gives other sprites.
"""

import argparse
import csv
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from sprites.draw.collection import SHEET_COLUMNS, contact_sheet, draw_distinct, sheet
from sprites.draw.registry import CATEGORIES, FRAMES, TAG_NAMES, Tags

TOML = """\
# A sprite set: one PNG sheet a category, named <category>.png, next to this file.
# A sheet holds square tiles row by row, from the upper left; its width and height are multiples of `tile`.
# A tile with no opaque pixel is padding. The order of `categories` is the order of the labels.
# Any folder with a file like this one can be trained on.

tile = 16
categories = [{categories}]
"""


def write_tags(path: Path, tags: dict[str, list[Tags]]) -> None:
    """One row a sprite, in sheet order; what a sprite does not have is empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("category", "index", *TAG_NAMES))
        for category, rows in tags.items():
            table.writerows((category, index, *row.values()) for index, row in enumerate(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("sprites"), help="folder to write to (default: sprites)")
    parser.add_argument("--count", type=int, default=2000, help="sprites a category (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other sprites (default: 0)")
    args = parser.parse_args()
    if args.count < FRAMES or args.count % FRAMES or args.seed < 0:
        parser.error(f"--count must be a positive multiple of {FRAMES} (whole walk cycles), --seed 0 or more")
    args.out.mkdir(parents=True, exist_ok=True)

    tags: dict[str, list[Tags]] = {}
    samples: list[np.ndarray] = []
    with tqdm(total=args.count * len(CATEGORIES), unit="sprite") as bar:
        for category in CATEGORIES:
            tiles, tags[category] = [], []
            bar.set_description(category)
            for tile, answer in islice(draw_distinct(category, args.seed), args.count):
                tiles.append(tile)
                tags[category].append(answer)
                bar.update()
            sheet(np.stack(tiles), SHEET_COLUMNS).save(args.out / f"{category}.png", optimize=True)
            cycle = FRAMES if category == "side_facing" else 1
            samples += [np.stack(row) for row in (tiles[::cycle][:20], tiles[32:52]) if row]
    write_tags(args.out / "tags.csv", tags)
    names = ", ".join(f'"{category}"' for category in CATEGORIES)
    (args.out / "sprites.toml").write_text(TOML.format(categories=names), encoding="utf-8")
    contact_sheet(samples).save(args.out / "contact.png", optimize=True)


if __name__ == "__main__":
    main()
