"""Spells and items: weapons, armour, potions, books, jewels and the elements, one function a kind."""

import numpy as np

from sprites.draw.brush import TILE, Canvas, art, gallery, pattern, repeat, without
from sprites.draw.palette import DEEP, LIGHT, MID, SHADOW, colour_name, tone
from sprites.draw.registry import Dice, Tags, kind, tags

BRIGHT = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
METALS = {
    "grey": "steel",
    "yellow": "gold",
    "orange": "copper",
    "ice": "mithril",
    "black": "iron",
    "bone": "bone",
}
WOODS = ("brown", "umber", "cocoa", "tan")


def present(canvas: Canvas) -> None:
    """The last touch of every item: middle of the tile, outline."""
    canvas.centre()
    canvas.outline()


def sparkle(c: Canvas, d: Dice, ramp: str, count: int) -> None:
    """A few single lights on empty pixels round the item."""
    empty = np.argwhere(c.px[1:15, 1:15] == 0) + 1
    for _ in range(min(count, len(empty))):
        y, x = empty[d.between(0, len(empty) - 1)]
        c.dot(int(x), int(y), ramp, LIGHT)


BOTTLES = gallery("""
....bccb....
....bccb....
...344443...
....3443....
....3..3....
...3....3...
..3......3..
.34.......3.
.34.......3.
.3........3.
.3........3.
..3......3..
...333333...

....bccb....
...344443...
....3..3....
....3..3....
....3..3....
...3....3...
...34...3...
..34.....3..
..34.....3..
.34.......3.
.3........3.
.3........3.
..33333333..

...bccb....
..344443...
...3..3....
..34..33...
.34....33..
.34.....3..
.34.....3..
.3......3..
.3......3..
.3......3..
.3......3..
.33....33..
..333333...

...bccb...
...bccb...
..344443..
...3..3...
...3..3...
..34..33..
..34...3..
..34...3..
..34...3..
..34...3..
..3....3..
..3....3..
..333333..
""")


def _inside(glass: np.ndarray) -> np.ndarray:
    """Boolean [H, W]: the empty pixels that lie between the walls of a bottle."""
    wall = glass > 0
    left = np.maximum.accumulate(wall, axis=1)
    right = np.maximum.accumulate(wall[:, ::-1], axis=1)[:, ::-1]
    return left & right & ~wall


