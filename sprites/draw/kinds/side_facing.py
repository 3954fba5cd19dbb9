"""People and beasts in profile, each a walk of four frames: step, pass, step with the other leg, pass.

Every creature is drawn facing right and mirrored if it faces left; light is laid on last, so that it comes
from the upper left either way. The four frames throw the same dice, so no choice may depend on the frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sprites.draw.artwork import Art
from sprites.draw.brush import INK_SLOT, TILE, Canvas, pattern, without
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
from sprites.draw.palette import HAIRS, INK, LIGHT, MID, SHADOW, SKINS, WHITE, colour_name

ART = Art("side_facing", "shared")

SHOWY = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "white", "black")

# How many rows a hat pushes the person down, so that it fits.
DROP = {"plumed helm": 1, "wizard hat": 2, "straw hat": 1, "feather cap": 1, "crown": 1, "top hat": 2}
# What the near hand holds: the ramps of the thing, of its fittings.
HELD = {
    "torch": TORCH,
    "bow": BOW,
    "lantern": LANTERN,
    "book": BOOK,
    "flower": FLOWER,
    "staff": (("red", "blue", "green", "purple", "yellow"), ("brown", "umber")),
    "shield": (("red", "blue", "green", "white", "purple"), ("yellow", "grey")),
    "": (("grey", "grey", "yellow", "ice"), METAL_FITTINGS),
}
# The row where the hand is, if it is not the last but one.
GRIPS = {"staff": 6, "spear": 6, "axe": 5, "bow": 3, "shield": 3, "book": 2, "flower": 3, "lantern": 0}


def face_way(c: Canvas, right: bool) -> None:
    """Mirror if need be, then light and outline."""
    if not right:
        c.flip(relight=False)
    c.shade()
    c.outline()


@dataclass(frozen=True)
class Folk:
    """What people of one kind may look like; an empty string among hats, held things and backs is none."""

    hats: Sequence[str]
    torsos: Sequence[str]
    held: Sequence[str]
    cloths: Sequence[str] = CLOTHS
    skins: Sequence[str] = SKINS
    hairs: Sequence[str] = tuple(ART.named("hair"))
    backs: Sequence[str] = ("", "", "cape", "pack")
    beard: float = 0.2
    material: str = "cloth"
    hat_ramps: Sequence[str] = ()
    ear: str = ""


def walker(c: Canvas, d: Dice, frame: int, folk: Folk) -> Tags:
    """One frame of a person on foot."""
    right, skin = d.chance(), d.pick(folk.skins)
    cloth = d.pick([name for name in folk.cloths if name not in NEAR[skin]] or folk.cloths)
    hair = d.pick([name for name in HAIRS if name not in (*NEAR[skin], cloth)])
    trim = d.pick([name for name in ("yellow", "brown", "white", "red", "blue") if name != cloth])
    ramps = ("brown", "blue", "black", "grey", "green", "purple")
    trousers = d.pick([name for name in ramps if name != cloth])
    suit = d.chance(0.3)
    boots = d.pick([name for name in ("brown", "black", "umber", "red") if name != trousers])
    hat, torso, item, back = (d.pick(choices) for choices in (folk.hats, folk.torsos, folk.held, folk.backs))
    if suit or torso == "strap":
        trousers = cloth
    whiskers = d.pick(tuple(ART.named("beard"))) if d.chance(folk.beard) and hat != "visor" else ""
    lock, hat_ramp = d.pick(folk.hairs), d.pick(folk.hat_ramps) if folk.hat_ramps else cloth
    low = frame % 2 == 0
    head = 2 + DROP.get(hat, 0) + low
    _body(c, frame, head + 6, torso, (cloth, trim, skin), trousers, boots, bool(item))
    c.stamp(ART.one("head"), 4, head, skin, halo=True)
    c.sign("")
    if whiskers:
        c.stamp(ART.named("beard")[whiskers], 7, head + 2, hair)
        c.sign(whiskers)
    band = trim if trim != hat_ramp else "purple"
    _hair_and_hat(c, head, ART.named("hair")[lock], hair, hat, (hat_ramp, band), 1 + low)
    if hat != "visor":
        _profile(c, d, head, skin, folk.ear)
    c.sign("")
    if back:
        ramp = d.pick([name for name in ("red", "blue", "green", "purple", "brown") if name != cloth])
        c.stamp(ART.named("back")[back], 2 if back != "cape" else 2 - (frame == 0), head + 6, ramp, under=True)
        c.sign(back)
    if item:
        _carry(c, d, item, head + 8, skin)
        c.sign(item)
    worn = c.parts()
    face_way(c, right)
    return tags(colour_name(cloth), folk.material, worn, "right" if right else "left")


def _hair_and_hat(c: Canvas, y: int, lock: np.ndarray, hair: str, hat: str, ramps: tuple[str, str], top: int) -> None:
    """Hair and hat of a head whose top row is y; the hat begins at row top."""
    bare = not hat or hat == "crown"
    if hat != "visor":
        c.stamp(lock if bare else lock[3:], 3, y - 1 if bare else y + 2, hair)
    c.sign("")
    if hat:
        c.stamp(ART.named("hat")[hat], 2, top, *ramps, shadow=True)
        c.sign(hat)


def _body(
    c: Canvas,
    frame: int,
    y: int,
    torso: str,
    ramps: tuple[str, str, str],
    trousers: str,
    boots: str,
    carrying: bool,
) -> None:
    """Legs in step, torso and near arm, the shoulders at row y."""
    cloth, trim, skin = ramps
    if torso == "gown":
        feet = ((5, 9), (7, 8), (4, 8), (6, 7))[frame]
        for index, x in enumerate(feet):
            near = (index == 1) == (frame < 2)
            c.line(x, 14, x + 1, 14, boots, MID if near else SHADOW)
        c.stamp(ART.one("gown")[: 14 - y], 4, y, cloth, trim)
        sway = frame % 2 == 0
        c.line(4, 13, 4, 13, cloth, MID if sway else SHADOW)
    else:
        legs = ART.several("steps")[frame]
        top = 15 - legs.shape[0]
        rows = min(4, top - y)
        c.stamp(legs, 3, top, trousers, boots)
        drawing = ART.named("torso")[torso]
        c.stamp(drawing[4 - rows :] if rows < 4 else drawing, 5, top - rows, cloth, trim, skin)
    swing = "forward" if carrying else ("forward", "down", "back", "down")[frame]
    sleeve = skin if torso == "strap" else cloth
    c.stamp(ART.named("arm")[swing], {"forward": 7, "down": 6, "back": 5}[swing], y + 1, sleeve, trim, skin)


def _profile(c: Canvas, d: Dice, head: int, skin: str, ear: str) -> None:
    """Eye and ear of a head whose top row is given; a skull has a socket and teeth instead."""
    look = d.pick(("tall", "tall", "white", "dot", "angry"))
    if ear == "skull":
        c.px[head + 2 : head + 4, 8:10] = INK
        c.px[head + 4, 11:13] = INK
        c.px[head + 5, 8:12:2] = INK
        if look == "dot":
            c.dot(9, head + 2, "red", LIGHT)
        return
    c.px[head + 3, 9] = INK
    if skin in ("umber", "cocoa") and look != "dot":
        look = "white"
    if look != "dot":
        c.px[head + 2, 8 if look == "angry" else 9] = INK
    if look == "white":
        c.px[head + 2 : head + 4, 10] = WHITE
    if ear == "pointed":
        c.line(4, head + 1, 6, head + 3, skin, LIGHT)
        c.line(3, head + 1, 5, head + 3, skin, MID)
        c.line(5, head + 4, 6, head + 4, skin, SHADOW)
    else:
        c.dot(6, head + 3, skin, SHADOW)
    if d.chance(0.4):
        c.dot(10, head + 5, skin, SHADOW)


def _carry(c: Canvas, d: Dice, item: str, y: int, skin: str) -> None:
    """Something in the near hand, which is at row y."""
    drawing = ART.named("held")[item]
    thing, fitting = held_ramps(d, item, HELD)
    grip = GRIPS.get(item, drawing.shape[0] - 2)
    top = max(1, min(y - grip + 1, 15 - drawing.shape[0]))
    c.stamp(drawing, 12, top, thing, fitting, halo=True)
    c.line(10, y + 1, 12, y + 1, skin, MID)


def knight(c: Canvas, d: Dice, frame: int) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "black", "ice", "orange"))
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("helm", "visor", "visor", "plumed helm"),
            torsos=("plate", "tunic"),
            held=("sword", "spear", "shield", ""),
            cloths=(metal,),
            hat_ramps=(metal,),
            material="steel",
            backs=("", "cape", "cape"),
        ),
    )


def mage(c: Canvas, d: Dice, frame: int) -> Tags:
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("wizard hat", "wizard hat", "hood", ""),
            torsos=("gown",),
            held=("staff", "staff", "book", ""),
            beard=0.4,
            cloths=("purple", "blue", "red", "teal", "green", "black", "white", "pink"),
            material="robe",
            backs=("", "", "pack"),
        ),
    )


def ranger(c: Canvas, d: Dice, frame: int) -> Tags:
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("hood", "feather cap", ""),
            torsos=("tunic", "vest", "coat"),
            held=("bow", "bow", "torch", ""),
            cloths=("green", "moss", "brown", "teal", "orange"),
            material="leather",
            backs=("quiver", "quiver", "cape"),
        ),
    )


def villager(c: Canvas, d: Dice, frame: int) -> Tags:
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("", "", "straw hat", "cap", "bandana"),
            torsos=("tunic", "vest", "stripes", "coat", "gown"),
            held=("", "", "lantern", "flower", "book"),
        ),
    )


def barbarian(c: Canvas, d: Dice, frame: int) -> Tags:
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("horned helm", "horned helm", ""),
            torsos=("strap", "strap", "vest"),
            held=("axe", "axe", "sword", "shield"),
            cloths=("brown", "umber", "grey", "red", "moss"),
            hat_ramps=("grey", "brown", "yellow"),
            beard=0.6,
            material="fur",
        ),
    )


def royal(c: Canvas, d: Dice, frame: int) -> Tags:
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("crown", "crown", "top hat"),
            torsos=("gown", "coat"),
            held=("staff", "sword", "flower", ""),
            material="silk",
            cloths=("red", "purple", "blue", "white", "green", "pink"),
            hat_ramps=("yellow", "yellow", "grey"),
            backs=("cape", ""),
        ),
    )


def goblin(c: Canvas, d: Dice, frame: int) -> Tags:
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("", "", "hood", "horned helm"),
            torsos=("strap", "vest", "tunic"),
            held=("spear", "axe", "torch", ""),
            cloths=("brown", "umber", "red", "purple", "black"),
            skins=("green", "moss", "teal", "red"),
            hairs=("bald", "mohawk", "bald"),
            material="leather",
            beard=0.0,
            ear="pointed",
            hat_ramps=("brown", "grey"),
        ),
    )


def skeleton(c: Canvas, d: Dice, frame: int) -> Tags:
    return walker(
        c,
        d,
        frame,
        Folk(
            hats=("", "", "helm", "hood", "crown"),
            torsos=("strap", "tunic", "stripes"),
            held=("sword", "axe", "bow", ""),
            cloths=("grey", "brown", "black", "purple", "red"),
            skins=("bone", "white"),
            hairs=("bald",),
            material="bone",
            beard=0.0,
            ear="skull",
            backs=("", "", "cape"),
        ),
    )


@dataclass(frozen=True)
class Breed:
    """What beasts of one kind may look like."""

    drawing: np.ndarray
    hides: Sequence[str]
    seconds: Sequence[str]  # ramps for belly, muzzle or wool
    thirds: Sequence[str]  # ramps for mane, horns or comb
    legs: Sequence[int]  # columns of the near hind and the near front leg; one number: two legs
    thick: int = 2  # columns of a leg
    hoof: str = ""
    material: str = "fur"
    gear: Sequence[str] = ("",)
    coats: Sequence[str] = ("white", "black", "brown")
    patterned: float = 0.6
    trims: Sequence[int] = ()  # rows that may be left out for a slighter build
    tall: Sequence[int] = (3, 4, 4)  # lengths of the legs
    tail: int = 0  # columns at the left that swing
    ears: bool = False  # the top row flicks
    markings: Sequence[str] = ("spots", "spots", "dots", "pales", "columns", "slant")


def _build(d: Dice, breed: Breed) -> tuple[np.ndarray, list[int]]:
    """The drawing of one animal, perhaps slighter or shorter than its breed, and the columns of its legs."""
    drawing, legs = breed.drawing, list(breed.legs)
    if breed.trims and d.chance(0.5):
        drawing = without(drawing, rows=(d.pick(breed.trims),))
    if d.chance(0.35):
        narrow = legs[0] + 3 if len(legs) > 1 else 5
        drawing, legs = without(drawing, columns=(narrow,)), [x - (x > narrow) for x in legs]
    return drawing, legs


def beast(c: Canvas, d: Dice, frame: int, breed: Breed) -> Tags:
    """One frame of a beast."""
    right, hide = d.chance(), d.pick(breed.hides)
    second = d.pick([name for name in breed.seconds if name != hide])
    third = d.pick([name for name in breed.thirds if name != hide])
    drawing, legs = _build(d, breed)
    shank = max(2, 14 - drawing.shape[0]) if len(legs) > 1 else 14 - drawing.shape[0]
    shank = min(shank, d.pick(breed.tall))
    low = frame % 2 == 0 and shank > 2
    top = 15 - shank - drawing.shape[0] + low
    left = 1 + (14 - drawing.shape[1]) // 2
    coat = _coat(d, breed.markings, breed.coats, hide) if d.chance(breed.patterned) else None
    sock = d.pick([name for name in ("white", "bone", "black") if name != hide])
    socks = len(legs) > 1 and d.chance(0.2)
    worn = d.pick(breed.gear)
    worn_ramp = d.pick([name for name in ("red", "blue", "yellow", "green", "purple") if name != hide])
    ground = top + drawing.shape[0]
    _legs(c, frame, [left + x for x in legs], ground, sock if socks else hide, breed.thick, breed.hoof)
    c.stamp(_sway(drawing, frame, breed.tail, breed.ears), left, top, hide, second, third)
    c.sign("")
    if coat:
        _mark(c, coat, hide, left, top, drawing.shape[0])
        c.sign(coat[0])
    if hide in DARK:
        eye = np.argwhere(drawing == INK_SLOT)[0]
        c.dot(left + int(eye[1]), top + int(eye[0]), "yellow" if hide != "black" else "white", LIGHT)
    if worn:
        c.sign("")
        _gear(c, worn, worn_ramp, drawing, left, top)
        c.sign(worn)
    parts = c.parts() + "+socks" * socks
    face_way(c, right)
    return tags(colour_name(hide), breed.material, parts.lstrip("+"), "right" if right else "left")


DARK = ("black", "cocoa", "umber", "purple", "blue", "brown")


def _sway(drawing: np.ndarray, frame: int, tail: int, ears: bool) -> np.ndarray:
    """A beast [H, W] with its tail hanging lower in frame 1, and its ears laid back in frame 2."""
    moved = drawing.copy()
    if frame == 1 and tail:
        moved[1:, :tail] = drawing[:-1, :tail]
        moved[0, :tail] = 0
    if frame == 2 and ears:
        moved[0, :-1] = drawing[0, 1:]
    return moved


def _marking(name: str, dx: int, dy: int, rows: int) -> np.ndarray:
    """Boolean [16, 16]: where the hide of a beast of so many rows has its other colour."""
    y, x = np.mgrid[:TILE, :TILE]
    if name == "dark back":
        return y < rows // 2 + dy % 2 + (x + dx) % 2
    if name == "rump":
        return x < 4 + dx % 3 + y % 2
    return pattern(name, dx, dy)


def _mark(c: Canvas, coat: tuple[str, int, int, str], hide: str, left: int, top: int, rows: int) -> None:
    """Lay a pattern of the hide on a beast of so many rows, legs left out."""
    name, dx, dy, other = coat
    where = np.roll(_marking(name, dx, dy, rows), (top, left), axis=(0, 1))
    where[top + rows :] = False
    c.tint(hide, -1, where) if not other else c.recolour(hide, other, where)


def _coat(d: Dice, names: Sequence[str], others: Sequence[str], hide: str) -> tuple[str, int, int, str]:
    """A pattern of the hide: name, phase, and the other ramp (empty: a shade of its own)."""
    choices = [name for name in others if name != hide]
    other = d.pick(choices) if choices and d.chance(0.55) else ""
    return d.pick(names), d.between(0, 5), d.between(0, 5), other


def _legs(c: Canvas, frame: int, columns: Sequence[int], ground: int, ramp: str, thick: int, hoof: str) -> None:
    """Legs in step from the belly (row `ground`) to row 14, the far ones first and in shadow."""
    stride = (1, 0, -1, 0)[frame]
    for near in (False, True):
        for place, x in enumerate(columns):
            hind = place == 0 and len(columns) > 1
            step = stride * (1 if near != hind else -1)
            lifted = frame == (1 if near == hind else 3)
            foot = 13 if lifted else 14
            hip = x + (0 if near else thick if len(columns) > 1 else 1)
            for offset in range(thick):
                start, end = hip + offset, hip + offset + step + lifted
                c.line(start, ground - 1, end, foot, ramp, MID if near else SHADOW)
                if hoof:
                    c.dot(end, foot, hoof, MID if near else SHADOW)


def _gear(c: Canvas, worn: str, ramp: str, drawing: np.ndarray, left: int, top: int) -> None:
    """What an owner has put on a beast."""
    if worn == "saddle":
        back = int(np.flatnonzero(drawing[:, 5])[0])
        c.stamp(ART.one("saddle"), left + 3, top + back - 1, ramp, "yellow" if ramp != "yellow" else "brown", halo=True)
    elif worn == "pack":
        back = int(np.flatnonzero(drawing[:, 5])[0])
        c.stamp(ART.named("back")["pack"][:, ::-1], left + 3, max(1, top + back - 3), "brown", halo=True)
    else:
        neck = drawing.shape[1] - 5
        rows = np.flatnonzero(drawing[:, neck])
        middle = top + int(rows[len(rows) // 3])
        c.line(left + neck - 1, middle + 1, left + neck + 1, middle + 2, ramp, MID)
        if worn == "bell":
            c.dot(left + neck + 1, middle + 3, "yellow", LIGHT)


def wolf(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("wolf"),
            ("grey", "brown", "orange", "black", "white", "tan", "umber"),
            ("white", "bone", "tan", "grey"),
            ("red", "pink"),
            legs=(2, 9),
            thick=1,
            trims=(5, 6),
            gear=("", "", "collar", "saddle"),
            tail=2,
            ears=True,
            markings=("spots", "dots", "dark back", "dark back", "rump"),
        ),
    )


def cat(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("cat"),
            ("orange", "black", "grey", "white", "brown", "bone", "cocoa"),
            ("white", "bone", "tan"),
            ("pink",),
            legs=(2, 8),
            thick=1,
            trims=(5, 6),
            gear=("", "collar", "bell"),
            patterned=0.8,
            tail=2,
            ears=True,
            markings=("spots", "pales", "columns", "slant", "rump", "dark back"),
        ),
    )


def horse(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("horse"),
            ("brown", "umber", "white", "black", "grey", "tan", "cocoa", "orange"),
            ("bone", "white", "tan"),
            ("black", "bone", "brown", "white", "yellow", "red"),
            legs=(2, 7),
            thick=1,
            hoof="black",
            trims=(8, 9),
            gear=("", "saddle", "pack"),
            tail=2,
            ears=True,
            markings=("spots", "spots", "pales", "rump", "dots"),
        ),
    )


def pig(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("pig"),
            ("pink", "fair", "brown", "black", "tan", "white"),
            ("fair", "pink", "red"),
            ("white", "bone"),
            legs=(2, 8),
            trims=(5, 6),
            hoof="umber",
            material="skin",
            tall=(2, 3, 3),
            tail=1,
            ears=True,
            markings=("spots", "spots", "rump", "dots"),
        ),
    )


def bear(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("bear"),
            ("brown", "brown", "umber", "black", "white", "cocoa", "tan"),
            ("tan", "bone", "white", "grey"),
            ("red", "pink"),
            legs=(1, 8),
            trims=(5, 6),
            gear=("", "", "saddle"),
            tall=(2, 3, 3),
            ears=True,
            patterned=0.3,
            coats=(),
            markings=("dark back", "dots"),
        ),
    )


def cow(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("cow"),
            ("white", "brown", "black", "tan", "umber", "grey"),
            ("fair", "pink", "bone"),
            ("bone", "grey", "yellow"),
            legs=(2, 7),
            hoof="black",
            trims=(6, 7),
            gear=("", "", "pack"),
            patterned=0.8,
            tail=1,
            markings=("spots", "spots", "spots", "rump", "dark back"),
        ),
    )


def sheep(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("sheep"),
            ("white", "white", "bone", "grey", "black", "brown"),
            ("black", "fair", "cocoa", "tan", "umber"),
            ("red", "pink"),
            legs=(2, 6),
            thick=1,
            hoof="black",
            trims=(5, 6),
            material="wool",
            patterned=0.25,
            markings=("dots", "spots", "rump"),
        ),
    )


def deer(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("deer"),
            ("tan", "brown", "umber", "orange", "white", "cocoa"),
            ("white", "bone"),
            ("bone", "brown", "yellow", "ice"),
            legs=(2, 8),
            thick=1,
            hoof="black",
            trims=(0, 8),
            gear=("", "", "saddle"),
            tail=1,
            markings=("dots", "dots", "dark back", "rump", "spots"),
        ),
    )


def elephant(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("elephant"),
            ("grey", "blue", "brown", "purple", "pink", "moss"),
            ("white", "bone"),
            ("red", "pink"),
            legs=(1, 7),
            hoof="bone",
            trims=(6,),
            material="skin",
            gear=("", "saddle", "pack"),
            patterned=0.3,
            markings=("dots", "spots", "dark back"),
        ),
    )


def rat(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("rat"),
            ("grey", "brown", "black", "white", "umber", "purple"),
            ("fair", "pink", "tan"),
            ("pink", "fair"),
            legs=(4, 8),
            tall=(2, 2, 3),
            thick=1,
            tail=1,
            markings=("dark back", "rump", "spots", "dots"),
        ),
    )


def turtle(c: Canvas, d: Dice, frame: int) -> Tags:
    right, skin = d.chance(), d.pick(("green", "moss", "teal", "tan", "blue", "yellow"))
    shell = d.pick([name for name in ("brown", "green", "red", "purple", "orange", "blue", "grey") if name != skin])
    drawing = ART.one("turtle") if d.chance() else without(ART.one("turtle"), rows=(3,))
    mark, dx, dy = (
        d.pick(("checks", "dots", "spots", "bands", "chevron", "slant")),
        d.between(0, 3),
        d.between(0, 3),
    )
    other = d.pick(("", "yellow", "bone", "teal"))
    low = frame % 2 == 0
    top = 12 - drawing.shape[0] + low
    _legs(c, frame, (3, 9), 12 + low, skin, 2, "")
    c.stamp(drawing, 1, top, skin, shell)
    where = np.roll(pattern(mark, dx, dy), top, axis=0)
    c.recolour(shell, other, where) if other and other != shell else c.tint(shell, -1, where)
    face_way(c, right)
    return tags(colour_name(skin), "shell", mark, "right" if right else "left")


def lizard(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("lizard"),
            ("green", "moss", "teal", "orange", "red", "purple", "blue", "yellow"),
            ("bone", "yellow", "white"),
            ("red", "orange", "purple", "yellow", "black"),
            legs=(3, 8),
            thick=1,
            trims=(5, 6),
            material="scales",
            coats=SHOWY,
            gear=("", "", "saddle"),
            tail=2,
        ),
    )


def dragon(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("dragon"),
            ("red", "green", "blue", "purple", "black", "teal", "orange", "white", "pink"),
            ("yellow", "bone", "orange", "red", "ice", "purple"),
            ("bone", "black", "yellow", "grey"),
            legs=(3, 7),
            thick=1,
            trims=(3, 8),
            tail=1,
            material="scales",
            coats=SHOWY,
            gear=("",),
        ),
    )


def chicken(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("chicken"),
            ("white", "brown", "orange", "black", "yellow", "bone", "umber", "teal"),
            ("yellow", "orange", "bone"),
            ("red", "pink"),
            legs=(5,),
            thick=1,
            hoof="orange",
            trims=(5, 6),
            material="feathers",
            coats=SHOWY,
            tail=1,
            gear=("",),
        ),
    )


def duck(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("duck"),
            ("white", "yellow", "green", "brown", "blue", "black", "teal", "purple"),
            ("orange", "yellow", "red"),
            ("red", "yellow"),
            legs=(5,),
            thick=1,
            hoof="orange",
            trims=(6, 7),
            material="feathers",
            coats=SHOWY,
            tail=1,
            gear=("",),
        ),
    )


def ostrich(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("ostrich"),
            ("black", "yellow", "pink", "brown", "white", "blue", "red", "green", "purple"),
            ("orange", "bone", "white"),
            ("red", "yellow"),
            legs=(5,),
            thick=1,
            hoof="orange",
            trims=(3, 4),
            material="feathers",
            coats=SHOWY,
            tail=1,
            gear=("", "", "saddle"),
        ),
    )


def dinosaur(c: Canvas, d: Dice, frame: int) -> Tags:
    return beast(
        c,
        d,
        frame,
        Breed(
            ART.one("rex"),
            ("green", "moss", "teal", "orange", "red", "purple", "blue", "brown", "pink"),
            ("bone", "yellow", "white"),
            ("red", "yellow"),
            legs=(5,),
            thick=2,
            trims=(8, 9),
            material="scales",
            coats=SHOWY,
            gear=("", "", "saddle"),
            patterned=0.7,
            tail=2,
        ),
    )


KINDS = (
    knight,
    mage,
    ranger,
    villager,
    barbarian,
    royal,
    goblin,
    skeleton,
    wolf,
    cat,
    horse,
    pig,
    bear,
    cow,
    sheep,
    deer,
    elephant,
    rat,
    turtle,
    lizard,
    dragon,
    chicken,
    duck,
    ostrich,
    dinosaur,
)
