"""Single images: decoded to RGBA, checked for size, padded and scaled."""

import io
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from sprites.files import DataError, check_file, plural, why

Resize = Literal["nearest", "box"]

SIZES = range(8, 129)  # pixels a side
FORMATS = ("PNG", "GIF", "WEBP", "BMP")
JPEG = b"\xff\xd8\xff"  # the first bytes of one
MAX_PIXELS = 2**26  # 65,536 tiles of 32x32; below Pillow's own default, so that a bomb is never decoded
MAX_BYTES = 4 * MAX_PIXELS + 2**20  # of an image file: RGBA that is not compressed, and its header
MAX_FRAMES = 10_000  # of an animation
MAX_DECODED = 2**32  # bytes of sprites in memory; an npy pair of the size wanted is not read into it
# Pillow's filters, not those of torchvision on tensors: there is no box among them, and their nearest pixel is another
# one where it is a tie, as from 32 to 24. Other pixels would move sprites to the other side of the split.
FILTERS = {"nearest": Image.Resampling.NEAREST, "box": Image.Resampling.BOX}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings while images are read, but for that of a decompression bomb, which is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def opened(path: Path, content: bytes | None = None) -> Iterator[Image.Image]:
    """The image file, open and not yet decoded; whatever goes wrong in the body too is a DataError. content: of a file
    in another one, which `path` then only names."""
    try:
        if content is None:
            check_file(path)
            if not path.is_file():
                raise DataError(f"{path}: there is no such file")
        size = path.stat().st_size if content is None else len(content)
        if size > MAX_BYTES:
            raise Image.DecompressionBombError(f"{size:,} bytes")
        with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
            yield image
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{path}: too large ({why(error)}); at most {MAX_PIXELS} pixels are read") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: {not_read(path, content)}") from error
    except Exception as error:  # at broken bytes Pillow raises nearly anything, SyntaxError included
        raise DataError(f"{path}: cannot be read as an image ({why(error)}); replace it or remove it") from error


def not_read(path: Path, content: bytes | None) -> str:
    """Why a file is none of the images that are read, and what to do."""
    if content is None:
        with path.open("rb") as file:
            content = file.read(len(JPEG))
    if content.startswith(JPEG):
        return "a JPEG inside, whatever its name; JPEG blurs pixel art: get the original, as PNG, or remove it"
    return "not a PNG, GIF, WebP or BMP image; convert it or remove it"


def rgba(image: Image.Image) -> tuple[np.ndarray, bool]:
    """Pillow image of any mode, its first frame -> uint8 [H, W, 4], straight alpha; whether it is 16-bit grey that
    holds 8 bits, from 0 to 255."""
    if not image.mode.startswith("I"):
        return np.asarray(image if image.mode == "RGBA" else image.convert("RGBA")), False
    # Pillow clips 16-bit grey at 255; the high byte is what it keeps of 16-bit colour.
    deep = np.asarray(image)
    shallow = bool(0 < deep.max() < 256)  # its high bytes alone would be all black
    grey = np.clip(deep if shallow else deep >> 8, 0, 255).astype(np.uint8)
    alpha = np.where(deep == image.info.get("transparency", -1), 0, 255).astype(np.uint8)
    return np.stack([grey, grey, grey, alpha], axis=-1), shallow


def read_rgba(path: Path, shallow: list[Path] | None = None) -> np.ndarray:
    """Image file -> uint8 [H, W, 4], straight alpha. DataError if it is none. `shallow`: is given the path of 16-bit
    grey that is read as 8-bit."""
    with opened(path) as image:
        pixels, is_shallow = rgba(image)
    if is_shallow and shallow is not None:
        shallow.append(path)
    return pixels


def read_frames(path: Path, content: bytes | None = None, shallow: list[Path] | None = None) -> np.ndarray:
    """Image file, still or animated -> uint8 [F, H, W, 4], straight alpha: all frames in order, each as it is shown.

    DataError, `content` and `shallow` as in `opened` and `read_rgba`.
    """
    frames: list[np.ndarray] = []
    with opened(path, content) as image:
        beside = getattr(image, "default_image", False)  # shown in place of the animation, not part of it
        for index, frame in enumerate(ImageSequence.Iterator(image)):
            if index == MAX_FRAMES or (index + 1) * frame.width * frame.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"more than {index:,} frames of {frame.width}x{frame.height}")
            pixels, is_shallow = rgba(frame)
            frames.append(pixels)
        if is_shallow and shallow is not None:
            shallow.append(path)
        shown = frames[1:] if beside and len(frames) > 1 else frames
        return np.stack(shown) if len(shown) > 1 else shown[0][None]


def is_opaque(pixels: np.ndarray) -> bool:
    """Whether every alpha of uint8 [..., 4] is 255."""
    return bool((pixels[..., 3] == 255).all())


class Survey(NamedTuple):
    """What the headers of image files say."""

    sizes: list[tuple[int, int]]  # (width, height) of each
    unsure: list[Path]  # where alpha may hide
    animated: list[Path]


def survey(paths: Sequence[Path]) -> Survey:
    """Sizes, alpha and animation of image files, from their headers alone."""
    found = Survey([], [], [])
    for path in paths:
        with opened(path) as image:
            found.sizes.append(image.size)
            if image.has_transparency_data:
                found.unsure.append(path)
            if is_animated(image):
                found.animated.append(path)
    return found


def is_animated(image: Image.Image) -> bool:
    """Whether there is a second frame, whole or broken."""
    try:
        return getattr(image, "is_animated", False)
    except Exception:  # as in `opened`; the first frame is read nevertheless
        return True