@kind("spell")
def potion(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "black", "white", "ice", "moss"))
    bottle = d.reshape(d.reshape(d.pick(BOTTLES), (3, 4), (4, 7)), (8, 10), (4, 7))
    inside = _inside(bottle)
    c.stamp(bottle, 1, 1, d.pick(("ice", "ice", "white", "grey")), d.pick(("brown", "tan", "umber", "red")))
    level = 4 + d.between(0, 4)
    window = c.px[1 : 1 + inside.shape[0], 1 : 1 + inside.shape[1]]
    columns = np.arange(inside.shape[1])
    window[inside] = tone("ice" if ramp != "ice" else "blue", DEEP)
    inside[:level] = False
    window[inside] = tone(ramp, MID)
    window[inside & (columns > inside.shape[1] // 2 + 1)] = tone(ramp, SHADOW)
    window[level][inside[level]] = tone(ramp, LIGHT)
    effect = d.pick(("bubbles", "layers", "swirl", "label", ""))
    if effect == "bubbles":
        for _ in range(d.between(3, 5)):
            x, y = d.between(4, 9), d.between(level + 2, 12)
            if tone(ramp, SHADOW) <= c.px[y, x] <= tone(ramp, LIGHT):
                c.dot(x, y, ramp, LIGHT)
    elif effect == "layers":
        other = d.pick([name for name in BRIGHT if name != ramp])
        c.recolour(ramp, other, pattern("pales").T & pattern("rows", 0, d.between(0, 2)))
        effect = f"{other} layers"
    elif effect == "swirl":
        c.tint(ramp, 1, pattern("slant", d.between(0, 3)))
    elif effect == "label":
        c.stamp(LABEL, d.between(4, 5), d.between(8, 9), "bone", d.pick(("red", "black", "purple")))
    present(c)
    return tags(colour_name(ramp), "glass", effect)


LABEL = art("""
4443
4bb3
4443
""")
SCROLLS = gallery("""
.33333333333..
344444444443b.
34333333333bb.
.334444443bb..
..3bbb4bb3....
..344444433...
..3bb4bbb3....
..344444433...
..3b4bbb43....
..3444444333..
..3bbb4b4344b.
.3444444433bb.
3444444433bb..
.33333333333..

.cc........cc.
c333333333333b
.b4444444443b.
..4444444443..
..4bb4bbb443..
..4444444443..
..4bbb4bb443..
..4444444443..
..4bb4bb4443..
..4444444443..
.c3333333333b.
c333333333333b
.bb........bb.
""")
ROLLED = art("""
..........444.
.........43334
........443b34
.......444334.
......444343..
.....d44343...
....ddc443....
...44dcc3.....
..44443c......
.4444433......
43344333......
43b3433.......
433433........
.4443.........
""")


@kind("spell")
def scroll(c: Canvas, d: Dice) -> Tags:
    paper = d.pick(("bone", "bone", "white", "tan", "ice", "green", "pink"))
    seal = d.pick(("red", "blue", "purple", "green", "orange", "yellow", "black"))
    form = d.pick(("open", "open", "rod", "rolled"))
    if form == "rolled":
        c.stamp(ROLLED, 1, 1, paper, seal, flip=d.chance())
        c.recolour("black", paper)
    else:
        drawing = SCROLLS[form == "rod"]
        ink = d.pick(("umber", "blue", "red", "purple", "black"))
        second = d.pick((*WOODS, "yellow")) if form == "rod" else "brown"
        drawing = without(drawing, columns=(6,)) if d.chance(0.4) else drawing
        drawing = without(drawing, rows=d.pick(((), (7,), (7, 8), (5, 6, 7, 8))))
        c.stamp(d.reshape(drawing, (4, 8), (5, 8)), 1, 1, paper, second)
        _write(c, d, paper, ink)
        if d.chance(0.6):
            c.stamp(SEAL, d.between(7, 9), d.between(9, 10), seal)
        else:
            seal = ""
    present(c)
    return tags(colour_name(paper), "paper", f"{seal} seal" if seal and form != "rolled" else form)


def _write(c: Canvas, d: Dice, paper: str, ink: str) -> None:
    """Lines of writing, or a rune, on the light part of a sheet."""
    page = c.px == tone(paper, LIGHT)
    page[:, :4] = page[:, 11:] = page[:4] = False
    c.px[(c.px == tone("brown", SHADOW)) & (np.add.outer(range(TILE), [0] * TILE) > 3)] = tone(paper, LIGHT)
    if d.chance(0.55):
        words = np.zeros((TILE, TILE), dtype=bool)
        for y in range(5, 12, 2):
            words[y, 4 : d.between(7, 10)] = True
            words[y, d.between(5, 8)] = False
        c.px[words & page] = tone(ink, SHADOW)
    else:
        c.stamp(d.pick(RUNES), 4, 5, ink)


RUNES = gallery("""
..3..
.3.3.
3.3.3
.3.3.
..3..

..3..
33333
.333.
.3.3.
3...3

..3..
.333.
33.33
3.2.3
.333.

3.3.3
.333.
..3..
.333.
..3..

.333.
3.3.3
33333
.333.
.3.3.

..33.
.33..
3333.
..33.
.33..
""")
SEAL = art("""
.33
343
332
""")
WAND_TIPS = {
    "star": art("""
    ..4..
    ..4..
    44333
    .433.
    .3.2.
    """),
    "orb": art("""
    .43.
    4433
    4332
    .32.
    """),
    "crystal": art("""
    ..443
    .4433
    44332
    4332.
    332..
    """),
    "moon": art("""
    .444.
    ..443
    ...33
    3..32
    .332.
    """),
    "flame": art("""
    ..3..
    .3.3.
    ..433
    .4432
    .332.
    """),
}


def haft(c: Canvas, x0: int, y0: int, x1: int, y1: int, ramp: str) -> None:
    """A diagonal shaft, light on its upper left edge."""
    c.line(x0 + 1, y0, x1 + 1, y1, ramp, SHADOW)
    c.line(x0, y0, x1, y1, ramp, MID)


@kind("spell")
def wand(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "ice", "white"))
    wood = d.pick((*WOODS, "black", "white", "purple"))
    wood = wood if wood != ramp else "brown"
    tip = d.pick(tuple(WAND_TIPS))
    low = d.between(1, 4)
    haft(c, low, 14 - low + 0, 9, 5, wood)
    for _ in range(d.between(0, 2)):
        at = d.between(low, 7)
        c.line(at, 14 - at, at + 1, 14 - at, d.pick(("yellow", "grey")), LIGHT)
    c.stamp(WAND_TIPS[tip], 9, 1, ramp, halo=True)
    glow = d.chance(0.6)
    present(c)
    if glow:
        sparkle(c, d, ramp, d.between(2, 5))
    return tags(colour_name(ramp), "wood", tip)


BLADES = {
    "straight": art("""
    ............44
    ...........443
    ..........4432
    .........4432.
    ........4432..
    .......4432...
    ......4432....
    .....4432.....
    ....4432......
    ....432.......
    """),
    "broad": art("""
    ...........444
    ..........4433
    .........44333
    ........443332
    .......443332.
    ......443332..
    .....443332...
    ....443332....
    ...443332.....
    ....3332......
    """),
    "curved": art("""
    ..........44..
    ...........443
    ...........443
    ..........4433
    .........44332
    ........443332
    .......443332.
    .....4433332..
    ....4433322...
    ....43322.....
    """),
    "wavy": art("""
    ...........44.
    ..........4432
    .........44432
    .........4332.
    .......44432..
    ......44432...
    ......4332....
    ....44432.....
    ...44432......
    ....432.......
    """),
    "thin": art("""
    .............4
    ............4.
    ...........43.
    ..........43..
    .........43...
    ........43....
    .......43.....
    ......43......
    .....43.......
    ....43........
    """),
}
HILTS = gallery("""
.cd...
..cc..
...cc.
..gfcb
.gf..b
df....

cd....
ccd...
.bcdc.
..gccc
.gf.bb
df....

.dc...
dbbc..
b.gcb.
b.gfc.
.gfbb.
dfbb..

..c...
..dcc.
..ccb.
.gfb..
gf....
cb....
""")


@kind("spell")
def sword(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "grey", "ice", "yellow", "black", "red", "teal", "purple", "white"))
    guard = d.pick([name for name in ("yellow", "brown", "red", "blue", "grey", "purple", "green") if name != metal])
    shape = d.pick(tuple(BLADES))
    blade = BLADES[shape]
    cut = d.between(0, 3)
    if cut:
        blade = without(blade, rows=tuple(range(3, 3 + cut)), columns=tuple(range(10 - cut, 10)))
    c.stamp(blade, 1 + 1, 1 + cut, metal)
    c.stamp(d.pick(HILTS), 1, 9, metal, guard, d.pick(WOODS))
    magic = d.pick(("", "", "", "fire", "ice", "venom"))
    main = metal
    if magic:
        glow = {"fire": "orange", "ice": "ice", "venom": "green"}[magic]
        y, x = np.mgrid[:TILE, :TILE]
        reach = x - y + d.between(-6, 0)
        edge = (reach > 2) | ((reach >= 0) & pattern("dither"))
        glow = glow if glow != metal else "blue"
        c.recolour(metal, glow, edge)
        main = glow if c.area(glow) > c.area(metal) else metal
    present(c)
    return tags(colour_name(main), METALS.get(metal, "crystal"), magic or shape)


AXES = gallery("""
....4444......
..44443333....
.444333333cc..
.43333333ccb..
.4333333ccb...
..43333ccb....
...433ccb332..
....3ccb33332.
.....cb333333.
...ccb.33332..
..ccb...332...
.ccb..........
ccb...........
cb............

...4444.......
.444433333....
4443333333cc..
443333333ccb..
43333333ccb...
4333333ccb....
433333ccb.....
.4333ccb32....
..33ccb332....
...ccb........
..ccb.........
.ccb..........
ccb...........
cb............

...........cc.
...444..4.ccb.
.44433344ccb..
.44333333cb...
4433333333....
4333333333....
433333ccb.....
43333ccb......
.433ccb.......
..3ccb........
..ccb.........
.ccb..........
ccb...........
cb............
""")
HAMMER_HEADS = gallery("""
...44....
..4433...
.443333..
44333333.
.33333332
..3333322
...33322.
....222..

....44...
...4433..
.4443333.
44c333332
433c3332.
.333c332.
..33322..
...22....
""")


