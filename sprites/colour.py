"""Colours: how far apart the eye sees them, the palette of a set, and sprites brought to few colours or to a palette.

A palette is uint8 [P, 3], at most `MOST` colours, none of them twice; transparent is not part of it. A sprite keeps to
it when every opaque pixel is exactly one of its colours. Pixels are opaque from an alpha of 128 on.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

MOST = 256  # colours of a palette, as indexed images have
PART = 2**20  # pixels looked at in one go
NEAR = 0.06  # in OKLab: colours of a sprite less than this apart are hardly told apart

# Ottosson 2020, bottosson.github.io/posts/oklab: linear sRGB to cone responses, and their cube roots to L, a, b.
_TO_CONES = np.array(
    [
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    ]
)
_TO_LAB = np.array(
    [
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    ]
)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """sRGB uint8 [..., 3] -> float64 [..., 3]: lightness 0 to 1, and a and b, 0 for greys. Euclidean distances there
    are about how different the eye sees two colours: black and white are 1 apart."""
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    return np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Between colours uint8 [..., N, 3] and [..., M, 3] in OKLab: float64 [..., N, M]."""
    return np.linalg.norm(oklab(a)[..., :, None, :] - oklab(b)[..., None, :, :], axis=-1)


def with_alpha(images: np.ndarray) -> np.ndarray:
    """uint8 [..., 3 or 4] as [..., 4], RGB as opaque."""
    full = np.full((*images.shape[:-1], 4), 255, np.uint8)
    full[..., : images.shape[-1]] = images
    return full


def opaque(images: np.ndarray) -> np.ndarray:
    """bool [...] of images uint8 [..., 3 or 4]."""
    return images[..., 3] >= 128 if images.shape[-1] == 4 else np.ones(images.shape[:-1], bool)


