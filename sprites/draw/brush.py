"""The brushes: a 16x16 canvas of palette indices, and drawings that are stamped on it.

Art is drawn in characters, four tones to a ramp, so that one drawing serves every colour:

    1234  first ramp     abcd  second     efgh  third     ijkl  fourth     mnpq  fifth
    o     ink            w     white      -     clear what is below         .     leave what is below

Each run of four goes outline tone, shadow, mid, light. The ramps are named when the art is stamped.
"""

from functools import cache

import numpy as np

from sprites.draw.palette import (
    COLOURS,
    DARKER,
    DEEP,
    DISTANCE,
    INK,
    LIGHTER,
    MID,
    OUTLINE,
    RAMPS,
    SHADOW,
    TONE,
    TONES,
    WHITE,
    tone,
)

TILE = 16
MAX_COLOURS = 16
LETTERS = ".1234abcdefghijklmnpqow-"
_SLOTS = bytes.maketrans(LETTERS.encode("ascii"), bytes(range(len(LETTERS))))
INK_SLOT = LETTERS.index("o")  # the five ramps come before it
_CLEAR = 255


def compiled(rows: list[str]) -> np.ndarray:
    """Rows of equally many characters as slots, uint8 [H, W]."""
    pixels = np.frombuffer("".join(rows).encode("ascii").translate(_SLOTS), dtype=np.uint8)
    return pixels.reshape(len(rows), -1)


def without(drawing: np.ndarray, rows: tuple[int, ...] = (), columns: tuple[int, ...] = ()) -> np.ndarray:
    """A drawing [H, W] made smaller by leaving out rows and columns."""
    return np.delete(np.delete(drawing, rows, axis=0), columns, axis=1)


def repeat(drawing: np.ndarray, rows: tuple[int, ...] = (), columns: tuple[int, ...] = ()) -> np.ndarray:
    """A drawing [H, W] made larger by doubling rows and columns."""
    tall = np.insert(drawing, rows, drawing[list(rows)], axis=0) if rows else drawing
    return np.insert(tall, columns, tall[:, list(columns)], axis=1) if columns else tall


@cache
def _lookup(ramps: tuple[str, ...]) -> np.ndarray:
    """uint8 [slots]: the colour of each slot for these ramps."""
    table = np.zeros(len(LETTERS), dtype=np.uint8)
    for place, ramp in enumerate(ramps):
        table[1 + place * TONES : 1 + (place + 1) * TONES] = np.arange(RAMPS[ramp], RAMPS[ramp] + TONES)
    table[INK_SLOT:] = INK, WHITE, _CLEAR
    return table


