"""What a user says of the sources of a set, and what the user is told of them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sprites.prepare.names import Naming
from sprites.prepare.sources import LeftOut
from sprites.prepare.tiles import Grid
from sprites.reading.image import Fit

TO_CUT = "give --tile, and --margin and --spacing if it has any"
PICTURE = "report.png"  # lies beside the sheets of the categories


@dataclass(frozen=True)
class Settings:
    """What a user says of the sources."""

    naming: Naming
    grid: Grid | None = None
    size: int | None = None
    fit: Fit = "pad"
    cycle: int | None = None
    """How many tiles of a sheet are the frames of one animation; None: each is a still."""
    clear: tuple[int, int, int] | None = None
    """A colour that stands for transparent."""


@dataclass
class Told:
    """What a user wants to know of what was done."""

    root: str = ""
    """What the names of all files begin with."""
    files: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(width, height) of the sprites, before they were brought to one size."""
    enlarged: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """How many times pictures were enlarged."""
    sheets: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of each guessed grid, the sheets."""
    blobs: dict[str, tuple[int, int]] = field(default_factory=dict)
    """(width, height) of the pictures of several separate things, which were not cut."""
    series: list[str] = field(default_factory=list)
    """Folders of numbered images, each a clip."""
    softened: int = 0
    """Pixels whose alpha was neither 0 nor 255."""
    blank: list[str] = field(default_factory=list)
    """Of each blank sprite the file."""
    repeated: list[str] = field(default_factory=list)
    """Of each sprite that is another of its category the file."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Further lines of the report, each with its heading."""
    unused: list[str] = field(default_factory=list)
    """Of each row of the table that no sprite belongs to what it is about."""
    left_out: LeftOut = field(default_factory=LeftOut)