def hardened(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [..., H, W, 4] with an alpha of 0 or 255, and no colour where nothing is seen; of each, how many pixels had
    another alpha, int [...]."""
    alpha, hidden = images[..., 3], ~opaque(images)
    soft = np.count_nonzero(alpha + np.uint8(1) > 1, axis=(-2, -1))  # 255 + 1 is 0
    if np.any(soft) or images[hidden].any():
        images = np.array(images)
        images[hidden] = 0
        images[..., 3][~hidden] = 255
    return images, soft


def codes(images: np.ndarray) -> np.ndarray:
    """Of each pixel of uint8 [..., 3 or 4]: 65536 R + 256 G + B where it is opaque, -1 elsewhere; int32 [...]."""
    code = images[..., 0].astype(np.int32)
    for channel in (1, 2):
        code <<= 8
        code |= images[..., channel]
    code[~opaque(images)] = -1
    return code


def colours_of(code: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] of codes [...], none of them -1."""
    return np.stack([code >> 16, code >> 8 & 255, code & 255], axis=-1).astype(np.uint8)


def hexadecimals(palette: np.ndarray | None) -> tuple[str, ...]:
    """A palette as ("d19b62", ...); none if there is none."""
    return () if palette is None else tuple(bytes(colour).hex() for colour in palette)


def from_hexadecimals(colours: Sequence[str]) -> np.ndarray:
    """("d19b62", ...) as uint8 [P, 3]."""
    return np.array([list(bytes.fromhex(colour)) for colour in colours], np.uint8).reshape(-1, 3)


def parts(images: np.ndarray) -> Iterator[slice]:
    """Rows of images [N, H, W, C], so many at a time as are looked at in one go."""
    rows = max(1, PART // max(1, images[0, ..., 0].size)) if len(images) else 1
    return (slice(start, start + rows) for start in range(0, len(images), rows))


def palette_of(images: np.ndarray, most: int = MOST) -> np.ndarray | None:
    """The colours of the opaque pixels of uint8 [N, H, W, C], uint8 [P, 3] in the order of their codes; None if there
    are more than `most`, or none."""
    seen = np.zeros(2**24, bool)
    for part in parts(images):
        found = codes(np.asarray(images[part]))
        seen[found[found >= 0]] = True
        if np.count_nonzero(seen) > most:
            return None
    return colours_of(np.flatnonzero(seen)) if seen.any() else None


def chosen_palette(images: np.ndarray, count: int) -> np.ndarray:
    """`count` colours for uint8 [N, H, W, C], or fewer: uint8 [P, 3], by Pillow's median cut and k-means.

    All pixels count if they are not more than are looked at in one go, else those of sprites evenly spread.
    """
    step = -(-len(images) // max(1, PART // images[0, ..., 0].size))
    pixels = np.asarray(images[::step])
    row = pixels[opaque(pixels)][None, :, :3]
    if not row.size:
        raise ValueError("no pixel is opaque, so there are no colours to choose a palette from")
    indexed = Image.fromarray(np.ascontiguousarray(row)).quantize(count, kmeans=10)
    used = np.unique(np.asarray(indexed))
    table = np.array(indexed.getpalette(), np.uint8).reshape(-1, 3)[used]
    return colours_of(np.unique(codes(table)))


def own_colours(images: np.ndarray) -> list[np.ndarray]:
    """Of each sprite of uint8 [N, H, W, C] the distinct colours of its opaque pixels, uint8 [n, 3]."""
    found = codes(images).reshape(len(images), -1)
    return [colours_of(np.unique(code[code >= 0])) for code in found]


def count_colours(images: np.ndarray) -> np.ndarray:
    """int64 [N]: the distinct colours of the opaque pixels of sprites uint8 [N, H, W, C]."""
    return np.array([len(colours) for colours in own_colours(images)], np.int64)


def nearest(rgb: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """For colours uint8 [..., 3] the nearest of a palette in OKLab, as an index: int64 [...]."""
    unique, place = np.unique(codes(rgb), return_inverse=True)
    lab, index = oklab(palette), np.empty(len(unique), np.int64)
    for part in (slice(i, i + 4096) for i in range(0, len(unique), 4096)):
        apart = oklab(colours_of(unique[part]))[:, None] - lab
        index[part] = np.square(apart).sum(-1).argmin(1)
    return index[place].reshape(rgb.shape[:-1])


def keep_to(images: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] with the nearest colour of the palette in every opaque pixel, and black in transparent ones;
    alpha becomes 0 or 255."""
    out = np.zeros(images.shape, np.uint8)
    for part in parts(images):
        pixels = np.asarray(images[part])
        seen = opaque(pixels)
        out[part][seen, :3] = palette[nearest(pixels[seen][:, :3], palette)]
        if images.shape[-1] == 4:
            out[part][..., 3] = 255 * seen
    return out


def keeps_to(images: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """bool [...]: which pixels of uint8 [..., C] have a colour of the palette, or are transparent."""
    return np.isin(codes(images), [*codes(palette).tolist(), -1])


def framed(index: np.ndarray) -> np.ndarray:
    """[..., H, W] with a frame of -1 around, [..., H + 2, W + 2]."""
    *count, height, width = index.shape
    wide = np.full((*count, height + 2, width + 2), -1, index.dtype)
    wide[..., 1:-1, 1:-1] = index
    return wide


def sides(wide: np.ndarray) -> list[np.ndarray]:
    """Of each pixel of [..., H, W], `framed`, its upper, lower, left and right neighbour: views [..., H, W] of it."""
    inner = slice(1, -1)
    places = [(slice(None, -2), inner), (slice(2, None), inner), (inner, slice(None, -2)), (inner, slice(2, None))]
    return [wide[..., y, x] for y, x in places]


def orphans(index: np.ndarray) -> np.ndarray:
    """bool [..., H, W]: which pixels of codes or indices [..., H, W], transparent ones -1, are opaque and equal none of
    their four neighbours."""
    return alone(index, sides(framed(index)))


def alone(index: np.ndarray, neighbours: Sequence[np.ndarray]) -> np.ndarray:
    """As `orphans`, of pixels and their neighbours, [..., H, W] each."""
    found = index >= 0
    for neighbour in neighbours:
        found &= neighbour != index
    return found


def squares(rgb: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Squared distances of colours uint8 [n, 3] to those of a palette [P, 3] in sRGB: float64 [n, P], exact. There a
    mean of two colours lies on the line between them, as it does not in OKLab."""
    a, b = rgb.astype(float), palette.astype(float)
    return np.square(a).sum(1)[:, None] - 2 * a @ b.T + np.square(b).sum(1)


def sureness(square: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """How sure each pixel is of its nearest colour A, beside each other colour B: float64 [n, P], inf for A itself.

    square [n, P]: |x - c|^2 of pixels and colours; apart [P, P]: |A - B|^2. It is (|x - B|^2 - |x - A|^2) / |A - B|^2:
    1 where x is A, 0 halfway to B. If x is a mean of the two under probabilities p and 1 - p, it is 2 p - 1.
    """
    nearest, rows = square.argmin(1), np.arange(len(square))
    with np.errstate(invalid="ignore"):
        sure = (square - square[rows, nearest, None]) / apart[nearest]
    sure[rows, nearest] = np.inf
    return sure


def fewer(square: np.ndarray, apart: np.ndarray, price: float, most: int | None = None) -> np.ndarray:
    """Which of P colours are left, int64 [<= P], when doubtful ones are given up; square and apart as in `sureness`.

    A colour is worth the sureness of its pixels, summed: of one pixel that is exactly of it, 1. What is worth least
    goes first, until all that are left are worth `price`, then what moves the pixels least, until there are `most`.
    """
    left = np.unique(square.argmin(1))
    while len(left) > 1:
        part = square[:, left]
        nearest, sure = part.argmin(1), sureness(part, apart[left[:, None], left])
        worth = np.bincount(nearest, sure.min(1), minlength=len(left))
        doubtful = int((worth < price).sum())
        if not doubtful:
            if most is None or len(left) <= most:
                break
            first, second = np.partition(part, 1, axis=1)[:, :2].T
            worth = np.bincount(nearest, second - first, minlength=len(left))
        left = np.delete(left, np.argsort(worth, kind="stable")[: max(1, doubtful // 4)])  # few at a time
    return left


def settled(index: np.ndarray, sure: np.ndarray, price: float, share: float) -> np.ndarray:
    """Give orphans the colour of a neighbour, the least sure first, where they are less sure of theirs than `price`.

    index int64 [H, W], -1 where transparent; sure [H, W, P]: `sureness` of each pixel beside each colour. It ends where
    no more than `share` of the opaque pixels are orphans.
    """
    wide, most = framed(index), share * (index >= 0).sum()
    index, neighbours = wide[1:-1, 1:-1], sides(wide)  # which change together
    while True:
        y, x = np.nonzero(alone(index, neighbours))
        if len(y) <= most:
            return index.copy()
        near = np.stack([neighbour[y, x] for neighbour in neighbours], axis=1)
        of_near = np.where(near >= 0, sure[y[:, None], x[:, None], near], np.inf)
        how_sure = of_near.min(1)
        doubtful = int((how_sure < price).sum())
        if not doubtful:
            return index.copy()
        # Of many an eighth at a time, but no two neighbours, which would change places.
        least = np.argsort(how_sure, kind="stable")[: min(max(1, doubtful // 8), math.ceil(len(y) - most))]
        least = least[(y + x)[least] % 2 == (y + x)[least[0]] % 2]
        index[y[least], x[least]] = near[least, of_near[least].argmin(1)]
