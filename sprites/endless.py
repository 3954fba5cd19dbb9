"""Sets without end: generators that draw as many sprites as are asked for, a volume at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sprites.loading import Sprites
from sprites.tags import Tags, facet_of

Generator = Callable[[int, int, int], tuple[Sprites, Tags]]
"""(seed, count, size): about so many sprites of this size in pixels, and what each shows. The same seed and count give
the same sprites, another seed gives others. Raises ValueError for a size that is not drawn."""


def drawn(seed: int, count: int, size: int, only: Sequence[str] = ()) -> tuple[Sprites, Tags]:
    """By the artist of the shipped set; as many of each category, in whole walk cycles. only: these categories."""
    from sprites.draw.collection import SIZES  # its art takes half a second
    from sprites.draw.dice import TAG_NAMES
    from sprites.draw.output import clips_drawn, draw_category
    from sprites.draw.palette import COLOURS
    from sprites.draw.registry import CATEGORIES, WHOLE
    from sprites.writing.sheets import enlarge

    if size not in SIZES:
        raise ValueError(f"the artist draws sprites of {' or '.join(map(str, SIZES))} pixels, not of {size}")
    chosen = only or CATEGORIES
    each = -(-count // len(chosen))
    each += -each % WHOLE
    tiles, answers = zip(*(draw_category(category, each, seed) for category in chosen), strict=True)
    rows = [answer for some in answers for answer in some]
    labels = np.repeat([CATEGORIES.index(category) for category in chosen], each)
    images = COLOURS[enlarge(np.concatenate(tiles), size)]
    facets = {name: facet_of(tuple(row[name] for row in rows)) for name in TAG_NAMES}
    clips = clips_drawn(each, chosen)
    return Sprites(images, labels, CATEGORIES, Path("drawn"), clips=clips), Tags(facets, labels, CATEGORIES)


GENERATORS: dict[str, Generator] = {"drawn": drawn}
