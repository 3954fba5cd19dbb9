"""Creatures: slimes, bats, bones, ghosts and the rest that a hero meets, one function a kind."""

import numpy as np

from sprites.draw.artwork import Art
from sprites.draw.brush import PATTERN_NAMES, TILE, Canvas, pattern, repeat, without
from sprites.draw.dice import Dice, Tags, tags
from sprites.draw.palette import BRIGHT, DEEP, INK, LIGHT, MID, SHADOW, WHITE, colour_name, tone

ART = Art("non_hero", "shared")

EYES = ("red", "yellow", "green", "ice", "pink", "orange")


def eyes(c: Canvas, d: Dice, left: int, right: int, y: int) -> str:
    """A pair of eyes, each with its outer upper pixel at (left, y) and (right, y); the look they have."""
    look = d.pick(("plain", "bright", "angry", "sleepy", "round", "glowing"))
    glow = d.pick(EYES)
    for x, inner in ((left, 1), (right, -1)):
        if look == "plain":
            c.px[y : y + 2, x] = INK
        elif look == "bright":
            c.px[y : y + 2, x] = INK
            c.px[y, x + inner] = WHITE
            c.px[y + 1, x + inner] = INK
        elif look == "angry":
            c.px[y, x] = INK
            c.px[y + 1, x + inner] = INK
            c.px[y + 1, x] = WHITE
        elif look == "sleepy":
            c.px[y + 1, x] = c.px[y + 1, x + inner] = INK
        elif look == "round":
            c.px[y : y + 2, x] = c.px[y : y + 2, x + inner] = WHITE
            c.px[y + 1, x + inner] = INK
        else:
            c.px[y, x] = c.px[y + 1, x + inner] = tone(glow, LIGHT)
            c.px[y + 1, x] = c.px[y, x + inner] = INK
    return look


def texture(c: Canvas, d: Dice, ramp: str, others: tuple[str, ...] = (), below: int = 0) -> str:
    """Perhaps a pattern on one ramp from row `below` down: a shade of its own, or another colour."""
    if d.chance(0.35):
        return ""
    name = d.pick(PATTERN_NAMES)
    where = pattern(name, d.between(0, 5), d.between(0, 5)).copy()
    where[:below] = False
    other = d.pick([name for name in others if name != ramp]) if others and d.chance(0.6) else ""
    if other:
        c.recolour(ramp, other, where)
    else:
        c.tint(ramp, d.pick((-1, -1, 1)), where)
    return name


