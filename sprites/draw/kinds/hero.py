"""Heroes: people seen from the front, put together from hair, hats, clothes and what they hold."""

from collections.abc import Sequence

import numpy as np

from sprites.draw.artwork import Art
from sprites.draw.brush import Canvas
from sprites.draw.dice import Dice, Tags, tags
from sprites.draw.kinds.people import (
    BOOK,
    BOW,
    CLOTHS,
    FLOWER,
    LANTERN,
    METAL_FITTINGS,
    NEAR,
    TORCH,
    held_ramps,
)
from sprites.draw.palette import DEEP, HAIRS, INK, MID, SHADOW, SKINS, WHITE, colour_name

ART = Art("hero", "shared")

# How many rows a hat pushes the person down, so that it fits.
DROP = {
    "plumed helm": 1,
    "horned helm": 1,
    "wizard hat": 2,
    "bent hat": 2,
    "straw hat": 1,
    "crown": 1,
    "top hat": 2,
    "chef hat": 2,
    "feather cap": 1,
    "turban": 1,
    "tricorn": 1,
    "jester cap": 1,
    "mitre": 2,
}
# What hands hold: the ramps of the thing, of its fittings.
HELD = {
    "torch": TORCH,
    "bow": BOW,
    "lute": ("orange", "brown"),
    "flower": FLOWER,
    "lantern": LANTERN,
    "club": (("brown", "umber"), "brown"),
    "mug": ("brown", "white"),
    "crook": ("brown", "brown"),
    "book": BOOK,
    "staff": (("red", "blue", "green", "purple", "yellow", "teal", "pink"), ("brown", "umber")),
    "": (("grey", "grey", "grey", "yellow", "ice"), METAL_FITTINGS),
}
# The row where the hand is, if it is not the last but one.
GRIPS = {
    "spear": 6,
    "staff": 6,
    "crook": 6,
    "axe": 5,
    "bow": 4,
    "pitchfork": 6,
    "lantern": 0,
    "book": 1,
    "mug": 1,
    "lute": 2,
    "flower": 3,
}


CLOTH = 14  # pixels of a person's colour, below which the trousers take it too
FACE_WEAR = {"glasses": "glasses", "patch": "eye patch"}
CLOSED = ("full helm", "barred helm")


def face(c: Canvas, d: Dice, y: int, skin: str, covered: bool) -> None:
    """Eyes, and unless covered a mouth, of a head whose top row is y; what is worn on the face is signed."""
    style = d.pick(("tall", "tall", "tall", "dot", "white", "shut", "angry", "glasses", "patch"))
    for x in (6, 9):
        if style == "shut":
            c.line(x - (x == 6), y + 4, x + (x == 9), y + 4, "black", DEEP)
            continue
        c.px[y + 3, x] = INK
        if style in ("tall", "patch"):
            c.px[y + 4, x] = INK
        elif style == "white":
            c.px[y + 4, x] = INK
            c.px[y + 3, x - 1 if x == 6 else x + 1] = WHITE
            c.px[y + 4, x - 1 if x == 6 else x + 1] = WHITE
        elif style == "angry":
            c.px[y + 4, x] = INK
            c.px[y + 3, x - 1 if x == 6 else x + 1] = INK
        elif style == "glasses":
            c.px[y + 4, x] = WHITE
    if style == "glasses":
        c.line(5, y + 3, 10, y + 3, "black", DEEP)
    if style == "patch":
        c.line(4, y + 2, 8, y + 3, "black", DEEP)
        c.line(8, y + 4, 9, y + 4, "black", DEEP)
        c.line(8, y + 3, 9, y + 3, "black", DEEP)
    c.sign(FACE_WEAR.get(style, ""))
    if covered:
        return
    if d.chance(0.4):
        c.line(7, y + 5, 8, y + 5, skin, SHADOW if d.chance() else DEEP)
    elif d.chance(0.3):
        c.dot(5, y + 4, "pink", MID)
        c.dot(10, y + 4, "pink", MID)


