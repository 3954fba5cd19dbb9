"""Sets without end: generators that draw as many sprites as are asked for, a volume at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sprites.loading import Sprites
from sprites.tags import Tags, facet_of

Generator = Callable[[int, int, int], tuple[Sprites, Tags]]
"""(seed, count, size): about so many sprites of this size in pixels, and what each shows. The same seed and count give
the same sprites, another seed gives others. Raises ValueError for a size that is not drawn."""


def tiles_of(seed: int, count: int, only: Sequence[str] = ()) -> tuple[np.ndarray, Tags, np.ndarray]:
    """By the artist of the shipped set, as many of each category, in whole walk cycles: colours of its palette, uint8
    [N, 16, 16], what each shows, and of which clip it is, int64 [N]. only: these categories."""
    from sprites.draw.dice import TAG_NAMES  # its art takes half a second
    from sprites.draw.output import clips_drawn, draw_category
    from sprites.draw.registry import CATEGORIES, WHOLE

    chosen = only or CATEGORIES
    each = -(-count // len(chosen))
    each += -each % WHOLE
    tiles, answers = zip(*(draw_category(category, each, seed) for category in chosen), strict=True)
    rows = [answer for some in answers for answer in some]
    labels = np.repeat([CATEGORIES.index(category) for category in chosen], each)
    facets = {name: facet_of(tuple(row[name] for row in rows)) for name in TAG_NAMES}
    return np.concatenate(tiles), Tags(facets, labels, CATEGORIES), clips_drawn(each, chosen)


def drawn(seed: int, count: int, size: int, only: Sequence[str] = ()) -> tuple[Sprites, Tags]:
    """By the artist of the shipped set, as `tiles_of`."""
    from sprites.draw.collection import SIZES
    from sprites.draw.palette import COLOURS
    from sprites.writing.sheets import enlarge

    if size not in SIZES:
        raise ValueError(f"the artist draws sprites of {' or '.join(map(str, SIZES))} pixels, not of {size}")
    tiles, tags, clips = tiles_of(seed, count, only)
    return Sprites(COLOURS[enlarge(tiles, size)], tags.labels, tags.categories, Path("drawn"), clips=clips), tags


def varied(seed: int, count: int, size: int) -> tuple[Sprites, Tags]:
    """What the artist draws, in looks of all sorts; of any size, and no clips."""
    from sprites.draw.palette import COLOURS
    from sprites.looks import in_many_looks

    tiles, tags, _ = tiles_of(seed, count)
    images = in_many_looks(tiles, COLOURS, size, seed)
    return Sprites(images, tags.labels, tags.categories, Path("varied")), tags


GENERATORS: dict[str, Generator] = {"drawn": drawn, "varied": varied}
