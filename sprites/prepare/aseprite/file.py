"""Aseprite's files (.aseprite, .ase): each frame as the program shows it, tags, palette and slices.

The format is documented in github.com/aseprite/aseprite, docs/ase-file-specs.md; numbers are little-endian. Nothing
that a file claims is believed before its bytes are there: sizes are added up before memory is taken, and what is packed
is unpacked to the size claimed and no further.
"""

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.files import DataError, check_file, plural, why
from sprites.prepare.aseprite.chunks import CHUNKS
from sprites.prepare.aseprite.document import BYTES, Document, Slice, Stream, Tag
from sprites.prepare.aseprite.merging import merged
from sprites.reading.image import MAX_PIXELS

MAX_BYTES = 2**27  # of a file
MAX_CHUNKS = 2**20


class Aseprite(NamedTuple):
    """What `read_aseprite` gives."""

    frames: np.ndarray  # uint8 [F, H, W, 4], straight alpha: visible layers merged
    durations: tuple[int, ...]  # milliseconds of each frame
    tags: tuple[Tag, ...]
    palette: np.ndarray  # uint8 [P, 3], in the order of the indices; P is 0 if there is none
    slices: tuple[Slice, ...]
    transparent: int | None  # the index that shows nothing, in an indexed file


def read_aseprite(path: Path, content: bytes | None = None) -> Aseprite:
    """A file of Aseprite, or its content, which `path` then only names.

    Merged are the visible layers, as the program exports them: groups, opacity of layers and cels, blend modes, order,
    linked cels, tilemaps; not reference layers. DataError in one line for a file that is broken or too large.
    """
    try:
        if content is None:
            check_file(path)
            with open(path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes")
        document = parsed(Stream(memoryview(content)))
        frames = merged(document)
    except DataError:
        raise
    except (OSError, ValueError, struct.error, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as an Aseprite file ({why(error)}); save it again there") from error
    return Aseprite(
        frames,
        tuple(document.durations),
        tuple(tag for tag in document.tags if tag.first <= tag.last < len(frames)),
        document.palette[:, :3],
        tuple(document.slices),
        document.transparent if document.depth == 8 else None,
    )


def parsed(stream: Stream) -> Document:
    """The header, and all chunks of all frames."""
    _, magic, count, width, height, depth, flags, speed = stream.read("IHHHHHIH")
    if magic != 0xA5E0:
        raise ValueError("it does not begin like one")
    if depth not in BYTES or not width or not height or not count:
        raise ValueError(f"{plural(count, 'frame')} of {width}x{height} pixels in {depth} bits")
    if count * width * height > MAX_PIXELS:
        raise ValueError(f"{count:,} frames of {width}x{height} are more than {MAX_PIXELS:,} pixels")
    _, _, transparent = stream.read("IIB")
    stream.take(128 - stream.at)
    document, chunks = Document(width, height, depth, flags, transparent), 0
    for _ in range(count):
        size, magic, few, duration, _, many = stream.read("IHHHHI")
        if magic != 0xF1FA:
            raise ValueError("a frame does not begin like one")
        frame = Stream(stream.take(max(0, size - 16)))
        document.cels.append({})
        document.durations.append(duration or speed)
        chunks += (found := many or few)
        if chunks > MAX_CHUNKS:
            raise ValueError(f"more than {MAX_CHUNKS:,} chunks")
        for _ in range(found):
            length, kind = frame.read("IH")
            chunk = Stream(frame.take(max(0, length - 6)))
            if kind in CHUNKS:
                CHUNKS[kind](document, chunk)
        document.palettes.append(document.palette)
    return document
