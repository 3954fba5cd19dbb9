"""What people from the front and in profile have in common: cloth, colours that go with a skin, things to hold."""

from collections.abc import Mapping, Sequence

from sprites.draw.dice import Dice

CLOTHS = (
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "white",
    "grey",
    "black",
    "moss",
)
# Ramps too close to a skin to stand beside it.
NEAR = {
    "fair": ("fair", "tan", "pink"),
    "tan": ("tan", "orange", "brown", "bone"),
    "umber": ("umber", "brown", "tan", "orange"),
    "cocoa": ("cocoa", "umber", "brown"),
    "green": ("green", "moss"),
    "moss": ("moss", "green"),
    "teal": ("teal",),
    "red": ("red", "orange"),
    "bone": ("bone", "white", "tan"),
    "white": ("white", "bone", "grey"),
}

# The ramp of what is held and that of its fittings: a name, or names to pick from.
Choice = str | Sequence[str]
TORCH = ("orange", "brown")
LANTERN = ("yellow", "grey")
BOW = ("white", ("brown", "umber", "red"))
BOOK = (("red", "blue", "green", "purple"), "bone")
FLOWER = (("red", "pink", "yellow", "blue"), "green")
METAL_FITTINGS = ("brown", "umber", "yellow")


def held_ramps(d: Dice, item: str, choices: Mapping[str, tuple[Choice, Choice]]) -> tuple[str, str]:
    """The ramps of an item and of its fittings; those of "" serve items that are not listed.

    The dice of all items are thrown, in the order of the table, so that later choices do not depend on what is held.
    """
    picked = {name: (_pick(d, thing), _pick(d, fittings)) for name, (thing, fittings) in choices.items()}
    return picked.get(item, picked[""])


def _pick(d: Dice, choice: Choice) -> str:
    """A name as it is, without dice, or one of several."""
    return choice if isinstance(choice, str) else d.pick(choice)
