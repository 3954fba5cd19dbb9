"""What each sprite is called: its category and tags, from folders, frame tags, a pattern for file names, or a table."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sprites.files import DataError, plural, some
from sprites.prepare.sources import File, LeftOut, Picture
from sprites.tags import KEYS, read_csv

By = Literal["folder", "tag", "slice", "file"]
CATEGORY, ANIMATION = "category", "animation"
FACET = re.compile(r"[^\s,=+{}/]+")


def compiled(pattern: str) -> tuple[re.Pattern[str], list[str]]:
    """A pattern such as "{category}_{colour}_*.png" as a regular expression, and the names of its fields in order.

    * and fields take as much as they can, so that a field may hold an underscore. ValueError for what is no pattern.
    """
    pieces, fields = re.split(r"(\{[^{}]*\}|\*|\?)", pattern), []
    for piece in pieces:
        if piece.startswith("{") and piece.endswith("}"):
            fields.append(piece[1:-1])
        elif "{" in piece or "}" in piece:
            raise ValueError(f"--category {pattern}: a bracket has no partner; expected such as {{category}}_*.png")
    if not fields or len(set(fields)) < len(fields) or not all(map(FACET.fullmatch, fields)):
        raise ValueError(f"--category {pattern}: expected a name, or a pattern with fields such as {{category}}_*.png")
    words = {"*": "[^/]*", "?": "[^/]"}
    text = "".join("([^/]+)" if p.startswith("{") else words.get(p) or re.escape(p) for p in pieces)
    return re.compile(text, re.IGNORECASE), fields


@dataclass
class Table:
    """Rows of a table of tags, by file or by category and index; which of them were used."""

    path: Path
    by_file: bool
    facets: list[str]
    rows: dict[tuple[str, str], dict[str, str]]
    names: dict[tuple[str, str], str]
    """Of each row what it is about, as the table has it."""
    used: set[tuple[str, str]] = field(default_factory=set)

    def row(self, *keys: tuple[str, str]) -> dict[str, str]:
        """What is said under the first of these keys that is there."""
        key = next((key for key in keys if key in self.rows), None)
        if key is None:
            return {}
        self.used.add(key)
        return self.rows[key]

    def unused(self) -> list[str]:
        """What the rows are about that no sprite belongs to."""
        return [name for key, name in self.names.items() if key not in self.used]


def folded(text: str) -> str:
    """For comparison: file systems differ in how they keep capitals and umlauts."""
    return unicodedata.normalize("NFC", text.replace("\\", "/")).casefold()


def read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the cells of each row that is not blank, with the number of its line.

    Columns that are empty throughout are left out: spreadsheets write them where cells were cleared. DataError for what
    is no table.
    """
    header, *rows = [[*map(str.strip, row)] for row in read_csv(path, ",;\t")]  # spreadsheets write ; in many countries
    filled = {column for row in (header, *rows) for column, cell in enumerate(row) if cell}

    def cells(row: list[str]) -> list[str]:
        return [cell for column, cell in enumerate(row) if column in filled]

    return cells(header), [(number, cells(row)) for number, row in enumerate(rows, start=2) if any(row)]


def read_table(path: Path) -> Table:
    """A table with a column `file`, and `index` if it counts the sprites of a file; or with `category` and `index`.

    Each further column is a facet. DataError in one line for another.
    """
    header, rows = read_rows(path)
    header = [name.casefold() if name.casefold() in ("file", *KEYS) else name for name in header]
    by_file = "file" in header
    if (not by_file and not set(KEYS) <= set(header)) or len(set(header)) < len(header):
        raise DataError(f"{path}: the columns are {some(header, 8)}; expected file, or category and index, and facets")
    keys = ("file", "index") if by_file else KEYS
    facets = [name for name in header if name not in keys]
    if wrong := [name for name in facets if not FACET.fullmatch(name)]:
        raise DataError(
            f"{path}: a column is named {wrong[0]!r}; expected one word, without any of , = + / and brackets"
        )
    found, names = dict[tuple[str, str], dict[str, str]](), dict[tuple[str, str], str]()
    for number, row in rows:
        if len(row) != len(header):
            raise DataError(f"{path}: line {number} has {plural(len(row), 'cell')}, expected {len(header)}")
        said = dict(zip(header, row, strict=True))
        index = said.get("index", "")
        key = (folded(said[keys[0]]), index.lstrip("0") or "0" if index else "")
        name = " ".join(filter(None, (said[keys[0]], index)))
        facts = {name: said[name] for name in facets if said[name]}
        if found.setdefault(key, facts) != facts:
            raise DataError(f"{path}: {name} has two rows, {told_row(found[key])} and {told_row(facts)}; keep one")
        names.setdefault(key, name)
    if not found:
        raise DataError(f"{path}: no sprite has a row")
    return Table(path, by_file, facets, found, names)


def told_row(facts: Mapping[str, str]) -> str:
    """As in "colour=red mood=sad"."""
    return " ".join(f"{name}={value}" for name, value in facts.items()) or "empty"


