"""Files and folders that commands write: whole or not at all, and by one process at a time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

PART = ".ddpm-{token}{suffix}.part"  # the name of a file that is not yet whole; nobody else's is like it


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A file to write to, or a folder to make, which takes the place of `path`, if that is a file or an empty folder,
    only when all went well; nothing half-written remains, but of a process that was killed: see `drop_written_aside`.
    """
    aside = path.with_name(PART.format(token=token_hex(6), suffix=path.suffix))
    try:
        with named_in_errors(path, aside):
            yield aside
            os.replace(aside, path)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        aside.unlink(missing_ok=True)


def drop_written_aside(folder: Path) -> None:
    """Remove what processes that were killed left half-written in a folder that no other process writes to."""
    for aside in folder.glob(PART.format(token="?" * 12, suffix="*")):
        aside.unlink()


@contextmanager
def named_in_errors(path: Path, aside: Path | None = None) -> Iterator[None]:
    """An error of the file system that names no file, as that of a full disk, or the file `aside`, names `path`."""
    try:
        yield
    except OSError as e:
        if e.errno is None or e.filename not in (None, str(aside), aside):
            raise
        raise OSError(e.errno, e.strerror, str(path)) from e


def write_texts(folder: Path, texts: dict[str, str]) -> None:
    """Write files by name into a folder."""
    for name, text in texts.items():
        with written_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
