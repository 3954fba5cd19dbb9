"""Animations: GIF and APNG, of all frames in their order, over and over."""

import struct
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

from PIL import GifImagePlugin, Image
from PIL.PngImagePlugin import Blend, Disposal

from sprites.colour import MOST, hardened
from sprites.export.album import Album, Files
from sprites.files import plural
from sprites.writing.png import picture_of

FOREVER = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"  # loop without end
CLEAR = 2  # before the next frame a frame gives way to transparent, or they would pile up
FASTEST = 20  # milliseconds; browsers show what is shorter as 100


def told(album: Album, what: str, delays: Sequence[int]) -> str:
    """delays: milliseconds of each frame, as the file holds them."""
    each = " to ".join(str(delay) for delay in sorted({min(delays), max(delays)}))
    return f"{plural(len(album), 'frame')} of {album.size[0]}x{album.size[1]} pixels in {what}, {each} ms each"


def write_gif(album: Album, name: str, columns: int | None) -> Files:
    """One palette for all frames, and every frame whole; soft alpha, which the format has not, made hard. Delays are
    rounded to hundredths of a second.

    Pillow packs the pixels. Its own way to write an animation puts a second head before a frame that is wholly
    transparent, and makes one frame of two that are equal.
    """
    w, h = album.check_size()
    hard, soft = hardened(album.rgba)
    index, colours = replace(album, sprites=hard).indexed()
    shown = [10 * round(max(FASTEST, delay) / 10) for delay in album.delays]
    bits = max(2, (len(colours) - 1).bit_length())
    table = colours.tobytes().ljust(3 << bits, b"\0")
    parts = [b"GIF89a", struct.pack("<HHBBB", w, h, 0x80 | (bits - 1) << 4 | bits - 1, 0, 0), table, FOREVER]
    for pixels, delay in zip(index, shown, strict=True):
        picture = picture_of(pixels, colours, clear=True)
        parts += GifImagePlugin.getdata(picture, duration=delay, disposal=CLEAR, transparency=0)
    what = f"one palette of {plural(len(colours) - 1, 'colour')}"
    lost = "; its soft alpha made hard" if soft.any() else ""
    return Files({name: b"".join([*parts, b";"])}, told(album, what, shown) + lost)


def write_apng(album: Album, name: str, columns: int | None) -> Files:
    """Indices into one palette where they fit, else RGBA. Equal frames in a row become one that is shown longer."""
    colours = album.colours
    if few := album.is_hard and colours is not None and len(colours) < MOST:
        index, table = album.indexed()
        pictures = [picture_of(pixels, table, clear=True) for pixels in index]
    else:
        pictures = [Image.fromarray(pixels) for pixels in album.rgba]
    first, *others = pictures
    how = {"duration": album.delays, "loop": 0, "disposal": Disposal.OP_NONE, "blend": Blend.OP_SOURCE}
    file = BytesIO()
    first.save(file, format="png", save_all=True, append_images=others, **how)
    what = f"one palette of {plural(len(table) - 1, 'colour')}" if few else "RGBA"
    return Files({name: file.getvalue()}, told(album, what, album.delays))
