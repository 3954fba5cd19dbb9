"""Sprites of many looks, made of those of one artist: in other colours, turned, scaled, laid over one another.

They are no pretty set. A model that has seen them knows edges, outlines, shades and fills of any colour and at any
scale, and is a start for sets that look like none of them.
"""

import numpy as np

from sprites.draw.palette import TONES

SAMPLES = 3  # along each edge of a pixel
PART = 500  # sprites made in one go
LUMA = np.array((0.299, 0.587, 0.114))  # ITU-R BT.601


def recoloured(rng: np.random.Generator, colours: np.ndarray, count: int) -> np.ndarray:
    """Tables of other colours for `colours` uint8 [1 + K, 4], of which the first is transparent and the others are
    ramps of `TONES` colours, from outline to light: float32 [count, 1 + K, 4] in [0, 1], premultiplied.

    All hues of a table are turned, mostly by any angle; each ramp a little more by itself. Saturation, contrast and
    brightness change, of the table, of each ramp, and hardly of each colour.
    """
    rgb, uniform = colours[1:, :3] / 255, rng.uniform
    y = rgb @ LUMA
    red, blue = rgb[:, 0] - y, rgb[:, 2] - y

    def of_ramps(spread: float) -> np.ndarray:
        return rng.normal(0, spread, (count, len(rgb) // TONES)).repeat(TONES, 1)

    angle = uniform(0, 2 * np.pi, (count, 1)) * (uniform(size=(count, 1)) < 0.8) + of_ramps(0.5)
    cos, sin = np.cos(angle), np.sin(angle)
    saturation = uniform(0.2, 1.3, (count, 1)) * np.exp(of_ramps(0.3))
    red, blue = saturation * (cos * red - sin * blue), saturation * (sin * red + cos * blue)
    y = y ** np.exp(rng.normal(0, 0.35, (count, 1)))
    low, high = uniform(0, 0.25, (count, 1)), uniform(0.6, 1, (count, 1))
    y = low + (high - low) * y + of_ramps(0.1) + rng.normal(0, 0.03, y.shape)
    green = y - (LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    table = np.zeros((count, len(colours), 4), np.float32)
    table[:, 1:, :3], table[:, 1:, 3] = np.stack([y + red, green, y + blue], -1).clip(0, 1), 1
    return table


def placed(rng: np.random.Generator, tiles: np.ndarray, tables: np.ndarray, size: int) -> np.ndarray:
    """Tiles int [N, T, T] of the colours of tables [N, 1 + K, 4], as sprites of another size: float32
    [N, size, size, 4] in [0, 1], premultiplied, where the edges of what is turned are soft.

    A third fill their square as they did, but for a mirror and a pixel; half are some smaller or larger; the others so
    large that their parts are all that is seen. Two of three are turned, half of these by any angle.
    """
    N, T, uniform = len(tiles), tiles.shape[1], rng.uniform
    form = uniform(size=N)
    plain = form < 0.35
    scale = np.where(plain, 1.0, np.where(form < 0.8, np.exp(uniform(-0.6, 0.4, N)), np.exp(uniform(0.4, 1.5, N))))
    stretch = np.where(plain, 1.0, np.exp(rng.normal(0, 0.15, N)))
    little = uniform(size=N) < 0.5
    angle = np.where(plain, 0, np.where(little, rng.normal(0, 0.3, N), uniform(0, 2 * np.pi, N)))
    mirror = np.where(uniform(size=N) < 0.5, -1.0, 1.0)
    by = np.where(plain[:, None], rng.integers(-1, 2, (N, 2)) / T, rng.normal(0, 0.12, (N, 2)))[..., None, None]
    cos, sin, scale_x, scale_y = (
        v[:, None, None] for v in (np.cos(angle), np.sin(angle), scale * stretch * mirror, scale / stretch)
    )
    # Where each sample of the sprite, from -0.5 to 0.5, is taken from.
    line = (np.arange(size * SAMPLES) + 0.5) / (size * SAMPLES) - 0.5
    y, x = line[:, None] - by[:, 0], line - by[:, 1]
    x, y = (cos * x + sin * y) / scale_x, (cos * y - sin * x) / scale_y
    row, column = (np.floor((v + 0.5) * T).astype(np.int16) for v in (y, x))
    inside = (row >= 0) & (row < T) & (column >= 0) & (column < T)
    each = np.arange(N)[:, None, None]
    index = np.where(inside, tiles[each, row.clip(0, T - 1), column.clip(0, T - 1)], 0)
    return tables[each, index].reshape(N, size, SAMPLES, size, SAMPLES, 4).mean((2, 4))


def in_many_looks(tiles: np.ndarray, colours: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Of each tile, int [N, T, T] of `colours` uint8 [1 + K, 4], a sprite uint8 [N, size, size, 4] with an alpha of 0
    or 255, and no colour where nothing is seen.

    A fifth stand on another sprite, an eighth on one colour, of these some with another sprite between. Four of ten are
    grained.
    """
    rng = np.random.default_rng([seed, 77])  # apart from what drew the tiles
    images = np.empty((len(tiles), size, size, 4), np.uint8)
    for start in range(0, len(tiles), PART):
        mine, uniform = tiles[start : start + PART], rng.uniform
        N = len(mine)
        front = placed(rng, mine, recoloured(rng, colours, N), size)
        other = placed(rng, tiles[rng.integers(len(tiles), size=N)], recoloured(rng, colours, N), size)
        ground_of = uniform(size=(N, 1, 1, 1))
        ground = np.concatenate([uniform(0, 1, (N, 1, 1, 3)), np.ones((N, 1, 1, 1))], -1).astype(np.float32)
        on_ground = other + (1 - other[..., 3:]) * ground
        kinds = [ground_of < 0.2, ground_of < 0.27, ground_of < 0.32]
        under = np.select(kinds, [other, np.broadcast_to(ground, other.shape), on_ground], 0)
        x = front + (1 - front[..., 3:]) * under
        grained = uniform(size=(N, 1, 1, 1)) < 0.4
        grain = grained * uniform(0, 0.1, (N, 1, 1, 1)) * rng.normal(size=(N, size, size, 1))
        alpha = x[..., 3:]
        seen = alpha >= 0.5
        rgb = (x[..., :3] / alpha.clip(1e-3) + grain).clip(0, 1)
        images[start : start + PART] = np.round(255 * np.concatenate([rgb * seen, seen], -1))
    return images
