"""Sheets of one walking character, a row for each direction: RPG Maker's, and those of the Liberated Pixel Cup.

RPG Maker XP has 4 columns, which are shown in turn; the first of them stands. VX, VX Ace, MV and MZ have 3, shown as
step, stand, step, stand. Its rows are down, left, right, up (the help files of RPG Maker, "Material Specifications").
The rows of LPC sheets are up, left, down, right, of any number of columns (lpc.opengameart.org, "Style guide").
"""

import re
from collections.abc import Sequence

import numpy as np

from sprites.colour import opaque
from sprites.export.album import Album, Files, Run
from sprites.export.sheets import png_of
from sprites.files import plural, some
from sprites.writing.sheets import side_by_side

RPG_MAKER = ("down", "left", "right", "up")
LPC = ("up", "left", "down", "right")
WORDS = {"down": "down", "front": "down", "south": "down", "up": "up", "back": "up", "north": "up"}
WORDS |= {"left": "left", "west": "left", "right": "right", "east": "right"}
INSTEAD = {"down": ("left", "right", "up"), "up": ("right", "left", "down"), "left": ("right", "down", "up")}
INSTEAD |= {
    "right": ("left", "down", "up")
}  # what is shown for a direction that there is no run of: the first there is
SIDES = {"left", "right"}  # one is the other in a mirror

Walk = np.ndarray  # the frames of one direction, uint8 [n, H, W, 4]


def direction(run: Run) -> str | None:
    """Where a run looks, from a word of its name, as in "walk_left" or "kind=dog facing=left"."""
    found = {WORDS[word] for word in re.findall("[a-z]+", run.name.lower()) if word in WORDS}
    return found.pop() if len(found) == 1 else None


def walks_of(album: Album, order: Sequence[str]) -> dict[str, Walk]:
    """The walks of those directions that there are. Runs of one direction follow one another. Where no run says where
    it looks, four are taken in `order`, and one is all there is. Raises ValueError if others do not tell."""
    sprites = album.rgba
    runs = album.runs or (Run("all", 0, len(album) - 1),)
    looks = [direction(run) for run in runs]
    if not any(looks) and len(runs) == 4:
        looks = list(order)
    elif not any(looks) and len(runs) == 1:
        looks = ["down"]
    if None in looks:
        unclear = [run.name for run, look in zip(runs, looks, strict=True) if look is None]
        raise ValueError(
            f"no direction in the names {some(unclear, 3)}: name them as in walk_left, or pick one or four of them by "
            "--only"
        )
    walks: dict[str, Walk] = {}
    for run, look in zip(runs, looks, strict=True):
        assert look
        walks[look] = np.concatenate([walks.get(look, sprites[:0]), sprites[run.first : run.last + 1]])
    return walks


def rows_of(album: Album, order: Sequence[str]) -> tuple[list[Walk], str]:
    """A walk for each direction, and which of them stand in for others. Raises ValueError for walks that differ in
    length."""
    walks = walks_of(album, order)
    if len({len(walk) for walk in walks.values()}) > 1:
        lengths = ", ".join(f"{look} {len(walk)}" for look, walk in walks.items())
        raise ValueError(f"the directions have different numbers of frames ({lengths}); take equally many with --count")
    rows, told = [], []
    for look in order:
        source = next(name for name in (look, *INSTEAD[look]) if name in walks)
        mirrored = {look, source} == SIDES
        rows.append(walks[source][:, :, ::-1] if mirrored else walks[source])
        if source != look:
            told.append(f"{look} is {source}{' mirrored' if mirrored else ''}")
    return rows, f" ({', '.join(told)})" if told else ""


def depth(frame: np.ndarray) -> float:
    """The mean row of the opaque pixels of uint8 [H, W, 4]."""
    rows = np.nonzero(opaque(frame))[0]
    return float(rows.mean()) if len(rows) else 0.0


def steps(walk: Walk, columns: int) -> list[int]:
    """Which frames of a walk the columns of RPG Maker show. Raises ValueError for a walk of another length.

    Of four frames two step and two stand, in turn. A body is highest as its legs pass one another: these stand.
    """
    n, stands = len(walk), 0
    if n == 4:
        depths = [depth(frame) for frame in walk]
        stands = int(depths[1] + depths[3] < depths[0] + depths[2])
    known = {
        (1, 3): [0, 0, 0],
        (1, 4): [0, 0, 0, 0],
        (2, 3): [1, 0, 1],
        (2, 4): [0, 1, 0, 1],
        (3, 3): [0, 1, 2],
        (3, 4): [1, 0, 1, 2],
        (4, 3): [(stands - 1) % 4, stands, stands + 1],
        (4, 4): [(stands + i) % 4 for i in range(4)],
    }
    if (n, columns) not in known:
        raise ValueError(
            f"a direction has {plural(n, 'frame')}, and RPG Maker shows walks of 1 to 4; take so many with --count"
        )
    return known[n, columns]


def write_rpg_maker(album: Album, name: str, columns: int | None, across: int) -> Files:
    """One character of 3 or 4 columns (`across`) and 4 rows."""
    rows, told = rows_of(album, RPG_MAKER)
    cells = np.concatenate([walk[steps(walk, across)] for walk in rows])
    is_named = across == 4 or name.startswith(("$", "!$"))
    named = "" if is_named else f"; name it ${name}, which tells RPG Maker that it is a single character"
    return Files({name: png_of(side_by_side(cells, across))}, f"{across} columns x 4 rows{told}{named}")


def write_lpc(album: Album, name: str, columns: int | None) -> Files:
    """One character of 4 rows, of as many columns as its walk has frames."""
    rows, told = rows_of(album, LPC)
    n = len(rows[0])
    return Files({name: png_of(side_by_side(np.concatenate(rows), n))}, f"{plural(n, 'column')} x 4 rows{told}")
