"""Aseprite's own files: .aseprite, as its docs/ase-file-specs.md describes them.

All numbers are little-endian. A file is a header of 128 bytes and its frames; a frame is a header of 16 bytes and its
chunks; a chunk is its length, its type and its data.
"""

import struct
import zlib

import numpy as np

from sprites.colour import MOST
from sprites.export.album import TWO_BYTES, Album, Files
from sprites.files import plural

LAYER, CEL, PROFILE, TAGS, PALETTE = 0x2004, 0x2005, 0x2007, 0x2018, 0x2019
COMPRESSED = 2  # a cel of pixels, packed by zlib


def text(words: str) -> bytes:
    """A STRING: the number of its bytes, then UTF-8. What is too long for it is cut."""
    said = words.encode()[:TWO_BYTES].decode(errors="ignore").encode()
    return struct.pack("<H", len(said)) + said


def chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<IH", 6 + len(data), kind) + data


def profile_chunk() -> bytes:
    """The colours are sRGB."""
    return chunk(PROFILE, struct.pack("<HHI8x", 1, 0, 0))


def palette_chunk(colours: np.ndarray, clear: bool) -> bytes:
    """uint8 [P, 3], of which the first is transparent with `clear`."""
    entries = [struct.pack("<H4B", 0, *rgb, 0 if clear and i == 0 else 255) for i, rgb in enumerate(colours.tolist())]
    return chunk(PALETTE, struct.pack("<III8x", len(entries), 0, len(entries) - 1) + b"".join(entries))


def layer_chunk() -> bytes:
    """One layer that is seen and can be drawn on."""
    return chunk(LAYER, struct.pack("<HHHHHHB3x", 3, 0, 0, 0, 0, 0, 255) + text("Layer 1"))


def tags_chunk(album: Album) -> bytes:
    """The runs, played forward, again and again."""
    tags = [struct.pack("<HHBH6x4B", run.first, run.last, 0, 0, 0, 0, 0, 0) + text(run.name) for run in album.runs]
    return chunk(TAGS, struct.pack("<H8x", len(tags)) + b"".join(tags))


def cel_chunk(pixels: np.ndarray) -> bytes:
    """The pixels of one frame, uint8 [H, W] or [H, W, 4]."""
    h, w = pixels.shape[:2]
    return chunk(CEL, struct.pack("<HhhBHh5xHH", 0, 0, 0, 255, COMPRESSED, 0, w, h) + zlib.compress(pixels.tobytes()))


def frame(chunks: list[bytes], delay: int) -> bytes:
    size, count = 16 + sum(map(len, chunks)), len(chunks)
    return struct.pack("<IHHH2xI", size, 0xF1FA, min(count, 0xFFFF), delay, count) + b"".join(chunks)


def header(album: Album, length: int, depth: int, colours: int) -> bytes:
    """length: of all that follows, in bytes; depth: bits a pixel."""
    w, h = album.size
    layers_have_opacity, no_grid = 1, (0, 0, 16, 16)
    start = struct.pack("<IHHHHHIH8x", 128 + length, 0xA5E0, len(album), w, h, depth, layers_have_opacity, 100)
    rest = struct.pack("<B3xHBBhhHH", 0, colours, 1, 1, *no_grid)  # index 0 is transparent, pixels are square
    return (start + rest).ljust(128, b"\0")


def write_aseprite(album: Album, name: str, columns: int | None, is_indexed: bool | None = None) -> Files:
    """One layer, a cel for each frame, tags and palette. is_indexed: whether pixels are indices; None: if they fit."""
    album.check_size()
    if len(album) > TWO_BYTES:
        raise ValueError(f"{len(album):,} sprites, where an .aseprite file has {TWO_BYTES:,} frames at most")
    colours = album.colours
    if is_indexed is None:
        is_indexed = album.is_hard and colours is not None and len(colours) < MOST
    if is_indexed:
        pixels, table = album.indexed()
    else:
        pixels, table = album.rgba, np.empty((0, 3), np.uint8) if colours is None else colours
    first = [profile_chunk(), *([palette_chunk(table, is_indexed)] if len(table) else []), layer_chunk()]
    first += [tags_chunk(album)] if album.runs else []
    frames = [
        frame([*(first if i == 0 else []), cel_chunk(image)], delay)
        for i, (image, delay) in enumerate(zip(pixels, album.delays, strict=True))
    ]
    body = b"".join(frames)
    file = header(album, len(body), 8 if is_indexed else 32, len(table)) + body
    what = f"indices of {plural(len(table) - 1, 'colour')} and transparent" if is_indexed else "RGBA"
    return Files({name: file}, f"{plural(len(album), 'frame')} in {what}, {plural(len(album.runs), 'frame tag')}")