def dress(c: Canvas, d: Dice, top: str, y: int, cloth: str, skin: str, trim: str, short: bool) -> str:
    """Clothes from the shoulders (row y) to the ground, fewer rows if short; the ramp of the trousers."""
    if top in ART.named("gown"):
        drawing = ART.named("gown")[top]
        c.stamp(drawing[: 15 - y] if not short else _lowered(drawing, 15 - y), 3, y, cloth, skin, trim)
        if drawing[-1, 3] != 0 and d.chance(0.7):
            for x in (6, 9):
                c.dot(x, 14, d.pick(("brown", "black")), MID)
        return ""
    drawing = ART.named("top")[top]
    c.stamp(drawing if not short else _lowered(drawing, 3), 3, y, cloth, skin, trim)
    below = ART.named("legs")[d.pick(tuple(ART.named("legs")))]
    trousers = d.pick(
        [name for name in ("brown", "blue", "black", "grey", "green", "umber", "purple") if name != cloth]
    )
    boots = d.pick([name for name in ("brown", "black", "umber", "red", "cocoa") if name != trousers])
    rows = 3 if 15 - y - (3 if short else 4) >= 3 else 2
    c.stamp(below[3 - rows :], 4, 15 - rows, trousers, boots, skin)
    return trousers


def _lowered(drawing: np.ndarray, rows: int) -> np.ndarray:
    """A drawing cut to this many rows, from the middle, so that its hem stays."""
    while drawing.shape[0] > rows:
        middle = drawing.shape[0] // 2
        drawing = drawing[[row for row in range(drawing.shape[0]) if row != middle]]
    return drawing


def hold(c: Canvas, d: Dice, item: str, y: int, skin: str, left: bool) -> None:
    """Something in the hand at row y, on the viewer's left or right."""
    drawing = ART.named("held")[item]
    thing, fitting = held_ramps(d, item, HELD)
    grip = GRIPS.get(item, drawing.shape[0] - 2)
    top = min(y - grip, 15 - drawing.shape[0])
    columns = drawing.shape[1]
    x = 3 - columns if left else 12
    if item == "bow":
        x = 0 if left else 11
    c.stamp(drawing, x, top, thing, fitting, flip=left, halo=True)
    c.dot(3 if left else 12, y, skin, MID)


def _head(c: Canvas, d: Dice, y: int, ramps: tuple[str, ...], hat: str, whiskers: str, style: str) -> None:
    """A head with its top row at y, and what is worn there, signed. Ramps: skin, hair, hat, trim."""
    skin, hair, hat_ramp, trim = ramps
    c.stamp(ART.one("head"), 4, y, skin)
    c.sign("")
    if whiskers:
        c.stamp(ART.named("beard")[whiskers], 3, y + 3, hair)
        c.sign(whiskers)
    if not hat or hat in ("crown", "tiara", "headband"):
        c.stamp(ART.named("hair")[style], 2, y - 1, hair, shadow=True)
    elif hat not in (*CLOSED, "ninja mask", "hood"):
        c.stamp(ART.named("hair")[style][3:], 2, y + 2, hair)
    c.sign("")
    if hat:
        drawing = ART.named("hat")[hat]
        c.stamp(
            drawing,
            8 - drawing.shape[1] // 2,
            1,
            hat_ramp,
            trim if trim != hat_ramp else "purple",
            shadow=True,
        )
        c.sign(hat)
    if hat not in CLOSED:
        face(c, d, y, skin, bool(whiskers) or hat == "ninja mask")


def _arms(c: Canvas, d: Dice, y: int, skin: str, held: Sequence[str], shield: float) -> None:
    """What the hands hold, the shoulders at row y; it is signed."""
    c.sign("")
    left, item = d.chance(), d.pick(held)
    if item:
        hold(c, d, item, min(y + 3, 11), skin, left)
        c.sign(item)
    shielded = item != "bow" and d.chance(shield)
    if shielded:
        field = d.pick(CLOTHS)
        rim = "yellow" if field != "yellow" else "grey"
        c.stamp(d.pick(ART.several("shield")), 11 if left else 1, y + 1, field, rim, halo=True)
        c.sign("shield")


