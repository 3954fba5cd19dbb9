"""What is told on stderr: progress bars that fit where they are shown, warnings in one line."""

import os
import sys
import time
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def one_line(what: object, most: int = 2000) -> str:
    """A message as one printable line: names in it may hold line breaks, or commands to the terminal."""
    line = " ".join(str(what).split())
    if len(line) > most:
        line = f"{line[: most - 500]} ... {line[-500:]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


class Lines(tqdm):
    """A progress bar for a file or a pipe: whole lines, one at the start, one at the end, and at most one a minute
    between."""

    EVERY = 60  # seconds
    FORMAT = "{l_bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
    leave: bool | None  # as of tqdm
    said: tuple[int, float] | None = None  # how much was done at the last line, and when that was

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write a line if one is due. A bar that is not to be left is first told after a minute."""
        if self.said is None and self.leave is False:
            self.said = (self.n, time.monotonic())
        if self.said is None or time.monotonic() >= self.said[1] + self.EVERY:
            self.tell()

    def tell(self) -> None:
        self.said = (self.n, time.monotonic())
        self.fp.write(f"{one_line(self)}\n")
        self.fp.flush()

    def clear(self, nolock: bool = False) -> None:
        """Nothing: lines stay."""

    def close(self) -> None:
        if not self.disable and self.leave is not False and self.said and self.said[0] != self.n:
            self.tell()
        self.leave = False  # no empty line
        super().close()


def progress(iterable: Iterable[T] | None = None, desc: str | None = None, **how: Any) -> tqdm:
    """A progress bar on stderr, with the arguments of tqdm: one that fits the terminal, or `Lines` where there is none
    or it cannot go back in a line."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        columns, rows = os.get_terminal_size(sys.stderr.fileno())  # 0 where nobody has told; tqdm would write nothing
        size = {"dynamic_ncols": True} if columns and rows else {"ncols": (columns or 80) - 1, "nrows": 24}
        return tqdm(iterable, desc, **(size | how))
    return Lines(iterable, desc, **({"bar_format": Lines.FORMAT} | how))


def warn(what: str) -> None:
    """One line on stderr, above a progress bar if there is one."""
    tqdm.write(f"warning: {one_line(what)}", file=sys.stderr)
