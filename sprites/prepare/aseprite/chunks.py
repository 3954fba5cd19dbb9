"""The chunks of a file of Aseprite: one table from the number of a kind to its reader."""

from collections.abc import Callable

import numpy as np

from sprites.prepare.aseprite.blending import scaled
from sprites.prepare.aseprite.document import BYTES, Cel, Document, Layer, Slice, Stream, Tag
from sprites.reading.image import MAX_PIXELS

MAX_COLOURS = 2**16
MAX_SLICES = 10_000
DIRECTIONS = ("forward", "reverse", "pingpong", "pingpong_reverse")


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
