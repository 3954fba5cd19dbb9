"""Creatures: slimes, bats, bones, ghosts and the rest that a hero meets, one function a kind."""

import numpy as np

from sprites.draw.brush import PATTERN_NAMES, TILE, Canvas, art, gallery, pattern, repeat, without
from sprites.draw.palette import DEEP, INK, LIGHT, MID, SHADOW, WHITE, colour_name, tone
from sprites.draw.registry import Dice, Tags, kind, tags

BRIGHT = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
DULL = ("grey", "brown", "moss", "black", "white", "bone")
EYES = ("red", "yellow", "green", "ice", "pink", "orange")


def finish(canvas: Canvas) -> None:
    """The last touch of every creature: middle of the tile, outline."""
    canvas.centre()
    canvas.outline()


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


SLIMES = gallery("""
.....3333.....
...33444333...
..3444433333..
..3443333333..
.344333333332.
.343333333332.
34333333333322
33333333333322
33333333333322
23333333333222
.222222222222.

......33......
.....3433.....
.....3433.....
....344333....
...34433333...
..3444333332..
..3433333332..
.344333333332.
.333333333322.
33333333333322
33333333333222
.222222222222.

....33333.....
...3444333....
..344433333...
..343333333...
..3333333332..
..3333333332..
..3333333332..
.33333333332..
.333333333332.
3333333333332.
33333333333322
33323333323332
.2...222..22..

....333333....
..3344443333..
.344443333333.
34443333333332
34433333333332
33333333333332
33333333333322
33333333333222
.222222222222.
""")
SLIME_TOPS = {
    "crown": art("""
    4..4.3
    4343.3
    433332
    """),
    "leaf": art("""
    ...43
    .4433
    .332.
    .2...
    """),
    "horns": art("""
    4.......3
    43.....32
    .32...32.
    """),
    "bow": art("""
    43.33
    44333
    32.22
    """),
    "antenna": art("""
    4.....3
    .2...2.
    .2...2.
    """),
}
MOUTHS = gallery("""
1111

1..1
.11.

.11.
1..1

1111
.ww.

1w1w1
.111.

1111
.oo.

.11.
.11.
""")


