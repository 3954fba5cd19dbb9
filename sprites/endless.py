"""Sets without end: generators that draw as many sprites as are asked for, a volume at a time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sprites.loading import Sprites
from sprites.tags import Tags, facet_of

Generator = Callable[[int, int, int], tuple[Sprites, Tags]]
"""(seed, count, size): about so many sprites of this size in pixels, and what each shows. The same seed and count give
the same sprites, another seed gives others. Raises ValueError for a size that is not drawn."""


def drawn(seed: int, count: int, size: int) -> tuple[Sprites, Tags]:
    """By the artist of the shipped set; as many of each category, in whole walk cycles."""
    from sprites.draw.collection import SIZES  # its art takes half a second
    from sprites.draw.dice import TAG_NAMES
    from sprites.draw.output import clips_drawn, draw_category
    from sprites.draw.palette import COLOURS
    from sprites.draw.registry import CATEGORIES, WHOLE
    from sprites.writing.sheets import enlarge

    if size not in SIZES:
        raise ValueError(f"the artist draws sprites of {' or '.join(map(str, SIZES))} pixels, not of {size}")
    each = -(-count // len(CATEGORIES))
    each += -each % WHOLE
    tiles, answers = zip(*(draw_category(category, each, seed) for category in CATEGORIES), strict=True)
    rows = [answer for some in answers for answer in some]
    labels = np.repeat(np.arange(len(CATEGORIES)), each)
    images = COLOURS[enlarge(np.concatenate(tiles), size)]
    facets = {name: facet_of(tuple(row[name] for row in rows)) for name in TAG_NAMES}
    return Sprites(images, labels, CATEGORIES, Path("drawn"), clips=clips_drawn(each)), Tags(facets, labels, CATEGORIES)


GENERATORS: dict[str, Generator] = {"drawn": drawn}
