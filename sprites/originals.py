"""Images that someone wants changed, brought to the size of a model's sprites, and masks for them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from sprites.colour import codes, colours_of, hardened, nearest, oklab, opaque
from sprites.files import DataError, plural
from sprites.prepare.aseprite.file import read_aseprite
from sprites.prepare.sources import DRAWINGS
from sprites.reading.guesses import block_of
from sprites.reading.image import fit, is_animated, is_opaque, opened, read_frames, read_rgba, rgba

PLAIN = 0.9  # share of an edge's pixels that have one colour, where this is the ground that a sprite stands on


def cut(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 [H, W, 4] -> [size, size, 4]: its middle, as it is, with transparent pixels around where it ends."""
    height, width = pixels.shape[:2]
    left, top = (width - size) // 2, (height - size) // 2
    return np.asarray(Image.fromarray(pixels).crop((left, top, left + size, top + size)))


def pad(pixels: np.ndarray, size: int) -> np.ndarray:
    """As `cut`. ValueError if something of it would be lost."""
    if max(pixels.shape[:2]) > size:
        raise ValueError(f"--fit pad only adds pixels around, and it is larger than {size}x{size}")
    return cut(pixels, size)


FITS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "pad": pad,
    "crop": cut,
    "nearest": lambda pixels, size: fit(pixels, size, "nearest"),
    "box": lambda pixels, size: fit(pixels, size, "box"),
}


def read_first(path: Path) -> tuple[np.ndarray, bool]:
    """An image as uint8 [H, W, 4], of an animation the first frame, and whether it is one. Raises DataError for what is
    none."""
    if path.is_dir():
        raise DataError(f"{path}: a folder; name the images in it, as in {path / '*.png'}")
    with opened(path) as image:
        return rgba(image)[0], is_animated(image)


def brought_to(path: Path, pixels: np.ndarray, size: int, how: str | None) -> np.ndarray:
    """The image of a file, uint8 [H, W, 4], as [size, size, 4]; how: one of FITS, if it is not of that size.

    Raises DataError, naming the file, for another size without `how`.
    """
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels
    got = f"{path}: {width}x{height} pixels, and the model's sprites have {size}x{size}"
    if how is None:
        raise DataError(f"{got}; {advice(pixels, size)}")
    try:
        return FITS[how](pixels, size)
    except ValueError as e:
        raise DataError(f"{got}; {e}; {advice(pixels, size)}") from e


def advice(pixels: np.ndarray, size: int) -> str:
    """Which of FITS suits an image of another size, in words."""
    height, width = pixels.shape[:2]
    if max(height, width) <= size:
        return "add --fit pad, which puts transparent pixels around"
    block = block_of(pixels)
    if block > 1 and max(height, width) == block * size:
        return f"it looks like a sprite enlarged {block} times: add --fit nearest"
    return "add --fit box, which averages, --fit nearest, or --fit crop, which takes its middle"