def slime(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "white", "black", "moss", "ice"))
    body = d.pick(ART.several("slimes"))
    if d.chance(0.4):
        body = without(body, columns=(5, 8))
    rows, columns = body.shape
    top = 15 - rows
    left = 8 - columns // 2
    c.stamp(body, left, top, ramp)
    texture(c, d, ramp, BRIGHT, top + rows // 2 + 1)
    y = top + rows // 2 - d.between(0, 1)
    eyes(c, d, 5 - d.between(0, 1), 10, y)
    mouth = d.pick(ART.several("mouths"))
    c.stamp(mouth, 8 - mouth.shape[1] // 2, y + 3, ramp)
    wear = d.pick((*ART.named("slime top"), "", "")) if top > 3 else ""
    if wear:
        drawing = ART.named("slime top")[wear]
        other = {"crown": "yellow", "leaf": "green", "horns": "bone", "bow": "pink", "antenna": ramp}[wear]
        other = other if other != ramp or wear == "antenna" else "red"
        c.stamp(drawing, 8 - drawing.shape[1] // 2, top + 1 - drawing.shape[0], other, halo=wear != "antenna")
    c.finish()
    return tags(colour_name(ramp), "jelly", wear, "front")


def bat(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("purple", "black", "brown", "blue", "red", "grey", "moss", "umber", "pink", "orange"))
    membrane = ramp if d.chance(0.5) else d.pick([name for name in ("red", "purple", "pink", "brown") if name != ramp])
    wing, body = d.pick(ART.several("bat wings")), d.pick(ART.several("bat bodies"))
    wing_y = d.between(2, 5)
    body_y = d.between(3, 4)
    width = wing.shape[1]
    c.stamp(wing, 7 - width, wing_y, membrane)
    c.stamp(wing, 9, wing_y, membrane, flip=True)
    texture(c, d, membrane)
    c.stamp(body, 8 - body.shape[1] // 2, body_y, ramp, halo=True)
    eye = d.pick(("red", "yellow", "white", "green", "ice"))
    for x in (6, 9) if body.shape[1] > 4 else (6, 8):
        c.dot(x, body_y + 3, eye if eye != ramp else "white", LIGHT)
    if body.shape[1] > 4:
        for x in (7, 8):
            c.px[body_y + 3, x] = tone(ramp, MID)
    fangs = d.chance()
    if fangs:
        c.px[body_y + 5, 7] = WHITE
        if d.chance():
            c.px[body_y + 5, 8] = WHITE
    feet = d.chance()
    if feet:
        bottom = body_y + body.shape[0]
        for x in (6, 9):
            c.dot(x, bottom - 1, "bone", SHADOW)
    c.finish()
    return tags(colour_name(ramp), "fur", "fangs" if fangs else "", "front")


def skeleton(c: Canvas, d: Dice) -> Tags:
    bone = d.pick(("bone", "bone", "white", "grey", "tan", "moss", "ice"))
    skull = d.pick(ART.several("skulls"))
    top = 2
    ribs = d.pick(ART.several("ribs"))
    c.stamp(ribs, 3, 10 - d.between(0, 1), bone)
    c.stamp(d.pick(ART.several("shanks")), 4, 12 if ribs.shape[0] < 5 else 13, bone)
    c.stamp(skull, 8 - skull.shape[1] // 2, top, bone, halo=True)
    glow = d.pick(("", "red", "yellow", "green", "ice", "purple"))
    if glow:
        for x in (5 + (skull.shape[1] < 10), 9):
            c.dot(x + d.between(0, 0), top + 4 - (skull.shape[0] == 8), glow, LIGHT)
    wear = d.pick((*ART.named("bone top"), "", ""))
    if wear:
        drawing = ART.named("bone top")[wear]
        cloth = {"crown": "yellow", "horns": "bone", "helm": d.pick(("grey", "brown", "orange"))}.get(wear)
        cloth = cloth or d.pick(("black", "purple", "red", "blue", "brown"))
        c.stamp(
            drawing,
            8 - drawing.shape[1] // 2,
            1,
            bone,
            cloth if cloth != bone or wear == "horns" else "umber",
        )
    arm = d.pick((*ART.named("bone arm"), "", ""))
    if arm:
        drawing = ART.named("bone arm")[arm]
        thing = bone if arm == "bone" else "grey"
        c.stamp(
            drawing,
            15 - drawing.shape[1],
            14 - drawing.shape[0] - d.between(0, 1),
            thing,
            d.pick(("brown", "umber", "red")),
            halo=True,
        )
    c.outline()
    return tags(colour_name(bone), "bone", "+".join(filter(None, (wear, arm))), "front")


def ghost(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("white", "white", "ice", "purple", "teal", "pink", "black", "blue", "green", "yellow", "grey"))
    body = d.pick(ART.several("ghosts"))
    if d.chance(0.4):
        body = without(body, rows=(d.between(7, 9),))
    if d.chance(0.3):
        body = without(body, columns=(6,))
    c.stamp(body, 1, 1, ramp)
    if d.chance():
        c.tint(ramp, -1, pattern("dither", d.between(0, 1)) & (np.arange(TILE) > d.between(8, 11))[:, None])
    y = d.between(4, 5)
    look = d.pick(("hollow", "pair", "glow", "one"))
    if look == "pair":
        eyes(c, d, 4, 9, y)
    elif look == "one":
        c.stamp(ART.one("one eye"), 5, y - 1, "white", d.pick(("red", "green", "blue", "yellow")), halo=True)
    else:
        glow = d.pick(EYES)
        for x in (5, 8):
            c.px[y : y + 3, x : x + 2] = INK
            if look == "glow":
                c.dot(x + d.between(0, 1), y + 1, glow, LIGHT)
    mouth = d.pick((*ART.several("mouths"), None))
    if mouth is not None:
        c.stamp(mouth, 7 - mouth.shape[1] // 2 + 1, y + 4, "black")
    wear = d.pick(("", "", "crown", "chain", "halo"))
    if wear == "crown":
        c.stamp(ART.named("slime top")["crown"], 5, 1, "yellow" if ramp != "yellow" else "red", halo=True)
    elif wear == "chain":
        c.line(2, 10, 11, 11, "grey" if ramp != "grey" else "black", SHADOW)
        c.line(3, 11, 11, 12, "grey" if ramp != "grey" else "black", LIGHT)
    elif wear == "halo":
        c.shift(0, 1)
        c.line(5, 1, 9, 1, "yellow" if ramp != "yellow" else "white", LIGHT)
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(ramp), "spirit", wear, "front")


def spider(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("black", "purple", "brown", "red", "green", "blue", "grey", "orange", "moss", "white"))
    legs = ramp if d.chance(0.7) else d.pick(("black", "brown", "orange"))
    body = d.pick(ART.several("spiders"))
    spread, lift = d.between(0, 2), d.between(-1, 1)
    for side in (-1, 1):
        middle = 7 if side < 0 else 8
        for index, knee in enumerate((2 + lift, 5 + lift, 8, 11)):
            reach = 6 - (index in (0, 3)) - spread // 2
            start = 6 + index
            elbow = middle + side * (reach - 2)
            c.line(middle, start, elbow, knee, legs, SHADOW)
            c.line(elbow, knee, middle + side * reach, min(knee + 3 - (index == 0) * spread, 14), legs, MID)
    c.stamp(body, 8 - body.shape[1] // 2, 3, ramp, halo=True)
    mark = d.pick(("cross", "hourglass", "texture", ""))
    other = d.pick([name for name in ("red", "yellow", "white", "orange", "teal", "pink") if name != ramp])
    if mark == "texture":
        texture(c, d, ramp, BRIGHT)
    elif mark:
        c.stamp(ART.several("spider marks")[mark == "cross"], 6, 4, other)
    c.stamp(ART.one("spider head"), 5, 9, ramp, halo=True)
    eye = d.pick([name for name in ("red", "yellow", "green", "white", "ice") if name != ramp])
    for x in (6, 9):
        c.dot(x, 10, eye, LIGHT)
    if d.chance():
        for x in (7, 8):
            c.dot(x, 11 if d.chance() else 10, eye, MID)
    fangs = d.chance()
    if fangs:
        for x in (6, 9):
            c.dot(x, 13, "bone", LIGHT)
    c.outline()
    return tags(
        colour_name(ramp),
        "chitin",
        "+".join(filter(None, (mark if mark != "texture" else "", "fangs" * fangs))),
        "front",
    )


GOBLIN_ARMS = {"club": "brown", "dagger": "grey", "spear": "grey", "torch": "orange", "axe": "grey", "sack": "tan"}


def goblin(c: Canvas, d: Dice) -> Tags:
    skin = d.pick(("green", "green", "moss", "moss", "teal", "orange", "red", "blue", "grey", "purple"))
    cloth = d.pick([name for name in ("brown", "umber", "red", "purple", "blue", "black", "yellow") if name != skin])
    belt = d.pick([name for name in ("yellow", "grey", "brown", "bone") if name != cloth])
    head, body = d.pick(ART.several("goblin heads")), d.pick(ART.several("goblin bodies"))
    top = 9 - head.shape[0]
    c.stamp(body, 3, 9, skin, cloth, belt)
    c.stamp(head, 2, top, skin, halo=True)
    eye_y = top + 3
    eye = d.pick(("yellow", "red", "white"))
    for x in (5, 10):
        c.dot(x, eye_y, eye if eye != skin else "white", LIGHT)
        c.px[eye_y, x + (1 if x == 5 else -1)] = INK
    mouths = ART.several("mouths")
    mouth = d.pick((*mouths[:3], mouths[4]))
    c.stamp(mouth, 8 - mouth.shape[1] // 2, eye_y + 2, skin)
    wear = d.pick(("", "", "hood", "helm", "crown", "horns", "hair"))
    if wear in ("helm", "crown", "horns"):
        drawing = ART.named("bone top")[wear]
        metal = {"crown": "yellow", "horns": "bone"}.get(wear, d.pick(("grey", "brown")))
        c.stamp(drawing, 8 - drawing.shape[1] // 2, top - (wear != "helm"), skin, metal)
    elif wear == "hood":
        c.stamp(ART.named("bone top")["hood"][:4], 3, top - 1, skin, cloth)
    elif wear == "hair":
        c.stamp(ART.one("tuft"), 6, top - 2, d.pick(("red", "black", "white", "orange")))
    arm = d.pick((*GOBLIN_ARMS, ""))
    if arm:
        drawing = ART.named("held")[arm]
        thing = GOBLIN_ARMS[arm]
        left = d.chance()
        c.stamp(drawing, 1 if left else 12, 13 - drawing.shape[0], thing, "umber", flip=left, halo=True)
    c.outline()
    return tags(colour_name(skin), "skin", "+".join(filter(None, (wear, arm))), "front")


STONES = {
    "grey": "stone",
    "brown": "clay",
    "ice": "ice",
    "moss": "moss",
    "yellow": "gold",
    "black": "obsidian",
    "orange": "copper",
    "bone": "sand",
    "teal": "jade",
    "purple": "crystal",
    "red": "magma",
}


def golem(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(tuple(STONES))
    which = d.between(0, 2)
    drawing = ART.several("golems")[which]
    if d.chance(0.6):
        drawing = without(drawing, rows=tuple({d.between(5, 7), d.between(9, 11)}))
    slim = d.pick(((), (), (1, 12), (2, 11), (0, 13)))
    top = 15 - drawing.shape[0] + (which == 1)
    c.stamp(without(drawing, columns=slim), 2 if slim else 1, top, ramp)
    if d.chance(0.45):
        grain = d.pick(("dots", "rows", "slant", "spots"))
        c.tint(ramp, -1, pattern(grain, d.between(0, 5), d.between(0, 5)))
    glow = d.pick([name for name in EYES if name != ramp])
    row = top + (2, 1, 1)[which]
    c.px[row, 5 + (which > 0) : 11 - (which > 0)] = tone(ramp, DEEP)
    for x in d.pick(((6, 9), (7, 8), (6, 7, 8, 9))):
        c.dot(x, row, glow, LIGHT)
    core = _golem_core(c, d, top + (6, 5, 5)[which], ramp, glow)
    c.finish()
    return tags(colour_name(ramp), STONES[ramp], core, "front")


def _golem_core(c: Canvas, d: Dice, y: int, ramp: str, glow: str) -> str:
    """What a golem has on its chest (row y), by name; empty if nothing."""
    core = d.pick(("core", "rune", "cracks", "moss", ""))
    if core == "core":
        c.stamp(ART.one("orb"), 6, y, glow)
    elif core == "rune":
        c.line(6, y, 8, y + 2, glow, MID)
        c.line(9, y, 7, y + 2, glow, LIGHT)
    elif core == "cracks":
        x = d.between(5, 8)
        for step in range(4):
            c.dot(x + step % 2 + step // 3, y - 1 + step, glow, MID)
    elif core == "moss":
        plant = "green" if ramp not in ("teal", "moss") else "pink"
        edge = np.argwhere((c.px[1:9] > 0) & (c.px[:8] == 0))
        for _ in range(7):
            spot_y, spot_x = edge[d.between(0, len(edge) - 1)]
            c.dot(int(spot_x), int(spot_y) + 1, plant, MID)
    return core


def snake(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("green", "moss", "red", "purple", "orange", "teal", "yellow", "black", "bone", "blue", "brown"))
    which = d.between(0, 2)
    drawing = ART.several("snakes")[which]
    if d.chance():
        drawing = without(drawing, rows=(d.pick((5, 6)),))
    c.stamp(drawing, 1, 15 - drawing.shape[0], ramp, d.pick([n for n in ("bone", "yellow", "white") if n != ramp]))
    skin = texture(c, d, ramp, (*BRIGHT, "black", "bone"), 15 - drawing.shape[0] + 5)
    top = 15 - drawing.shape[0]
    eye = d.pick([name for name in ("yellow", "red", "white", "ice") if name != ramp])
    tongue = "red" if ramp not in ("red", "pink") else "yellow"
    hissing = d.chance(0.7)
    if which == 2:
        _cobra_face(c, d, top, eye, tongue if hissing else "")
        c.finish()
        return tags(colour_name(ramp), "scales", "+".join(filter(None, ("hood", skin))), "front")
    x = (3, 7)[which]
    c.dot(x, top + 2, eye, LIGHT)
    c.px[top + 2, x + 1] = INK
    if hissing:
        muzzle = 1 + int(np.flatnonzero(drawing[3])[0])
        c.dot(muzzle - 1, top + 3, tongue, MID)
        c.dot(muzzle - 2, top + d.pick((2, 4)), tongue, MID)
    extra = d.pick(("", "horn", "mane", "crest"))
    if extra == "horn":
        c.line(x + 2, top, x + 3, max(top - 2, 1), "bone", MID)
    elif extra == "mane":
        c.stamp(ART.one("mane"), x - 3, top + 2, ramp, under=True)
    elif extra == "crest":
        for step in range(3):
            c.dot(x + 1 + step, top - 1 + step // 2, "red" if ramp != "red" else "yellow", MID)
    left = d.chance()
    if not left:
        c.flip()
    c.finish()
    way = "left" if left else "right"
    return tags(colour_name(ramp), "scales", "+".join(filter(None, (extra, skin))), way)


def _cobra_face(c: Canvas, d: Dice, top: int, eye: str, tongue: str) -> None:
    """Two eyes on a head seen from the front, and a tongue if one is named."""
    for x in (6, 9):
        c.dot(x, top + 3, eye, LIGHT)
        c.px[top + 4, x] = INK
    if tongue:
        c.line(8, top + 5, 8, top + 6, tongue, MID)
        c.dot(8 + d.pick((-1, 1)), top + 7, tongue, MID)


def _limbs(c: Canvas, d: Dice, skin: str, iris: str) -> str:
    """What grows from behind an eyeball, by name; empty if nothing."""
    limbs = d.pick(("stalks", "tentacles", "wings", "nerves", ""))
    if limbs == "stalks":
        for x, y in ((2, 3), (5, 1), (10, 1), (13, 3), (14, 7), (1, 7)):
            if d.chance(0.8) or x == 5:
                c.line(7, 7, x, y, skin, MID)
                c.dot(x, y, iris, LIGHT)
    elif limbs == "tentacles":
        for x in (3, 5, 8, 10, 12):
            bend = d.between(-1, 1)
            c.line(x, 9, x + bend, 12, skin, MID)
            c.line(x + bend, 12, x - bend, 14, skin, SHADOW)
    elif limbs == "wings":
        wing, y = d.pick(ART.several("bat wings")), d.between(1, 4)
        membrane = d.pick((skin, "purple", "red", "black"))
        c.stamp(wing, 0, y, membrane)
        c.stamp(wing, 16 - wing.shape[1], y, membrane, flip=True)
    elif limbs == "nerves":
        for x0, y0, x1, y1 in (
            (9, 9, 14, 12),
            (9, 7, 14, 6),
            (8, 10, 11, 14),
            (6, 10, 4, 14),
            (10, 6, 12, 2),
        ):
            if d.chance(0.8) or x1 == 11:
                c.line(x0, y0, x1 + d.between(-1, 0), y1, "red" if skin != "red" else "pink", MID)
    return limbs


def eye(c: Canvas, d: Dice) -> Tags:
    skin = d.pick((*BRIGHT, "brown", "grey", "black", "moss"))
    iris = d.pick([name for name in BRIGHT if name != skin])
    limbs = _limbs(c, d, skin, iris)
    radius = d.pick((4.6, 5.1, 5.6)) if limbs != "wings" else 4.6
    cy = 7.5 if limbs != "tentacles" else 6.0
    c.ellipse(7.5, cy, radius, radius, skin)
    texture(c, d, skin)
    ball = skin if not limbs and d.chance(0.3) else "white"
    c.ellipse(7.0, cy + 0.3, radius - 1.5, radius - 1.9, ball if ball != skin else "bone")
    drawing = d.pick(ART.several("irises"))
    left = 7 - drawing.shape[1] // 2 + d.between(-1, 1)
    c.stamp(drawing, left, round(cy) - drawing.shape[0] // 2 + d.between(0, 1), skin, iris)
    if d.chance(0.4):
        lid = np.zeros((TILE, TILE), dtype=bool)
        lid[: round(cy - radius + 1.5) + 2] = True
        c.recolour("white", skin, lid)
    if limbs != "tentacles" and d.chance(0.35):
        c.px[round(cy + radius - 1), 5:11:2] = WHITE
    c.finish()
    return tags(colour_name(skin), "flesh", limbs, "front")


def shroomling(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "purple", "orange", "blue", "brown", "teal", "yellow", "green", "pink", "black"))
    stalk = d.pick(("bone", "white", "tan", "ice", "grey"))
    cap, body = d.pick(ART.several("myconid caps")), d.pick(ART.several("myconid bodies"))
    rows = cap.shape[0]
    wide = d.chance(0.4)
    c.stamp(body, 2, 14 - body.shape[0] + 1, ramp, stalk)
    c.stamp(without(cap, columns=(5, 8)) if wide else cap, 2 if wide else 1, 1, ramp, halo=True)
    spots = d.pick(("spots", "rings", "", "big"))
    light = "white" if stalk != "white" else "bone"
    if spots == "spots":
        for x in range(3 + d.between(0, 1), 13, d.pick((2, 3))):
            c.dot(x, d.between(4, rows - 1), light, LIGHT)
    elif spots == "rings":
        c.recolour(
            ramp,
            d.pick([name for name in ("yellow", "white", "pink") if name != ramp]),
            pattern("rows", 0, d.between(0, 2)),
        )
    elif spots == "big":
        for x, y in ((4, 4), (8, 3), (11, 5)):
            if d.chance(0.8):
                c.stamp(ART.one("orb")[1:3, 1:3], x, y, light)
    eyes(c, d, 5, 9, rows + 2)
    mouth = d.pick((*ART.several("mouths")[:4], None))
    if mouth is not None:
        c.stamp(mouth, 5, rows + 5, stalk)
    c.finish()
    return tags(colour_name(ramp), "fungus", spots, "front")


def imp(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "purple", "black", "orange", "blue", "pink", "grey", "green"))
    horn = d.pick(("bone", "black", "yellow", "white"))
    horn = horn if horn != ramp else "umber"
    body = d.pick(ART.several("imps"))
    winged = d.chance(0.65)
    if winged:
        wing, wing_y = d.pick(ART.several("imp wings")), d.between(5, 8)
        membrane = d.pick((ramp, "black", "purple", "red"))
        c.stamp(wing, 0, wing_y, membrane)
        c.stamp(wing, 16 - wing.shape[1], wing_y, membrane, flip=True)
    c.stamp(body, 2, 2, ramp, halo=winged)
    c.recolour(ramp, horn, (np.arange(TILE) < 4)[:, None] & (np.abs(np.arange(TILE) - 7.5) > 3))
    texture(c, d, ramp, (), 9)
    eye_ramp = d.pick([name for name in ("yellow", "white", "ice", "red", "green") if name != ramp])
    for x, inner in ((5, 1), (10, -1)):
        c.dot(x, 6, eye_ramp, LIGHT)
        c.dot(x + inner, 7 if d.chance(0.7) else 6, eye_ramp, LIGHT)
        c.px[6, x + inner] = INK if d.chance() else c.px[6, x + inner]
    mouths = ART.several("mouths")
    mouth = d.pick((*mouths[:2], mouths[3]))
    c.stamp(mouth, 6, 8, ramp)
    arm = d.pick(("trident", "fire", "tail", ""))
    if arm == "trident":
        c.stamp(ART.one("trident"), 12, 5, "grey" if ramp != "grey" else "yellow", "brown", halo=True)
    elif arm == "fire":
        c.stamp(ART.named("held")["torch"][:3], 12, 7, "orange" if ramp != "orange" else "yellow")
    elif arm == "tail":
        c.line(10, 13, 12, 13, ramp, MID)
        c.line(13, 12, 13, 10, ramp, MID)
        c.dot(12, 10, ramp, LIGHT)
        c.dot(14, 10, ramp, SHADOW)
    c.finish()
    return tags(colour_name(ramp), "skin", "+".join(filter(None, ("wings" * winged, arm))), "front")


def mimic(c: Canvas, d: Dice) -> Tags:
    wood = d.pick(("brown", "umber", "red", "blue", "green", "purple", "grey", "cocoa", "black", "teal"))
    metal = d.pick([name for name in ("yellow", "grey", "orange", "bone", "ice") if name != wood])
    which = d.between(0, 1)
    drawing = ART.several("chests")[which]
    top = 15 - drawing.shape[0]
    tongue = d.pick([n for n in ("pink", "red", "purple") if n != wood])
    c.stamp(drawing, 1, top, wood, metal, metal, tongue)
    grain = d.pick(("rows", "columns", "dots", "slant", "pales", ""))
    if grain:
        c.tint(wood, -1, pattern(grain, d.between(0, 3), d.between(0, 3)))
    eye_ramp = d.pick(("yellow", "red", "green", "ice", "white", "pink"))
    places = d.pick(((4, 11), (5, 10), (7,), (3, 7, 11)))
    row = top + 5 + (which == 0)
    where = d.pick(("mouth", "lid"))
    for x in places:
        y = row if where == "mouth" else top + 1
        iris = eye_ramp if eye_ramp != "white" else "red"
        c.stamp(ART.one("one eye")[:2, 1:4], x - 1, y, "white", iris, halo=where == "lid")
    feet = d.chance(0.5)
    if feet:
        c.shift(0, -1)
        for x in (3, 6, 10, 13):
            c.dot(x, 14, "bone", MID)
    trimmed = d.chance(0.5)
    if trimmed:
        for x in (3, 12):
            c.line(x, top + 1, x, top + 3, metal, MID)
            c.line(x, 12, x, 13, metal, SHADOW)
    c.outline()
    return tags(colour_name(wood), "wood", "feet" if feet else "", "front")


def crab(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "orange", "blue", "teal", "purple", "yellow", "green", "pink", "grey", "brown"))
    body, claw = d.pick(ART.several("crab bodies")), d.pick(ART.several("claws"))
    y = 7
    for index, x in enumerate((1, 2, 4)):
        reach = d.between(0, 1)
        c.line(4, 10 + index, x, 12 + index // 2 + reach, ramp, SHADOW)
        c.line(11, 10 + index, 15 - x, 12 + index // 2 + reach, ramp, SHADOW)
    c.stamp(body, 2, y, ramp, halo=True)
    texture(c, d, ramp, (*BRIGHT, "white", "bone"), y + 1)
    claw_y = d.between(1, 3)
    big = d.pick((0, 1, 2))
    width = claw.shape[1]
    for side in (0, 1):
        x = 1 if side == 0 else 15 - width
        c.line(3 if side == 0 else 12, 8, x + width // 2, claw_y + claw.shape[0] - 1, ramp, MID)
        if big == side + 1 and width < 5:
            c.stamp(repeat(claw, rows=(1,), columns=(0,)), x - side, claw_y - 1, ramp)
        else:
            c.stamp(claw, x, claw_y, ramp, flip=side == 1)
    stalk = d.pick((5, 6))
    tall = d.between(0, 2)
    for x in (stalk, 15 - stalk):
        c.line(x, y - tall, x, y, ramp, MID)
        c.px[y - tall, x] = WHITE
        c.px[y + 1 - tall, x] = INK
    mouth = d.pick((*ART.several("mouths")[:4], None))
    if mouth is not None:
        c.stamp(mouth, 6, y + 3, ramp)
    c.finish()
    return tags(colour_name(ramp), "shell", "big claw" if big and width < 5 else "", "front")


# Outer ramp, inner ramp, element.
ELEMENTS = (
    ("orange", "yellow", "fire"),
    ("red", "orange", "fire"),
    ("blue", "ice", "water"),
    ("teal", "white", "air"),
    ("purple", "pink", "shadow"),
    ("green", "yellow", "poison"),
    ("ice", "white", "ice"),
    ("yellow", "white", "light"),
    ("black", "purple", "shadow"),
    ("brown", "tan", "earth"),
    ("pink", "white", "light"),
)


def elemental(c: Canvas, d: Dice) -> Tags:
    outer, inner, element = d.pick(ELEMENTS)
    drawing = d.pick(ART.several("wisps"))
    if d.chance(0.4):
        drawing = without(drawing, rows=(d.between(6, 9),))
    if d.chance(0.4):
        drawing = without(drawing, columns=(d.between(5, 8),))
    c.stamp(drawing, 1, 1, outer)
    y, x = np.mgrid[:TILE, :TILE]
    heart = ((x - 7.5) / d.pick((4.2, 4.8, 5.4))) ** 2 + ((y - d.pick((9, 9.5, 10))) / d.pick((3.2, 4.0))) ** 2 < 1
    c.recolour(outer, inner, heart)
    c.px[(c.px == tone(outer, LIGHT))] = tone(outer, MID)
    rim = (c.px == tone(outer, MID)) & ((x + y) % 2 == 0) & (y > 6)
    c.px[rim & d.chance()] = tone(outer, LIGHT)
    eyes(c, d, 5, 10, 8 - d.between(0, 1))
    mouth = d.pick((*ART.several("mouths"), None))
    if mouth is not None:
        c.stamp(mouth, 8 - mouth.shape[1] // 2, 11, outer)
    arms = d.chance(0.35)
    if arms:
        for px, py in ((2, 10), (13, 10)):
            c.stamp(ART.one("orb")[:3], px - 2, py - d.between(0, 3), outer)
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(outer), element, "hands" if arms else "", "front")


def maneater(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "purple", "pink", "yellow", "orange", "blue", "green", "white", "teal"))
    which = d.between(0, 2)
    head = ART.several("plant heads")[which]
    if which == 1 and d.chance(0.4):
        head = without(head, columns=(d.between(4, 7),))
    leaf = d.pick([name for name in ("green", "moss", "teal") if name != ramp])
    foot = d.pick(ART.several("plant feet"))
    y = 1 + (which == 2)
    c.stamp(foot, 2, 15 - foot.shape[0], ramp, ramp, leaf, d.pick(("brown", "orange", "grey", "blue")))
    disc = d.pick([name for name in ("yellow", "brown", "orange", "bone") if name != ramp])
    c.stamp(head, 2, y, ramp, disc, halo=True)
    texture(c, d, ramp, ("white", "yellow", "pink", "orange"))
    if which == 1:
        eyes(c, d, 6, 9, 5)
        if d.chance():
            c.stamp(d.pick(ART.several("mouths")[:5]), 6, 8, disc)
    elif which == 0 and d.chance():
        c.stamp(ART.one("one eye")[:3], d.between(4, 6), y + 1, "white", "red" if ramp != "red" else "green")
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(ramp), "plant", ("teeth", "petals", "trap")[which], "front")


def zombie(c: Canvas, d: Dice) -> Tags:
    skin = d.pick(("green", "moss", "teal", "grey", "purple", "ice"))
    cloth = d.pick([n for n in ("brown", "red", "blue", "white", "purple", "orange", "black") if n != skin])
    trousers = d.pick([n for n in ("blue", "brown", "black", "umber", "grey") if n not in (skin, cloth)])
    head_y = d.between(1, 2)
    c.stamp(d.pick(ART.several("zombie bodies")), 3, 8, skin, cloth, trousers)
    texture(c, d, cloth, ("grey", "brown"), 8)
    c.stamp(ART.one("zombie head"), 3 + d.between(-1, 1) * d.between(0, 1), head_y, skin, halo=True)
    eye_ramp = d.pick(("yellow", "red", "white"))
    for x in (5, 9):
        size = d.pick((1, 2))
        c.px[head_y + 3 : head_y + 5, x : x + 2] = INK
        c.dot(x + d.between(0, 1), head_y + 3 + (size == 2), eye_ramp, LIGHT)
    mouth = d.pick(ART.several("mouths"))
    c.stamp(mouth, 8 - mouth.shape[1] // 2, head_y + 5, skin)
    hair = d.pick(("hair", "brain", "hat", "bandage", ""))
    if hair == "hair":
        c.stamp(ART.one("tuft"), d.between(5, 7), head_y - 1, d.pick(("black", "brown", "white", "orange")))
        c.line(4, head_y + 1, 7, head_y, "black", SHADOW)
    elif hair == "brain":
        c.stamp(ART.one("brain"), d.between(5, 7), head_y, "pink")
    elif hair == "hat":
        c.stamp(ART.named("bone top")["helm"][1:], 3, head_y - 1, skin, d.pick(("grey", "brown", "black")))
    elif hair == "bandage":
        c.line(4, head_y + 1, 11, head_y + 2, "bone", MID)
        c.line(4, head_y + 2, 8, head_y + 1, "bone", LIGHT)
    c.finish()
    return tags(colour_name(skin), "skin", hair, "front")


KINDS = (
    slime,
    bat,
    skeleton,
    ghost,
    spider,
    goblin,
    golem,
    snake,
    eye,
    shroomling,
    imp,
    mimic,
    crab,
    elemental,
    maneater,
    zombie,
)
