"""What became of the sources: in some lines of text, and as one picture."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sprites.clips import told as clips_told
from sprites.colour import MOST, codes, count_colours, oklab, palette_of, parts
from sprites.content import content_hashes
from sprites.files import plural, some
from sprites.prepare.collection import Collection
from sprites.prepare.settings import TO_CUT

SHOWN = 16  # sprites of a category in the picture
ROWS = 40  # categories in it
GAP, PAPER, INK = 8, (250, 250, 250), (40, 40, 40)
SQUARES = np.array([(255, 255, 255), (222, 222, 222)], np.uint8)  # what shows through transparent pixels
FIRST = 8  # names or sizes in a line


class Likeness(NamedTuple):
    """How many sprites of a set are another one over again."""

    mirrored: int  # an earlier one, flipped left to right
    recoloured: int  # an earlier one in other colours
    in_two: list[tuple[int, int]]  # of each picture in more than one category, the first sprites of two of them


def patterns(images: np.ndarray) -> np.ndarray:
    """Of each pixel of sprites uint8 [N, H, W, 4] the first pixel of its colour, or -1 if it is transparent: int16
    [N, H * W]. Equal for a sprite in other colours."""
    code = codes(images).reshape(len(images), -1)
    order = code.argsort(axis=1, kind="stable")
    in_order = np.take_along_axis(code, order, 1)
    place = np.broadcast_to(np.arange(code.shape[1]), code.shape)
    begins = np.where(np.diff(in_order, axis=1, prepend=-2) != 0, place, 0)
    first = np.take_along_axis(order, np.maximum.accumulate(begins, axis=1), 1)
    out = np.empty(code.shape, np.int16)
    np.put_along_axis(out, order, first.astype(np.int16), 1)
    return np.where(code < 0, np.int16(-1), out)


def likeness(images: np.ndarray, labels: np.ndarray) -> Likeness:
    """Of uint8 [N, H, W, 4] and labels int64 [N]."""
    own, flipped = content_hashes(images), content_hashes(images[:, :, ::-1])
    hashes = set(own.tolist())
    pairs = {tuple(sorted(pair)) for pair in zip(own.tolist(), flipped.tolist(), strict=True) if pair[0] != pair[1]}
    mirrored = sum(a in hashes and b in hashes for a, b in pairs)
    distinct, first = np.unique(own, return_index=True)
    unique = images[first]
    kinds = {row.tobytes() for part in parts(unique) for row in patterns(unique[part])}
    by_category, where = np.unique(np.stack([own, labels.astype(np.uint64)], 1), axis=0, return_index=True)
    _, begins, counts = np.unique(by_category[:, 0], return_index=True, return_counts=True)
    in_two = [(int(where[i]), int(where[i + 1])) for i in begins[counts > 1]]
    return Likeness(mirrored, len(distinct) - len(kinds), sorted(in_two))


def sized(sizes: Mapping[tuple[int, int], int]) -> str:
    """As in "16x16 (120), 32x32 (4)", the most frequent first."""
    found = [f"{w}x{h} ({count:,})" for (w, h), count in Counter(sizes).most_common()]
    return some(found, FIRST)


def palette_line(images: np.ndarray) -> str:
    """The colours of a set, and of one sprite."""
    palette = palette_of(images)
    each = np.median(count_colours(images[:: max(1, len(images) // 2000)]))
    of_all = (
        f"{len(palette)}, learnt exactly as a palette" if palette is not None else f"more than {MOST}, so no palette"
    )
    return f"{of_all}; a typical sprite has {each:.0f}"


def backgrounds(images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Colours, as "ff00ff", that look like a plain ground, and which sprites have it: int [n] each, most first.

    These have no clear pixel, and the colour in all corners. Tiles are often so. Therefore most sprites of a category
    must have the colour, or most of the set must have clear pixels, among which opaque ones stand out.
    """
    corners, full = codes(images[:, [0, 0, -1, -1], [0, -1, 0, -1]]), (images[..., 3] > 0).all(axis=(1, 2))
    alike = (corners == corners[:, :1]).all(1) & full
    found, sizes = {}, np.bincount(labels)
    for colour, _ in Counter(corners[alike, 0].tolist()).most_common():
        own = np.flatnonzero(alike & (corners[:, 0] == colour))
        if 2 * full.sum() < len(images) or (2 * np.bincount(labels[own], minlength=len(sizes)) > sizes).any():
            found[f"{colour:06x}"] = own
    return found


def named(files: Sequence[str]) -> str:
    """The first files, each once, in brackets; nothing if there are none."""
    return f" ({some(list(dict.fromkeys(files)), 3)})" if files else ""


def report(found: Collection) -> Iterator[tuple[str, str]]:
    """What to tell, each line with its heading; names of files are shown below what the user named."""
    root = found.told.root
    for heading, what in lines(found):
        yield heading, what.replace(root, "") if root else what