def _masks() -> dict[str, np.ndarray]:
    """Boolean [3*16, 3*16] tilings, cut to the tile at any phase."""
    y, x = np.mgrid[: 3 * TILE, : 3 * TILE]
    return {
        "rows": y % 3 == 0,
        "bands": y % 4 < 2,
        "columns": x % 3 == 0,
        "pales": x % 4 < 2,
        "checks": (x // 2 + y // 2) % 2 == 0,
        "dither": (x + y) % 2 == 0,
        "dots": ((x % 4 == 0) & (y % 4 == 0)) | ((x % 4 == 2) & (y % 4 == 2)),
        "spots": ((x % 6 < 2) & (y % 6 < 2)) | (((x + 3) % 6 < 2) & ((y + 3) % 6 < 2)),
        "slant": (x + y) % 4 < 2,
        "chevron": (y + np.abs(x % 8 - 4)) % 4 < 2,
    }


PATTERNS = _masks()
PATTERN_NAMES = tuple(PATTERNS)


def pattern(name: str, dx: int = 0, dy: int = 0) -> np.ndarray:
    """Boolean [16, 16]: a named pattern, moved by (dx, dy)."""
    return PATTERNS[name][dy % TILE : dy % TILE + TILE, dx % TILE : dx % TILE + TILE]


class Canvas:
    """A tile of palette indices, uint8 [16, 16]; 0 is transparent. The origin is the upper left."""

    def __init__(self) -> None:
        self.px = np.zeros((TILE, TILE), dtype=np.uint8)
        self._signed = self.px.copy()
        self._parts: dict[str, np.ndarray] = {}

    def sign(self, name: str) -> None:
        """All that was painted since the last signature belongs to this part, and no longer to another."""
        changed = self.px != self._signed
        for mask in self._parts.values():
            mask &= ~changed
        if name:
            self._parts[name] = self._parts.get(name, False) | (changed & (self.px > 0))
        self._signed = self.px.copy()

    def parts(self, least: int = 2) -> str:
        """The signed parts that still show this many pixels, joined by '+' in the order of signing."""
        self.sign("")
        return "+".join(name for name, mask in self._parts.items() if np.count_nonzero(mask) >= least)

    def stamp(
        self,
        drawing: np.ndarray,
        x: int,
        y: int,
        *ramps: str,
        flip: bool = False,
        under: bool = False,
        halo: bool = False,
        shadow: bool = False,
    ) -> None:
        """Lay art [H, W] with its upper left at (x, y), clipped by the tile.

        under: only where the canvas is still empty. halo: an outline on what the art lies on, round its edge.
        shadow: a darker row on what the art lies on, beneath its edge.
        """
        drawing = drawing[:, ::-1] if flip else drawing
        top, left = max(0, -y), max(0, -x)
        drawing = drawing[top : TILE - y, left : TILE - x]
        rows, columns = drawing.shape
        y, x = y + top, x + left
        below = self.px[y : y + rows, x : x + columns]
        paint = _lookup(ramps)[drawing]
        put = paint > 0
        if under:
            put &= below == 0
        if halo or shadow:
            full = np.zeros_like(self.px)
            full[y : y + rows, x : x + columns] = np.where(paint == _CLEAR, 0, paint)
            self._edge(full) if halo else self._dim_beneath(full)
        np.copyto(below, paint, where=put)
        below[below == _CLEAR] = 0

    def _edge(self, shape: np.ndarray) -> None:
        """Draw the outline of another tile [16, 16] onto what is opaque here."""
        ring = _ring(shape)
        np.copyto(self.px, ring, where=(ring > 0) & (self.px > 0))

    def _dim_beneath(self, shape: np.ndarray) -> None:
        """Darken what is opaque here just beneath another tile [16, 16]."""
        beneath = np.zeros(shape.shape, dtype=bool)
        beneath[1:] = shape[:-1] > 0
        np.copyto(self.px, DARKER[self.px], where=beneath & (shape == 0) & (TONE[self.px] > SHADOW))

    def area(self, ramp: str) -> int:
        """How many pixels a ramp has, its outline tone left out."""
        return int(((self.px - RAMPS[ramp] - 1) < TONES - 1).sum())

    def dot(self, x: int, y: int, ramp: str, level: int = MID) -> None:
        """One pixel; outside the tile nothing happens."""
        if 0 <= x < TILE and 0 <= y < TILE:
            self.px[y, x] = tone(ramp, level)

    def line(self, x0: int, y0: int, x1: int, y1: int, ramp: str, level: int = MID) -> None:
        """A one-pixel line with both ends."""
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self.dot(round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps), ramp, level)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, ramp: str) -> None:
        """A ball of one ramp, lit from the upper left."""
        self.px[_disc(cx, cy, rx, ry)] = tone(ramp, MID)
        dark = _disc(cx, cy, rx, ry) & ~_disc(cx - rx * 0.28, cy - ry * 0.3, rx, ry)
        self.px[dark] = tone(ramp, MID - 1)
        self.px[_disc(cx - rx * 0.36, cy - ry * 0.4, rx * 0.42, ry * 0.38)] = tone(ramp, MID + 1)

    def recolour(self, source: str, target: str, where: np.ndarray | None = None) -> None:
        """Turn one ramp into another, tone by tone, where the mask [16, 16] says (everywhere without one)."""
        hit = (self.px - RAMPS[source]) < TONES  # uint8: smaller indices wrap round to large numbers
        if where is not None:
            hit &= where
        self.px[hit] += np.uint8((RAMPS[target] - RAMPS[source]) % 256)

    def tint(self, ramp: str, steps: int, where: np.ndarray) -> None:
        """Darken (-1) or lighten (+1) the pixels of one ramp where the mask [16, 16] says; outlines stay."""
        hit = (self.px - RAMPS[ramp]) < TONES
        hit &= where & (TONE[self.px] > 0)
        shifted = LIGHTER[self.px] if steps > 0 else DARKER[self.px]
        np.copyto(self.px, shifted, where=hit & (TONE[shifted] > 0))

    def shade(self) -> None:
        """Rim light on mid tones at the upper left edge of the figure, rim shadow at the lower right."""
        full = np.zeros((TILE + 2, TILE + 2), dtype=bool)
        full[1:-1, 1:-1] = self.px > 0
        mid = TONE[self.px] == MID
        lit = ~full[1:-1, :-2] | ~full[:-2, 1:-1]
        dim = ~full[1:-1, 2:] | ~full[2:, 1:-1]
        np.copyto(self.px, self.px + np.uint8(1), where=mid & lit & ~dim)
        np.copyto(self.px, self.px - np.uint8(1), where=mid & dim & ~lit)

    def outline(self) -> None:
        """A selective outline round the figure: darkest tones, and ink away from the light."""
        ring = _ring(self.px)
        np.copyto(self.px, ring, where=self.px == 0)

    def flip(self, relight: bool = True) -> None:
        """Mirror the picture; relight: light stays on the left wherever both pictures show the same ramp."""
        mirrored = np.ascontiguousarray(self.px[:, ::-1])
        if relight:
            same = (OUTLINE[mirrored] == OUTLINE[self.px]) & (TONE[mirrored] > DEEP) & (TONE[self.px] > DEEP)
            np.copyto(mirrored, self.px, where=same)
        self.px = mirrored

    def shift(self, dx: int, dy: int) -> None:
        """Move the picture; what leaves the tile on one side is not brought back on the other."""
        moved = np.zeros_like(self.px)
        moved[max(dy, 0) : TILE + min(dy, 0), max(dx, 0) : TILE + min(dx, 0)] = self.px[
            max(-dy, 0) : TILE - max(dy, 0), max(-dx, 0) : TILE - max(dx, 0)
        ]
        self.px = moved

    def centre(self) -> None:
        """Bring the middle of the figure to the middle of the tile."""
        rows = np.flatnonzero(self.px.any(1))
        columns = np.flatnonzero(self.px.any(0))
        dy = (TILE - 1 - int(rows[0]) - int(rows[-1])) // 2
        dx = (TILE - 1 - int(columns[0]) - int(columns[-1])) // 2
        if dx or dy:
            self.shift(dx, dy)

    def finish(self) -> None:
        """The last touch of what stands alone: the middle of the tile, then the outline."""
        self.centre()
        self.outline()

    def economise(self, keep: np.ndarray) -> None:
        """Repaint the rarest colours with their nearest neighbours until sixteen are left.

        keep: boolean [N], the colours of the palette that stay whatever their number.
        """
        counts = np.bincount(self.px.ravel(), minlength=len(COLOURS))
        counts[0] = 0
        while (used := np.flatnonzero(counts)).size > MAX_COLOURS:
            rarest = used[np.argmin(counts[used] + TILE * TILE * keep[used])]
            others = used[used != rarest]
            nearest = others[np.argmin(DISTANCE[rarest, others])]
            self.px[self.px == rarest] = nearest
            counts[nearest] += counts[rarest]
            counts[rarest] = 0

    def rgba(self) -> np.ndarray:
        """The picture, uint8 [16, 16, 4], alpha 0 or 255."""
        return COLOURS[self.px]


def _disc(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    """Boolean [16, 16]: the pixels whose middles lie in the ellipse."""
    return (_GRID_X - cx) ** 2 / (rx * rx) + (_GRID_Y - cy) ** 2 / (ry * ry) <= 1.0


_GRID_Y, _GRID_X = (axis.astype(np.float64) for axis in np.mgrid[:TILE, :TILE])


def _ring(shape: np.ndarray) -> np.ndarray:
    """uint8 [16, 16]: the outline colour beside each opaque pixel of a tile, 0 elsewhere."""
    edge = OUTLINE[shape]
    ring = np.zeros_like(shape)
    ring[:-1] = edge[1:]  # above the figure
    np.copyto(ring[:, :-1], edge[:, 1:], where=ring[:, :-1] == 0)  # to its left
    lower = np.zeros(shape.shape, dtype=bool)
    lower[1:] = shape[:-1] > 0
    lower[:, 1:] |= shape[:, :-1] > 0
    ring[lower & (ring == 0)] = INK
    ring[shape > 0] = 0
    return ring
