"""The master palette: every colour a sprite may have, in hue-shifted ramps of four tones.

A colour is an index into `COLOURS`, uint8 [N, 4] RGBA. Index 0 is transparent; ramp r holds the indices
1 + 4r ... 4 + 4r, from the outline tone through shadow and mid to light. Shadows lean to violet, lights
to yellow.
"""

import numpy as np

TONES = 4
DEEP, SHADOW, MID, LIGHT = range(TONES)

_RAMPS = {
    "black": "17121f 2f2b42 4e4d68 888ca6",
    "grey": "2c2b42 565b76 8e98aa cdd6dc",
    "white": "47435f 969cba dbe0e8 fffdf4",
    "bone": "55363d ae8568 e4cb98 fcf2d0",
    "brown": "361c29 693830 9e6140 d19b62",
    "red": "470f2e 9a1d3d dc3b3e f8805c",
    "orange": "561a29 b9472b ef7d2d ffb950",
    "yellow": "583026 b8762a efb93a fff087",
    "green": "12322f 24683b 4ca63f a4dc58",
    "moss": "27281f 53602f 8b9640 c6ca68",
    "teal": "0e2c40 17666e 2ca891 80e5b0",
    "ice": "203c69 4c92c9 98daee e9fdfa",
    "blue": "191c4c 29479b 3d84dc 7fcbf5",
    "purple": "291344 5b2885 964abb d48ce0",
    "pink": "531544 ac3d78 ea749f ffb9bf",
    "fair": "66293a c97d69 f4ba94 ffe2c5",
    "tan": "55242f a7614a db9b69 f6c98f",
    "umber": "3b1a29 784235 aa6b48 d59a68",
    "cocoa": "271221 522d2f 7e4a3d ab7356",
}

RAMPS = {name: 1 + TONES * row for row, name in enumerate(_RAMPS)}  # name -> index of its outline tone
SKINS = ("fair", "tan", "umber", "cocoa")
HAIRS = (
    "black",
    "brown",
    "umber",
    "yellow",
    "orange",
    "red",
    "grey",
    "white",
    "cocoa",
    "tan",
    "blue",
    "purple",
    "teal",
)
BRIGHT = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
INK = RAMPS["black"] + DEEP
WHITE = RAMPS["white"] + LIGHT

_ALIASES = {"bone": "white", "moss": "green", "ice": "blue", "fair": "pink", "tan": "orange"}
_ALIASES |= {"umber": "brown", "cocoa": "brown"}


def _table() -> np.ndarray:
    """uint8 [N, 4]: the transparent colour, then every tone of every ramp."""
    rows = [bytes.fromhex(tone) + b"\xff" for tones in _RAMPS.values() for tone in tones.split()]
    return np.array([(0, 0, 0, 0), *map(tuple, rows)], dtype=np.uint8)


def _distances(colours: np.ndarray) -> np.ndarray:
    """int64 [N, N]: squared distances between colours, weighted roughly as the eye does."""
    rgb = colours[:, :3].astype(np.int64)
    return (((rgb[:, None] - rgb[None]) ** 2) * np.array([3, 5, 2])).sum(-1)


COLOURS = _table()
DISTANCE = _distances(COLOURS)
_INDEX = np.arange(len(COLOURS))
TONE = np.where(_INDEX > 0, (_INDEX - 1) % TONES, 0).astype(np.uint8)
OUTLINE = np.where(_INDEX > 0, _INDEX - TONE, 0).astype(np.uint8)  # the outline tone of a colour's ramp
DARKER = np.where((_INDEX > 0) & (TONE > DEEP), _INDEX - 1, _INDEX).astype(np.uint8)
LIGHTER = np.where((_INDEX > 0) & (TONE < LIGHT), _INDEX + 1, _INDEX).astype(np.uint8)


def _named() -> dict[str, np.ndarray]:
    """For each everyday name, boolean [N]: the colours that go by it."""
    names = np.array(["", *(_ALIASES.get(ramp, ramp) for ramp in RAMPS for _ in range(TONES))])
    return {name: names == name for name in sorted(set(names[1:].tolist()))}


NAMED = _named()


def tone(ramp: str, level: int) -> int:
    """The index of one tone (DEEP, SHADOW, MID or LIGHT) of a ramp."""
    return RAMPS[ramp] + level


def colour_name(ramp: str) -> str:
    """The everyday name of a ramp, one of twelve: what the colour tag says."""
    return _ALIASES.get(ramp, ramp)
