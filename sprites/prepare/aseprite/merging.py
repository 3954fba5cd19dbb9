"""The visible layers of a document of Aseprite as one image a frame."""

import numpy as np

from sprites.prepare.aseprite.blending import lay_over, scaled
from sprites.prepare.aseprite.document import Document

MAX_LAID = 2**27  # pixels of cels laid on frames


def merged(document: Document) -> np.ndarray:
    """All frames, uint8 [F, H, W, 4]."""
    frames = np.zeros((len(document.cels), document.height, document.width, 4), np.uint8)
    laid = 0
    for canvas, cels, palette in zip(frames, document.cels, document.palettes, strict=True):
        # A cel moves by z layers; of those at one height the one that moved further up is above.
        for layer_index, cel in sorted(cels.items(), key=lambda item: (item[0] + item[1].z, item[1].z)):
            layer = document.layers[layer_index]
            h, w = cel.pixels.shape[:2]
            top, left = max(0, -cel.y), max(0, -cel.x)
            below = canvas[max(0, cel.y) : max(0, cel.y + h), max(0, cel.x) : max(0, cel.x + w)]
            inside = cel.pixels[top : top + below.shape[0], left : left + below.shape[1]]
            if not layer.shown or not inside.size:
                continue
            laid += below.shape[0] * below.shape[1]
            if laid > MAX_LAID:
                raise ValueError(f"its layers have more than {MAX_LAID:,} pixels to merge")
            above = coloured(document, inside, palette, layer.background)
            lay_over(below, above, int(scaled(cel.opacity, layer.opacity)), layer.mode)
    return frames


def coloured(document: Document, pixels: np.ndarray, palette: np.ndarray, background: bool) -> np.ndarray:
    """Pixels as the file has them, uint8 [h, w, 1, 2 or 4], as RGBA."""
    if document.depth == 32:
        return pixels
    if document.depth == 16:
        return pixels[..., [0, 0, 0, 1]]
    table = np.zeros((256, 4), np.uint8)  # an index beyond the palette shows nothing
    table[: len(palette)] = palette[:256]
    if not background:
        table[document.transparent] = 0
    return table[pixels[..., 0]]