@kind("non_hero")
def slime(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "white", "black", "moss", "ice"))
    body = d.pick(SLIMES)
    if d.chance(0.4):
        body = without(body, columns=(5, 8))
    rows, columns = body.shape
    top = 15 - rows
    left = 8 - columns // 2
    c.stamp(body, left, top, ramp)
    texture(c, d, ramp, BRIGHT, top + rows // 2 + 1)
    y = top + rows // 2 - d.between(0, 1)
    eyes(c, d, 5 - d.between(0, 1), 10, y)
    mouth = d.pick(MOUTHS)
    c.stamp(mouth, 8 - mouth.shape[1] // 2, y + 3, ramp)
    wear = d.pick((*SLIME_TOPS, "", "")) if top > 3 else ""
    if wear:
        drawing = SLIME_TOPS[wear]
        other = {"crown": "yellow", "leaf": "green", "horns": "bone", "bow": "pink", "antenna": ramp}[wear]
        other = other if other != ramp or wear == "antenna" else "red"
        c.stamp(drawing, 8 - drawing.shape[1] // 2, top + 1 - drawing.shape[0], other, halo=wear != "antenna")
    finish(c)
    return tags(colour_name(ramp), "jelly", wear, "front")


BAT_WINGS = gallery("""
3.....
33....
4333..
34333.
343333
333333
3.3333
..3.33
....33

.33...
33333.
3433333
333333
33.333
3..3.3
...3..

33....
.433..
.34333
.34333
.33333
.3.333
3..3.3
.......
""")
BAT_BODIES = gallery("""
4..3
43.3
4433
4333
4333
4333
3332
.32.

.4..3.
.44.3.
.44333.
443333
443332
433332
433322
.3322.
..22..

4....3
44..33
444333
443333
433332
.3332.
..32..
""")


@kind("non_hero")
def bat(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("purple", "black", "brown", "blue", "red", "grey", "moss", "umber", "pink", "orange"))
    membrane = ramp if d.chance(0.5) else d.pick([name for name in ("red", "purple", "pink", "brown") if name != ramp])
    wing, body = d.pick(BAT_WINGS), d.pick(BAT_BODIES)
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
    finish(c)
    return tags(colour_name(ramp), "fur", "fangs" if fangs else "", "front")


SKULLS = gallery("""
..334433..
.34444433.
3444443333
3444433333
34oo33oo32
34oo33oo32
.3333o3332
..3333322.
..3o3o32..

...4443...
..444433..
.44443333.
.4oo33oo3.
.4oo33oo3.
.3333o333.
..333332.
..3o3o32..

.4443333..
444433333.
444333333.
4ooo3ooo2.
43oo3oo32.
.333o332..
.3o3o3o2..
..333332..
""")
RIBS = gallery("""
.43333332.
.3.3443.2.
.3..32..2.
.3.3333.2.
.4..32..3.

..433332..
.4.3oo3.3.
.3.4333.2.
.3..32..2.
.4.3332.3.

443333322
3..4oo3..2
3.34332..2
4..332...3
""")
SHANKS = gallery("""
..3333..
..3..2..
.43..32.

..3332..
..3..2..
..43.32.

.333332.
.3....2.
43....32
""")
BONE_TOPS = {
    "helm": art("""
    ..dcccb...
    .ddcccbb..
    ddcccccbb.
    dcccccccbb
    """),
    "hood": art("""
    ..ddccc...
    .dddccccb.
    ddccccccbb
    dc......bb
    dc......bb
    dc......bb
    .c......b.
    """),
    "crown": art("""
    d..dc..c
    dd.dc.cb
    dccccccb
    """),
    "horns": art("""
    d........c
    dd......cb
    .dc....cb.
    """),
}
BONE_ARMS = {
    "sword": art("""
    4.
    43
    43
    43
    43
    cb
    .a
    """),
    "scythe": art("""
    4443
    .443
    ...c
    ...c
    ...c
    ...c
    ...c
    ...b
    ...b
    """),
    "bow": art("""
    cc.
    d.c
    d.c
    d.c
    d.b
    bb.
    """),
    "bone": art("""
    443
    .4.
    .3.
    .3.
    332
    """),
    "staff": art("""
    dcd
    .d.
    .b.
    .b.
    .b.
    .b.
    .b.
    .b.
    """),
}


@kind("non_hero")
def skeleton(c: Canvas, d: Dice) -> Tags:
    bone = d.pick(("bone", "bone", "white", "grey", "tan", "moss", "ice"))
    skull = d.pick(SKULLS)
    top = 2
    ribs = d.pick(RIBS)
    c.stamp(ribs, 3, 10 - d.between(0, 1), bone)
    c.stamp(d.pick(SHANKS), 4, 12 if ribs.shape[0] < 5 else 13, bone)
    c.stamp(skull, 8 - skull.shape[1] // 2, top, bone, halo=True)
    glow = d.pick(("", "red", "yellow", "green", "ice", "purple"))
    if glow:
        for x in (5 + (skull.shape[1] < 10), 9):
            c.dot(x + d.between(0, 0), top + 4 - (skull.shape[0] == 8), glow, LIGHT)
    wear = d.pick((*BONE_TOPS, "", ""))
    if wear:
        drawing = BONE_TOPS[wear]
        cloth = {"crown": "yellow", "horns": "bone", "helm": d.pick(("grey", "brown", "orange"))}.get(wear)
        cloth = cloth or d.pick(("black", "purple", "red", "blue", "brown"))
        c.stamp(
            drawing,
            8 - drawing.shape[1] // 2,
            1,
            bone,
            cloth if cloth != bone or wear == "horns" else "umber",
        )
    arm = d.pick((*BONE_ARMS, "", ""))
    if arm:
        drawing = BONE_ARMS[arm]
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


GHOSTS = gallery("""
....44433.....
...4444333....
..444443333...
..444433333...
.44443333333..
.44433333333..
.44333333333..
.44333333333..
.43333333332..
.43333333332..
.43333333322..
.33323332322..
.33.233.222...
..2..2...2....

.....4433.....
...44443333...
..4444333333..
..4443333333..
..4433333333..
44433333333333
44333333333332
.3433333333.2.
..43333333322.
...4333333332.
....3333333222
.....33333222.
.......33222..
..........22..

....44433.....
..444443333...
.44444333333..
.44443333333..
4444333333333.
4443333333333.
4433333333332.
44333333333322
.4333333333322
..33333333322.
..3333333322..
...333333222..
....3322322...
.....2..2.....
""")


@kind("non_hero")
def ghost(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("white", "white", "ice", "purple", "teal", "pink", "black", "blue", "green", "yellow", "grey"))
    body = d.pick(GHOSTS)
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
        c.stamp(ONE_EYE, 5, y - 1, "white", d.pick(("red", "green", "blue", "yellow")), halo=True)
    else:
        glow = d.pick(EYES)
        for x in (5, 8):
            c.px[y : y + 3, x : x + 2] = INK
            if look == "glow":
                c.dot(x + d.between(0, 1), y + 1, glow, LIGHT)
    mouth = d.pick((*MOUTHS, None))
    if mouth is not None:
        c.stamp(mouth, 7 - mouth.shape[1] // 2 + 1, y + 4, "black")
    wear = d.pick(("", "", "crown", "chain", "halo"))
    if wear == "crown":
        c.stamp(SLIME_TOPS["crown"], 5, 1, "yellow" if ramp != "yellow" else "red", halo=True)
    elif wear == "chain":
        c.line(2, 10, 11, 11, "grey" if ramp != "grey" else "black", SHADOW)
        c.line(3, 11, 11, 12, "grey" if ramp != "grey" else "black", LIGHT)
    elif wear == "halo":
        c.shift(0, 1)
        c.line(5, 1, 9, 1, "yellow" if ramp != "yellow" else "white", LIGHT)
    if d.chance():
        c.flip()
    finish(c)
    return tags(colour_name(ramp), "spirit", wear, "front")


ONE_EYE = art("""
.443.
44bb3
44bo3
.333.
""")
SPIDERS = gallery("""
...4433...
..444333..
.44433333.
.44333332.
.43333322.
..333322..

..444333..
.44433333.
4443333332
4433333332
4333333322
.33333322.
..332222..

....43....
...4433...
..444333..
..443332..
..433322..
...3322...
""")
SPIDER_HEAD = art("""
.4333.
443332
433322
.3322.
""")


@kind("non_hero")
def spider(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("black", "purple", "brown", "red", "green", "blue", "grey", "orange", "moss", "white"))
    legs = ramp if d.chance(0.7) else d.pick(("black", "brown", "orange"))
    body = d.pick(SPIDERS)
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
        c.stamp(SPIDER_MARKS[mark == "cross"], 6, 4, other)
    c.stamp(SPIDER_HEAD, 5, 9, ramp, halo=True)
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


SPIDER_MARKS = gallery("""
43.3
.33.
.32.
3..2

.43.
4333
.32.
.32.
""")
GOBLIN_HEADS = gallery("""
....3333....
...444333...
..44433333..
444433333333
344333333332
.3333333332.
..23333332..
....3332....

3..........2
33.444333.22
343443333322
.3443333332.
..43333332..
..23333332..
...333322...

...444333...
..44433333..
..44333333..
4.433333332.
444333333332
.4333333332.
..23333332..
...333322...
""")
GOBLIN_BODIES = gallery("""
..cgggfb..
.3cggffb2.
.31ggff12.
.3.cfcb.2.
...33.22..
..33...22.

.dcccccb..
.3dcccbb2.
33ccccbb22
.3ghhgff2.
..cc..bb..
..33..22..

...4332...
..433332..
.34333322.
33gghgff22
..cgcgfb..
..33..22..
""")
GOBLIN_ARMS = {
    "club": art("""
    .44
    443
    433
    433
    .3.
    .2.
    """),
    "dagger": art("""
    .4.
    .43
    .43
    .43
    dcb
    .b.
    """),
    "spear": art("""
    .4.
    443
    .c.
    .c.
    .c.
    .c.
    .c.
    .b.
    .b.
    """),
    "torch": art("""
    .4.
    443
    .3.
    .c.
    .b.
    """),
    "axe": art("""
    44c
    43c
    33c
    ..c
    ..b
    """),
    "sack": art("""
    .c.
    443
    433
    332
    """),
}


@kind("non_hero")
def goblin(c: Canvas, d: Dice) -> Tags:
    skin = d.pick(("green", "green", "moss", "moss", "teal", "orange", "red", "blue", "grey", "purple"))
    cloth = d.pick([name for name in ("brown", "umber", "red", "purple", "blue", "black", "yellow") if name != skin])
    belt = d.pick([name for name in ("yellow", "grey", "brown", "bone") if name != cloth])
    head, body = d.pick(GOBLIN_HEADS), d.pick(GOBLIN_BODIES)
    top = 9 - head.shape[0]
    c.stamp(body, 3, 9, skin, cloth, belt)
    c.stamp(head, 2, top, skin, halo=True)
    eye_y = top + 3
    eye = d.pick(("yellow", "red", "white"))
    for x in (5, 10):
        c.dot(x, eye_y, eye if eye != skin else "white", LIGHT)
        c.px[eye_y, x + (1 if x == 5 else -1)] = INK
    mouth = d.pick((MOUTHS[0], MOUTHS[1], MOUTHS[2], MOUTHS[4]))
    c.stamp(mouth, 8 - mouth.shape[1] // 2, eye_y + 2, skin)
    wear = d.pick(("", "", "hood", "helm", "crown", "horns", "hair"))
    if wear in ("helm", "crown", "horns"):
        drawing = BONE_TOPS[wear]
        metal = {"crown": "yellow", "horns": "bone"}.get(wear, d.pick(("grey", "brown")))
        c.stamp(drawing, 8 - drawing.shape[1] // 2, top - (wear != "helm"), skin, metal)
    elif wear == "hood":
        c.stamp(BONE_TOPS["hood"][:4], 3, top - 1, skin, cloth)
    elif wear == "hair":
        c.stamp(TUFT, 6, top - 2, d.pick(("red", "black", "white", "orange")))
    arm = d.pick((*GOBLIN_ARMS, ""))
    if arm:
        drawing = GOBLIN_ARMS[arm]
        thing = {"club": "brown", "torch": "orange", "sack": "tan"}.get(arm, "grey")
        left = d.chance()
        c.stamp(drawing, 1 if left else 12, 13 - drawing.shape[0], thing, "umber", flip=left, halo=True)
    c.outline()
    return tags(colour_name(skin), "skin", "+".join(filter(None, (wear, arm))), "front")


TUFT = art("""
.4.3
4433
.43.
.32.
""")
GOLEMS = gallery("""
....444333....
...44333332...
...43333332...
44413333321333
44331111113332
43344443332132
33144433332132
33.13333332.32
44.11333321.33
443.133332.332
432.331133.322
....431.332...
...4431.3332..
...3332.3222..

....444333....
....443332....
....433332....
.444111111333.
44433443333332
44314433332133
33214333322132
33.1333322.132
44.1222221.133
44314431332133
33.4433.3332.2
...4433.3332..
...3332.3222..
..............

.....4443.....
.444.4432.333.
44433333323332
44332133213322
43321444321332
13214433332132
32144333321322
43.14333321.32
33.12333221.32
33.132222132.2
...443..332...
...433..322...
..4433..3322..
..3332..3222..
""")


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


@kind("non_hero")
def golem(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(tuple(STONES))
    which = d.between(0, 2)
    drawing = GOLEMS[which]
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
    finish(c)
    return tags(colour_name(ramp), STONES[ramp], core, "front")


def _golem_core(c: Canvas, d: Dice, y: int, ramp: str, glow: str) -> str:
    """What a golem has on its chest (row y), by name; empty if nothing."""
    core = d.pick(("core", "rune", "cracks", "moss", ""))
    if core == "core":
        c.stamp(CORE, 6, y, glow)
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


CORE = art("""
.43.
4433
4332
.32.
""")
SNAKES = gallery("""
...3333.......
.33444333.....
3344433333....
33333333332...
.22333..3332..
.....1...3332.
..........3332
..........3332
....3333.33332
..334443333222
.344333333222.
.343322222233.
.3333333333333
..2222222222..

......33333...
.....3444333..
...33443333332
...33333333332
....223331332.
.......33332..
......33332...
.....33332....
....33332.....
....33332..33.
....3333333333
.....333333332
.33333222222..
33333333322...

.....3333.....
....344333....
...34433333...
...33333333...
..3343333332..
..333dccb332..
..33.dccb.32..
...3.dccb.2...
.....dccb.....
.33..dccb.33..
34433dccb3343.
34333333333332
.333333333322.
..2222222222..
""")


@kind("non_hero")
def snake(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("green", "moss", "red", "purple", "orange", "teal", "yellow", "black", "bone", "blue", "brown"))
    which = d.between(0, 2)
    drawing = SNAKES[which]
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
        finish(c)
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
        c.stamp(MANE, x - 3, top + 2, ramp, under=True)
    elif extra == "crest":
        for step in range(3):
            c.dot(x + 1 + step, top - 1 + step // 2, "red" if ramp != "red" else "yellow", MID)
    left = d.chance()
    if not left:
        c.flip()
    finish(c)
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


MANE = art("""
..3333333333
.33233333323
.33233333323
.33333333332
..333333332.
...3333332..
""")
IRISES = gallery("""
.ccb.
ccbbb
cboob
cboob
.bbb.

.dcb.
dcoob
dcoob
ccoob
.cbb.

.dc.
dcob
cbob
.bb.

.cocb.
ccoobb
ccoobb
.cocb.
""")


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
        wing, y = d.pick(BAT_WINGS), d.between(1, 4)
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


@kind("non_hero")
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
    drawing = d.pick(IRISES)
    left = 7 - drawing.shape[1] // 2 + d.between(-1, 1)
    c.stamp(drawing, left, round(cy) - drawing.shape[0] // 2 + d.between(0, 1), skin, iris)
    if d.chance(0.4):
        lid = np.zeros((TILE, TILE), dtype=bool)
        lid[: round(cy - radius + 1.5) + 2] = True
        c.recolour("white", skin, lid)
    if limbs != "tentacles" and d.chance(0.35):
        c.px[round(cy + radius - 1), 5:11:2] = WHITE
    finish(c)
    return tags(colour_name(skin), "flesh", limbs, "front")


MYCONID_CAPS = gallery("""
.....3333.....
...34444333...
..3444433333..
.344433333333.
34433333333332
33333333333322
.222222222222.

....443333....
..4444333333..
.444433333333.
44433333333332
33333333333322
32222222222222

......33......
.....4433.....
....444333....
..4444333333..
.444333333333.
33333333333322
.222222222222.
""")
MYCONID_BODIES = gallery("""
...dcccccb...
..ddcccccbb..
..dcccccccb..
.ddcccccccbb.
.dcccccccccb.
..cccccccbb..
..bb....bbb..

...dccccb....
...dccccb....
.c.dccccb.b..
.ccdccccbbb..
...dccccb....
..ddcccccb...
..cc...bbb...
""")


@kind("non_hero")
def shroomling(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "purple", "orange", "blue", "brown", "teal", "yellow", "green", "pink", "black"))
    stalk = d.pick(("bone", "white", "tan", "ice", "grey"))
    cap, body = d.pick(MYCONID_CAPS), d.pick(MYCONID_BODIES)
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
                c.stamp(CORE[1:3, 1:3], x, y, light)
    eyes(c, d, 5, 9, rows + 2)
    mouth = d.pick((*MOUTHS[:4], None))
    if mouth is not None:
        c.stamp(mouth, 5, rows + 5, stalk)
    finish(c)
    return tags(colour_name(ramp), "fungus", spots, "front")


IMPS = gallery("""
3..........2
43........32
.43.4433.32.
..34443332..
..44333332..
..43333332..
..23333322..
...333322...
..33333322..
.3.433322.2.
.3.333322.2.
...33..22...
...3....2...

.4........3.
.43......32.
.4334433332.
..44433332..
.4443333332.
.433333332..
..3333332...
...43332....
.3343332222.
33.433322.22
...333322...
..33...22...
..33...22...
""")
IMP_WINGS = gallery("""
3....
33...
4333.
34333
33333
3.3.3

.3...
33...
3333.
33333
3.333
""")


@kind("non_hero")
def imp(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "purple", "black", "orange", "blue", "pink", "grey", "green"))
    horn = d.pick(("bone", "black", "yellow", "white"))
    horn = horn if horn != ramp else "umber"
    body = d.pick(IMPS)
    winged = d.chance(0.65)
    if winged:
        wing, wing_y = d.pick(IMP_WINGS), d.between(5, 8)
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
    mouth = d.pick((MOUTHS[0], MOUTHS[1], MOUTHS[3]))
    c.stamp(mouth, 6, 8, ramp)
    arm = d.pick(("trident", "fire", "tail", ""))
    if arm == "trident":
        c.stamp(TRIDENT, 12, 5, "grey" if ramp != "grey" else "yellow", "brown", halo=True)
    elif arm == "fire":
        c.stamp(GOBLIN_ARMS["torch"][:3], 12, 7, "orange" if ramp != "orange" else "yellow")
    elif arm == "tail":
        c.line(10, 13, 12, 13, ramp, MID)
        c.line(13, 12, 13, 10, ramp, MID)
        c.dot(12, 10, ramp, LIGHT)
        c.dot(14, 10, ramp, SHADOW)
    finish(c)
    return tags(colour_name(ramp), "skin", "+".join(filter(None, ("wings" * winged, arm))), "front")


TRIDENT = art("""
4.3
4.3
433
.c.
.c.
.c.
.b.
.b.
.b.
""")
CHESTS = gallery("""
..4444444433..
.443333333333.
44333333333332
ccccccccccccbb
44333333333332
.wowowowowowo.
oooooooooooooo
oijjkkkkkjjioo
.wowokkkowowo.
ccccckkkccccbb
43333kkj333332
43333jji333332
43333333333322
.222222222222.

.444444443333.
44333333333332
4c333333333b32
4cccccccccccb2
w.w.w.w.w.w.w.
oooooooooooooo
oooooooooooooo
.wowowowowowow
cccccccccccbbb
4c333dcb333b32
4c333cbb333b32
43333333333322
.222222222222.
""")


@kind("non_hero")
def mimic(c: Canvas, d: Dice) -> Tags:
    wood = d.pick(("brown", "umber", "red", "blue", "green", "purple", "grey", "cocoa", "black", "teal"))
    metal = d.pick([name for name in ("yellow", "grey", "orange", "bone", "ice") if name != wood])
    which = d.between(0, 1)
    drawing = CHESTS[which]
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
        c.stamp(ONE_EYE[:2, 1:4], x - 1, y, "white", iris, halo=where == "lid")
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


CRAB_BODIES = gallery("""
..33444333..
.3444433333.
344433333332
343333333332
333333333322
.2333333222.
..22222222..

...444333...
..44433333..
.4444333333.
443333333332
333333333322
.2233332222.

.4.3.43.3.2.
.4443333332.
344333333332
433333333322
333333333222
.2222222222.
""")
CLAWS = gallery("""
.43.
43.3
43.2
4332
.32.

4.3
4.3
443
.32

.433.
44..3
443.2
.3332
..32.
""")


@kind("non_hero")
def crab(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "orange", "blue", "teal", "purple", "yellow", "green", "pink", "grey", "brown"))
    body, claw = d.pick(CRAB_BODIES), d.pick(CLAWS)
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
    mouth = d.pick((*MOUTHS[:4], None))
    if mouth is not None:
        c.stamp(mouth, 6, y + 3, ramp)
    finish(c)
    return tags(colour_name(ramp), "shell", "big claw" if big and width < 5 else "", "front")


WISPS = gallery("""
.......3......
...3...33.....
...33.3433..3.
.3.3333433.33.
.33343344333..
.334434444333.
..344444444333
3.344444444433
33444444444433
34444444444433
.344444444443.
..3444444443..
...33333333...

......3.......
.....33.......
.....343...3..
..3.3443..33..
..3334443334..
.334444443433.
.344444444443.
34444444444443
34444444444443
34444444444433
.344444444433.
..3344444433..
....333333....
""")


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


@kind("non_hero")
def elemental(c: Canvas, d: Dice) -> Tags:
    outer, inner, element = d.pick(ELEMENTS)
    drawing = d.pick(WISPS)
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
    mouth = d.pick((*MOUTHS, None))
    if mouth is not None:
        c.stamp(mouth, 8 - mouth.shape[1] // 2, 11, outer)
    arms = d.chance(0.35)
    if arms:
        for px, py in ((2, 10), (13, 10)):
            c.stamp(CORE[:3], px - 2, py - d.between(0, 3), outer)
    if d.chance():
        c.flip()
    finish(c)
    return tags(colour_name(outer), element, "hands" if arms else "", "front")


PLANT_HEADS = gallery("""
...3333333..
.3344333333.
344433333333
34433wowowow
3433wooooooo
3333oooooooo
3333oooooowo
33333owowwww
.33333333332
..333333332.
....22222...

.....33.....
.33.3443.33.
344333333443
.34ccccccb3.
.3ccddcccb3.
33cdddcccb33
34ccddcccb32
.3ccccccbb3.
.33bbbbbb32.
.33233332332
..2.3332.22.
.....22.....

.33......33.
3443....3432
34433..34332
34w43..3w332
344w3..w3332
.344w33w332.
.343w33w332.
..343ww332..
...333332...
....2222....
""")
PLANT_FEET = gallery("""
.....gf.....
.....gf.....
.hg..gf..gg.
hhgg.gf.ghgf
.ggggggggff.
..fggggfff..

.....gf.....
.....gf.....
..hg.gf.hg..
.hgggggggff.
iijjjjjjjjii
.ijkjjjjjii.
..iijjjjii..
""")


@kind("non_hero")
def maneater(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "purple", "pink", "yellow", "orange", "blue", "green", "white", "teal"))
    which = d.between(0, 2)
    head = PLANT_HEADS[which]
    if which == 1 and d.chance(0.4):
        head = without(head, columns=(d.between(4, 7),))
    leaf = d.pick([name for name in ("green", "moss", "teal") if name != ramp])
    foot = d.pick(PLANT_FEET)
    y = 1 + (which == 2)
    c.stamp(foot, 2, 15 - foot.shape[0], ramp, ramp, leaf, d.pick(("brown", "orange", "grey", "blue")))
    disc = d.pick([name for name in ("yellow", "brown", "orange", "bone") if name != ramp])
    c.stamp(head, 2, y, ramp, disc, halo=True)
    texture(c, d, ramp, ("white", "yellow", "pink", "orange"))
    if which == 1:
        eyes(c, d, 6, 9, 5)
        if d.chance():
            c.stamp(d.pick(MOUTHS[:5]), 6, 8, disc)
    elif which == 0 and d.chance():
        c.stamp(ONE_EYE[:3], d.between(4, 6), y + 1, "white", "red" if ramp != "red" else "green")
    if d.chance():
        c.flip()
    finish(c)
    return tags(colour_name(ramp), "plant", ("teeth", "petals", "trap")[which], "front")


ZOMBIE_HEAD = art("""
..333333..
.34433333.
.34333332.
.33333332.
.33333332.
.23333322.
..333322..
""")
ZOMBIE_BODIES = gallery("""
..dccccb..
.ddcccbbb.
3dcccccb32
33.cccbb32
32.cc2bb.2
...gg.ff..
...gg.ff..

..dccccbb.
33dcccccb33
33dcccbbb33
...cccbb..
...cccbb..
...gg.ff..
..33..ff..
""")


@kind("non_hero")
def zombie(c: Canvas, d: Dice) -> Tags:
    skin = d.pick(("green", "moss", "teal", "grey", "purple", "ice"))
    cloth = d.pick([n for n in ("brown", "red", "blue", "white", "purple", "orange", "black") if n != skin])
    trousers = d.pick([n for n in ("blue", "brown", "black", "umber", "grey") if n not in (skin, cloth)])
    head_y = d.between(1, 2)
    c.stamp(d.pick(ZOMBIE_BODIES), 3, 8, skin, cloth, trousers)
    texture(c, d, cloth, ("grey", "brown"), 8)
    c.stamp(ZOMBIE_HEAD, 3 + d.between(-1, 1) * d.between(0, 1), head_y, skin, halo=True)
    eye_ramp = d.pick(("yellow", "red", "white"))
    for x in (5, 9):
        size = d.pick((1, 2))
        c.px[head_y + 3 : head_y + 5, x : x + 2] = INK
        c.dot(x + d.between(0, 1), head_y + 3 + (size == 2), eye_ramp, LIGHT)
    mouth = d.pick(MOUTHS)
    c.stamp(mouth, 8 - mouth.shape[1] // 2, head_y + 5, skin)
    hair = d.pick(("hair", "brain", "hat", "bandage", ""))
    if hair == "hair":
        c.stamp(TUFT, d.between(5, 7), head_y - 1, d.pick(("black", "brown", "white", "orange")))
        c.line(4, head_y + 1, 7, head_y, "black", SHADOW)
    elif hair == "brain":
        c.stamp(BRAIN, d.between(5, 7), head_y, "pink")
    elif hair == "hat":
        c.stamp(BONE_TOPS["helm"][1:], 3, head_y - 1, skin, d.pick(("grey", "brown", "black")))
    elif hair == "bandage":
        c.line(4, head_y + 1, 11, head_y + 2, "bone", MID)
        c.line(4, head_y + 2, 8, head_y + 1, "bone", LIGHT)
    finish(c)
    return tags(colour_name(skin), "skin", hair, "front")


BRAIN = art("""
434.
3433
""")
