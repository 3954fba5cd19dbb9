"""Files that hold other files: zip archives, and Parquet files of images as model hubs keep them."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from sprites.files import DataError, check_file, why
from sprites.reading.folder import LITTER

MAX_UNPACKED = 2**30  # bytes of all members, and of a part of a table that is unpacked at a time
MAX_MEMBER = 2**26  # bytes; RGBA of 4096x4096 that is not compressed
MAX_MEMBERS = 100_000
MAX_ROWS = 1_000_000
LABELS = ("label", "labels", "category", "class", "name")  # columns that say what an image shows


class Member(NamedTuple):
    """One file in an archive."""

    folders: tuple[str, ...]
    name: str
    content: bytes


def members(path: Path, content: bytes | None, suffixes: tuple[str, ...]) -> Iterator[Member | PurePosixPath]:
    """The files of a zip archive with these suffixes, and the paths of the others; hidden ones and litter aside.

    Nothing is written to a disk. DataError for paths that lead out of the archive, for what is encrypted, and for more
    than 1 GiB, by what the archive claims or by what comes out of it.
    """
    try:
        if content is None:
            check_file(path)
        with zipfile.ZipFile(path if content is None else io.BytesIO(content)) as archive:
            found = [info for info in archive.infolist() if not info.is_dir()]
            total = sum(info.file_size for info in found)
            if total > MAX_UNPACKED or len(found) > MAX_MEMBERS:
                raise ValueError(
                    f"{len(found):,} files of {total:,} bytes; at most {MAX_MEMBERS:,} and {MAX_UNPACKED:,} are read"
                )
            for info in sorted(found, key=lambda info: info.filename):
                place = PurePosixPath(info.filename.replace("\\", "/"))
                if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
                    raise ValueError(f"{info.filename!r} leads out of it")
                if any(part.startswith(".") or part in LITTER for part in place.parts):
                    continue
                if place.suffix.lower() not in suffixes:
                    yield place
                    continue
                if info.flag_bits & 1:
                    raise ValueError("it is encrypted")
                if info.file_size > MAX_MEMBER:
                    raise ValueError(f"{info.filename!r} has {info.file_size:,} bytes; at most {MAX_MEMBER:,} are read")
                with archive.open(info) as file:
                    data = file.read(MAX_MEMBER + 1)
                yield Member(place.parts[:-1], place.name, data)
    except DataError:
        raise
    except Exception as error:  # zipfile and its decompressors raise nearly anything at broken bytes
        raise DataError(
            f"{path}: cannot be read as a zip archive ({why(error)}); unpack it, and give the folder"
        ) from error


class Cell(NamedTuple):
    """One image in a table."""

    row: int
    content: bytes
    label: str | None


def cells(path: Path, content: bytes | None) -> Iterator[Cell]:
    """The images of a Parquet file, with what its label column says of each.

    Images are a column of bytes, or of a struct with a field `bytes`, as the `datasets` library writes them. Numbers of
    a label are turned into names where the metadata of the schema has them. DataError for a table without images.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            f"{path}: Parquet files are read by pyarrow, which is not installed: pip install pyarrow"
        ) from error
    row = 0
    try:
        if content is None:
            check_file(path)
        source: Any = path if content is None else io.BytesIO(content)
        limits = {"thrift_string_size_limit": 2**24, "thrift_container_size_limit": 2**20}
        with parquet.ParquetFile(source, **limits) as file:
            images, label, names = columns(file.schema_arrow)
            about = file.metadata
            if about.num_rows > MAX_ROWS:
                raise ValueError(f"{about.num_rows:,} rows; at most {MAX_ROWS:,} are read of a file, split it")
            largest = max((about.row_group(i).total_byte_size for i in range(about.num_row_groups)), default=0)
            if largest > MAX_UNPACKED:
                raise ValueError(f"{largest:,} bytes in one group of rows; at most {MAX_UNPACKED:,} are read")
            chosen = [images] + ([label] if label else [])
            for batch in file.iter_batches(64, columns=chosen):
                for one in batch.to_pylist():
                    value = one[images]
                    data = value.get("bytes") if isinstance(value, dict) else value
                    if not isinstance(data, bytes):
                        raise ValueError(f"row {row} of {images!r} has no bytes, only a path; embed the images")
                    yield Cell(row, data, named(one.get(label), names) if label else None)
                    row += 1
    except DataError:
        raise
    except Exception as error:  # pyarrow has exceptions of its own, and others beneath
        where = f" from row {row:,} on" if row else ""
        raise DataError(f"{path}: cannot be read as a Parquet file of images{where} ({why(error)})") from error


def columns(schema: Any) -> tuple[str, str | None, list[str] | None]:
    """The column of the images, that of their labels if there is one, and the names of the labels if they are told."""
    from pyarrow import types

    def holds_bytes(kind: Any) -> bool:
        if types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        return types.is_binary(kind) or types.is_large_binary(kind)

    images = [field.name for field in schema if holds_bytes(field.type)]
    if not images:
        raise ValueError(f"no column holds images; it has {', '.join(schema.names[:8])}")
    told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = told.get("info", {}).get("features", {})
    classes = {name: about["names"] for name, about in features.items() if about.get("_type") == "ClassLabel"}
    label = next((name for name in (*classes, *LABELS) if name in schema.names and name not in images), None)
    return images[0], label, classes.get(label) if label else None


def named(value: Any, names: list[str] | None) -> str | None:
    """A label in words. ValueError for a number that has no name."""
    if value is None or isinstance(value, str):
        return value
    if names is None:
        return str(value)
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise ValueError(f"a label is {value!r}, of {len(names)} names")
    return str(names[value])
