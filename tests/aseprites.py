"""Files of Aseprite, put together chunk by chunk as its documented format says, for tests."""

import struct
import zlib

import numpy as np


def text(word: str) -> bytes:
    return struct.pack("<H", len(word.encode())) + word.encode()


def chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<IH", len(data) + 6, kind) + data


def layer(
    name: str = "Layer", flags: int = 1, kind: int = 0, level: int = 0, mode: int = 0, opacity: int = 255
) -> bytes:
    more = struct.pack("<I", 0) if kind == 2 else b""  # the first tileset
    return chunk(0x2004, struct.pack("<6HB3x", flags, kind, level, 0, 0, mode, opacity) + text(name) + more)


def cel(
    pixels: np.ndarray, at: int = 0, x: int = 0, y: int = 0, opacity: int = 255, z: int = 0, raw: bool = False
) -> bytes:
    """Pixels uint8 [h, w, 1, 2 or 4] on the layer number `at`."""
    h, w = pixels.shape[:2]
    data = pixels.tobytes() if raw else zlib.compress(pixels.tobytes())
    return chunk(0x2005, struct.pack("<HhhBHh5xHH", at, x, y, opacity, 0 if raw else 2, z, w, h) + data)


def link(frame: int, at: int = 0) -> bytes:
    return chunk(0x2005, struct.pack("<HhhBHh5xH", at, 0, 0, 255, 1, 0, frame))


def tilemap(numbers: np.ndarray, at: int = 0) -> bytes:
    """Numbers of tiles uint32 [h, w], with bits on top: 31 flips columns, 30 rows, 29 turns."""
    h, w = numbers.shape
    head = struct.pack("<HhhBHh5xHH", at, 0, 0, 255, 3, 0, w, h)
    masks = struct.pack("<H4I10x", 32, 2**29 - 1, 2**31, 2**30, 2**29)
    return chunk(0x2005, head + masks + zlib.compress(numbers.astype("<u4").tobytes()))


def tileset(tiles: np.ndarray) -> bytes:
    """Tiles uint8 [n, h, w, 1, 2 or 4], of which the first is the empty one."""
    packed = zlib.compress(tiles.tobytes())
    head = struct.pack("<IIIHHh14x", 0, 2 | 4, len(tiles), tiles.shape[2], tiles.shape[1], 1)
    return chunk(0x2023, head + text("tiles") + struct.pack("<I", len(packed)) + packed)


def palette(colours: np.ndarray, first: int = 0) -> bytes:
    """Colours uint8 [P, 4]; every second has a name."""
    entries = b"".join(
        struct.pack("<H4B", i % 2, *colour) + (text("name") if i % 2 else b"")
        for i, colour in enumerate(colours.tolist())
    )
    return chunk(0x2019, struct.pack("<III8x", first + len(colours), first, first + len(colours) - 1) + entries)


def old_palette(colours: np.ndarray, kind: int = 0x0004) -> bytes:
    """Colours uint8 [P, 3] in one run."""
    return chunk(kind, struct.pack("<HBB", 1, 0, len(colours) % 256) + colours.tobytes())


def tags(*found: tuple[str, int, int, int]) -> bytes:
    """(name, first, last, direction) each."""
    rows = [struct.pack("<HHBH6x3Bx", first, last, way, 0, 0, 0, 0) + text(name) for name, first, last, way in found]
    return chunk(0x2018, struct.pack("<H8x", len(found)) + b"".join(rows))


def slices(name: str, *keys: tuple[int, int, int, int, int], flags: int = 0) -> bytes:
    """(frame, x, y, width, height) each."""
    more = bytes(16 * (flags & 1) + 4 * (flags & 2))
    return chunk(
        0x2022,
        struct.pack("<III", len(keys), flags, 0)
        + text(name)
        + b"".join(struct.pack("<IiiII", *k) + more for k in keys),
    )


def aseprite(
    frames: list[list[bytes]], width: int = 8, height: int = 8, depth: int = 32, transparent: int = 0, flags: int = 1
) -> bytes:
    """A whole file of the chunks of each frame; frame i is shown for 100 + i milliseconds."""
    body = b""
    for number, chunks in enumerate(frames):
        data = b"".join(chunks)
        body += (
            struct.pack("<IHHHxxI", len(data) + 16, 0xF1FA, min(len(chunks), 0xFFFF), 100 + number, len(chunks)) + data
        )
    head = struct.pack(
        "<HHHHHIHIIB3xHBB", 0xA5E0, len(frames), width, height, depth, flags, 100, 0, 0, transparent, 0, 1, 1
    )
    return struct.pack("<I", 128 + len(body)) + head.ljust(124, b"\0") + body