@kind("spell")
def axe(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "ice", "black", "orange", "red", "bone"))
    wood = d.pick(WOODS)
    drawing = d.pick(AXES)
    if d.chance(0.4):
        cut = d.between(9, 11)
        drawing = without(drawing, rows=(cut,), columns=(13 - cut,))
    c.stamp(drawing, 1, 15 - drawing.shape[0], metal, wood)
    etched = d.pick(("", "", "dots", "slant", "chevron"))
    if etched:
        c.tint(metal, -1, pattern(etched, d.between(0, 3), d.between(0, 3)))
    wrap = d.chance()
    if wrap:
        ramp = d.pick(("red", "blue", "green", "bone"))
        for x in (4, 6):
            c.line(x, 15 - x, x + 1, 15 - x, ramp, MID)
    if d.chance(0.3):
        c.flip()
        c.shade()
    present(c)
    return tags(colour_name(metal), METALS.get(metal, "crystal"), "wrap" if wrap else "")


@kind("spell")
def hammer(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "black", "brown", "orange", "ice", "red"))
    wood = d.pick([name for name in WOODS if name != metal])
    trim = d.pick(("yellow", "red", "blue", "white"))
    haft(c, d.between(1, 4), 14, 10, 5, wood)
    head = d.pick(HAMMER_HEADS)
    if d.chance():
        head = without(head, rows=(4,), columns=(4,))
    c.stamp(head, 5, 1, metal, trim if trim != metal else "teal", halo=True)
    texture = d.pick(("", "slant", "dots", "chevron"))
    if texture:
        c.tint(metal, -1, pattern(texture, d.between(0, 3), d.between(0, 3)))
    if d.chance(0.3):
        c.flip()
    present(c)
    return tags(colour_name(metal), METALS.get(metal, "wood" if metal == "brown" else "crystal"))


STAFF_HEADS = {
    "crook": art("""
    .333...
    34.32..
    3...3..
    3.c.3..
    .3.32..
    ...3...
    """),
    "claw": art("""
    3..cc..
    3.cddc.
    33cdcb3
    .3.cb.3
    .333332
    ...32..
    """),
    "trident": art("""
    4..4..4
    4..4..4
    3..3..3
    3.333.2
    .33332.
    ...3...
    """),
    "ring": art("""
    ..333..
    .34.32.
    .3.c.3.
    .3dcb2.
    .33.32.
    ..332..
    """),
    "skull": art("""
    .ddddc.
    dddddcc
    d11d11c
    ddd1ccb
    .dcdcb.
    ..3.3..
    """),
    "wings": art("""
    d.....c
    dd.c.cc
    ddcdcbb
    .dcccb.
    ..3c2..
    ...3...
    """),
}


@kind("spell")
def staff(c: Canvas, d: Dice) -> Tags:
    wood = d.pick((*WOODS, "yellow", "grey", "black"))
    gem = d.pick([name for name in BRIGHT if name != wood])
    head = d.pick(tuple(STAFF_HEADS))
    top = d.between(6, 7)
    if head == "skull":
        gem = "bone"
    c.line(7, top, 7, 14, wood, MID)
    if d.chance():
        c.line(8, top, 8, 14, wood, SHADOW)
    for _ in range(d.between(0, 3)):
        c.dot(d.pick((6, 8)), d.between(8, 13), d.pick((wood, "green", "yellow")), MID)
    c.stamp(STAFF_HEADS[head], 4, 1, wood, gem)
    glow = d.chance()
    present(c)
    if glow:
        sparkle(c, d, gem, d.between(2, 5))
    main = gem if c.area(gem) >= c.area(wood) // 2 else wood
    return tags(colour_name(main), "wood" if wood in WOODS else METALS[wood], head)


BOWS = gallery("""
.33......
d3343....
d..333...
d...343..
d....33..
d....343.
d.....cc.
d.....cb.
d....332.
d....33..
d...332..
d..332...
d2332....
.22......

..33.....
.3443....
d3..33...
d....33..
d.....3..
d.....33.
d....dcb.
d....dcb.
d.....32.
d.....3..
d....32..
d3..32...
.3332....
..22.....
""")
SHAFT = art("""
kj........43.
jikkkkkkkk443
kj........32.
""")


