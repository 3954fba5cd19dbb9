"""A font for the labels of a picture, whatever letters they have."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from PIL import ImageFont

from ddpm.system.console import warn

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def label_font(labels: Sequence[str]) -> tuple[Font, list[str]]:
    """A font for all labels of a picture, and the labels: Pillow's own font, or DejaVu Sans if that lacks a character.
    What this lacks too stands there as its code, and is told."""
    labels = [" ".join(unicodedata.normalize("NFC", label).split()) for label in labels]
    font: Font = ImageFont.load_default(size=14)
    characters = sorted(set("".join(labels)))
    if lacking(font, characters):
        font = ImageFont.truetype(dejavu(), size=14)
    if missing := lacking(font, characters):
        tell_missing("".join(missing))
        runs = re.compile(f"[{re.escape(''.join(missing))}]+")
        labels = [runs.sub(lambda run: f"[{' '.join(f'U+{ord(c):04X}' for c in run[0])}]", x) for x in labels]
    return font, labels


def lacking(font: Font, characters: Sequence[str]) -> list[str]:
    """Those of the characters that the font draws as it draws what is no character."""
    box = bytes(font.getmask("\U0010ffff"))
    return [c for c in characters if not c.isascii() and bytes(font.getmask(c)) == box]


def dejavu() -> str:
    """The file of DejaVu Sans, which has Latin, Greek and Cyrillic letters, as matplotlib brings it along."""
    from matplotlib import get_data_path  # takes a third of a second

    return f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"


@cache
def tell_missing(characters: str) -> None:
    """Warn, once, of characters that labels show by their codes."""
    shown = f"labels of pictures show the code instead, as U+{ord(characters[0]):04X}"
    warn(f"no font here has {' '.join(characters)}: {shown}")
