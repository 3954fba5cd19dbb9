"""The drawings that the kinds compose from: text files in art/, which are changed without knowing Python.

    # A line that begins with "#" is a comment.
    [apples]
    ..33..
    .3433.
    .3332.

    ..33..
    344333

    [hat: crown]
    3.3.3
    33333

A line in brackets names a block. A block holds one drawing or several, which blank lines part. Blocks whose names begin
alike up to a colon are a set. Each character is one pixel, as `sprites.draw.brush` explains; the rows of a drawing are
equally long, and "." stands for what is below. Where one drawing of several is picked, their order counts.
"""

from functools import cache
from importlib.resources import files

import numpy as np

from sprites.draw.brush import LETTERS, TILE, compiled

Blocks = dict[str, list[np.ndarray]]


class Art:
    """The blocks of art/<name>.txt for each of these names; a block hides those of its name in later files."""

    def __init__(self, *names: str) -> None:
        self._source = " and ".join(f"{name}.txt" for name in names)
        self._blocks: Blocks = {}
        self._single: dict[str, np.ndarray] = {}
        self._sets: dict[str, dict[str, np.ndarray]] = {}
        for name in names:
            for title, drawings in read(name).items():
                if title not in self._blocks:
                    self._blocks[title] = drawings
                    if len(drawings) == 1:
                        self._single[title] = drawings[0]
                    group, colon, part = title.partition(": ")
                    if colon:
                        self._sets.setdefault(group, {})[part] = self.one(title)

    def several(self, title: str) -> list[np.ndarray]:
        """The drawings of a block, each uint8 [H, W] of slots."""
        if title not in self._blocks:
            raise ValueError(f"{self._source}: there is no [{title}]")
        return self._blocks[title]

    def one(self, title: str) -> np.ndarray:
        """The only drawing of a block, uint8 [H, W] of slots."""
        if title not in self._single:
            raise ValueError(f"{self._source}: [{title}] has {len(self.several(title))} drawings, expected one")
        return self._single[title]

    def named(self, group: str) -> dict[str, np.ndarray]:
        """The drawings of a set by what follows the colon, in the order of the file."""
        if group not in self._sets:
            raise ValueError(f"{self._source}: there is no [{group}: ...]")
        return self._sets[group]


@cache
def read(name: str) -> Blocks:
    """The blocks of art/<name>.txt."""
    text = files("sprites.draw").joinpath("art", f"{name}.txt").read_text(encoding="utf-8")
    return parse(text, f"art/{name}.txt")


def parse(text: str, source: str) -> Blocks:
    """The blocks of a text, in its order. Raises ValueError that names the source and the line of a mistake."""
    blocks: Blocks = {}
    begun: dict[str, str] = {}  # the place of each name
    title = ""
    rows: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        line, place = line.strip(), f"{source}:{number}"
        if line.startswith("#"):
            continue
        if rows and (line.startswith("[") or not line):
            blocks[title].append(compiled(rows))
            rows = []
        if line.startswith("["):
            title = title_of(line, place)
            if title in blocks:
                raise ValueError(f"{place}: [{title}] is there already, at {begun[title]}; draw there")
            blocks[title], begun[title] = [], place
        elif line:
            if not title:
                raise ValueError(f"{place}: a drawing before the first name; write one above it, such as [apples]")
            check_row(line, place, rows)
            rows.append(line)
    if bare := [title for title in blocks if not blocks[title]]:
        raise ValueError(f"{begun[bare[0]]}: [{bare[0]}] has no drawing; draw one or remove the name")
    return blocks


def title_of(line: str, place: str) -> str:
    """The name in a line that begins a block."""
    title = line[1:-1].strip()
    if not line.endswith("]") or not title:
        raise ValueError(f"{place}: got {line!r}, expected a name in brackets, such as [apples]")
    return title


def check_row(line: str, place: str, above: list[str]) -> None:
    """Raise ValueError for a row that does not go with those above it."""
    if strange := sorted(set(line) - set(LETTERS)):
        raise ValueError(f"{place}: {strange[0]!r} is no pixel; expected {' '.join(LETTERS)}")
    if above and len(line) != len(above[0]):
        raise ValueError(f"{place}: a row of {len(line)} pixels below one of {len(above[0])}; fill it up with '.'")
    if len(line) > TILE or len(above) == TILE:
        raise ValueError(f"{place}: a drawing has at most {TILE} rows of {TILE} pixels")
