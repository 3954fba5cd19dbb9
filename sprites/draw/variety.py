"""How different the sprites of a set are: nearest-neighbour distances and exact recolourings."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Variety:
    """What the report says of a category; distances are pixels changed / opaque pixels of the sprite."""

    count: int
    median: float  # of the distances from each sprite to its nearest neighbour
    low: float  # their 5th percentile
    recoloured: float  # share of sprites that are another one with its colours swapped one for one


def nearest(tiles: np.ndarray, cycle: int = 1) -> np.ndarray:
    """float64 [N]: from each tile, uint8 [N, 16, 16], to the nearest one of another cycle of so many tiles."""
    flat = tiles.reshape(len(tiles), -1)
    opaque = np.count_nonzero(flat, axis=1)
    distances = np.empty(len(flat))
    for index, tile in enumerate(flat):
        changed = np.count_nonzero(flat != tile, axis=1)
        start = index - index % cycle
        changed[start : start + cycle] = flat.shape[1] + 1  # itself, and its cycle
        distances[index] = changed.min() / opaque[index]
    return distances


def form(tile: np.ndarray) -> bytes:
    """The same for two tiles just when a one-for-one swap of their colours makes them equal."""
    _, first, inverse = np.unique(tile, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.uint8)
    order[np.argsort(first)] = np.arange(len(first))
    return order[inverse.ravel()].tobytes() + bytes(tile.ravel() > 0)


def measure(tiles: np.ndarray, cycle: int = 1) -> Variety:
    """The variety of tiles of one category, palette indices uint8 [N, 16, 16]."""
    distances = nearest(tiles, cycle)
    _, counts = np.unique([form(tile) for tile in tiles], return_counts=True)
    twins = counts[counts > 1].sum()
    return Variety(
        len(tiles), float(np.median(distances)), float(np.percentile(distances, 5)), float(twins / len(tiles))
    )