def person(
    c: Canvas,
    d: Dice,
    *,
    tops: Sequence[str],
    hats: Sequence[str],
    held: Sequence[str],
    cloths: Sequence[str] = CLOTHS,
    material: str = "cloth",
    hairs: Sequence[str] = tuple(ART.named("hair")),
    beard: float = 0.25,
    cape: float = 0.15,
    shield: float = 0.0,
    hat_ramps: Sequence[str] = (),
) -> Tags:
    """One person; an empty string among hats or held things is none of them."""
    skin = d.pick(SKINS)
    cloth = d.pick([name for name in cloths if name not in NEAR[skin]] or cloths)
    trim = d.pick([name for name in ("yellow", "brown", "white", "red", "blue", "bone") if name != cloth])
    hair = d.pick([name for name in HAIRS if name not in (*NEAR[skin], cloth)])
    hat, top, style = d.pick(hats), d.pick(tops), d.pick(hairs)
    drop = DROP.get(hat, 0) if hat else d.pick((0, 0, 0, 1))
    whiskers = d.pick(tuple(ART.named("beard"))) if d.chance(beard) and hat not in CLOSED else ""
    if whiskers == "long beard" and top in ART.named("gown"):
        whiskers = "full beard"  # a long one would hide the gown
    hat_ramp = d.pick(hat_ramps) if hat_ramps else cloth
    trousers = dress(c, d, top, 8 + drop, cloth, skin, trim, drop > 0)
    _head(c, d, 2 + drop, (skin, hair, hat_ramp, trim), hat, whiskers, style)
    if d.chance(cape):
        ramps = ("red", "blue", "green", "purple", "black", "white")
        c.sign("")
        c.stamp(ART.one("cape"), 3, 8 + drop, d.pick([name for name in ramps if name != cloth]), under=True)
        c.sign("cape")
    _arms(c, d, 8 + drop, skin, held, shield)
    worn = c.parts()
    if trousers and c.area(cloth) < CLOTH:
        c.recolour(trousers, cloth)
    c.outline()
    return tags(colour_name(cloth), material, worn, "front")


def knight(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "black", "ice", "orange"))
    return person(
        c,
        d,
        tops=("plate", "plate", "mail", "surcoat"),
        cloths=(metal,) if d.chance(0.7) else CLOTHS,
        hats=("full helm", "barred helm", "open helm", "plumed helm"),
        held=("sword", "sword", "spear", "axe", "hammer", ""),
        material="steel",
        cape=0.4,
        shield=0.5,
        hat_ramps=(metal,),
    )


def mage(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("robe", "robe", "cassock"),
        cloths=("purple", "blue", "red", "teal", "green", "black", "white", "pink"),
        hats=("wizard hat", "wizard hat", "bent hat", "bent hat", "hood"),
        held=("staff", "staff", "book", "torch", ""),
        material="robe",
        beard=0.45,
    )


def ranger(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("tunic", "vest", "jacket"),
        cloths=("green", "moss", "brown", "teal", "umber", "orange"),
        hats=("hood", "feather cap", "feather cap", "headband", ""),
        held=("bow", "bow", "dagger", "spear"),
        material="leather",
        cape=0.5,
    )


def rogue(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("vest", "jacket", "coat", "tunic"),
        cloths=("black", "purple", "grey", "red", "brown", "moss"),
        hats=("hood", "hood", "bandana", ""),
        held=("dagger", "dagger", "lantern", ""),
        material="leather",
        cape=0.3,
    )


def villager(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("shirt", "tunic", "vest", "dress", "apron", "stripes"),
        hats=("", "", "headband"),
        held=("", "", "mug", "flower", "lantern", "book"),
        cape=0.0,
    )