def without_ground(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """uint8 [H, W, 4] with the plain ground around a drawing made transparent, and how many pixels that were: none
    unless it is opaque and nearly all of its edge has one colour."""
    from scipy import ndimage  # takes a fifth of a second

    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if not is_opaque(pixels):
        return pixels, 0
    found, counts = np.unique(codes(edge), return_counts=True)
    ground = found[counts.argmax()]
    if counts.max() < PLAIN * len(edge) or (codes(pixels) == ground).all():
        return pixels, 0
    parts, _ = ndimage.label(np.pad(codes(pixels) == ground, 1, constant_values=True))
    outside = (parts == parts[0, 0])[1:-1, 1:-1]
    return np.where(outside[..., None], np.uint8(0), pixels), int(outside.sum())


def read_mask(path: Path, shapes: Mapping[Path, tuple[int, ...]], size: int, how: str | None) -> np.ndarray:
    """Which pixels a mask marks, bool [size, size]: the opaque ones of an image with transparent pixels, else the light
    ones. shapes: (H, W) of the images that it is for.

    Raises DataError for a mask that is not as large as each of them, or marks nothing.
    """
    pixels = read_rgba(path)
    for image, shape in shapes.items():
        if pixels.shape[:2] == shape:
            continue
        (height, width), (H, W) = pixels.shape[:2], shape
        raise DataError(f"{path}: {width}x{height} pixels, and {image} has {W}x{H}; a mask is as large as its image")
    pixels = brought_to(path, pixels, size, "nearest" if how == "box" else how)
    seen = opaque(pixels)
    marked = seen if not seen.all() else pixels[..., :3].mean(-1) >= 128
    if not marked.any():
        raise DataError(f"{path}: marks no pixel; make white, on black or transparent, what is to be painted anew")
    return marked


def recoloured(pixels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3 or 4], of hard alpha, in the colours of a palette [P, 3]: what had one colour has one again.

    Where the palette has enough colours, no two become one: of all such ways it is the nearest in OKLab, each colour
    counted by its pixels. Where it has fewer, each goes to the nearest.
    """
    from scipy.optimize import linear_sum_assignment  # takes a third of a second

    seen, out = opaque(pixels), pixels * opaque(pixels)[..., None]
    own, index, counts = np.unique(codes(pixels[seen]), return_inverse=True, return_counts=True)
    colours = colours_of(own)
    if len(own) <= len(palette):
        square = np.square(oklab(colours)[:, None] - oklab(palette)).sum(-1)
        _, new = linear_sum_assignment(square * counts[:, None])
    else:
        new = nearest(colours, palette)
    out[seen, :3] = palette[new[index]]
    return out


def read_tiles(path: Path) -> np.ndarray:
    """The frames of an animation, an .aseprite file, or a strip of square tiles: uint8 [F, H, W, 4]. DataError for what
    is none."""
    if path.is_dir():
        raise DataError(f"{path}: a folder; name an image")
    if path.suffix.lower() in DRAWINGS:
        return np.asarray(read_aseprite(path, None).frames)
    frames = read_frames(path)
    height, width = frames.shape[1:3]
    if len(frames) == 1 and width > height and width % height == 0:
        return np.stack(np.split(frames[0], width // height, axis=1))
    return frames


def frames_of(
    path: Path, size: int, channels: int, how: str | None, palette: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The frames of a file, uint8 [F, size, size, channels]: as they are, and as a model takes them: of hard alpha, and
    in the colours of its palette, if it has one. DataError, naming the file, for another size without `how`."""
    frames = np.stack([brought_to(path, frame, size, how) for frame in read_tiles(path)])
    hard = hardened(frames)[0]
    if palette is not None:
        hard = recoloured(hard, palette)
    return frames[..., :channels], hard[..., :channels]


def coloured_like(clips: np.ndarray, plain: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Clips uint8 [N, F, H, W, C] that begin with the frames `plain` [G, H, W, C], with the frames `exact` in their
    place, and their colours in all others: where a colour of `plain` stands for one of `exact`, it is that again."""
    seen = opaque(plain)
    own, stands = codes(exact[seen][:, :3]), codes(plain[seen][:, :3])
    pairs, counts = np.unique(np.stack([stands, own], 1), axis=0, return_counts=True)
    pairs = pairs[np.lexsort((-counts, pairs[:, 0]))]  # of several, the most frequent first
    known, first = np.unique(pairs[:, 0], return_index=True)
    out, here = clips.copy(), codes(clips[..., :3])
    place = np.searchsorted(known, here).clip(max=max(len(known) - 1, 0))
    found = opaque(clips) & (known[place] == here) if len(known) else np.zeros(here.shape, bool)
    out[found, :3] = colours_of(pairs[first[place[found]], 1])
    out[:, : len(exact)] = exact
    return out


def told(path: Path, animated: bool, ground: int, moved: int) -> list[str]:
    """What was done to an image, a line each."""
    lines = [f"{path}: an animation, of which the first frame was taken"] if animated else []
    if ground:
        lines.append(f"{path}: the plain ground around it, {plural(ground, 'pixel')}, was taken as transparent")
    if moved:
        lines.append(f"{path}: {plural(moved, 'pixel')} of soft alpha, which the model sees as clear or opaque")
    return lines
