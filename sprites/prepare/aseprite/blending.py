"""Layers laid over one another, as Aseprite shows them: straight alpha, blend modes by their number in its files.

The modes are those of the W3C's Compositing and Blending Level 1 (w3.org/TR/compositing-1), with b the colour below and
s the one above, float [n, 3] in [0, 1].
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Mode = Callable[[np.ndarray, np.ndarray], np.ndarray]
LUMINOSITY = np.array([0.3, 0.59, 0.11])


def screen(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    return b + s - b * s


def hard_light(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    return np.where(s <= 0.5, b * 2 * s, screen(b, 2 * s - 1))


def soft_light(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    d = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (d - b))


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, at most 1; 0 where a is 0, 1 where only b is."""
    return np.where(a <= 0, 0.0, np.minimum(1.0, a / np.maximum(b, 1e-9)))


def luminosity(c: np.ndarray) -> np.ndarray:
    return (c @ LUMINOSITY)[..., None]


def with_luminosity(c: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Colours moved to a luminosity, and then towards that grey until they are in [0, 1]."""
    c = c + wanted - luminosity(c)
    low, high = c.min(-1, keepdims=True), c.max(-1, keepdims=True)
    below = np.where(low < 0, wanted / np.maximum(wanted - low, 1e-9), 1.0)
    above = np.where(high > 1, (1 - wanted) / np.maximum(high - wanted, 1e-9), 1.0)
    return wanted + (c - wanted) * np.minimum(below, above)


def spread(c: np.ndarray) -> np.ndarray:
    """The saturation of colours, float [n, 1]."""
    return c.max(-1, keepdims=True) - c.min(-1, keepdims=True)


def with_spread(c: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return ratio(c - c.min(-1, keepdims=True), spread(c)) * wanted


MODES: dict[int, Mode] = {
    1: lambda b, s: b * s,  # multiply
    2: screen,
    3: lambda b, s: hard_light(s, b),  # overlay
    4: np.minimum,  # darken
    5: np.maximum,  # lighten
    6: lambda b, s: ratio(b, 1 - s),  # colour dodge
    7: lambda b, s: 1 - ratio(1 - b, s),  # colour burn
    8: hard_light,
    9: soft_light,
    10: lambda b, s: np.abs(b - s),  # difference
    11: lambda b, s: b + s - 2 * b * s,  # exclusion
    12: lambda b, s: with_luminosity(with_spread(s, spread(b)), luminosity(b)),  # hue
    13: lambda b, s: with_luminosity(with_spread(b, spread(s)), luminosity(b)),  # saturation
    14: lambda b, s: with_luminosity(s, luminosity(b)),  # colour
    15: lambda b, s: with_luminosity(b, luminosity(s)),  # luminosity
    16: lambda b, s: np.minimum(1, b + s),  # addition
    17: lambda b, s: np.maximum(0, b - s),  # subtract
    18: ratio,  # divide
}  # 0, and what is unknown, is normal


def scaled(a: Any, b: Any) -> Any:
    """a * b / 255 of integers from 0 to 255, rounded."""
    return (a * b + 127) // 255


def lay_over(below: np.ndarray, above: np.ndarray, opacity: int = 255, mode: int = 0) -> None:
    """Lay uint8 [h, w, 4] over another, in place. Fully opaque pixels are those above, byte for byte."""
    seen = above[..., 3] > 0
    s, b = above[seen].astype(np.int32), below[seen].astype(np.int32)
    if mode in MODES:
        cover = b[:, 3:] / 255
        mixed = MODES[mode](b[:, :3] / 255, s[:, :3] / 255)
        s[:, :3] = np.rint(((1 - cover) * s[:, :3] / 255 + cover * mixed).clip(0, 1) * 255)
    alpha = scaled(s[:, 3:], opacity)
    total = alpha + b[:, 3:] - scaled(b[:, 3:], alpha)
    part = (s[:, :3] - b[:, :3]) * alpha / np.maximum(total, 1)
    b[:, :3] = np.where(b[:, 3:] == 0, s[:, :3], b[:, :3] + np.trunc(part).astype(np.int32))
    b[:, 3:] = total
    below[seen] = b