@kind("spell")
def bow(c: Canvas, d: Dice) -> Tags:
    wood = d.pick((*WOODS, "red", "green", "blue", "yellow", "purple", "black"))
    grip = d.pick([name for name in ("bone", "yellow", "red", "white", "blue") if name != wood])
    drawing = d.pick(BOWS)
    if d.chance(0.4):
        drawing = without(drawing, rows=(4, 9))
    c.stamp(drawing, 4, 1, wood, grip)
    c.px[c.px == tone(grip, LIGHT)] = tone("white", MID)
    arrow = d.chance(0.6)
    if arrow:
        feather = d.pick(("red", "white", "green", "blue"))
        c.stamp(SHAFT, 1, drawing.shape[0] // 2 - 1, "grey", wood, wood, feather)
    if d.chance():
        c.tint(wood, 1, pattern("rows", 0, d.between(0, 2)))
    if d.chance():
        c.flip()
    present(c)
    return tags(colour_name(wood), "wood", "arrow" if arrow else "")


SHIELDS = gallery("""
dcccccccccccb
d33333333332b
d33333333332b
d33333333332b
d33333333332b
d33333333332b
c33333333332b
c33333333322b
.c333333332b.
.c333333322b.
..c3333322b..
...c33322b...
....ccbbb....
......b......

....ddccc....
..ddcccccbb..
.dc3333333cb.
.c333333332b.
dc3333333332b
dc3333333332b
cc3333333332b
cc3333333332b
cc3333333332b
.c333333332b.
.bc3333322bb.
..bbc222bbb..
....bbbbb....

.ccc.....ccb.
dc33ccccc32cb
d33333333332b
d33333333332b
c33333333332b
.c333333332b.
.c333333332b.
.c333333332b.
c33333333332b
c33333333322b
.c333333322b.
..cc33322bb..
....ccbbb....
......b......

..cccccccb..
.c33333332b.
c3333333332b
c3333333332b
c3333333332b
c3333333332b
c3333333332b
c3333333332b
c3333333332b
c3333333332b
c3333333332b
c3333333322b
.c33333322b.
..bbbbbbbb..
""")
EMBLEMS = {
    "cross": art("""
    ..43..
    ..43..
    444433
    333332
    ..32..
    ..32..
    ..32..
    """),
    "boss": art("""
    ......
    .4433.
    443332
    433332
    .3322.
    ......
    """),
    "star": art("""
    ..43..
    ..43..
    444333
    .4332.
    .3322.
    .3..2.
    """),
    "skull": art("""
    .4443.
    444433
    411413
    444433
    .4343.
    """),
    "crown": art("""
    4..4.3
    4.44.3
    444333
    433332
    333322
    """),
    "heart": art("""
    .4.33.
    444333
    443332
    .4332.
    ..32..
    """),
    "eye": art("""
    .4433.
    44o333
    43oo32
    .3332.
    """),
    "tree": art("""
    .4433.
    444333
    433332
    .3332.
    ..32..
    ..32..
    """),
}


@kind("spell")
def shield(c: Canvas, d: Dice) -> Tags:
    field, other = d.two(("red", "blue", "green", "purple", "white", "black", "orange", "teal", "brown", "yellow"))
    rim = d.pick([name for name in ("yellow", "grey", "brown", "bone", "orange") if name not in (field, other)])
    c.stamp(d.pick(SHIELDS), 2, 1, field, rim)
    x = np.arange(TILE)
    halves = {
        "half": np.broadcast_to(x >= 8, (TILE, TILE)),
        "quarters": (x >= 8) ^ (x[:, None] >= 7),
        "bend": abs(x - x[:, None]) < 3,
        "stripes": pattern("pales", d.between(0, 3)),
        "chief": np.broadcast_to(x[:, None] < 5, (TILE, TILE)),
        "chevron": pattern("chevron", d.between(0, 7), d.between(0, 3)),
    }
    division = d.pick((*halves, "plain", "plain", "half"))
    if division != "plain":
        c.recolour(field, other, halves[division])
    emblem = d.pick((*EMBLEMS, "")) if division in ("plain", "half", "quarters") else ""
    if emblem:
        charge = d.pick([name for name in ("yellow", "white", "grey", "bone") if name not in (field, other)])
        c.stamp(EMBLEMS[emblem], 5, d.between(3, 5), charge, halo=True)
    c.tint(field, 1, (x < 6) & (x[:, None] < 6) & pattern("dither"))
    present(c)
    return tags(colour_name(field), "wood" if rim == "brown" else METALS[rim], emblem or division)


RINGS = gallery("""
...33333...
..3444332..
.34....32..
343.....32.
33......32.
33.......32
33.......32
33......322
.33.....32.
.333...322.
..3333322..
....222....

..3333333..
.344433332.
344.....332
33.......32
33.......32
33.......32
333.....322
.333333322.
..2222222..
""")
STONES = gallery("""
.dddc.
ddccbb
dccbba
.ccba.
..ba..

.dcc.
ddccb
dcccb
ccbbb
.bbb.

dddccc
dccccb
dccccb
cbbbbb

..dc..
.ddcc.
ddccbb
.ccbb.
..bb..
""")


@kind("spell")
def ring(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "ice", "black", "bone", "white"))
    gem = d.pick([name for name in (*BRIGHT, "white") if name != metal])
    band = d.pick(RINGS)
    if d.chance(0.4):
        band = without(band, columns=(5,))
    stone = d.pick(STONES)
    rows, columns = stone.shape
    c.stamp(band, 2, 4, metal)
    middle = 2 + band.shape[1] // 2
    texture = d.pick(("", "", "rows", "slant", "dither"))
    if texture:
        c.tint(metal, -1, pattern(texture, d.between(0, 3), d.between(0, 3)))
    c.stamp(stone, middle - columns // 2, 4 - rows // 2 - d.between(0, 1), metal, gem, halo=True)
    if d.chance(0.35):
        for side in (-1, 1):
            c.stamp(SEAL[:2, 1:], middle - 1 + side * 4, 5, gem, halo=True)
    present(c)
    if d.chance(0.3):
        sparkle(c, d, gem, 2)
    return tags(colour_name(metal), METALS.get(metal, "silver"), f"{gem} stone")


GEMS = gallery("""
...44443333...
..4444333332..
.444433333222.
44443333322222
43333333332221
.433333333221.
..4333333221..
...43333221...
....433321....
.....4321.....
......31......

.....44.....
....4443....
...444433...
...444333...
..44443332..
..44433332..
..44433322..
..44333322..
..43333222..
...333322...
...333221...
....3221....
.....21.....

......43......
.....4433.....
.....4433.....
....444332....
....443332....
...44433322...
...44333322...
..4443333222..
..4433333222..
.444333332221.
.443333322221.
.433333222211.
..3322222211..
....222211....

..4444444433..
.443333333332.
44344444433222
43443333332322
43433333332322
43433333322322
43433333322322
43433332222322
43432222221322
43322222222122
.322222222211.
..22222221111.

......44......
.....4432.....
....443322....
....433322....
..44.4332.443.
.4432.32.44332
44332211443322
43332211433322
.433221.43322.
..3321...332..
...21.....2...
""")


@kind("spell")
def gem(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "ice", "black", "moss"))
    drawing = d.reshape(d.reshape(d.pick(GEMS), (5, 7), (5, 7)), (5, 7), (5, 7))
    c.stamp(drawing, 1, 1, ramp)
    c.sign("")
    if d.chance(0.3):
        second = d.pick([name for name in BRIGHT if name != ramp])
        split = np.add.outer(np.arange(TILE), np.arange(TILE) * d.pick((-1, 1)))
        c.recolour(ramp, second, split > d.between(3, 8) if split.min() < 0 else split > d.between(12, 17))
        c.sign(f"{second} tint")
    seen = c.parts()
    if d.chance(0.3):
        c.flip()
        c.shade()
    present(c)
    if d.chance(0.6):
        sparkle(c, d, ramp, d.between(1, 4))
    return tags(colour_name(ramp), "crystal", seen)


BOOKS = gallery("""
.3333333333..
344444444432.
343333333332.
343333333332d
343333333332d
343333333332d
343333333332d
343333333332d
343333333332d
343333333332d
342222222222d
33ddddddddddd
.3dcdcdcdcdcd
..22222222222

....33333333..
...34443333332
..23433333332
.234333333322
.23433333332d
.23433333332d.
.2343333332d.
.2343333332d..
.233333332d..
.2d22222222d..
.2ddddddddd...
..222222222...
""")
OPEN_BOOK = art("""
..ddd....ddd..
.ddddd..ddddd.
3dddddddddddd3
3dddddddddddd3
3dddddcbddddd3
3dddddcbddddd3
3dddddcbddddd3
3dddddcbddddd3
3dddddcbddddd3
33ccccccbcccc3
.333333333333.
......22......
""")