def check_total(path: Path, count: int, size: int) -> None:
    """DataError, naming `path`, if so many RGBA sprites of that size are too much for the memory."""
    total = 4 * count * size**2
    if total > MAX_DECODED:
        raise DataError(
            f"{path}: {count:,} sprites of {size}x{size} pixels would take {total / 2**30:,.1f} GiB of memory, "
            f"at most {MAX_DECODED / 2**30:g} are allowed; make an npy pair of them, which stays on disk: "
            f"scripts/prepare.py --arrays --size {size}"
        )


def target_size(
    paths: Sequence[Path],
    sizes: Sequence[tuple[int, int]],
    size: int | None,
    resize: Resize | None,
    advise: Callable[[Path, tuple[int, int], int], str | None] = lambda *args: None,
) -> int:
    """The side that all sprites shall have: `size`, else the most common one of the data.

    `sizes` are the (width, height) found at `paths`. DataError, naming the first such file, if the side is outside
    SIZES, or if a sprite of another size cannot be resized: `resize` is None, or the sprite is too large. `advise`
    gives advice on such a file, or None.
    """
    side = size
    if side is None:
        counts = Counter(w for w, h in sizes if w == h) or Counter(max(wh) for wh in sizes)
        side = counts.most_common(1)[0][0]
    if side not in SIZES:
        path, wh = next(((p, wh) for p, wh in zip(paths, sizes, strict=True) if max(wh) == side), (paths[0], sizes[0]))
        other = "pass --resize nearest or box to train.py, with a config of such a size"
        raise DataError(
            f"{path}: sprites of {side}x{side} pixels are out of range, {SIZES[0]} to {SIZES[-1]} a side are "
            f"allowed; {advise(path, wh, side) or other}"
        )
    others = [i for i, wh in enumerate(sizes) if wh != (side, side)]
    if others and resize is None:
        path, (w, h) = paths[others[0]], sizes[others[0]]
        many = f" (as {plural(len(others) - 1, 'other file')})" if len(others) > 1 else ""
        other = "pass --resize nearest or box to train.py" + (f", or --size {w}" if w == h and w in SIZES else "")
        raise DataError(f"{path}: {w}x{h} pixels{many}, expected {side}x{side}; {advise(path, (w, h), side) or other}")
    for i in others:
        if max(sizes[i]) ** 2 > MAX_PIXELS:
            w, h = sizes[i]
            raise DataError(
                f"{paths[i]}: {w}x{h} pixels are too many to resize, at most {math.isqrt(MAX_PIXELS)} a side are read"
            )
    return side


def fit(pixels: np.ndarray, size: int, resize: Resize | None) -> np.ndarray:
    """uint8 [H, W, C] -> [size, size, C]: padded to a centred square, then scaled; as it is if it fits.

    The padding is transparent for C = 4, the colour of the top-left pixel for C = 3. "box" averages colour
    weighted by alpha; alpha that was 0 or 255 everywhere stays so (threshold 128).
    """
    h, w, channels = pixels.shape
    if (h, w) == (size, size):
        return pixels
    assert resize is not None
    if h != w:
        side = max(h, w)
        square = np.empty((side, side, channels), np.uint8)
        square[:] = 0 if channels == 4 else pixels[0, 0]
        top, left = (side - h) // 2, (side - w) // 2
        square[top : top + h, left : left + w] = pixels
        pixels = square
    # For RGBA and any filter but NEAREST, Pillow premultiplies before it averages and divides afterwards.
    scaled = Image.fromarray(pixels).resize((size, size), FILTERS[resize])
    result = np.array(scaled)
    if resize == "box" and channels == 4 and np.isin(pixels[..., 3], (0, 255)).all():
        visible = result[..., 3:] >= 128
        result[..., 3:] = 255
        result *= visible
    return result


Fit = Literal["pad", "crop", "nearest", "box"]


def place(frames: np.ndarray, size: int, how: Fit) -> np.ndarray | None:
    """uint8 [F, H, W, 4] -> [F, size, size, 4]: centred on transparent ground, all frames by the same shift.

    What is too large loses what is empty around it. If it is too large still, "pad" gives None, "crop" its middle, and
    "nearest" and "box" scale it down as `fit` does.
    """
    _, h, w, _ = frames.shape
    if h > size or w > size:
        shown = frames[..., 3] > 0
        rows, columns = np.flatnonzero(shown.any((0, 2))), np.flatnonzero(shown.any((0, 1)))
        if len(rows):
            frames = frames[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        _, h, w, _ = frames.shape
        if h > size or w > size:
            if how == "pad":
                return None
            if how != "crop":
                return np.stack([fit(frame, size, how) for frame in frames])
            top, left = max(0, h - size) // 2, max(0, w - size) // 2
            frames = frames[:, top : top + size, left : left + size]
        _, h, w, _ = frames.shape
    if (h, w) == (size, size):
        return frames
    placed = np.zeros((len(frames), size, size, 4), np.uint8)
    top, left = (size - h) // 2, (size - w) // 2
    placed[:, top : top + h, left : left + w] = frames
    return placed


def fit_all(images: np.ndarray, size: int, resize: Resize | None) -> np.ndarray:
    """`fit` for uint8 [N, H, W, C]; the very same array if it fits."""
    if images.shape[1:3] == (size, size):
        return images
    result = np.empty((len(images), size, size, images.shape[3]), np.uint8)
    for i, pixels in enumerate(images):
        result[i] = fit(pixels, size, resize)
    return result
