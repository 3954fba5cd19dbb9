"""Files and folders that commands write: whole or not at all, and by one process at a time."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from ddpm.system.console import warn
from sprites.writing.folder import LOCK

T = TypeVar("T")


def attempt(step: int, write: Callable[..., T], *args: object) -> T | None:
    """Call `write` and return its result. If the file system refuses (a full disk, say), warn and return None: training
    can go on, and what was written before stands."""
    try:
        return write(*args)
    except OSError as e:
        warn(f"step {step} could not be written: {e}; training goes on")
        return None


SOFTWARE = "ddpm-sprites"  # stands in pictures of sample.py and edit.py
PART = ".ddpm-{token}{suffix}.part"  # the name of a file that is not yet whole; nobody else's is like it
PARTS = PART.format(token="?" * 12, suffix="*")


def check_writable(flag: str, path: Path, folder: Path) -> None:
    """Raise ValueError unless `path` can be written into `folder`, or its nearest parent that is there. It is tried
    with a file that is removed again, since permissions tell neither of a full disk nor of a read-only one. Of several
    processes only the main one tries."""
    if os.environ.get("RANK", "0") != "0":
        return
    folder = folder.absolute()
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    probe = nearest / PART.format(token=token_hex(6), suffix="")
    try:
        try:
            probe.write_bytes(bytes(2**16))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as e:
        raise ValueError(f"{flag} {path}: nothing can be written into {nearest} ({e.strerror})") from e


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a path for a file to write or a folder to make. When the block ends well, it takes the place of `path` (a
    file, or an empty folder); after an error it is removed. What a killed process leaves: see `drop_written_aside`.
    """
    aside = path.with_name(PART.format(token=token_hex(6), suffix=path.suffix))
    try:
        with named_in_errors(path, aside):
            yield aside
            os.replace(aside, path)
    except BaseException:
        with suppress(OSError):  # what went wrong first is told
            shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
        raise


@contextmanager
def folder_written_aside(path: Path) -> Iterator[Path]:
    """`written_aside` for a folder that may be there: what is in it is removed when the new one has taken its place."""
    old = path.with_name(PART.format(token=token_hex(6), suffix=".old"))
    try:
        with written_aside(path) as aside:
            yield aside
            if path.exists():
                os.replace(path, old)
    except BaseException:
        if old.exists() and not path.exists():
            os.replace(old, path)
        raise
    if old.exists():
        shutil.rmtree(old)


def drop_written_aside(folder: Path, *suffixes: str) -> None:
    """Remove half-written files with these suffixes, such as ".png", that killed processes left in a folder; "" for
    those of `check_writable`. No other process may be writing such files there."""
    for suffix in suffixes:
        for aside in folder.glob(PART.format(token="?" * 12, suffix=suffix)):
            if aside.is_file():
                aside.unlink()


@contextmanager
def named_in_errors(path: Path, aside: Path | None = None) -> Iterator[None]:
    """Let an OSError in the block name `path`, if it names no file (as on a full disk) or `aside`."""
    try:
        yield
    except OSError as e:
        if e.errno is None or e.filename not in (None, str(aside), aside):
            raise
        raise OSError(e.errno, e.strerror, str(path)) from e


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by name into a folder, and folders below it. None takes its place before all are written."""
    with ExitStack() as asides:
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            asides.enter_context(written_aside(folder / name)).write_bytes(content)


def write_all(*writes: Callable[[], object]) -> None:
    """Call them all. One that fails, for want of room on a disk or in memory or as a format cannot hold what it is
    given, does not keep the others from writing; it is told at the end, as OSError."""
    failed = []
    for write in writes:
        try:
            write()
        except (OSError, MemoryError, ValueError) as e:
            failed.append(e)
    if failed:
        raise OSError("; ".join(map(str, failed))) from failed[0]


def write_texts(folder: Path, texts: dict[str, str]) -> None:
    """Write files by name into a folder."""
    for name, text in texts.items():
        with written_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")


def write_results(
    folder: Path, name: str, found: dict[str, Any], texts: dict[str, str], show: Callable[[], object]
) -> None:
    """Write what was found as NAME.json, a text beside it for each suffix in `texts`, and what `show` writes, as
    `write_all` does."""
    told = {".json": json.dumps(found, indent=1, default=str) + "\n"} | texts
    write_all(lambda: write_texts(folder, {f"{name}{suffix}": text for suffix, text in told.items()}), show)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made if it is not there, as the one process that writes to it.

    The system lets go of it when this process ends, however it does. Raises ValueError, naming the process, when
    another holds it. A folder that was made for this is removed again if nothing was put into it.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give a folder")
    made, file = not folder.exists(), folder / LOCK
    lock = FileLock(file, blocking=False)
    try:
        while not lock.is_locked:
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # another process has just removed the folder, as below
                lock.acquire()
    except Timeout as e:
        holder = "another process"
        with suppress(OSError, UnicodeDecodeError):
            holder = file.read_text(encoding="utf-8") or holder
        raise ValueError(f"{folder} is being written to by {holder} ({LOCK}); wait for it, or choose another") from e
    try:
        with suppress(OSError):  # on Windows no other handle can write to it
            file.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            file.unlink()  # while it is held: whoever waits for it sees that it is gone, and makes another
        lock.release()
        if made:
            with suppress(OSError):
                folder.rmdir()


def is_sampled(path: Path) -> bool:
    """Whether this is a picture that sample.py or edit.py wrote, which has their name in it."""
    if not path.is_file() or path.suffix.lower() != ".png":
        return False
    with open(path, "rb") as file:
        return f"tEXtSoftware\0{SOFTWARE}".encode() in file.read(256)


def check_is_sprite(path: Path) -> None:
    """Raise ValueError for a picture of many sprites that sample.py or edit.py wrote, in place of sprites."""
    if is_sampled(path):
        raise ValueError(
            f"{path} is a picture to look at, with labels, that sample.py or edit.py made; have it write the sprites "
            "too, by --export sprites.png or --png-folder"
        )


def check_apart(flag: str, out: Path, data: Path) -> None:
    """Raise ValueError for results that would lie in the folder of the sprites, where they would become sprites."""
    if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(data)):
        raise ValueError(f"{flag} {out} lies in the data folder {data}, whose sprites it would join; choose another")