@kind("spell")
def book(c: Canvas, d: Dice) -> Tags:
    cover = d.pick((*BRIGHT, "brown", "black", "grey"))
    trim = d.pick([name for name in ("yellow", "grey", "white", "red", "teal") if name != cover])
    opened = d.chance(0.3)
    if opened:
        c.stamp(
            d.reshape(d.reshape(OPEN_BOOK, (4, 7), (3, 4)), (4, 7), (9, 10)), 1, 2, cover, d.pick(("bone", "white"))
        )
        for x in (3, 9):
            for y in range(5, 10, 2):
                c.line(x, y, x + d.between(1, 3), y, d.pick(("grey", trim)), SHADOW)
        if d.chance(0.5):
            c.stamp(d.pick(RUNES), d.pick((2, 9)), 4, trim)
        emblem = "open"
    else:
        drawing = d.reshape(d.reshape(d.pick(BOOKS), (4, 8), (4, 8)), (4, 8), (4, 8))
        c.stamp(drawing, 1, 1, cover, d.pick(("bone", "white")))
        emblem = d.pick((*EMBLEMS, "rune", "corners"))
        if emblem == "corners":
            for x, y in ((3, 3), (9, 3), (3, 9), (9, 9)):
                c.dot(x, y, trim, LIGHT)
            c.stamp(SEAL, 5, 5, trim)
        elif emblem == "rune":
            c.stamp(d.pick(RUNES), 4, 4, trim)
        else:
            c.stamp(EMBLEMS[emblem], 4, 3, trim)
        if d.chance(0.4):
            c.line(10, 6, 12, 6, trim, MID)
    if d.chance(0.3):
        c.stamp(RIBBON, d.between(8, 10), 12, trim)
    present(c)
    return tags(colour_name(cover), "paper" if opened else "leather", emblem)


RIBBON = art("""
3
3
2
""")
FLAMES = gallery("""
......3.......
......33......
..3...333.....
..33..3333.3..
...33.3433.33.
.3.3334443333.
.33.3444334333
.3333444d44333
334434ddd44433
33444dddddd433
3344ddddddd433
.344dddddd4433
.3344dddd4433.
...334444333..

.........3....
.......333....
......3343....
.....33443..3.
..3..34443.33.
.33.334443333.
.333344d433433
.343344dd44433
3344334ddd4433
3344dddddd4433
.344dddddd443.
.3344dddd4433.
..3334444433..
....333333....

...3..........
...33...3.....
....33.33.....
.3..343343..3.
.33.34434433..
.3334444d4433.
3344d44dd44433
344ddd4ddd4443
344dddddddd443
344ddddddd4443
.3444ddddd443.
..33444444433.
....333333....
""")
FIREBALL = art("""
..........3.3.
.......3.34.33
......334343..
.....34444334.
..33344d44433.
.344444dd4433.
344dddd4d443..
34ddddddd43.3.
4ddddddddd43..
4ddddddddd43..
34dddddddd43..
344dddddd443..
.344dddd443...
..33444433....
""")
FIRES = (
    ("orange", "yellow"),
    ("red", "orange"),
    ("red", "yellow"),
    ("blue", "ice"),
    ("green", "yellow"),
    ("purple", "pink"),
    ("teal", "white"),
    ("pink", "white"),
    ("black", "purple"),
)


@kind("spell")
def fire(c: Canvas, d: Dice) -> Tags:
    outer, inner = d.pick(FIRES)
    ball = d.chance(0.35)
    drawing = FIREBALL if ball else d.pick(FLAMES)
    if d.chance(0.4):
        drawing = without(drawing, rows=(d.between(9, 11),))
    if d.chance(0.4):
        drawing = without(drawing, columns=(d.between(5, 8),))
    c.stamp(drawing, 1, 1, outer, inner)
    if d.chance(0.5):
        c.tint(inner, -1, pattern("dither", d.between(0, 1)) & pattern("bands", 0, d.between(0, 3)))
    if d.chance(0.5):
        c.flip()
    present(c)
    sparkle(c, d, inner, d.between(0, 4))
    return tags(colour_name(outer), "fire", "ball" if ball else "flame")


CRYSTALS = gallery("""
......44......
.....4432.....
.....4432.....
44...4432...44
443..4432..443
4433.4432.4432
.44334432.4322
.443344324322.
..44314432322.
..4433144322..
...433144322..
...4331443222.
..233222222222

.........4444.
.......444332.
......4443322.
.....44433322.
....44443322..
..4.44433322..
.44.44333221..
.43444333221..
.43443332214..
..4443322143..
.444333221432.
.44332211432..
.4322..14321..
..22....211...
""")
FLAKE = art("""
......4......
...4..4..4...
..44..4..44..
.444.444.444.
....4.4.4....
...4.444.4...
4444443444444
...4.444.4...
....4.4.4....
.444.444.444.
..44..4..44..
...4..4..4...
......4......
""")


@kind("spell")
def ice(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("ice", "ice", "blue", "teal", "white", "purple"))
    form = d.pick(("crystal", "shard", "snowflake"))
    drawing = {"crystal": CRYSTALS[0], "shard": CRYSTALS[1], "snowflake": FLAKE}[form]
    if form == "snowflake":
        arms = d.between(0, 15)
        keep = drawing.copy()
        for bit, ringed in enumerate((1, 2, 3, 4)):
            if arms >> bit & 1:
                keep[[ringed, 12 - ringed]] = np.where(
                    FLAKE_SPINE[[ringed, 12 - ringed]], drawing[[ringed, 12 - ringed]], 0
                )
        drawing = keep
    else:
        drawing = without(drawing, rows=(d.between(4, 9),)) if d.chance() else drawing
        drawing = without(drawing, columns=(d.between(4, 9),)) if d.chance() else drawing
    c.stamp(drawing, 1, 1, ramp)
    if form == "snowflake":
        c.tint(ramp, -1, pattern(d.pick(("dither", "checks", "dots", "slant")), d.between(0, 3), d.between(0, 3)))
    elif d.chance(0.4):
        c.tint(ramp, 1, pattern("slant", d.between(0, 3)))
    if d.chance(0.4):
        c.flip()
    present(c)
    sparkle(c, d, "ice", d.between(0, 4))
    return tags(colour_name(ramp), "ice", form)


