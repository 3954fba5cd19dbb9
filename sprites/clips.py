"""Which sprites are the frames of one clip: an int64 number each, as in `sprites.loading.Sprites.clips`.

A clip is a cycle: after its last frame comes its first. A still is a clip of one frame.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from sprites.files import plural, some


def of_lengths(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """The clip of each frame, int64 [N], where clips of these lengths follow each other; N is their sum."""
    return np.repeat(np.arange(len(lengths)), lengths)


def begins(clips: np.ndarray) -> np.ndarray:
    """bool [N]: whether a sprite is the first of the run of frames of its clip."""
    return np.diff(clips, prepend=clips[:1] + 1) != 0 if len(clips) else np.zeros(0, bool)


def lengths_of(clips: np.ndarray) -> np.ndarray:
    """How many frames each run of a clip has, int64 [K], in order: the inverse of `of_lengths`."""
    return np.diff(np.flatnonzero(begins(clips)), append=len(clips))


def runs(cycles: Iterable[Sequence[int]], count: int) -> list[list[int]]:
    """The frames 0 to `count` - 1 by clip, in the order of their first ones; what is in no cycle is a still."""
    found = [list(cycle) for cycle in cycles if cycle]
    moving = {index for cycle in found for index in cycle}
    return sorted([*found, *([index] for index in range(count) if index not in moving)], key=min)


def told(clips: np.ndarray) -> str:
    """In words: "24 clips; frames of each: 4 (20), 6 (4); 12 stills". Empty if all are stills."""
    counts = Counter(lengths_of(clips).tolist())
    stills = counts.pop(1, 0)
    if not counts:
        return ""
    each = [f"{length} ({count:,})" for length, count in sorted(counts.items())]
    beside = f"; {plural(stills, 'still')}" if stills else ""
    return f"{plural(counts.total(), 'clip')}; frames of each: {some(each, 6)}{beside}"
