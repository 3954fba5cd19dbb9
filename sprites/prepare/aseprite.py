"""Aseprite's files (.aseprite, .ase): each frame as the program shows it, tags, palette and slices.

The format is documented in github.com/aseprite/aseprite, docs/ase-file-specs.md; numbers are little-endian. Nothing
that a file claims is believed before its bytes are there: sizes are added up before memory is taken, and what is packed
is unpacked to the size claimed and no further.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sprites.files import DataError, check_file, why
from sprites.prepare.blending import lay_over, scaled
from sprites.reading.image import MAX_PIXELS

MAX_BYTES = 2**27  # of a file
MAX_CHUNKS = 2**20
MAX_LAID = 2**27  # pixels of cels laid on frames
MAX_COLOURS = 2**16
MAX_SLICES = 10_000
DIRECTIONS = ("forward", "reverse", "pingpong", "pingpong_reverse")
BYTES = {8: 1, 16: 2, 32: 4}  # a pixel, by colour depth: an index, grey and alpha, RGBA


class Tag(NamedTuple):
    """A named run of frames, as for a walk."""

    name: str
    first: int
    last: int  # the last one belongs to it
    direction: str  # one of DIRECTIONS


class Slice(NamedTuple):
    """A named rectangle, in pixels, from a frame on."""

    name: str
    frame: int
    x: int
    y: int
    width: int
    height: int


class Aseprite(NamedTuple):
    """What `read_aseprite` gives."""

    frames: np.ndarray  # uint8 [F, H, W, 4], straight alpha: visible layers merged
    durations: tuple[int, ...]  # milliseconds of each frame
    tags: tuple[Tag, ...]
    palette: np.ndarray  # uint8 [P, 3], in the order of the indices; P is 0 if there is none
    slices: tuple[Slice, ...]
    transparent: int | None  # the index that shows nothing, in an indexed file


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
        raise ValueError(f"{count} frames of {width}x{height} pixels in {depth} bits")
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


def read_layer(document: Document, chunk: Stream) -> None:
    flags, kind, level, _, _, mode, opacity = chunk.read("HHHHHHB")
    chunk.take(3)
    chunk.text()
    if not document.flags & (2 if kind == 1 else 1):
        opacity = 255
    tileset = chunk.one("I") if kind == 2 else -1
    shown = bool(flags & 1) and not flags & 64
    level = min(level, len(document.inside))
    if level:
        around, dimmed = document.inside[level - 1]
        shown, opacity = shown and around, scaled(opacity, dimmed)
    document.inside[level:] = [(shown, opacity if kind == 1 else 255)]
    document.layers.append(Layer(flags, kind, mode, opacity, shown, tileset))


def read_cel(document: Document, chunk: Stream) -> None:
    layer, x, y, opacity, kind, z = chunk.read("HhhBHh")
    chunk.take(5)
    if layer >= len(document.layers):
        raise ValueError(f"a cel of layer {layer}, of {len(document.layers)}")
    if kind == 1:
        linked = chunk.one("H")
        if linked < len(document.cels) - 1 and layer in document.cels[linked]:  # in Aseprite, links lead back
            document.cels[-1][layer] = document.cels[linked][layer]._replace(z=z)
        return
    if kind not in (0, 2, 3):
        raise ValueError(f"a cel of an unknown kind, {kind}")
    width, height = chunk.read("HH")
    if kind == 3:
        pixels = read_tilemap(document, chunk, document.layers[layer].tileset, height, width)
    else:
        pixels = document.unpacked(chunk.rest(), height, width, BYTES[document.depth], kind == 2)
    document.cels[-1][layer] = Cel(x, y, opacity, z, pixels)


def read_tilemap(document: Document, chunk: Stream, tileset: int, height: int, width: int) -> np.ndarray:
    """The image, uint8 [H, W, 1, 2 or 4], of a cel of tiles: their numbers in a tileset, and how each is turned."""
    bits, *masks = chunk.read("HIIII")
    chunk.take(10)
    if bits != 32:
        raise ValueError(f"tiles of {bits} bits")
    numbers = document.unpacked(chunk.rest(), height, width, 4).view("<u4")[..., 0]
    tiles = document.tilesets.get(tileset)
    if tiles is None or not numbers.size:  # linked to another file
        return np.zeros((0, 0, BYTES[document.depth]), np.uint8)
    _, h, w, each = tiles.shape
    document.pixels += numbers.size * h * w
    if document.pixels > MAX_PIXELS:
        raise ValueError(f"its images have more than {MAX_PIXELS:,} pixels")
    number, across, down, turned = (numbers & np.uint32(mask) for mask in masks)
    placed = tiles[np.where(number < len(tiles), number, 0)]
    if h == w and turned.any():  # rows become columns, and only then sides are changed
        placed = np.where((turned > 0)[..., None, None, None], placed.swapaxes(2, 3), placed)
    placed = np.where((across > 0)[..., None, None, None], placed[..., ::-1, :], placed)
    placed = np.where((down > 0)[..., None, None, None], placed[..., ::-1, :, :], placed)
    return placed.swapaxes(1, 2).reshape(height * h, width * w, each)


def read_tileset(document: Document, chunk: Stream) -> None:
    name, flags, count, width, height, _ = chunk.read("IIIHHh")
    chunk.take(14)
    chunk.text()
    if flags & 1:
        chunk.take(8)
    if flags & 2 and count:
        chunk.one("I")
        pixels = document.unpacked(chunk.rest(), count * height, width, BYTES[document.depth])
        tiles = pixels.reshape(count, height, width, -1).copy()
        tiles[0] = document.transparent if document.depth == 8 else 0  # tile 0 is the empty one
        document.tilesets[name] = tiles


def read_palette(document: Document, chunk: Stream) -> None:
    size, first, last = chunk.read("III")
    chunk.take(8)
    if max(size, last + 1) > MAX_COLOURS:
        raise ValueError(f"a palette of {max(size, last + 1):,} colours")
    table = resized(document.palette, max(size, last + 1))
    for index in range(first, last + 1):
        flags, *table[index] = chunk.read("H4B")
        if flags & 1:
            chunk.text()
    document.palette, document.new_palette = table[:size], True


def read_old_palette(document: Document, chunk: Stream, most: int) -> None:
    """Runs of RGB, each from 0 to `most`. A newer chunk counts more."""
    if document.new_palette:
        return
    index, table = 0, resized(document.palette, max(256, len(document.palette)))
    used = len(document.palette)
    for _ in range(chunk.one("H")):
        skipped, count = chunk.read("BB")
        index, count = index + skipped, count or 256
        colours = np.frombuffer(chunk.take(3 * count), np.uint8).reshape(-1, 3)
        if index + count > 256:
            raise ValueError("a palette of more than 256 colours")
        table[index : index + count, :3] = colours.astype(np.int32).clip(0, most) * 255 // most
        table[index : index + count, 3] = 255
        index += count
        used = max(used, index)
    document.palette = table[:used]


def resized(palette: np.ndarray, size: int) -> np.ndarray:
    """A copy of RGBA colours [P, 4] with more of them, black."""
    table = np.zeros((max(size, len(palette)), 4), np.uint8)
    table[:, 3] = 255
    table[: len(palette)] = palette
    return table


def read_tags(document: Document, chunk: Stream) -> None:
    count = chunk.one("H")
    chunk.take(8)
    for _ in range(count):
        first, last, direction = chunk.read("HHB")
        chunk.take(12)
        document.tags.append(Tag(chunk.text(), first, last, DIRECTIONS[direction % len(DIRECTIONS)]))


def read_slice(document: Document, chunk: Stream) -> None:
    count, flags, _ = chunk.read("III")
    name = chunk.text()
    if len(document.slices) + count > MAX_SLICES:
        raise ValueError(f"more than {MAX_SLICES:,} slices")
    for _ in range(count):
        document.slices.append(Slice(name, *chunk.read("IiiII")))
        chunk.take(16 * bool(flags & 1) + 8 * bool(flags & 2))


CHUNKS: dict[int, Callable[[Document, Stream], None]] = {
    0x0004: lambda document, chunk: read_old_palette(document, chunk, 255),
    0x0011: lambda document, chunk: read_old_palette(document, chunk, 63),
    0x2004: read_layer,
    0x2005: read_cel,
    0x2018: read_tags,
    0x2019: read_palette,
    0x2022: read_slice,
    0x2023: read_tileset,
}  # what is not in it (colour profiles, user data, ...) changes no pixel


def merged(document: Document) -> np.ndarray:
    """All frames, uint8 [F, H, W, 4]."""
    frames = np.zeros((len(document.cels), document.height, document.width, 4), np.uint8)
    laid = 0
    for canvas, cels, palette in zip(frames, document.cels, document.palettes, strict=True):
        # A cel moves by z layers; of those at one height the one that moved further up is above.
        for layer_index, cel in sorted(cels.items(), key=lambda item: (item[0] + item[1].z, item[1].z)):
            layer = document.layers[layer_index]
            h, w = cel.pixels.shape[:2]
            top, left = max(0, -cel.y), max(0, -cel.x)
            below = canvas[max(0, cel.y) : max(0, cel.y + h), max(0, cel.x) : max(0, cel.x + w)]
            inside = cel.pixels[top : top + below.shape[0], left : left + below.shape[1]]
            if not layer.shown or not inside.size:
                continue
            laid += below.shape[0] * below.shape[1]
            if laid > MAX_LAID:
                raise ValueError(f"its layers have more than {MAX_LAID:,} pixels to merge")
            above = coloured(document, inside, palette, layer.background)
            lay_over(below, above, int(scaled(cel.opacity, layer.opacity)), layer.mode)
    return frames


def coloured(document: Document, pixels: np.ndarray, palette: np.ndarray, background: bool) -> np.ndarray:
    """Pixels as the file has them, uint8 [h, w, 1, 2 or 4], as RGBA."""
    if document.depth == 32:
        return pixels
    if document.depth == 16:
        return pixels[..., [0, 0, 0, 1]]
    table = np.zeros((256, 4), np.uint8)  # an index beyond the palette shows nothing
    table[: len(palette)] = palette[:256]
    if not background:
        table[document.transparent] = 0
    return table[pixels[..., 0]]