FLAKE_SPINE = np.add.outer(np.arange(13), np.arange(13)) % 12 == 0
FLAKE_SPINE |= np.eye(13, dtype=bool)
FLAKE_SPINE[:, 6] = True
BOLTS = gallery("""
......44443...
.....44433....
.....4433.....
....44433.....
....4433......
...44444443...
...33344433...
.....4433.....
.....443......
....443.......
....43........
...43.........
...3..........

..444.........
..4443........
...4433.......
....4433......
.....4443.....
..44444333....
..33444443....
....334443....
......4443....
.......4433...
........443...
.........443..
..........43..
...........3..

.......4.....4
..4...443...43
..43..43...43.
...4344434433.
...44443443...
....43...43...
44444.....443.
.3344.....4444
....43...433..
...4434.4443..
..44344433443.
.43..443..343.
43...43.....43
.....3.......3
""")


@kind("spell")
def lightning(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("yellow", "yellow", "blue", "ice", "purple", "white", "green", "pink", "orange"))
    which = d.between(0, 2)
    drawing = BOLTS[which]
    cloud = which < 2 and d.chance(0.4)
    if which < 2 and d.chance():
        drawing = without(drawing, rows=(d.between(3, 4),))
    if d.chance(0.4):
        drawing = repeat(drawing, columns=(6,))[:, :14]
    c.stamp(drawing, 1, 1, ramp, flip=d.chance())
    if cloud:
        c.stamp(d.pick(CLOUDS), 1, 1, d.pick(("grey", "white", "black", "purple")), halo=True)
    if which == 2:
        c.ellipse(7.5, 7.5, 3 - d.between(0, 1) * 0.6, 3, "white" if ramp != "white" else "ice")
    present(c)
    sparkle(c, d, ramp, d.between(0, 5))
    return tags(colour_name(ramp), "lightning", "cloud" if cloud else "orb" if which == 2 else "bolt")


CLOUDS = gallery("""
....333.......
..334443.333..
.344443333433.
34433333333332
33333332333322
.222222.2222..

......3333....
..33.344433...
.344344333332.
3443333333332.
33332333322222
.222.2222.22..
""")
KEYS = gallery("""
...3333.....
..344332....
.34...32....
.33...32....
.33..332....
..33332.....
....32......
....32......
....32......
....32......
....3343....
....3222....
....3243....
....3222....

..33.33.....
.34434432...
.33.33.32...
.33.33.32...
..3332222...
....32......
...3332.....
....32......
....32......
....32......
....32.43...
....33322...
....32.43...
....32......

....33......
...3432.....
..34.332....
.34...332...
..33.332....
...3332.....
....32......
....32......
....32......
....3343....
....3222....
....32......
....3343....
....3222....
""")


@kind("spell")
def key(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "grey", "orange", "ice", "black", "bone", "red", "green", "purple"))
    drawing = d.pick(KEYS)
    rows = tuple(row for row in (7, 8) if d.chance(0.4))
    c.stamp(without(drawing, rows=rows), 2, 1, metal)
    stone = d.chance(0.5)
    gem_ramp = d.pick([name for name in BRIGHT if name != metal])
    if stone:
        c.dot(6, 2 if drawing is KEYS[1] else 4, gem_ramp, MID)
        c.stamp(SEAL[:2, :2], 5, 3, gem_ramp)
    if d.chance():
        c.tint(metal, -1, pattern(d.pick(("rows", "dots", "slant")), d.between(0, 3), d.between(0, 3)))
    ribbon = d.chance(0.4)
    if ribbon:
        ramp = d.pick(("red", "blue", "green", "pink"))
        c.stamp(RIBBON, 9, d.between(3, 5), ramp)
        c.line(8, 3, 10, 5, ramp, MID)
    if d.chance():
        c.flip()
    present(c)
    return tags(colour_name(metal), METALS.get(metal, "crystal"), "stone" if stone else "ribbon" if ribbon else "")


HELMETS = gallery("""
....444333....
..4444333332..
.444433333332.
.443333333332.
44333333333322
43333333333322
4oooo33oooo322
4oo3o33o3oo322
4333333333332
.4333o33o33322
.433o3oo3o322.
.4333o33o3322.
..33333333222.
...222222222..

......44......
....443333....
..4444333332..
.444333333332.
.443333333332.
4433333333332
ccdccccccccbbb
43333333333322
4oooooooooooo2
43333oooo33322
.4333o33o3322.
.333oo..oo322.
.33........22.
""")
HELMET_TOPS = {
    "horns": art("""
    d............d
    dd..........dc
    .dd........dc.
    .ddc......dcb.
    ..dc......cb..
    """),
    "plume": art("""
    ......cc......
    .....ddcc.....
    ....dddccb....
    .....dccb.....
    """),
    "wings": art("""
    dd..........dd
    .ddd......ddd.
    dddc......cddd
    .ddcc....ccdd.
    ..ccc....ccc..
    """),
    "spike": art("""
    ......c.......
    ......dc......
    .....ddcb.....
    """),
}