def lines(found: Collection) -> Iterator[tuple[str, str]]:
    """The lines of the report."""
    told, counts = found.told, np.bincount(found.labels)
    yield "pictures read", f"{told.files:,}"
    for times, names in sorted(told.enlarged.items()):
        yield (
            "enlarged",
            f"{times} times, brought back to true size: {plural(len(names), 'picture')} ({some(names, 2)})",
        )
    for grid, names in told.sheets.items():
        yield "sheets", f"look like tiles of {grid}, and were cut: {some(names, 3)}"
    left = {name for names in told.left_out.names.values() for name in names}
    if blobs := [f"{name} ({w}x{h})" for name, (w, h) in told.blobs.items() if name not in left]:
        yield "sheets", f"of several separate parts, and not cut: {some(blobs, 3)}; if it is a sheet, {TO_CUT}"
    yield "sizes found", f"{sized(told.sizes)}; now {found.size}x{found.size}"
    each = [f"{name} {count:,}" for name, count in zip(found.categories, counts, strict=True)]
    yield "sprites", f"{len(found.images):,}: {some(each, 12)}"
    if clips := clips_told(found.clips):
        folders = plural(len(told.series), "folder") + " of numbered images taken for a clip each"
        yield "clips", f"{clips}; {folders}: {some(told.series, 3)}" if told.series else clips
    yield "colours", palette_line(found.images)
    if facets := Counter(facet for row in found.facets for facet in row):
        yield "tags", some([f"{facet} ({count:,})" for facet, count in facets.items()], FIRST)
    yield from told.notes
    for colour, own in list(backgrounds(found.images, found.labels).items())[:3]:
        which = f"{plural(len(own), 'sprite')} without a clear pixel and with {colour} in all corners"
        yield "background", f"{which}{named([found.files[i] for i in own])}; --clear {colour} takes it away"
    if told.softened:
        yield "alpha", f"{plural(told.softened, 'pixel')} between clear and opaque made one or the other, at 128"
    for what, names in (("blank", told.blank), ("the same as another of its category", told.repeated)):
        if names:
            yield "dropped", f"{len(names):,} {what}{named(names)}"
    yield from told_alike(found)
    if told.unused:
        rows = plural(len(told.unused), "row")
        yield "table", f"{rows} of the table of tags that no sprite belongs to: {some(told.unused, 3)}"
    for reason, names in told.left_out.names.items():
        yield "left out", f"{some(names, 3)}: {reason}"


def told_alike(found: Collection) -> Iterator[tuple[str, str]]:
    """The lines about sprites that are much the same."""
    alike = likeness(found.images, found.labels)
    if alike.mirrored or alike.recoloured:
        what = f"{alike.mirrored:,} mirrored, {alike.recoloured:,} recoloured from another; all are kept"
        yield "alike", what
    if alike.in_two:
        pairs = [" = ".join(dict.fromkeys(found.files[i] for i in pair)) for pair in alike.in_two]
        yield "in two", f"{plural(len(pairs), 'sprite')} in more than one category{named(pairs)}; keep each in one"


def on_squares(images: np.ndarray, times: int) -> np.ndarray:
    """Sprites uint8 [n, H, W, 4], alpha 0 or 255, each pixel `times` wide, over a checkerboard: [n, h, w, 3]."""
    large = images.repeat(times, 1).repeat(times, 2)
    y, x = np.mgrid[: large.shape[1], : large.shape[2]] // (2 * times)
    return np.where(large[..., 3:] > 0, large[..., :3], SQUARES[(y + x) % 2])


Fonts = Callable[[Sequence[str]], tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, list[str]]]


def spread(rows: np.ndarray) -> np.ndarray:
    """At most `SHOWN` of some numbers, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, SHOWN).round().astype(int))]


def picture(found: Collection, fonts: Fonts) -> Image.Image:
    """Sprites of each category, evenly spread, below one another, and the palette of the set in order of lightness."""
    labels = range(len(found.categories[:ROWS]))
    rows = [found.images[spread(np.flatnonzero(found.labels == label))] for label in labels]
    return gallery(rows, captions(found.categories, np.bincount(found.labels)), palette_of(found.images), fonts)


def captions(categories: Sequence[str], counts: Iterable[int]) -> list[str]:
    """What stands beside each category in the picture."""
    return [f"{name} {count:,}" for name, count in zip(categories[:ROWS], counts, strict=False)]


def gallery(shown: Sequence[np.ndarray], names: list[str], palette: np.ndarray | None, fonts: Fonts) -> Image.Image:
    """Rows of sprites uint8 [n, S, S, 4] below one another, each with its name, and a palette in order of lightness.

    fonts: gives a font for some labels, and the labels as it can show them.
    """
    times = max(1, round(48 / shown[0].shape[1]))
    font, names = fonts(names)
    left, side = 2 * GAP + int(max(map(font.getlength, [*names, "palette"]))), shown[0].shape[1] * times
    swatch = side * 2 // 5
    columns = max(1, (SHOWN * (side + GAP) - GAP) // swatch)
    rows = -(-len(palette) // columns) if palette is not None else 0
    height = GAP + len(names) * (side + GAP) + (rows * swatch + GAP if rows else 0)
    sheet = Image.new("RGB", (left + SHOWN * (side + GAP), height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, (name, sprites) in enumerate(zip(names, shown, strict=True)):
        y = GAP + row * (side + GAP)
        draw.text((left - GAP, y + side // 2), name, INK, font, anchor="rm")
        for column, sprite in enumerate(on_squares(sprites, times)):
            sheet.paste(Image.fromarray(sprite), (left + column * (side + GAP), y))
    if palette is not None:
        y = GAP + len(names) * (side + GAP)
        draw.text((left - GAP, y + swatch // 2), "palette", INK, font, anchor="rm")
        for index, colour in enumerate(palette[np.argsort(oklab(palette)[:, 0])]):
            at = (left + index % columns * swatch, y + index // columns * swatch)
            sheet.paste(tuple(colour.tolist()), (*at, at[0] + swatch - 1, at[1] + swatch - 1))
    return sheet
