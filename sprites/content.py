"""What the pixels of a set say: a hash of each sprite, the split by it, and what to know before training on them."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from sprites.colour import parts
from sprites.files import DataError, plural, some
from sprites.loading import Sprites

FEW = 20  # sprites of a category


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Content:
    """Of each of N sprites."""

    hashes: np.ndarray  # uint64 [N], see `content_hashes`
    soft: np.ndarray  # int64 [N], pixels with an alpha of 1 to 254
    blank: np.ndarray  # bool [N], no pixel has any alpha


def content_hashes(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> uint64 [N], one hash per sprite of its shape and pixels.

    Colour under alpha 0 is not seen, so it does not count. The same on every machine.
    """
    shape = blake2b(np.array(images.shape[1:], "<u4").tobytes(), digest_size=8)
    digests = []
    for part in parts(images):
        seen = np.asarray(images[part])
        if seen.shape[-1] == 4:
            seen = seen * (seen[..., 3:] != 0)
        for row in np.ascontiguousarray(seen).reshape(len(seen), -1):
            digest = shape.copy()
            digest.update(row.data)
            digests.append(digest.digest())
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def count_duplicates(hashes: np.ndarray) -> int:
    """How many sprites are exact copies of an earlier one: N less the number of distinct hashes."""
    return len(hashes) - len(np.unique(hashes))


def split(
    sprites: Sprites | np.ndarray, val_fraction: float = 0.05, clips: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation indices, int64 and ascending, of Sprites or of their content hashes [N].

    A sprite's own hash decides, so copies are always on the same side, and neither order nor other sprites
    matter. The fraction is met on average; few sprites may leave validation empty. A larger fraction only
    adds to validation.

    clips: int64 [N], as `Sprites.clips`, which count if Sprites are given. All frames of a clip are on one side, and
    so are clips that share a frame. Stills are where they are without clips.
    """
    if isinstance(sprites, Sprites) and clips is None:
        clips = sprites.clips
    if not 0 <= val_fraction < 1:
        raise ValueError(f"val_fraction: got {val_fraction}, expected 0 <= val_fraction < 1")
    hashes = content_hashes(sprites.images) if isinstance(sprites, Sprites) else np.asarray(sprites)
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise ValueError(f"hashes: got {hashes.dtype} {list(hashes.shape)}, expected uint64 [N] of content_hashes")
    if clips is not None:
        hashes = clip_hashes(hashes, clips)
    held_out = hashes < np.uint64(int(val_fraction * 2**64))
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def clip_hashes(hashes: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """uint64 [N]: of each frame, the exclusive or of the distinct contents of its clip and of all joined to it.

    Such a sum is as uniform as a single hash, which it is for a still.
    """
    if clips.shape != hashes.shape or clips.dtype.kind not in "iu":
        raise ValueError(f"clips: got {clips.dtype} {list(clips.shape)}, expected int64 {list(hashes.shape)}")
    joined = join(hashes, np.unique(clips, return_inverse=True)[1])
    pairs = np.unique(np.stack([joined.astype(np.uint64), hashes], 1), axis=0)
    starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=pairs[:1, 0] + np.uint64(1)))
    return np.bitwise_xor.reduceat(pairs[:, 1], starts)[np.searchsorted(pairs[starts, 0], joined)]


def join(hashes: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """int64 [N]: of each frame, one number for all clips that are joined by frames they share. Clips count from 0."""
    order = np.lexsort((clips, hashes))
    one, other = order[:-1], order[1:]
    shared = (hashes[one] == hashes[other]) & (clips[one] != clips[other])
    parent = list(range(clips.max(initial=-1) + 1))

    def root(clip: int) -> int:
        while parent[clip] != clip:
            parent[clip] = clip = parent[parent[clip]]
        return clip

    for a, b in zip(clips[one[shared]].tolist(), clips[other[shared]].tolist(), strict=True):
        parent[root(a)] = root(b)
    return np.array([root(clip) for clip in range(len(parent))], np.int64)[clips]


def examine(images: np.ndarray, on_sprites: Callable[[int], object] = lambda count: None) -> Content:
    """Look once at uint8 [N, H, W, C]. on_sprites: called with how many more are done, for a bar."""
    n = len(images)
    content = Content(np.empty(n, np.uint64), np.zeros(n, np.int64), np.zeros(n, bool))
    for part in parts(images):
        pixels = np.asarray(images[part])
        content.hashes[part] = content_hashes(pixels)
        if pixels.shape[-1] == 4:
            alpha = pixels[..., 3]
            soft = alpha + np.uint8(1) > 1  # 255 + 1 is 0
            if soft.any():
                content.soft[part] = np.count_nonzero(soft, axis=(1, 2))
            content.blank[part] = ~alpha.any(axis=(1, 2))
        on_sprites(len(pixels))
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
    soft = int(np.count_nonzero(content.soft))
    if not soft:
        return None
    pixels = plural(int(content.soft.sum()), "pixel")
    return (
        f"{plural(soft, 'sprite')} with an alpha of 1 to 254 ({pixels}); sampled sprites have an alpha of 0, for what "
        "is below 128, or 255"
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