@kind("spell")
def helmet(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "black", "ice", "orange", "red", "blue", "green"))
    trim = d.pick([name for name in ("yellow", "red", "blue", "white", "purple", "bone") if name != metal])
    top = d.pick((*HELMET_TOPS, ""))
    drawing = d.reshape(d.reshape(d.pick(HELMETS), (1, 3), (6, 7)), (10, 11), (6, 7))
    if top in ("plume", "spike"):
        drawing = without(drawing, rows=(4,))
    if top == "plume":
        c.stamp(HELMET_TOPS[top], 1, 1, metal, trim)
    elif top:
        c.stamp(HELMET_TOPS[top], 1, 1, metal, "bone" if top == "horns" else trim)
    if top in ("horns", "wings"):
        drawing = without(drawing, columns=(3, 10))
    c.stamp(drawing, 8 - drawing.shape[1] // 2, 15 - drawing.shape[0], metal, trim, halo=bool(top))
    crest = d.pick((0, 1, 2))
    for y in range(15 - drawing.shape[0], 15 - drawing.shape[0] + 5 * min(crest, 1)):
        c.line(7, y, 7 + crest - 1, y, trim, MID)
    if d.chance(0.3):
        c.tint(metal, -1, pattern("dots", d.between(0, 3), d.between(0, 3)))
    present(c)
    return tags(colour_name(metal), METALS.get(metal, "enamel"), top)


ORB_STANDS = gallery("""
.cc......cc.
..dcccccccb.
...dcccccb..
..cdccccbbb.

dc........cb
.ccccccccbb.
..c..cb..b..
.cc.ccb..bb.

...dccccb...
....dccb....
...dccccb...
..ddcccbbb..
""")


@kind("spell")
def orb(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "ice", "black", "white"))
    radius = d.pick((4.6, 5.1, 5.6))
    c.ellipse(7.5, 6.5, radius, radius, ramp)
    inner = d.pick(("swirl", "stars", "eye", "mist", "split", "rune"))
    other = d.pick([name for name in (*BRIGHT, "white") if name != ramp])
    y, x = np.mgrid[:TILE, :TILE]
    if inner == "swirl":
        c.recolour(ramp, other, (x - y + ((x - 7) * (y - 7)) // 4 + d.between(0, 5)) % 6 < 2)
    elif inner == "mist":
        c.recolour(ramp, other, (y > d.between(6, 8)) & pattern("dither", d.between(0, 1)))
        c.recolour(ramp, other, y > 9)
    elif inner == "split":
        c.recolour(ramp, other, (y > 6) if d.chance() else (x > 7))
    elif inner == "stars":
        for _ in range(d.between(3, 6)):
            c.dot(d.between(5, 10), d.between(4, 9), other, LIGHT)
    else:
        c.stamp(EMBLEMS["eye"] if inner == "eye" else d.pick(RUNES), 5, 4 + d.between(0, 1), other)
    stand = d.chance(0.75)
    if stand:
        c.stamp(d.pick(ORB_STANDS), 2, 11, ramp, d.pick(("yellow", "brown", "grey", "umber")), halo=True)
    present(c)
    if not stand:
        sparkle(c, d, ramp, 3)
    return tags(colour_name(ramp), "crystal", inner)


CHAINS = gallery("""
...33333333...
..3........3..
.3..........3.
.3..........3.
.3..........3.
..3........3..
..3........3..
...3......3...
....3....3....
.....3..3.....

....333333....
..33......33..
.3..........3.
3............3
3............3
.3..........3.
.3..........3.
..33......33..
....33..33....
......33......
""")


@kind("spell")
def amulet(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "bone", "ice"))
    ramp = d.pick([name for name in (*BRIGHT, "white", "black") if name != metal])
    c.stamp(d.pick(CHAINS), 1, 1, metal)
    beads = d.chance(0.4)
    c.tint(metal, 1, pattern("dither", d.between(0, 1)))
    if beads:
        c.recolour(metal, d.pick(("red", "green", "blue", "white")), pattern("checks", d.between(0, 1)))
    if d.chance(0.5):
        shape = d.pick(tuple(EMBLEMS))
        drawing = EMBLEMS[shape]
    else:
        shape, drawing = "stone", np.maximum(d.pick(STONES), 4) - 4
    c.stamp(drawing, 8 - drawing.shape[1] // 2, 15 - drawing.shape[0] - d.between(0, 1), ramp, halo=True)
    present(c)
    if d.chance(0.3):
        sparkle(c, d, ramp, 2)
    return tags(colour_name(ramp), METALS[metal], shape)


HEARTS = gallery("""
..333...333..
.34443.33333.
3444333333332
3443333333332
3433333333322
3333333333322
.33333333322.
..333333322..
...3333322...
....33322....
.....322.....
......2......

...33..33...
.3344333332.
344433333332
343333333332
333333333322
333333333322
.3333333322.
..33333322..
....3322....
.....22.....
""")


@kind("spell")
def heart(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "pink", "blue", "green", "purple", "yellow", "black", "white", "orange"))
    drawing = d.pick(HEARTS)
    if d.chance():
        drawing = without(drawing, rows=(d.between(4, 6),))
    if d.chance(0.4):
        drawing = without(drawing, columns=(3, drawing.shape[1] - 4))
    c.stamp(drawing, 1, 2, ramp)
    extra = d.pick(("wings", "half", "crack", "bandage", "arrow", "crown", ""))
    other = d.pick([name for name in ("white", "yellow", "grey", "bone", "ice") if name != ramp])
    if extra == "half":
        c.recolour(ramp, "grey", np.broadcast_to(np.arange(TILE) >= d.between(5, 9), (TILE, TILE)))
    elif extra == "crack":
        x = d.between(5, 8)
        for y in range(3, 10):
            c.dot(x + (y // d.pick((1, 2))) % 2, y, "black", DEEP)
    elif extra == "bandage":
        c.line(4, 9 - d.between(0, 2), 9, 5, other, LIGHT)
        c.line(5, 9, 10, 5 + d.between(0, 1), other, MID)
    elif extra == "wings":
        c = _winged(c, drawing, ramp, other)
    elif extra == "arrow":
        c.line(2, 13, 4, 10, "brown", MID)
        c.line(10, 5, 13, 2, "brown", MID)
        c.stamp(SEAL, 12, 1, other)
    elif extra == "crown":
        c.stamp(EMBLEMS["crown"], 4, 1, other, halo=True)
    if d.chance(0.3):
        c.tint(ramp, -1, pattern(d.pick(("dots", "slant", "checks")), d.between(0, 3), d.between(0, 3)))
    present(c)
    sparkle(c, d, ramp, d.between(0, 3))
    return tags(colour_name(ramp), "heart", extra)


HEART_WING = art("""
44...
443..
.4443
44433
.4433
..433
...33
""")


def _winged(c: Canvas, drawing: np.ndarray, ramp: str, feather: str) -> Canvas:
    """The heart again, smaller, between two wings."""
    c.px[:] = 0
    c.stamp(HEART_WING, 1, 3, feather)
    c.stamp(HEART_WING, 10, 3, feather, flip=True)
    small = without(drawing, rows=(4,), columns=(2, 3, 8, 9))
    c.stamp(small, 8 - small.shape[1] // 2, 3, ramp, halo=True)
    return c


BOMB_TOPS = gallery("""
....bb
...b..
.33b..
.332..

bb....
..b...
.33b..
.332..

.b..
..b.
.b..
3332
""")


@kind("spell")
def bomb(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("black", "black", "blue", "red", "purple", "green", "grey", "brown"))
    radius = d.pick((4.6, 5.1, 5.6))
    c.ellipse(6.5, 9.0, radius, radius - d.between(0, 1) * 0.5, ramp)
    face = d.pick(("", "skull", "eye", "star", "heart", "band"))
    other = d.pick([name for name in ("white", "yellow", "orange", "pink") if name != ramp])
    if face == "band":
        c.recolour(
            ramp,
            other,
            pattern(d.pick(("bands", "slant", "pales", "checks")), d.between(0, 3), d.between(0, 3)),
        )
    elif face:
        c.stamp(EMBLEMS[face], 4, 7, other)
    lit = d.chance(0.7)
    c.stamp(d.pick(BOMB_TOPS), 5, 1, "grey" if ramp != "grey" else "black", "tan")
    top = np.argwhere(c.px > 0)[0]
    present(c)
    if lit:
        spark = d.pick(("yellow", "orange", "red"))
        for dx, dy in ((0, 0), (1, -1), (1, 1), (-1, -1), (2, 0)):
            if d.chance(0.75):
                c.dot(int(top[1]) + 1 + dx, int(top[0]) + dy, spark, LIGHT if dx else MID)
    return tags(colour_name(ramp), "iron", face or ("spark" if lit else ""))


BOOTS = gallery("""
.ccccccc......
.dcccccb......
..344332......
..343332......
..343332......
..343332......
..3433332.....
..3433333333..
.3443333333332
.3433333333322
.3333333333322
bbbb.bbbbbbbbb
""")


@kind("spell")
def boots(c: Canvas, d: Dice) -> Tags:
    leather = d.pick((*WOODS, "red", "blue", "green", "purple", "black", "grey", "yellow"))
    trim = d.pick([name for name in ("bone", "white", "yellow", "red", "teal") if name != leather])
    drawing = BOOTS[0]
    if d.chance():
        drawing = without(drawing, rows=tuple(range(4, 4 + d.between(1, 2))))
    if d.chance(0.4):
        drawing = without(drawing, columns=(d.between(9, 10),))
    c.stamp(drawing, 1, 2, leather, trim)
    extra = d.pick(("wing", "buckle", "laces", "spots", "spur"))
    if extra == "wing":
        c.stamp(BOOT_WING, 1, 4, leather, "white" if leather != "white" else "yellow", halo=True)
    elif extra == "buckle":
        c.line(3, 9, 8, 9, trim, SHADOW)
        c.stamp(DOT_BUCKLE, d.between(5, 6), 8, "yellow" if leather != "yellow" else "grey")
    elif extra == "laces":
        for y in range(5, 10, 2):
            c.line(6, y, 8, y, trim, LIGHT)
    elif extra == "spots":
        c.recolour(leather, trim, pattern(d.pick(("dots", "spots", "slant")), d.between(0, 5), d.between(0, 5)))
    else:
        c.stamp(SEAL, 0, 10, "yellow" if leather != "yellow" else "grey")
    if d.chance(0.4):
        c.flip()
    present(c)
    return tags(colour_name(leather), "leather", extra)


BOOT_WING = art("""
dd....
.ddd..
dddcc.
.dccb.
..cb..
""")
DOT_BUCKLE = art("""
443
4.3
332
""")


@kind("spell")
def crown(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "ice", "red", "bone", "white"))
    drawing = d.pick(CROWNS)
    for _ in range(3):
        drawing = d.reshape(drawing, (1, 6), (2, 11))
    lining = d.pick([name for name in ("red", "purple", "blue", "green", "teal") if name != metal])
    c.stamp(drawing, 1, 3, metal, lining)
    stones = [d.pick([name for name in BRIGHT if name != metal]) for _ in range(2)]
    row = drawing.shape[0] - d.between(0, 1)
    for index, x in enumerate(range(3 + d.between(0, 1), 13, d.pick((2, 3, 4)))):
        c.dot(x, row, stones[index % 2], MID)
        c.dot(x, row - 1, stones[index % 2], LIGHT)
    present(c)
    if d.chance(0.4):
        sparkle(c, d, metal, 3)
    return tags(colour_name(metal), METALS.get(metal, "enamel" if metal == "red" else "silver"), f"{stones[0]} stones")


CROWNS = gallery("""
......44......
4.....43.....4
43...4433...43
443..4333..433
44334433333332
44343333333332
44333333333332
43333333333332
44444444333333
33333333333322
33333333333222
.222222222222.

......44......
.....4433.....
..44..33..33..
.44cccccccc33.
4ccddccccccbb3
4cdcccccccccb3
4cccc4433cccb3
44ccc4333ccb33
.44cc4333cb33.
44444444333333
43333333333332
33333333333322
.222222222222.

4...44.33....4
44..43.33...43
444.433332.433
44443333333332
44333333333332
43333333333322
44444443333333
33333333333322
.222222222222.
""")
COINS = gallery("""
....44444....
..444333333..
.44333333332.
.43333333332.
4433333333322
4333333333322
4333333333322
4333333333322
4333333333322
.33333333322.
.33333333222.
..332222222..
....22222....
""")
PILE = art("""
.....44433....
....4333332...
....2333322...
..44422221333.
.433333244332.
.2333332433332
.122222143322.
44443144433322
43333323333322
2333322333332.
1222221222221.
""")


@kind("spell")
def coin(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "black", "ice", "green"))
    if d.chance(0.25):
        c.stamp(PILE if d.chance() else without(PILE, rows=(9,)), 1, 3, metal)
        c.tint(metal, 1, pattern(d.pick(("dots", "spots", "dither")), d.between(0, 3), d.between(0, 3)))
        face = "pile"
    else:
        drawing = COINS[0]
        if d.chance(0.5):
            drawing = without(drawing, columns=tuple(range(5, 5 + d.between(1, 4))))
        c.stamp(drawing, 1, 1, metal)
        face = d.pick((*EMBLEMS, "rune"))
        emblem = EMBLEMS[face] if face != "rune" else d.pick(RUNES)
        x, y = 1 + (drawing.shape[1] - emblem.shape[1]) // 2, 4
        c.stamp(emblem, x, y, metal if d.chance() else d.pick(("white", "red", "blue")), halo=True)
    if d.chance(0.3):
        c.flip()
    present(c)
    sparkle(c, d, metal, d.between(0, 4))
    return tags(colour_name(metal), METALS.get(metal, "jade"), face)