@dataclass
class Naming:
    """How a user wants sprites to be named."""

    category: str | None = None
    """One category for all, or a pattern for the names of files; None leaves it to `by`."""
    by: By = "folder"
    """Where the category is from, unless a pattern or the file itself says it."""
    table: Table | None = None

    def __post_init__(self) -> None:
        self.pattern: re.Pattern[str] | None = None
        self.fields: list[str] = []
        if self.category and set(self.category) & set("{}*?"):
            self.pattern, self.fields = compiled(self.category)

    @property
    def note(self) -> str | None:
        """What a user may not expect of a pattern."""
        if not self.fields or CATEGORY in self.fields:
            return None
        source = {"folder": "folders", "tag": "frame tags", "slice": "slices", "file": "names of files"}[self.by]
        return f"no {{category}} in the pattern: categories are from {source}"

    def matched(self, file: File) -> dict[str, str] | None:
        """What the pattern says of a file; None if its name is another."""
        if self.pattern is None:
            return {CATEGORY: self.category} if self.category else {}
        found = self.match(file)
        return dict(zip(self.fields, found.groups(), strict=True)) if found else None

    def match(self, file: File) -> re.Match[str] | None:
        """Where the fields of the pattern are in the name of a file, or in its path if the pattern has a /."""
        assert self.pattern and self.category
        name = "/".join((*file.folders, file.path.name)) if "/" in self.category else file.path.name
        return self.pattern.fullmatch(name) or self.pattern.fullmatch(name.rpartition(".")[0])

    def depth(self, file: File, wrap: int) -> int:
        """How many folders of a file lead to that of its category, which is counted too. wrap: as in `of`."""
        found = self.match(file) if CATEGORY in self.fields and "/" in (self.category or "") else None
        if found is None:
            return wrap + 1
        return found.string[: found.start(1 + self.fields.index(CATEGORY))].count("/") + 1

    def of(self, picture: Picture, wrap: int, count: int, left_out: LeftOut) -> list[dict[str, str]] | None:
        """Category and facets of each of the `count` sprites cut of a picture; None if it is left out.

        wrap: how many of its folders hold all else of the source, and tell nothing.
        """
        file, each = picture.file, count // len(picture.frames)
        if picture.files:
            pieces = [replace(picture, file=one, frames=picture.frames[:1], files=()) for one in picture.files]
            named = [self.of(piece, wrap, each, left_out) for piece in pieces]
            return [name for names in named if names for name in names] if all(named) else None
        matched = self.matched(file)
        if matched is None:
            left_out.add(file.path, f"the name is not as {self.category}")
            return None
        folders = file.folders[wrap:]
        home = file.path.stem if file.alone or (count > 1 and not folders) or self.by == "file" else file.source
        usual = picture.label or (folders[0] if folders and self.by in ("folder", "slice") else home)
        found = []
        for index in range(count):
            frame = index // each
            tag = picture.tags[frame] if picture.tags else None
            said = dict(picture.facets[frame]) if picture.facets else {}
            if tag and self.by != "tag":
                said[ANIMATION] = tag
            said[CATEGORY] = tag or picture.label or "" if self.by == "tag" else usual
            said |= {name: value for name, value in matched.items() if name not in KEYS or name == CATEGORY}
            if self.table and self.table.by_file:
                said |= self.said_of_file(file, index)
            found.append({name: tidy(value) for name, value in said.items()})
        return found

    def said_of_file(self, file: File, index: int) -> dict[str, str]:
        """What the table says of one sprite of a file, under its path or its name, with a suffix or without."""
        assert self.table
        path = folded("/".join((*file.folders, file.path.name)))
        names = [name for full in (path, path.rpartition("/")[2]) for name in (full, full.rpartition(".")[0])]
        return self.table.row(*[(name, number) for number in (str(index), "") for name in names])


def tidy(name: str) -> str:
    """A category or a tag as it can be in any file, or its name: printable, letters composed, no spaces at its ends."""
    return unicodedata.normalize("NFC", " ".join("".join(c if c.isprintable() else " " for c in name).split()))


def wrapping(files: Sequence[File]) -> int:
    """How many folders hold all else of a source, as archives often have one."""
    count = 0
    while (
        files
        and len({file.folders[: count + 1] for file in files}) == 1
        and all(len(file.folders) > count + 1 for file in files)
    ):
        count += 1
    return count


def one_spelling(categories: Sequence[str]) -> Mapping[str, str]:
    """Each category as its first spelling: Hero and hero would be one file on many systems."""
    first: dict[str, str] = {}
    for name in categories:
        first.setdefault(name.casefold(), name)
    return {name: first[name.casefold()] for name in categories}


def told_spellings(spelt: Mapping[str, str]) -> list[str]:
    """A line for each category that had several spellings, as in "Hero and hero are one category, Hero"."""
    others = {name: [other for other in spelt if spelt[other] == name] for name in dict.fromkeys(spelt.values())}
    return [f"{' and '.join(each)} are one category, {name}" for name, each in others.items() if len(each) > 1]
