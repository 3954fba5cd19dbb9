"""Folders of drawn files: replaced whole, and never what someone else put there or changed since."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from sprites.files import some

MANIFEST = "drawn.json"  # how the files beside it were drawn, and a digest of each
PART = ".drawn-????????.part"  # a folder of files that are not yet whole
LOCK = ".ddpm.lock"  # held by the process that writes to a folder

Digests = dict[str, str]


@contextmanager
def replacing(folder: Path, names: tuple[str, ...], overwrite: bool = False, **how: int) -> Iterator[Path]:
    """A folder to write the files of these names to, which are moved into `folder` when all went well; how: what the
    manifest says of them. No other process may draw into it meanwhile.

    After a kill there are the old files, or some old and some new: the same call finishes the job. Raises ValueError
    where files would be lost that were not drawn by such a call, unless `overwrite`.
    """
    made = not folder.exists()
    replaceable(folder, names, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for stale in folder.glob(PART):  # of processes that were killed
            shutil.rmtree(stale)
        prefix, suffix = PART.split("????????")
        with TemporaryDirectory(suffix, prefix, folder) as part:
            aside = Path(part)
            yield aside
            before = replaceable(folder, names, overwrite)  # they may have been changed meanwhile
            about = how | {"files": {name: digest(aside / name) for name in names}}
            write_manifest(folder, aside, about | {"replaced": before})  # both count as drawn from here on
            for name in names:
                os.replace(aside / name, folder / name)
            write_manifest(folder, aside, about)
    finally:
        if made:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def replaceable(folder: Path, names: tuple[str, ...], overwrite: bool) -> Digests:
    """Of the files of these names that are there. Raises ValueError as `replacing` does."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; give a folder")
    there = sorted(path.name for path in folder.iterdir() if not path.match(PART) and path.name != LOCK)
    lost = [name for name in names if name in there]
    if folders := [name for name in lost if (folder / name).is_dir()]:
        raise ValueError(f"{folder / folders[0]} is a folder, where a file of that name is to be; move it away")
    digests = {name: digest(folder / name) for name in lost}
    if not there or overwrite:
        return digests
    if not (drawn := read_manifest(folder / MANIFEST)):
        raise ValueError(
            f"{folder} holds {some(there, 3)}, not drawn by this command; give a new or empty folder, or --overwrite "
            f"to {f'replace {some(lost, 3)}' if lost else 'draw into it'}"
        )
    if others := sorted(drawn.keys() - set(names)):
        raise ValueError(f"{folder} holds another kind of drawing ({some(others, 3)}); give another folder")
    if changed := [name for name in lost if digests[name] not in drawn.get(name, ())]:
        raise ValueError(
            f"{folder / changed[0]} is not as this command drew it, but changed since, or someone else's; give another "
            "folder, or --overwrite to replace it"
        )
    return digests


def read_manifest(path: Path) -> dict[str, tuple[str, ...]]:
    """The digests that a file may have that was drawn, by its name; none if this is no manifest."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        files, replaced = about["files"], about.get("replaced", {})
        return {name: (value, *filter(None, [replaced.get(name)])) for name, value in files.items()}
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return {}


def write_manifest(folder: Path, aside: Path, about: dict) -> None:
    """Put it into the folder, by way of the folder `aside`."""
    (aside / MANIFEST).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    os.replace(aside / MANIFEST, folder / MANIFEST)


def digest(path: Path) -> str:
    """BLAKE2b of a file's bytes, as 32 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
