"""What a file of Aseprite says, as its chunks are read: layers, cels, palettes, tilesets, tags and slices."""

import struct
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sprites.reading.image import MAX_PIXELS

BYTES = {8: 1, 16: 2, 32: 4}  # a pixel, by colour depth: an index, grey and alpha, RGBA


class Tag(NamedTuple):
    """A named run of frames, as for a walk."""

    name: str
    first: int
    last: int  # the last one belongs to it
    direction: str  # one of chunks.DIRECTIONS


class Slice(NamedTuple):
    """A named rectangle, in pixels, from a frame on."""

    name: str
    frame: int
    x: int
    y: int
    width: int
    height: int


class Stream:
    """Bytes read one after the other. ValueError where they end too early."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> memoryview:
        if count > len(self.data) - self.at:
            raise ValueError("it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def read(self, layout: str) -> tuple:
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}")))

    def one(self, layout: str) -> int:
        return self.read(layout)[0]

    def text(self) -> str:
        return bytes(self.take(self.one("H"))).decode("utf-8", "replace")

    def rest(self) -> memoryview:
        return self.take(len(self.data) - self.at)


class Layer(NamedTuple):
    flags: int
    kind: int  # 0 image, 1 group, 2 tilemap
    mode: int
    opacity: int
    shown: bool  # as are all groups that it is in
    tileset: int

    @property
    def background(self) -> bool:
        return bool(self.flags & 8)


class Cel(NamedTuple):
    """An image of one layer in one frame, at a place."""

    x: int
    y: int
    opacity: int
    z: int
    pixels: np.ndarray  # uint8 [h, w, 1, 2 or 4]


@dataclass
class Document:
    """What the chunks of a file say."""

    width: int
    height: int
    depth: int
    flags: int
    transparent: int
    layers: list[Layer] = field(default_factory=list)
    inside: list[tuple[bool, int]] = field(default_factory=list)  # whether shown, and opacity, of the groups around
    cels: list[dict[int, Cel]] = field(default_factory=list)  # of each frame, by the index of the layer
    durations: list[int] = field(default_factory=list)
    palette: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.uint8))
    palettes: list[np.ndarray] = field(default_factory=list)  # of each frame
    new_palette: bool = False
    tilesets: dict[int, np.ndarray] = field(default_factory=dict)
    tags: list[Tag] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    pixels: int = 0  # of all images so far

    def unpacked(self, data: memoryview, height: int, width: int, each: int, packed: bool = True) -> np.ndarray:
        """uint8 [height, width, each] of bytes, packed or not. ValueError if they are fewer, or too many in all."""
        self.pixels += height * width
        if self.pixels > MAX_PIXELS:
            raise ValueError(f"its images have more than {MAX_PIXELS:,} pixels")
        size = height * width * each
        if packed and size:  # to zlib, a limit of 0 is none
            data = memoryview(zlib.decompressobj().decompress(data, size))
        if len(data) < size:
            raise ValueError(f"an image of {width}x{height} pixels ends too early")
        return np.frombuffer(data[:size], np.uint8).reshape(height, width, each)
