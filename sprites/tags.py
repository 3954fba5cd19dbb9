"""What each sprite shows, from the `tags.csv` beside the sprites: a column a facet, in the order of the sprites."""

import csv
import re
import reprlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sprites.files import DataError, check_link, read_text, some
from sprites.reading.forms import names_of

MISSING = -1
MAX_TABLE = 2**27  # bytes
KEYS = ["category", "index"]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Facet:
    """One column of the table."""

    values: tuple[str, ...]  # the distinct values, sorted; none of them empty
    codes: np.ndarray  # int64 [N], index into values; -1 (MISSING) where a sprite has none

    def __getitem__(self, index: int) -> str | None:
        """The value of one sprite; None if it is missing."""
        code = self.codes[index]
        return None if code == MISSING else self.values[code]

    def has(self, value: str) -> np.ndarray:
        """Boolean [N]: the sprites with this value, whole or as one of several joined by '+'."""
        hits = [code for code, name in enumerate(self.values) if value in (name, *name.split("+"))]
        return np.isin(self.codes, hits)


@dataclass(frozen=True, eq=False)
class Tags:
    """The table. Row i belongs to sprite i of `load_sprites` of the same folder."""

    facets: dict[str, Facet]  # "kind", "colour", "material", "facing", "frame", "accessory" in the shipped set
    labels: np.ndarray  # int64 [N], index into categories
    categories: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, facet: str) -> Facet:
        if facet not in self.facets:
            raise ValueError(f"facet: got {facet!r}, expected one of {', '.join(self.facets)}")
        return self.facets[facet]

    def row(self, index: int) -> dict[str, str | None]:
        """All that is said of one sprite; None is missing."""
        return {name: facet[index] for name, facet in self.facets.items()}


def load_tags(folder: str | Path) -> Tags | None:
    """The tags of a sprite set or npy pair, in step with `load_sprites(folder)`; None if it has no `tags.csv`.

    The table starts with the columns `category` and `index`, which counts the sprites of a category from 0;
    every further column is a facet, and an empty cell is a missing tag. Raises DataError, one line that names
    the file, for a table that is not like this.
    """
    folder = Path(folder)
    path = folder / "tags.csv"
    if not path.exists():
        return None
    check_link(folder, path)
    names, rows = _read(path)
    categories = names_of(folder) or tuple(dict.fromkeys(row[0] for row in rows))
    order = {category: label for label, category in enumerate(categories)}
    stray = next((row[0] for row in rows if row[0] not in order), None)
    if stray is not None:
        raise DataError(f"{path}: category {stray!r} is not one of {some(categories)}")
    rows.sort(key=lambda row: (order[row[0]], int(row[1])))
    labels = np.array([order[row[0]] for row in rows], dtype=np.int64)
    indices = np.array([int(row[1]) for row in rows], dtype=np.int64)
    counts = np.bincount(labels, minlength=len(categories))
    wrong = indices != np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts)
    if wrong.any():
        label = labels[wrong.argmax()]
        raise DataError(f"{path}: the indices of {categories[label]!r} are not 0 to {counts[label] - 1}, each once")
    columns = zip(*(row[len(KEYS) :] for row in rows), strict=True)
    return Tags({name: facet_of(column) for name, column in zip(names, columns, strict=True)}, labels, categories)


def read_csv(path: Path, delimiters: str = ",") -> list[list[str]]:
    """The lines of a table as cells, one line at least. DataError for what is no text, or no such table.

    delimiters: of several, the one that is in the first line most often.
    """
    lines = read_text(path, MAX_TABLE, "save it as CSV UTF-8").splitlines()
    between = max(delimiters, key=lines[0].count) if lines else ","
    try:
        return list(csv.reader(lines, delimiter=between)) or [[]]
    except csv.Error as error:
        raise DataError(f"{path}: not a table of comma-separated values ({error})") from error


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """The names of the facets, and the rows with their category and index."""
    header, *rows = read_csv(path)
    if header[:2] != KEYS or len(set(header)) < len(header):
        got = reprlib.repr(header)
        raise DataError(f"{path}: got the columns {got}, expected category, index and then distinct facets")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header) or not re.fullmatch("[0-9]{1,12}", row[1]):
            raise DataError(
                f"{path}: line {number} is {reprlib.repr(row)}, expected {len(header)} cells, the second a number"
            )
    if not rows:
        raise DataError(f"{path}: no sprite has a row")
    return header[len(KEYS) :], rows


def facet_of(column: tuple[str, ...]) -> Facet:
    """A column of the table from its N cells; an empty one is missing."""
    values = tuple(sorted(set(column) - {""}))
    codes = {value: code for code, value in enumerate(values)} | {"": MISSING}
    return Facet(values, np.array([codes[value] for value in column], dtype=np.int64))
