"""Text files and names that anyone may have made: what is opened, how much of it is read, which names are taken."""

import codecs
import os
import re
import reprlib
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

MAX_TEXT = 2**18  # bytes of a settings file; ten thousand names of 20 characters fit
MAX_DOTS = 100  # in a key of TOML: reading a key of n parts takes time and memory that grow with n^2
MAX_NAMES = 10_000
MAX_NAME_BYTES = 100  # in UTF-8; most file systems take 255, with what is added to it
UNCOND = "uncond"  # says to a model that no category is asked for


class DataError(ValueError):
    """A mistake in the user's data, told in one line that names the file."""


class Unprepared(DataError):
    """The same, where scripts/prepare.py would make the data readable."""


@contextmanager
def preparable() -> Iterator[None]:
    """What is wrong with a file in the body is an `Unprepared`."""
    try:
        yield
    except DataError as error:
        raise Unprepared(error) from error


def why(error: Exception) -> str:
    """The cause in a few words, without the path that the message names already."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split()) or type(error).__name__


def some(names: Sequence[str], most: int = 20) -> str:
    """The first of the names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")


def plural(count: int, noun: str) -> str:
    """As in "1 file", "2 files"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def check_file(path: Path) -> None:
    """DataError for a pipe or a device, which would be waited for or has no end."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise DataError(f"{path}: not an ordinary file; put a file of that name here")


def check_link(folder: Path, path: Path) -> None:
    """DataError for a symbolic link that leads out of `folder`, which may be one itself."""
    target = Path(os.path.realpath(path))
    if path.is_symlink() and target.exists() and not target.is_relative_to(os.path.realpath(folder)):
        raise DataError(f"{path}: a symbolic link that leads out of {folder}; put the file itself there")


def read_text(path: Path, most: int = MAX_TEXT, advice: str = "") -> str:
    """UTF-8 text of a file, with or without a byte order mark, or UTF-16 with one. DataError if it has more than `most`
    bytes or is no such text; advice: ends that message."""
    check_file(path)
    try:
        with open(path, "rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise DataError(f"{path}: more than {most:,} bytes, which such a file does not need; is it the right one?")
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if wide else "utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({why(error)})") from error
    except UnicodeDecodeError as error:
        what = f"cannot be read as UTF-8 text ({why(error)})"
        raise DataError(f"{path}: {what}{advice and '; '}{advice}") from error


def parse_toml(text: str) -> dict:
    """The settings in a text. ValueError if it is not TOML, or nested too deeply."""
    for number, line in enumerate(text.split("\n"), start=1):
        if any(part.count(".") > MAX_DOTS for part in re.split(r"[,=#\[\]{}]", line)):
            raise ValueError(f"line {number} has more than {MAX_DOTS} dots; break it into several")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("arrays or tables are nested too deeply") from None


def check_name(name: str) -> None:
    """ValueError unless a category may have this name, which becomes a file name, a label and part of a message."""
    got = reprlib.repr(name)
    if not name.strip():
        raise ValueError(f"category {got}: a name may not be empty")
    if not name.isprintable():
        raise ValueError(f"category {got}: a name may hold only characters that can be printed")
    if name in (".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"category {got}: a name may hold no path separator and not be '.' or '..'")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"category {got}: a name may have at most {MAX_NAME_BYTES} bytes in UTF-8")


def check_names(names: object) -> tuple[str, ...]:
    """Category names as found in a file: a list of distinct ones. ValueError for anything else."""
    if not isinstance(names, list | tuple) or not names or not all(isinstance(n, str) and n.strip() for n in names):
        raise ValueError(f'categories: got {reprlib.repr(names)}, expected a list of names such as ["hero", "food"]')
    if len(names) > MAX_NAMES:
        raise ValueError(f"categories: got {len(names):,} names, expected at most {MAX_NAMES:,}")
    seen: set[str] = set()
    for name in names:
        check_name(name)
        if name in seen:
            raise ValueError(f"category {name!r} is listed twice; names must be distinct")
        seen.add(name)
    return tuple(names)


def check_learnt(path: Path, names: Sequence[str]) -> None:
    """DataError, naming `path`, for a category that no model could be asked for."""
    if UNCOND in names:
        raise DataError(
            f"{path}: a category cannot be named {UNCOND!r}, the word for no category; rename it, to {UNCOND}_ say"
        )


def checked_names(path: Path, names: object) -> tuple[str, ...]:
    """Category names as found in a file; a DataError names it."""
    try:
        return check_names(names)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
