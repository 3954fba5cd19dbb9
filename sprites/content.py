"""What the pixels of a set say: a hash of each sprite, and what the user should know before training on them."""

from dataclasses import dataclass

import numpy as np

from sprites.files import DataError, plural, some
from sprites.io import Sprites, check_whole, content_hashes

PART = 2**24  # bytes looked at in one go, as the images may be larger than the memory
FEW = 20  # sprites of a category


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Content:
    """Of each of N sprites."""

    hashes: np.ndarray  # uint64 [N], see `content_hashes`
    soft: np.ndarray  # int64 [N], pixels with an alpha of 1 to 254
    blank: np.ndarray  # bool [N], no pixel has any alpha


def examine(images: np.ndarray) -> Content:
    """Look once at uint8 [N, H, W, C]."""
    n, rows = len(images), max(1, PART // images[0].nbytes)
    content = Content(np.empty(n, np.uint64), np.zeros(n, np.int64), np.zeros(n, bool))
    for part in (slice(start, start + rows) for start in range(0, n, rows)):
        check_whole(images)
        pixels = np.asarray(images[part])
        content.hashes[part] = content_hashes(pixels)
        if pixels.shape[-1] == 4:
            alpha = pixels[..., 3]
            soft = alpha + np.uint8(1) > 1  # 255 + 1 is 0
            if soft.any():
                content.soft[part] = np.count_nonzero(soft, axis=(1, 2))
            content.blank[part] = ~alpha.any(axis=(1, 2))
    return content


def notes_on_content(sprites: Sprites, content: Content) -> list[str]:
    """One line each about what training would take in silence. DataError for a category of which nothing is seen."""
    counts = np.bincount(sprites.labels, minlength=len(sprites.categories))
    seen = np.bincount(sprites.labels[~content.blank], minlength=len(counts))
    if not seen.all():
        name = sprites.categories[seen.argmin()]
        raise DataError(
            f"{sprites.source}: category {name!r}: all sprites are wholly transparent; draw some or drop it"
        )
    found = (note_soft(content), note_blank(sprites, content), note_twins(sprites, content), note_few(sprites, counts))
    return [f"{sprites.source}: {note}" for note in found if note]


def note_soft(content: Content) -> str | None:
    soft = np.count_nonzero(content.soft)
    return soft and (
        f"{plural(soft, 'sprite')} with an alpha of 1 to 254 ({plural(content.soft.sum(), 'pixel')}); sampled sprites "
        "have an alpha of 0, for what is below 128, or 255"
    )


def note_blank(sprites: Sprites, content: Content) -> str | None:
    blank = np.flatnonzero(content.blank)
    if not len(blank):
        return None
    return f"{plural(len(blank), 'sprite')} wholly transparent, as {sprites.name(blank[0])}; remove or draw them"


def note_twins(sprites: Sprites, content: Content) -> str | None:
    """Of pictures that are in more than one category."""
    seen = np.flatnonzero(~content.blank)
    order = seen[np.lexsort((sprites.labels[seen], content.hashes[seen]))]
    hashes, labels = content.hashes[order], sprites.labels[order]
    twins = np.flatnonzero((hashes[1:] == hashes[:-1]) & (labels[1:] != labels[:-1]))
    if not len(twins):
        return None
    one, other = (sprites.name(order[twins[0] + i]) for i in (0, 1))
    count = len(np.unique(hashes[twins]))
    return f"{plural(count, 'picture')} in more than one category ({one} and {other}); keep each in one"


def note_few(sprites: Sprites, counts: np.ndarray) -> str | None:
    few = [f"{name} {n}" for name, n in zip(sprites.categories, counts, strict=True) if n < FEW]
    if not few:
        return None
    return f"categories of fewer than {FEW} sprites, too few to learn from: {some(few, 8)}; add some"
