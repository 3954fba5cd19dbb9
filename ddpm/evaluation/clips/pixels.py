"""What the pixels of clips uint8 [N, F, H, W, C] say of their movement: what changes from frame to frame, and where.

A clip is a cycle: the frame before the first is the last. Results are [N, F]; that of frame f is about the way from the
frame before it, so that column 0 is the seam.
"""

import numpy as np

from sprites.colour import codes

UPPER = 0.6  # of the height of a figure, from above: head and torso, not legs
BOB = 1  # pixels that a walker rises and falls


def painted(clips: np.ndarray) -> np.ndarray:
    """int32 [N, F, H, W]: the colours of pixels, as codes, -1 where there are none. Of clips without alpha, the colour
    of the first pixel of each is taken for the ground."""
    found = codes(clips)
    if clips.shape[-1] == 4:
        return found
    return np.where(found == found[:, :1, :1, :1], -1, found)


def before(frames: np.ndarray) -> np.ndarray:
    """Of each frame of [N, F, ...] the one before it."""
    return np.roll(frames, 1, axis=1)


def share(differ: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """[N, F]: of the pixels drawn, bool [N, F, H, W], those that differ; 0 of none."""
    return (differ & drawn).sum((2, 3)) / drawn.sum((2, 3)).clip(1)


def changes(clips: np.ndarray) -> np.ndarray:
    """float64 [N, F]: of the pixels drawn in a frame or in the one before it, the share that differs between them."""
    here = painted(clips)
    there = before(here)
    return share(here != there, (here >= 0) | (there >= 0))


def upper(drawn: np.ndarray) -> np.ndarray:
    """bool [N, H]: the rows of head and torso, by what is drawn in any frame, bool [N, F, H, W]: `UPPER` of the
    height."""
    rows = np.asarray(drawn.any((1, 3)))
    height = rows.shape[1]
    top, end = rows.argmax(1), height - rows[:, ::-1].argmax(1)
    legs = top + np.round(UPPER * (end - top))
    row = np.arange(height)
    return (row >= top[:, None]) & (row < legs[:, None]) & rows.any(1, keepdims=True)


def upper_changes(clips: np.ndarray) -> np.ndarray:
    """float64 [N, F]: as `changes`, of head and torso alone, and after the frame before was moved up or down by as many
    of up to `BOB` pixels as leave the least."""
    here = painted(clips)
    rows, there = upper(here >= 0)[:, None, :, None], before(here)
    height, wide = here.shape[2], np.pad(there, [(0, 0), (0, 0), (BOB, BOB), (0, 0)], constant_values=-1)
    moved = [wide[:, :, shift : shift + height] for shift in range(2 * BOB + 1)]
    return np.min([share(here != other, rows & ((here >= 0) | (other >= 0))) for other in moved], axis=0)


def feet(clips: np.ndarray) -> np.ndarray:
    """int64 [N, F]: the lowest row in which anything is drawn, counted from above; -1 where nothing is."""
    rows = np.asarray((painted(clips) >= 0).any(3))
    return np.where(rows.any(2), rows.shape[2] - 1 - rows[..., ::-1].argmax(2), -1)


def feet_moves(clips: np.ndarray) -> np.ndarray:
    """int64 [N, F]: by how many pixels the lowest row is above or below that of the frame before."""
    rows = feet(clips)
    return np.abs(rows - before(rows))