def royal(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("robe", "dress", "surcoat", "coat"),
        cloths=("red", "purple", "blue", "white", "green", "pink"),
        hats=("crown", "crown", "tiara"),
        held=("staff", "sword", "flower", ""),
        material="silk",
        cape=0.6,
        beard=0.35,
        hat_ramps=("yellow", "yellow", "grey"),
    )


def barbarian(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("bare", "strap", "vest", "mail"),
        cloths=("brown", "umber", "grey", "red", "moss"),
        hats=("horned helm", "horned helm", "headband", ""),
        held=("axe", "axe", "hammer", "club", "sword"),
        material="fur",
        beard=0.6,
        shield=0.3,
        hat_ramps=("grey", "brown", "yellow"),
    )


def monk(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("cassock", "cassock", "robe", "tunic"),
        cloths=("brown", "orange", "bone", "umber", "red", "yellow"),
        hats=("", "", "hood"),
        held=("", "book", "lantern", "mug"),
        hairs=("tonsure", "tonsure", "bald", "short"),
        cape=0.0,
    )


def ninja(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("tunic", "vest", "jacket"),
        cloths=("black", "blue", "red", "purple", "green", "grey", "white"),
        hats=("ninja mask", "ninja mask", "ninja mask", "headband"),
        held=("dagger", "sword", "sickle", "scimitar", ""),
        beard=0.0,
    )


def pirate(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("stripes", "coat", "vest", "jacket"),
        cloths=("red", "white", "blue", "black", "purple", "green"),
        hats=("tricorn", "tricorn", "tricorn", "bandana"),
        held=("scimitar", "scimitar", "mug", "lantern", "dagger"),
        beard=0.5,
        hat_ramps=("black", "red", "blue", "brown"),
    )


def cook(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("apron", "jacket", "apron", "shirt"),
        cloths=("white", "bone", "red", "blue", "ice", "green"),
        hats=("chef hat",),
        held=("ladle", "dagger", "mug", "ladle", ""),
        beard=0.4,
        cape=0.0,
        hat_ramps=("white", "white", "bone"),
    )


def bard(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("jacket", "tunic", "vest", "stripes"),
        cloths=("red", "green", "purple", "yellow", "pink", "teal", "orange"),
        hats=("jester cap", "jester cap", "feather cap"),
        held=("lute", "lute", "flower", ""),
        cape=0.3,
    )


def priest(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("robe", "cassock", "surcoat"),
        cloths=("white", "white", "yellow", "ice", "red", "purple"),
        hats=("mitre", "mitre", "mitre", "tiara"),
        held=("crook", "staff", "book", "lantern"),
        material="robe",
        beard=0.35,
    )


def farmer(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("vest", "shirt", "apron", "stripes"),
        cloths=("red", "blue", "orange", "white", "yellow", "moss", "teal"),
        hats=("straw hat", "straw hat", "straw hat", ""),
        held=("pitchfork", "pitchfork", "sickle", "lantern", "flower"),
        cape=0.0,
        hat_ramps=("yellow", "tan", "brown"),
    )


def nomad(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("robe", "coat", "tunic", "strap"),
        cloths=("bone", "white", "orange", "blue", "teal", "yellow"),
        hats=("turban",),
        held=("scimitar", "spear", "lantern", "staff", ""),
        beard=0.45,
        cape=0.25,
        hat_ramps=("white", "red", "blue", "yellow", "purple"),
    )


def gentry(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("coat", "jacket", "dress", "vest"),
        cloths=("black", "purple", "blue", "red", "grey", "green"),
        hats=("top hat",),
        held=("staff", "book", "flower", ""),
        beard=0.4,
        cape=0.2,
    )


KINDS = (
    knight,
    mage,
    ranger,
    rogue,
    villager,
    royal,
    barbarian,
    monk,
    ninja,
    pirate,
    cook,
    bard,
    priest,
    farmer,
    nomad,
    gentry,
)
