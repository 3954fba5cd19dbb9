"""Food: fruit, vegetables, bakes, meat, sweets and drinks, one function a kind."""

import numpy as np

from sprites.draw.brush import TILE, Canvas, art, gallery, pattern, without
from sprites.draw.palette import DEEP, LIGHT, MID, OUTLINE, SHADOW, colour_name, tone
from sprites.draw.registry import Dice, Tags, kind, tags


def serve(canvas: Canvas) -> None:
    """The last touch of every dish: middle of the tile, outline."""
    canvas.centre()
    canvas.outline()


APPLES = gallery("""
...333.333..
.3344333332.
344433333332
344333333332
343333333332
333333333322
333333333322
.3333333222.
.2333332222.
..222.2222..

..333..333...
.34433333332.
3444333333322
3443333333322
3333333333222
2333333332222
.23333332222.
..222..222...

...33333...
..3443332..
.344333332.
34433333332
34333333332
33333333322
33333333322
33333333222
.333333222.
.233332222.
..222.222..
""")
STALKS = gallery("""
.....ab.gg
.....a.hgf
.....a.ff.
.....a....

.hgg.b....
hgfgab....
.ff..a....
.....a....

......b...
.....a....
.....a....

....hg.hg.
...hgg.ggf
....ffaff.
.....a....
""")
BITE = gallery("""
..22
.2cd
2cd-
2cd-
.2cd
..22

.22.
2cd-
cd--
2cd-
.2cd
""")


def bite(c: Canvas, d: Dice, y: int, ramp: str, flesh: str) -> None:
    """A piece bitten off the right side at row y: what lies beyond the rim of flesh is gone."""
    drawing = d.pick(BITE)
    right = int(np.flatnonzero(c.px[y + 2])[-1])
    x = right - 2 - d.between(0, 1)
    solid = c.px > 0
    c.stamp(drawing, x, y, ramp, flesh)
    for row in range(1, drawing.shape[0] - 1):
        c.px[y + row, x + 4 :] = 0
    c.px[~solid] = 0


def _blush(d: Dice) -> np.ndarray:
    """Boolean [16, 16]: one side or the lower part of a fruit, with a dithered border."""
    y, x = np.mgrid[:TILE, :TILE]
    depth = d.pick((x - 7, y - 7, x + y - 15, 7 - x)) - d.between(1, 3)
    return (depth > 2) | ((depth >= 0) & pattern("dither"))


@kind("food")
def apple(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "green", "yellow", "orange", "pink"))
    cut = d.chance(0.2)
    body = d.reshape(CUT_APPLE if cut else d.pick(APPLES), (2, 6), (2, 9))
    c.stamp(body, 1, 4, ramp, d.pick(("bone", "white")), "brown")
    if not cut and d.chance(0.4):
        other = d.pick([name for name in ("red", "yellow", "green", "orange") if name != ramp])
        c.recolour(ramp, other, _blush(d))
    bitten = not cut and d.chance(0.3)
    if bitten:
        bite(c, d, d.between(5, 7), ramp, "bone")
    c.stamp(d.pick(STALKS), body.shape[1] // 2 - 5, 1, "brown", "green")
    serve(c)
    return tags(colour_name(ramp), "fruit", "cut" if cut else "bite" if bitten else "")


CUT_APPLE = art("""
..333..333..
.3dddccddc2.
3dddcccccdc2
3ddccggcccc2
3dccgccgccc2
3dccgccgccb2
3dcccggcccb2
.3dccccccb2.
.3ddcccccb2.
..3cdcccb2..
...22.222...
""")


PEARS = gallery("""
...333....
..34432...
..34332...
.3443332..
.34333332.
3443333332
3433333322
3333333322
3333333222
.333333222
..2222222.

....33333..
...3443332.
...343332..
..3433332..
.344333332.
34433333322
34333333322
33333333322
.333333222.
..2222222..

..3333...
.344332..
.343332..
.343332..
.3433332.
34433332.
343333322
333333322
333333222
.3333222.
..22222..
""")
PEAR_STALKS = gallery("""
...ab..
...a.hg
...a.g.

..b....
..ba...
...a...

.gh.b..
.fggb..
...fa..
""")


@kind("food")
def pear(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("green", "moss", "yellow", "orange", "red"))
    c.stamp(d.reshape(d.reshape(d.pick(PEARS), (2, 4), (3, 6)), (6, 9), (3, 6)), 3, 4, ramp)
    if d.chance(0.5):
        c.tint(ramp, -1, pattern("dots", d.between(0, 3), d.between(0, 3)))
    if d.chance(0.4):
        c.recolour(ramp, d.pick([name for name in ("orange", "red", "yellow", "green") if name != ramp]), _blush(d))
    bitten = d.chance(0.2)
    if bitten:
        bite(c, d, d.between(7, 8), ramp, "bone")
    c.stamp(d.pick(PEAR_STALKS), 3, 1, "brown", "green")
    serve(c)
    return tags(colour_name(ramp), "fruit", "bite" if bitten else "")


CHERRY = gallery("""
.333.
34433
34332
33322
.222.

.33.
3432
3332
.22.

.3333.
344333
343332
333332
333322
.2222.
""")
CHERRY_LEAF = gallery("""
.ghh.
gghgg
ffgf.

hhg
ggf

ghhg.gh
.ffgggf
...ff..
""")


@kind("food")
def cherries(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "pink", "purple", "yellow", "black"))
    ball = d.pick(CHERRY)
    size = ball.shape[0]
    top = d.between(6, 8), d.between(1, 2)
    places = [(1, d.between(7, 9)), (d.between(size + 2, 9), d.between(7, 9))]
    if d.chance(0.3) and size < 6:
        places.append((size, 10))
    for x, y in places:
        c.line(*top, x + size // 2, y, "green" if d.chance(0.7) else "brown", SHADOW)
    for x, y in places:
        c.stamp(ball, x, y, ramp, halo=True)
    leaf = d.chance(0.75)
    if leaf:
        drawing = d.pick(CHERRY_LEAF)
        flip = d.chance(0.4)
        c.stamp(
            drawing,
            top[0] + (1 - drawing.shape[1] if flip else 0),
            top[1] - 1,
            ramp,
            "green",
            "green",
            flip=flip,
        )
    serve(c)
    return tags(colour_name(ramp), "fruit", "leaf" if leaf else "")


CARROTS = gallery("""
......333..
....344333.
...34443333
..344323332
..343333322
.3443332322
.343333222.
.32333332..
34433322...
3433332....
33322......
3222.......
22.........

.....3333..
....344333.
...34433333
..344323333
..343333322
.3443333322
.343323322.
.34333322..
3433332....
33332......
3322.......
322........

.......3333.
.....3344333
....34443333
..3344323332
.34433333322
.33323332322
3443333322..
33333222....
33222.......
222.........
""")
CARROT_LEAVES = gallery("""
..c.d..
d.c.c.d
cdccccc
.ccbcb.
.bcbb..

.d..dc.
.cd.cb.
..ccc.d
..bcccc
..bbc..

dc.....
.cdcd..
.bcccdc
..bcb..
..bb...
""")


@kind("food")
def carrot(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("orange", "orange", "orange", "yellow", "purple", "red", "bone"))
    body = d.pick(CARROTS)
    if d.chance(0.4):
        body = without(body, rows=(5, 7))
    body = d.reshape(body, (2, 4), (4, 7))
    rows, columns = body.shape
    leaves = d.pick(("green", "green", "moss", "teal"))
    c.stamp(d.pick(CARROT_LEAVES), columns - 4, 15 - rows - 3, ramp, leaves)
    c.stamp(body, 1, 15 - rows, ramp, halo=True)
    if d.chance(0.4):
        c.tint(ramp, -1, pattern("slant", d.between(0, 3)) & pattern("dither"))
    if d.chance(0.3):
        c.flip()
        c.shade()
    serve(c)
    return tags(colour_name(ramp), "vegetable", "leaf")


LOAVES = gallery("""
....333333....
..3344444433..
.344433444333.
34443344433332
34433444333332
33334433333322
33333333333322
23333333333222
.222222222222.

..33333333333.
.3444434444332
34443344433332
34433444334332
33333333333322
23333333333322
.222222222222.
""")
BUN = art("""
....33333....
..334444333..
.34444444333.
3444444333332
3444433333332
3333333333322
.2333333322..
""")
SLICES = gallery("""
..33333333..
.3cddddddc2.
3cddddddddc2
3cddddddddc2
.3cddddddc2.
.3cddddddc2.
.3cddddddc2.
.3cdddddcc2.
.3ccdddccc2.
..22222222..

.333..333..
3ddc33ddc2.
3dddddddc2.
3dddddddc2.
3dddddddc2.
3dddddddc2.
3dddddccc2.
3cdddccc22.
.2222222...
""")
BAGUETTE = art("""
..........333.
........34443.
.......3443432
......34343332
.....343443322
....34433332..
...343443322..
..344333322...
.34344332.....
.3433332......
34433222......
.332222.......
""")
SPREADS = gallery("""
..gh.....
.gghhgg..
gghggggg.
.gggggggf
.gggfggf.
..ff.ff..

.ggg.....
ghhgggg..
ggggggggf
.ff.ggff.
....ff...

..hhhh.
.hhhhhg
.hhhhgg
..hhgg.
""")


@kind("food")
def bread(c: Canvas, d: Dice) -> Tags:
    crust = d.pick(("brown", "brown", "orange", "tan", "umber"))
    form = d.pick(("loaf", "bun", "slice", "baguette"))
    topping = ""
    if form == "slice":
        c.stamp(d.reshape(d.pick(SLICES), (4, 7), (3, 7)), 2, 3, crust, d.pick(("bone", "bone", "tan")))
        if d.chance(0.75):
            topping = d.pick(("red", "purple", "yellow", "green", "orange"))
            c.stamp(d.pick(SPREADS), d.between(3, 4), d.between(4, 6), crust, "bone", topping)
    elif form == "bun":
        c.stamp(d.reshape(d.reshape(BUN, (2, 4), (4, 8)), (3, 5), (4, 8)), 1, 4, crust)
        slash = d.pick(("cross", "seeds", "line"))
        if slash == "cross":
            c.line(5, 6, 8, 8, "bone", MID)
            c.line(8, 5, 5, 8, "bone", MID)
        elif slash == "line":
            c.line(4, 5 + d.between(0, 1), 10, 7, "bone", MID)
        else:
            for _ in range(6):
                c.dot(d.between(3, 10), d.between(5, 8), "bone", LIGHT)
    elif form == "loaf":
        c.stamp(d.reshape(d.reshape(d.pick(LOAVES), (2, 4), (3, 9)), (3, 5), (3, 9)), 1, 4, crust)
        for x in range(3 + d.between(0, 1), 12, d.pick((3, 4))):
            c.line(x, 7, x + 1, 5, "bone", MID)
    else:
        c.stamp(d.reshape(BAGUETTE, (4, 7), (4, 8)), 1, 2, crust, flip=d.chance(0.4))
        if d.chance():
            c.tint(crust, 1, pattern("chevron", d.between(0, 7), d.between(0, 3)))
    if d.chance(0.3):
        c.tint(crust, -1, pattern("dots", d.between(0, 3), d.between(0, 3)))
    serve(c)
    return tags(colour_name(crust), "bread", f"{topping} spread" if topping else "")


WEDGES = gallery("""
.........444..
.......444444.
.....444444444
...44444444444
.4444444444444
33333333333332
33333333333332
33333333333332
33333333333332
33333333333332
22222222222222

......4444....
....44444444..
..444444444444
44444444444444
33333333333332
33333333333332
33333333333332
33333333333332
22222222222222

...444444444..
.4444444444433
44444444443332
33333333333322
33333333333322
33333333333322
3333333333322.
222222222222..
""")
HOLES = gallery("""
122
223
.3.

12
24

122.
1223
.233

1
""")


@kind("food")
def cheese(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("yellow", "yellow", "orange", "bone", "white"))
    wedge = d.reshape(d.pick(WEDGES), (4, 6), (3, 9))
    c.stamp(wedge, 1, 2, ramp)
    first = 7 - (wedge.shape[0] < 11) * 2
    holes = d.between(2, 4)
    for place in range(holes):
        c.stamp(d.pick(HOLES), 1 + place * 13 // holes + d.between(0, 1), first + d.between(0, 3), ramp)
    mouldy = d.chance(0.3)
    if mouldy:
        c.recolour(ramp, d.pick(("teal", "green", "ice")), pattern("spots", d.between(0, 5), d.between(0, 5)))
    rind = d.chance(0.5)
    if rind:
        for x in np.flatnonzero(c.px[wedge.shape[0] + 1]):
            c.dot(int(x), wedge.shape[0] + 1, "red", SHADOW)
    if d.chance(0.4):
        c.flip()
    serve(c)
    return tags(colour_name(ramp), "cheese", "mould" if mouldy else "rind" if rind else "")


FISHES = gallery("""
......bbb.....
...3333333...3
..344444333.33
.3wo4343433333
33oo3343333332
33333333333332
.33222222222.2
..dddcc22...22
......bb......

.....bbbb.....
...44443333..3
.344444433333.
34443433333333
33wo3433333332
33oo3333333322
33333433332.22
.dddccc2222..2
..dddcc22.....
....bbb.......
""")
HERRING = art("""
....bb........
..3344433...33
.3wo433333333.
33oo3433333332
3333333333333.
.ddddccc22.322
....bb......22
""")
PLATE = art("""
3444444444433
.33333333332.
...222222....
""")


@kind("food")
def fish(c: Canvas, d: Dice) -> Tags:
    ramp, fin = d.two(("blue", "teal", "grey", "orange", "red", "yellow", "purple", "green", "pink"))
    body = d.pick((FISHES[0], FISHES[1], HERRING))
    c.stamp(body, 1, 3, ramp, fin)
    texture = d.pick(("", "dots", "pales", "slant", "checks"))
    if texture:
        tail = pattern(texture, d.between(0, 3), d.between(0, 3)).copy()
        tail[:, :5] = False
        if d.chance():
            c.recolour(ramp, fin, tail)
        else:
            c.tint(ramp, -1, tail)
    plate = d.chance(0.3)
    if plate:
        c.stamp(PLATE, 1, 3 + body.shape[0], d.pick(("white", "ice", "bone")), halo=True)
    if d.chance():
        c.flip()
    serve(c)
    return tags(colour_name(ramp), "fish", "plate" if plate else "")


CAKE_TOP = art("""
..3333333333..
.344444444332.
34444444443332
33333333333332
""")
DRIPS = gallery("""
33c33cc33c3cb2
c3ccc3cccbcbbb

3c33c333c33c32
cccc3cccc3bbb2

333c333c33cc32
c3ccc3cccc3bbb
""")
SPONGE = gallery("""
cdddcccccccbbb
cddccccccccbbb

cdddccccccccbb
ghhhgggggggfff
cdddccccccbbbb
""")
CAKE_FOOT = art("""
.bbbbbbbbbbbb.
""")
TOPPERS = {
    "candle": art("""
    k
    k
    c
    b
    """),
    "cherry": art("""
    .f.
    cdc
    ccb
    """),
    "cream": art("""
    .l.
    lkl
    kkj
    """),
}


@kind("food")
def cake(c: Canvas, d: Dice) -> Tags:
    icing, filling = d.two(("pink", "white", "brown", "red", "green", "ice", "purple", "yellow", "orange"))
    sponge = d.pick(("bone", "tan", "brown", "pink"))
    topper = d.pick(("candle", "cherry", "cream", ""))
    y = 5 if topper else 3
    c.stamp(CAKE_TOP, 1, y, icing, sponge)
    layers = d.pick((SPONGE[:1], SPONGE[1:], SPONGE[1:])) + ([SPONGE[0]] if not topper and d.chance() else [])
    bottom = y + 4
    for drawing in (d.pick(DRIPS), *layers, CAKE_FOOT):
        c.stamp(drawing, 1, bottom, icing, sponge, filling)
        bottom += drawing.shape[0]
    if d.chance(0.4):
        for _ in range(7):
            c.dot(d.between(3, 11), y + d.between(1, 2), d.pick((filling, "yellow", "red")), MID)
    if topper:
        drawing = TOPPERS[topper]
        places = d.pick(((7,), (4, 9), (3, 7, 11)))
        for x in places:
            flavour = d.pick(("red", "blue", "white")) if topper == "candle" else "red"
            c.stamp(
                drawing,
                x - drawing.shape[1] // 2,
                y + 2 - drawing.shape[0],
                icing,
                flavour,
                "brown",
                "yellow" if topper == "candle" else "white",
                halo=True,
            )
    serve(c)
    return tags(colour_name(icing), "cake", topper)


DRUMSTICK = art("""
........3333..
......33443332
.....344433332
....3444333332
...34433333332
...34333333322
...33333333322
...2333333322.
...b23333222..
..dcb222222...
ddcb..........
ddc...........
.dd...........
""")
SAUSAGE = art("""
...........cb.
.........333b.
........34443.
.......344332.
......3443332.
.....3443332..
....3443332...
...3443332....
..3443332.....
.3443332......
.343332.......
.33322........
bc222.........
.b............
""")
STEAKS = gallery("""
...cccccc.....
.cc333333ccc..
c33444433333c.
c34433333dd33c
c3433333dccd3c
c3333333dcd33b
.c3333333d333b
.c2333333333bb
..bb23333bbb..
....bbbbb.....

.ccccc........
c344433ccccc..
c34dd3344333c.
c3dccd3333333c
.c3dd33333333c
.c33333333332b
..cc33333322b.
....bbbbbbb...
""")


@kind("food")
def meat(c: Canvas, d: Dice) -> Tags:
    form = d.pick(("drumstick", "drumstick", "sausage", "steak"))
    ramp = d.pick(("brown", "orange", "tan", "umber", "cocoa") if form != "steak" else ("red", "pink"))
    if form == "steak":
        c.stamp(d.reshape(d.pick(STEAKS), (3, 7), (3, 8)), 1, 3, ramp, d.pick(("bone", "white", "fair")))
    else:
        drawing = DRUMSTICK if form == "drumstick" else SAUSAGE
        drawing = d.reshape(d.reshape(drawing, (3, 6), (6, 10)), (3, 6), (6, 10))
        c.stamp(drawing, 1, 1, ramp, d.pick(("bone", "white")))
    bitten = form != "steak" and d.chance(0.25)
    if bitten:
        bite(c, d, d.between(3, 5), ramp, d.pick(("fair", "bone")))
    texture = d.pick(("", "slant", "dots", "rows", "pales"))
    if texture:
        c.tint(ramp, -1, pattern(texture, d.between(0, 3), d.between(0, 3)))
    if d.chance(0.4):
        c.flip()
    serve(c)
    return tags(colour_name(ramp), "meat", "bite" if bitten else form if form != "drumstick" else "bone")


MUG = art("""
.dddddddd.....
dddddddddd....
dcddcddcdc....
4333333332.233
4343333232.2.3
4343333232...3
4343333232...3
4343333232...3
4343333232.2.3
4343333232233.
3333333322....
.22222222.....
""")
GLASS = art("""
4........3
4........3
4cddccccb3
4cdcccccb3
4cdcccccb3
.4cccccb3.
.4cdcccb3.
.4ccccbb3.
.4ccccbb3.
..333333..
""")
GOBLET = art("""
4cddccccb3
4cdcccccb3
4cccccccb3
.4cccccb3.
..4cccb3..
...3333...
....32....
....32....
....32....
..433332..
""")
CUP = art("""
...h...h....
..h...h.....
...g...g....
............
.cccccccc...
44ccccccb3..
4443333333.3
444333333.23
344333333..3
3343333322.3
.33333322.3.
..333222....
.22222222222
""")
CARTON = art("""
..3333332..
..4333332..
..4333332..
...43332...
...43332...
..4433332..
.443333332.
.443333322.
.4cddcccb2.
.4cdccccb2.
.4cdccccb2.
.443333322.
.333333322.
..2222222..
""")


@kind("food")
def drink(c: Canvas, d: Dice) -> Tags:
    form = d.pick(("mug", "glass", "goblet", "cup", "bottle"))
    liquid = d.pick(("red", "yellow", "orange", "purple", "green", "blue", "pink", "brown", "teal"))
    accessory = ""
    if form == "mug":
        wood = d.pick(("brown", "grey", "tan", "yellow"))
        foam = d.pick(("white", "bone"))
        c.stamp(d.reshape(d.reshape(MUG, (5, 7), (3, 6)), (5, 7), (3, 6)), 1, 2, wood, foam)
        c.tint(wood, -1, pattern(d.pick(("columns", "pales", "dither", "rows")), d.between(0, 3), d.between(0, 3)))
        accessory, liquid = "foam", wood
    elif form in ("glass", "goblet"):
        drawing = GLASS if form == "glass" else GOBLET
        drawing = d.reshape(d.reshape(drawing, (2, 3), (3, 5)), (2, 3), (4, 5))
        c.stamp(
            drawing,
            3,
            4,
            d.pick(("ice", "white", "grey") if form == "glass" else ("yellow", "grey", "ice")),
            liquid,
        )
        accessory = d.pick(("straw", "slice", "ice", ""))
        _garnish(c, d, accessory)
    elif form == "cup":
        china = d.pick(("white", "ice", "pink", "blue", "green", "red", "yellow"))
        tea = d.pick(("brown", "orange", "green", "red"))
        cup = d.reshape(d.reshape(CUP, (7, 8), (3, 6)), (7, 8), (3, 6))
        c.stamp(cup, 2, 2, china, tea if tea != china else "brown", "white")
        accessory, liquid = "steam", china
    else:
        carton = d.reshape(d.reshape(CARTON, (2, 4), (3, 6)), (8, 11), (3, 6))
        c.stamp(carton, 2, 1, d.pick(("white", "ice", "grey", "bone")), liquid)
        if d.chance():
            c.tint(liquid, -1, pattern(d.pick(("rows", "checks", "dither")), 0, d.between(0, 3)))
    serve(c)
    return tags(colour_name(liquid), form, accessory)


def _garnish(c: Canvas, d: Dice, accessory: str) -> None:
    """What is put into a glass that stands at (3, 4)."""
    ramp = d.pick(("red", "yellow", "green", "pink"))
    if accessory == "straw":
        x = d.between(6, 8)
        c.line(x + 2, 1, x, 5, ramp, MID)
        c.dot(x + 3, 1, ramp, LIGHT)
    elif accessory == "slice":
        c.stamp(CITRUS_SLICE, 9, 2, ramp, "bone", halo=True)
    elif accessory == "ice":
        for x in (5, 8):
            c.stamp(ICE_CUBE, x, 5 + d.between(0, 1), "ice")


CITRUS_SLICE = art("""
.333.
3ddd3
3d4d3
3ddd2
.332.
""")
ICE_CUBE = art("""
44
43
""")


MELONS = gallery("""
ghhhhhhhhhhhhg
gdddddddddddcg
g44333333332cg
.g4333333332g.
.gd33333332cg.
..gd333322cg..
...gddcccgg...
....gggggg....

......44......
.....4433.....
.....4333.....
....443333....
....433333....
...44333332...
...43333332...
..4433333322..
..4333333332..
.dddccccccccb.
.hhgggggggggf.
..ffffffffff..

gg............
hdgg..........
gd4dgg........
gd444ddgg.....
gd43333ddgg...
.gd433333dcg..
.gd4333332dcg.
..gd3333322cg.
...gdc332222cg
....ggdcccc22g
......gggccccg
.........ggggg

....hhhhgg....
..hhhhggggff..
.hhhhgggggggf.
.hhhggggggggf.
hhhgggggggggff
hhgggggggggggf
hhgggggggggggf
hggggggggggggf
hggggggggggfff
.gggggggggfff.
.ggggggggffff.
..fffffffff...
....fffff.....
""")


@kind("food")
def melon(c: Canvas, d: Dice) -> Tags:
    ramp, rind = d.pick(
        (
            ("red", "green"),
            ("pink", "green"),
            ("orange", "moss"),
            ("yellow", "green"),
            ("green", "moss"),
            ("red", "teal"),
            ("orange", "yellow"),
            ("teal", "green"),
        )
    )
    which = d.between(0, 3)
    drawing = d.reshape(MELONS[which], ((3, 4), (4, 7), (3, 6), (3, 8))[which], (5, 8))
    if d.chance(0.5):
        drawing = d.reshape(drawing, ((3, 4), (4, 7), (3, 6), (3, 6))[which], (4, 8))
    c.stamp(drawing, 1, 2, ramp, "white" if d.chance() else "bone", rind, flip=d.chance())
    if which == WHOLE:
        stripes = pattern(d.pick(("columns", "pales", "slant", "chevron")), d.between(0, 3), d.between(0, 3))
        c.tint(rind, d.pick((-1, 1)), stripes)
        c.stamp(d.pick(STALKS[:3]), d.between(1, 3), 0, "brown", "green")
        serve(c)
        return tags(colour_name(rind), "fruit", "whole")
    seeds = d.between(2, 7)
    hits = 0
    for _ in range(30):
        x, y = d.between(3, 12), d.between(3, 12)
        flesh = (c.px[y, x - 1 : x + 2] >= tone(ramp, SHADOW)) & (c.px[y, x - 1 : x + 2] <= tone(ramp, LIGHT))
        if hits < seeds and flesh.all():
            c.dot(x, y, "black", DEEP)
            hits += 1
    serve(c)
    return tags(colour_name(ramp), "fruit", "seeds" if hits else "")


WHOLE = 3  # of the melons, the one that nobody cut


EGGS = gallery("""
....333...
...34433..
..3444333.
..3443333.
.344433332
.344333332
3443333332
3433333332
3433333322
3333333322
2333333222
.33333222.
..222222..

...333...
..34433..
.3444333.
.3443333.
344333332
343333332
333333322
233333322
.2333222.
..22222..
""")
FRIED = gallery("""
...3333.......
.334444333....
3444ccc43333..
344cddcc433333
34cddcccc43333
34cdccccc44433
344cccccb44333
.344cccb443333
.33444444333..
..3333333.33..
....333.......

....33333.....
..33444443333.
.344ccc4444433
.34cddcc444433
34cddcccc44433
34ccccccb4433.
344ccccb44433.
3444cbb444333.
.33444444333..
..33333.333...
""")
EGG_CUP = art("""
d........c
dcccccccbb
.dcccccbb.
..bbbbbb..
....cb....
...dccb...
""")


@kind("food")
def egg(c: Canvas, d: Dice) -> Tags:
    if d.chance(0.35):
        yolk = d.pick(("yellow", "yellow", "orange"))
        drawing = d.reshape(d.reshape(d.pick(FRIED), (2, 3), (9, 11)), (7, 9), (9, 11))
        c.stamp(drawing, 1, 2, "white", yolk, flip=d.chance())
        if d.chance(0.4):
            for _ in range(5):
                c.dot(d.between(3, 12), d.between(4, 10), "black", SHADOW)
        serve(c)
        return tags("white", "egg", "fried")
    ramp = d.pick(("bone", "white", "tan", "ice", "pink", "green", "yellow", "teal"))
    drawing = d.reshape(d.pick(EGGS), (4, 7), (3, 6))
    c.stamp(drawing, 3, 1, ramp)
    other = d.pick([name for name in ("red", "blue", "purple", "teal", "orange", "brown", "green") if name != ramp])
    texture = d.pick(("", "dots", "bands", "spots", "chevron", "checks"))
    if texture:
        c.recolour(ramp, other, pattern(texture, d.between(0, 3), d.between(0, 3)))
    cup = drawing.shape[0] < 12 and d.chance(0.7)
    if cup:
        c.stamp(EGG_CUP, 3, 9, "white", d.pick(("blue", "red", "yellow", "grey")), halo=True)
    serve(c)
    return tags(colour_name(ramp), "egg", "cup" if cup else "painted" if texture else "")


CAPS = gallery("""
...33333333...
.334444433333.
34443333333332
3333.3333.3332
.22...22...22.

.....3333.....
...34444333...
..3444433333..
.344433333333.
.343333333333.
34333333333332
33333333333322
22222222222222

....333333....
..3344443333..
.344443333333.
34443333333332
33333333333332
.222222222222.

......33......
.....3433.....
....344333....
...34433333...
..3443333332..
.344333333332.
.333333333322.
..2222222222..
""")
STEMS = gallery("""
.abccba.
..dccb..
..dccb..
.ddccbb.
.dcccbb.
..cccb..

.abbbba.
..dccb..
..dccb..
..dccb..
.ddccbb.
""")


@kind("food")
def mushroom(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "brown", "orange", "bone", "purple", "tan", "blue"))
    stem = d.pick(("white", "bone"))
    stem = stem if stem != ramp else "white"
    cap = d.reshape(d.reshape(d.pick(CAPS), (2, 4), (4, 9)), (2, 4), (4, 9))
    rows, columns = cap.shape
    foot = d.reshape(d.pick(STEMS), (1, 3), (3, 4))
    c.stamp(foot, 1 + (columns - foot.shape[1]) // 2, 1 + rows, ramp, stem)
    c.stamp(cap, 1, 1, ramp)
    young = d.pick(("", "", "left", "right"))
    if young:
        bottom, x = 1 + rows + foot.shape[0], 1 if young == "left" else 9
        c.stamp(YOUNG, x, bottom - YOUNG.shape[0] + d.between(0, 1), ramp, stem, halo=True)
    spotted = d.chance(0.65)
    if spotted:
        spot = "white" if ramp != "bone" else "brown"
        for x in range(3 + d.between(-1, 1), 14, d.between(3, 4)):
            y = 1 + d.between(2, rows - 2)
            wide = d.between(0, 1)
            for px in range(x, x + 1 + wide):
                if c.px[y, px] and c.px[y, px] >= tone(ramp, SHADOW):
                    c.dot(px, y, spot, LIGHT if x < 9 else MID)
    serve(c)
    spotted = spotted and bool((c.px == tone(spot, LIGHT)).any())
    return tags(colour_name(ramp), "mushroom", "+".join(filter(None, ("spots" * spotted, "young" * bool(young)))))


YOUNG = art("""
.333..
34332.
33332.
.dcb..
.dcb..
""")


GRAPE = art("""
343
332
.2.
""")
VINE = gallery("""
...ab.gg.
..hga.hgg
.hhggagg.
..ggfa...
....ff...

...b......
hg.ab.gg..
ghgafhggg.
.ggfagff..
""")
CLUSTERS = (
    (4, 3, 4, 3, 2),
    (3, 4, 3, 2, 1),
    (4, 3, 2, 1),
    (3, 4, 3, 2),
    (4, 4, 3, 2, 1),
    (3, 3, 2, 1),
    (2, 3, 4, 3, 2),
)


@kind("food")
def grapes(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("purple", "purple", "green", "red", "blue", "pink", "black"))
    rows = d.pick(CLUSTERS)
    y = 4
    slant = d.pick((0, 0, -1, 1))
    for index, count in enumerate(rows):
        left = 8 - (count * 3 + 1) // 2 + slant * (index // 3)
        for place in range(count):
            if d.chance(0.94):
                c.stamp(GRAPE, left + place * 3, y, ramp, halo=True)
        y += 2
    c.stamp(d.pick(VINE), 3, 1, ramp, "brown", "green", halo=True, flip=d.chance())
    serve(c)
    return tags(colour_name(ramp), "fruit", "leaf")


BANANAS = {
    "single": art("""
    ..........ab..
    ..........ab..
    ..........33..
    .........3432.
    .........3432.
    ........34332.
    .......344332.
    a.....3443322.
    33..334443322.
    344444443322..
    .3444433332...
    ..33333322....
    ....2222......
    """),
    "bunch": art("""
    ..aab.........
    ..aab.........
    .334322.......
    .3431342......
    .34312342.....
    .343122342....
    .3431312342...
    .3443134123422
    ..3443134412ab
    ..344431334432
    ...34433133ab.
    ....34443332..
    .....233332...
    .......ab.....
    """),
    "peeled": art("""
    .....ghgg.....
    ....hgggff....
    ....hgggff....
    ....hggggf....
    .44.hgggff.33.
    4334hgggff3332
    432.4ggff3.232
    43.444333322.2
    3..43443332..3
    ...43433332...
    ....4343332...
    ....4333322...
    .....33322....
    .....aaab.....
    """),
}


@kind("food")
def banana(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("yellow", "yellow", "yellow", "green", "orange", "red", "moss"))
    form = d.pick(("single", "bunch", "peeled"))
    drawing = BANANAS[form]
    rows, columns = {"single": ((4, 7), (4, 8)), "bunch": ((5, 7), (4, 8)), "peeled": ((1, 4), (4, 6))}[form]
    drawing = d.reshape(d.reshape(drawing, rows, columns), rows, columns)
    c.stamp(drawing, 1, 1, ramp, "brown", d.pick(("bone", "white")))
    if form == "peeled" and d.chance():
        c.px[: d.between(2, 3)] = 0  # somebody has eaten the tip
    if d.chance():
        c.recolour(
            ramp,
            "brown",
            pattern("dots", d.between(0, 3), d.between(0, 3)) & pattern("spots", d.between(0, 5)),
        )
    if d.chance():
        c.flip()
    serve(c)
    return tags(colour_name(ramp), "fruit", "" if form == "single" else form)


BERRIES = gallery("""
..3333.3333..
.344433433332
3444333333332
3443333333322
3433333333322
.33333333322.
.33333333222.
..333333322..
...3333322...
....33222....
.....22......

...33333333..
.334443333332
3444333333332
3443333333322
.34333333322.
..333333322..
..333333222..
...3333222...
....33222....
.....222.....

....33333....
..334433332..
.34443333322.
3444333333322
3443333333322
3433333333322
3333333333222
.33333333222.
..333333222..
....22222....
""")
CROWNS = gallery("""
..f..h..g..
.hgghgggg..
hggfgagfgg.
.g..g..g.f.

.....a.....
..hg.a.gg..
.hggggggff.
.g.gg.gg.f.
""")


@kind("food")
def strawberry(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "red", "pink", "white", "yellow", "purple"))
    drawing = d.reshape(d.reshape(d.pick(BERRIES), (3, 6), (4, 9)), (3, 8), (4, 9))
    cut = d.chance(0.25)
    c.stamp(drawing, 1, 4, ramp)
    if cut:
        flesh = d.pick([name for name in ("pink", "bone", "white", "fair") if name != ramp])
        c.recolour(ramp, flesh, _inner(_inner(c.px > 0)))
        c.stamp(STRAWBERRY_HEART, drawing.shape[1] // 2 - 1, 7, ramp)
    seed = "yellow" if ramp in ("red", "pink", "purple") else "red"
    step = d.pick((3, 4))
    for y in range(6, 13, 2):
        for x in range(3 + (y // 2) % 2 * 2 + d.between(0, 1), 13, step):
            if tone(ramp, SHADOW) <= c.px[y, x] <= tone(ramp, LIGHT):
                c.dot(x, y, seed, LIGHT if x < 8 else MID)
    c.stamp(d.pick(CROWNS), (drawing.shape[1] - 9) // 2, 2, ramp, "moss", "green", halo=True)
    serve(c)
    return tags(colour_name(ramp), "fruit", "cut" if cut else "")


STRAWBERRY_HEART = art("""
.33.
3443
.33.
.33.
""")


def _inner(shape: np.ndarray) -> np.ndarray:
    """Boolean [16, 16]: the pixels of a shape whose four neighbours belong to it as well."""
    wide = np.pad(shape, 1)
    return shape & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]


SCOOP = art("""
..3333..
.344333.
34433332
34333332
33333322
33233222
2.22.22.
""")
CONES = gallery("""
ddccccbb
.dcbcbb.
.cccbcb.
..cbcb..
..ccbb..
...cb...

dddcccbb
.dcccbb.
.dbcbcb.
.dcccbb.
..dcbb..
..ddcb..
""")
LOLLY = art("""
..3333333..
.344333332.
.344333332.
.343333332.
.343333332.
.333333332.
.333333322.
.333333322.
.222222222.
.....cb....
.....cb....
.....cb....
""")


@kind("food")
def ice_cream(c: Canvas, d: Dice) -> Tags:
    flavour, second = d.two(("pink", "white", "brown", "green", "ice", "yellow", "purple", "red", "orange", "teal"))
    if d.chance(0.3):
        c.stamp(LOLLY if d.chance() else without(LOLLY, columns=(5,)), 2, 1, flavour, "tan")
        cut = d.pick(("bands", "rows", "slant", "dots", "half"))
        where = np.tri(TILE, k=d.between(-3, 3), dtype=bool) if cut == "half" else pattern(cut, 0, d.between(0, 3))
        c.recolour(flavour, second, where)
        if d.chance(0.4):
            bite(c, d, d.between(1, 3), flavour, "white")
        serve(c)
        return tags(colour_name(flavour), "ice cream", "stick")
    c.stamp(d.pick(CONES), 4, 9, flavour, d.pick(("tan", "orange", "brown")))
    form = d.pick(("one", "two", "side"))
    if form == "side":
        c.stamp(SCOOP, 7, 4, second)
        c.stamp(SCOOP, 2, 4, flavour, halo=True)
    else:
        if form == "two":
            c.stamp(SCOOP, 4, 0, second)
        c.stamp(SCOOP, 4, 4, flavour, halo=True)
    extra = d.pick(("cherry", "wafer", "sprinkles", ""))
    top = {"one": (7, 2), "two": (7, -2), "side": (5, 2)}[form]
    if extra == "cherry" and form != "two":
        c.stamp(TOPPERS["cherry"], top[0] - 1, top[1], flavour, "red", "green", halo=True)
    elif extra == "wafer" and form != "two":
        c.line(top[0] + 3, top[1], top[0] + 2, top[1] + 3, "tan", LIGHT)
        c.line(top[0] + 4, top[1], top[0] + 3, top[1] + 3, "tan", SHADOW)
    else:
        c.sign("")
        for _ in range(6):
            x, y = d.between(4, 11), d.between(3, 8)
            if c.px[y, x]:
                c.dot(x, y, d.pick(("red", "yellow", "blue")), MID)
        c.sign("sprinkles")
        extra = c.parts()
    serve(c)
    return tags(colour_name(flavour), "ice cream", extra)


BUN_TOP = art("""
...44444333...
.334444433332.
34444443333332
34433333333322
.222222222222.
""")
BUN_FOOT = art("""
34433333333322
.333333333222.
""")
FILLINGS = {
    "patty": (
        "brown",
        art("""
    344333333332
    """),
    ),
    "lettuce": (
        "green",
        art("""
    4.443433.3332.
    34333233323322
    """),
    ),
    "tomato": (
        "red",
        art("""
    .44333.33333.
    """),
    ),
    "cheese": (
        "yellow",
        art("""
    44433333333332
    .3..333..33...
    """),
    ),
    "onion": (
        "white",
        art("""
    .344.3343.33
    """),
    ),
}


@kind("food")
def burger(c: Canvas, d: Dice) -> Tags:
    crust = d.pick(("orange", "tan", "brown", "umber", "bone"))
    if d.chance(0.25):
        return _hot_dog(c, d, crust)
    narrow = tuple(range(4, 4 + d.pick((0, 0, 1, 2))))
    seeds = d.pick(("", "white", "bone"))
    c.stamp(without(d.reshape(BUN_TOP, (1, 3), (6, 7))[:, :14], columns=narrow), 1, 1, crust)
    if seeds:
        for _ in range(d.between(4, 7)):
            c.dot(d.between(4, 11), d.between(2, 4), seeds, LIGHT)
    names = [d.pick(tuple(FILLINGS)) for _ in range(d.between(1, 3))]
    names.insert(d.between(0, len(names)), "patty")
    y = 6
    for name in names:
        ramp, drawing = FILLINGS[name]
        drawing = without(drawing, columns=narrow)
        c.stamp(drawing, 8 - drawing.shape[1] // 2, y, ramp, under=name != "cheese" and y == 5)
        y += 1 + (name in ("patty", "lettuce"))
        if name == "patty":
            c.stamp(without(PATTY_FOOT, columns=narrow), 1, y - 1, ramp)
    c.stamp(without(BUN_FOOT, columns=narrow), 1, y, crust)
    serve(c)
    return tags(colour_name(crust), "burger", names[0])


def _hot_dog(c: Canvas, d: Dice, crust: str) -> Tags:
    """A sausage in a bun with something squeezed over it."""
    sausage, sauce = d.pick(("red", "brown", "umber")), d.pick(("yellow", "red", "white", "green"))
    sausage = sausage if sausage not in (crust, sauce) else "pink"
    drawing = d.reshape(d.reshape(HOT_DOG, (5, 6), (3, 5)), (8, 9), (8, 10))
    c.stamp(drawing, 1, 3, crust, sausage)
    phase, step = d.between(0, 3), d.pick((1, 2))
    for x in range(3, drawing.shape[1] - 1):
        c.dot(x, 6 + (x + phase) // step % 2, sauce, LIGHT if x < 9 else MID)
    if d.chance(0.4):
        c.flip()
    serve(c)
    return tags(colour_name(crust), "burger", "hot dog")


HOT_DOG = art("""
..3443333333..
.344333333332.
34433333333322
ddcccccccccccb
dcccccccccccbb
dcccccccccccbb
.bbbbbbbbbbbb.
34444333333332
34433333333322
.333333333222.
""")
PATTY_FOOT = art("""
.222222222222.
""")
ROUND = gallery("""
....33333....
..334444333..
.34444333333.
.34433333333.
3443333333332
3433333333332
3333333333322
3333333333322
.33333333322.
.33333333222.
..233332222..
....22222....

....33333..
..3344333..
.344433333.
34443333332
34433333332
34333333332
33333333322
33333333322
.333333222.
..3333222..
....222....

....3333......
..33444333....
.3444433333...
3444333333333.
34433333333333
34333333333332
.3333333333322
..333333333...
....3333222...
""")
HALF = art("""
....33333....
..333ddd333..
.33dd444dd32.
.3d44d44d4d3.
33d444d44d432
3d44444d4444d
3dddddddddddd
3d44444d44442
33d44d44d4d32
.3d4d444d4d2.
.33dd444dd32.
..333ddd322..
....32222....
""")


@kind("food")
def citrus(c: Canvas, d: Dice) -> Tags:
    cut = d.chance(0.35)
    ramp = d.pick(("orange", "yellow", "green", "red", "pink") if cut else ("orange", "orange", "yellow", "green"))
    if cut:
        drawing = HALF if d.chance() else without(HALF, columns=(4, 8))
        if d.chance(0.4):
            drawing = drawing[: 7 + d.between(0, 1)]
        c.stamp(drawing, 1, 1, ramp, d.pick(("white", "bone")))
    else:
        drawing = d.reshape(d.pick(ROUND), (3, 6), (4, 8))
        c.stamp(drawing, 1, 3, ramp)
        c.tint(ramp, d.pick((-1, 1)), pattern(d.pick(("dots", "spots")), d.between(0, 3), d.between(0, 3)))
        c.stamp(d.pick(STALKS), drawing.shape[1] // 2 - 5, 1, "brown", "green")
    if d.chance(0.3):
        c.flip()
    serve(c)
    return tags(colour_name(ramp), "fruit", "cut" if cut else "leaf")


PIZZA = art("""
...bbbcccc....
.bbcccddccccc.
bccdd3333dcccb
bc443333333ccb
.b3443333333b.
..33333333332.
..2333333332..
...33333333...
...2333333....
....333332....
....23333.....
.....3332.....
.....233......
......3.......
""")
PIE = art("""
....344443....
..3344333433..
.344333333332.
34333433343332
33334333433333
33333333333332
cddcddcddcddcb
.cccccccccccb.
..cbcbcbcbcb..
...bbbbbbbb...
""")


@kind("food")
def pizza(c: Canvas, d: Dice) -> Tags:
    sauce = d.pick(("yellow", "yellow", "orange", "red", "white"))
    whole = d.chance(0.35)
    crust = d.pick([name for name in ("tan", "orange", "brown") if name != sauce])
    if whole:
        drawing = d.reshape(PIE_PIZZA, (3, 9), (3, 9))
        c.stamp(drawing, 1, 1, sauce, crust)
        if d.chance(0.2):
            c.px[: 1 + drawing.shape[0] // 2, 1 + drawing.shape[1] // 2 :] = 0  # a quarter is gone
    else:
        c.stamp(d.reshape(d.reshape(PIZZA, (5, 9), (5, 9)), (7, 11), (5, 9)), 1, 1, sauce, crust)
    topping = d.pick(("salami", "olive", "pepper", "mushroom"))
    ramp = {"salami": "red", "olive": "black", "pepper": "green", "mushroom": "bone"}[topping]
    ramp = "brown" if ramp == sauce else ramp
    c.sign("")
    for x, y in ((4, 4), (8, 4), (6, 7), (9, 6), (7, 10), (5, 6), (10, 3), (3, 9), (9, 9)):
        x, y = x + d.between(-1, 1), y + d.between(0, 1)
        if d.chance(0.75) and (OUTLINE[c.px[y : y + 2, x : x + 2]] == tone(sauce, DEEP)).all():
            if topping == "pepper":
                c.line(x, y, x + 1, y + d.between(-1, 1), ramp, MID)
            else:
                c.stamp(DISC if topping != "olive" else DISC[:, :1], x, y, ramp)
    c.sign(topping)
    seen = c.parts()
    if d.chance():
        c.flip()
    serve(c)
    return tags(colour_name(sauce), "pizza", "+".join(filter(None, (seen, "whole" * whole))))


PIE_PIZZA = art("""
....ddccc....
..ddcccccbb..
.ddc43333cbb.
.dc4433333cb.
dc444333333cb
dc443333333cb
cc433333333cb
cc333333332cb
cc333333332cb
.cc3333332bb.
.bcc33332cbb.
..bbccccbbb..
....bbbbb....
""")


DISC = art("""
43
32
""")


@kind("food")
def pie(c: Canvas, d: Dice) -> Tags:
    filling = d.pick(("red", "purple", "orange", "brown", "pink", "yellow", "green"))
    crust = d.pick(("tan", "orange", "bone", "brown"))
    crust = crust if crust != filling else "bone"
    c.stamp(d.reshape(d.reshape(PIE, (2, 4), (5, 8)), (2, 4), (5, 8)), 1, 4, filling, crust)
    lattice = d.chance(0.6)
    if lattice:
        weave = pattern(d.pick(("slant", "columns", "checks", "chevron")), d.between(0, 3), d.between(0, 3))
        c.recolour(filling, crust, weave)
    steam = not lattice and d.chance()
    topped = not lattice and not steam
    if topped:
        c.stamp(
            TOPPERS["cherry" if d.chance() else "cream"],
            d.between(6, 7),
            3,
            "white",
            "red",
            "green",
            halo=True,
        )
    if steam:
        for x in (4, 8, 11):
            c.line(x, d.between(1, 2), x + d.between(-1, 1), 3, "white", MID)
    serve(c)
    return tags(colour_name(filling), "pie", "lattice" if lattice else "steam" if steam else "topping")


DONUTS = gallery("""
....33333....
..334444333..
.34443333333.
.34433333333.
344333--33332
34333-..-3332
34333-..-3332
333333--33322
c333333333322
.c3c3333c322.
.ccccc3ccccb.
..ccccccccb..
....bbbbb....

...333333....
..34444333...
.3443333333..
344333333333.
343333--33332
33333-..-3332
c3333-..-332b
c33333--3333b
.cc333333ccb.
.cccc3cccccb.
..bccccccbb..
....bbbbb....
""")


@kind("food")
def donut(c: Canvas, d: Dice) -> Tags:
    icing = d.pick(("pink", "brown", "white", "ice", "purple", "yellow", "red", "green", "orange"))
    drawing = d.reshape(d.pick(DONUTS), (8, 9), (2, 3))
    drawing = d.reshape(drawing, (2, 3), (drawing.shape[1] - 4, drawing.shape[1] - 3))
    c.stamp(drawing, 1, 2, icing, d.pick(("tan", "umber") if icing == "orange" else ("tan", "orange", "umber")))
    bitten = d.chance(0.3)
    if bitten:
        bite(c, d, d.between(3, 8), icing, "tan")
    c.sign("")
    style = d.pick(("sprinkles", "stripes", "plain"))
    other = "white" if icing != "white" else "pink"
    if style == "sprinkles":
        for _ in range(14):
            x, y = d.between(3, 12), d.between(4, 10)
            if tone(icing, SHADOW) <= c.px[y, x] <= tone(icing, LIGHT):
                c.dot(x, y, d.pick(("yellow", "red", "blue", "white")), LIGHT)
    elif style == "stripes":
        c.recolour(icing, other, pattern("slant", d.between(0, 3)) & pattern("dither", d.between(0, 1)))
    c.sign(style)
    seen = c.parts()
    serve(c)
    return tags(colour_name(icing), "pastry", "+".join(filter(None, (seen, "bite" * bitten))))


VEGETABLES = {
    "aubergine": (
        "purple",
        art("""
    .........bcb..
    ........bccb..
    .......cccbb..
    ......33ccb2..
    .....3433332..
    ....344333332.
    ...3443333332.
    ..34433333322.
    .344333333322.
    .343333333222.
    .333333333222.
    .23333333222..
    ..22333222....
    """),
    ),
    "tomato": (
        "red",
        art("""
    ......c.......
    ...dc.b.cc....
    ..33ccccb333..
    .34433c333332.
    34443333333332
    34433333333332
    33333333333322
    33333333333322
    23333333333222
    .233333332222.
    ...22222222...
    """),
    ),
    "pumpkin": (
        "orange",
        art("""
    ......bc......
    ......b.......
    ...33.b333....
    .334323323332.
    34432343333232
    34323433323322
    34323433323322
    33323333323322
    33323333323222
    23323333323222
    .223222322222.
    ...22..222....
    """),
    ),
    "turnip": (
        "pink",
        art("""
    ..c..d..c.....
    ..dc.c.cd.....
    ...cccccb.....
    ....ccbb......
    ..334433333...
    .344433333332.
    34443333333332
    34333333333322
    ghhggggggggff2
    .hggggggggff..
    ..gggggggff...
    ....ggfff.....
    ......f.......
    """),
    ),
    "corn": (
        "yellow",
        art("""
    ........333...
    .......343432.
    ......3434343.
    .....34343432.
    ..d.343434322.
    ..d343434322..
    .dc33434322c..
    .dcc34342ccb..
    .dcccc32ccb...
    .dcccccccbb...
    ..dcccccbb....
    ..bccccbb.....
    .bb.bbb.......
    """),
    ),
}


@kind("food")
def vegetable(c: Canvas, d: Dice) -> Tags:
    name = d.pick(tuple(VEGETABLES))
    usual, drawing = VEGETABLES[name]
    ramp = usual if d.chance(0.5) else d.pick(("green", "yellow", "red", "white", "purple", "orange", "teal"))
    drawing = d.reshape(d.reshape(drawing, (6, 7), (5, 8)), (6, 7), (5, 8))
    c.stamp(drawing, 1, 1, ramp, "green" if ramp != "green" else "moss", "white" if ramp != "white" else "bone")
    if d.chance(0.4):
        c.tint(
            ramp,
            d.pick((-1, 1)),
            pattern(d.pick(("dots", "pales")), d.between(0, 3), d.between(0, 3)) & pattern("spots"),
        )
    if d.chance():
        c.flip()
    serve(c)
    return tags(colour_name(ramp), "vegetable", name)


COOKIES = gallery("""
....33333....
..334444333..
.34444433333.
.34443333333.
3444333333332
3443333333332
3433333333322
3333333333322
.33333333322.
.33333333222.
..223333222..
....22222....
""")
# First ramp: dough. Second: icing.
ICED = gallery("""
..333...333..
.3ddc333ccc2.
3dddcc3cccc32
3ddcccccccc32
3dcccccccccb2
3cccccccccbb2
.3cccccccbb2.
..3cccccbb2..
...3cccbb2...
....3cbb2....
.....322.....

......3......
.....3d3.....
.....3dc2....
3333ddcc2333.
3dddddcccccc2
.3ddccccccb2.
..3dcccccb2..
..3dcccccb2..
.3dccccccbb2.
.3dccb2cbbb2.
.3cb22.22bb2.
.322.....222.

..333333333..
.3ddddccccc2.
.3ddccccccc2.
.3dcccccccb2.
.3dcccccccb2.
.3dcccccccb2.
.3cccccccbb2.
.3ccccccbbb2.
.32222222222.
""")
GINGERBREAD = art("""
....33333...
...3444332..
...3434342..
...3443332..
.3.2344322.3
3443333333332
.3344w333222.
....3443....
....3w33....
...344332...
..3443.3332.
..332...332.
""")


@kind("food")
def cookie(c: Canvas, d: Dice) -> Tags:
    dough = d.pick(("tan", "brown", "bone", "umber"))
    form = d.pick(("chips", "chips", "gingerbread", "iced", "iced"))
    if form == "gingerbread":
        _gingerbread(c, d, dough)
    elif form == "iced":
        icing = d.pick(("pink", "white", "ice", "green", "red", "yellow", "purple"))
        c.stamp(d.reshape(d.reshape(d.pick(ICED), (3, 6), (3, 8)), (3, 6), (3, 8)), 1, 2, dough, icing)
        _sprinkle(c, d, icing, d.between(0, 9), 2)
    else:
        drawing = d.reshape(d.reshape(COOKIES[0], (3, 8), (3, 8)), (3, 7), (3, 8))
        c.stamp(drawing, 1, 2, dough)
        chip = d.pick(("cocoa", "red", "black", "green", "white", "pink"))
        for _ in range(d.between(4, 9)):
            x, y = d.between(3, 10), d.between(4, 10)
            c.stamp(DISC if d.chance() else DISC[:1], x, y, chip)
        if d.chance(0.4):
            bite(c, d, d.between(4, 6), dough, dough)
    serve(c)
    return tags(colour_name(dough), "pastry", form)


def _gingerbread(c: Canvas, d: Dice, dough: str) -> None:
    """A man of gingerbread with icing on his limbs."""
    c.stamp(GINGERBREAD, 2, 2, dough)
    trim = d.pick(("white", "red", "green", "pink", "ice"))
    for y in (7, 10):
        c.dot(7, y, trim, MID)
    if d.chance():
        c.dot(2, 7, trim, LIGHT)
        c.dot(12, 7, trim, LIGHT)
    if d.chance():
        c.line(5, 12, 6, 12, trim, LIGHT)
        c.line(9, 12, 10, 12, trim, LIGHT)
    if d.chance():
        c.line(5, 8, 9, 8, d.pick(("red", "green", "blue", "white")), MID)
    for x in (6, 8):
        c.dot(x, 4, "black", DEEP)


def _sprinkle(c: Canvas, d: Dice, ramp: str, count: int, left: int) -> None:
    """Coloured sugar wherever it falls on this ramp."""
    for _ in range(count):
        x, y = d.between(left, 12), d.between(4, 11)
        if tone(ramp, SHADOW) <= c.px[y, x] <= tone(ramp, LIGHT):
            c.dot(x, y, d.pick([name for name in ("yellow", "red", "blue", "white") if name != ramp]), LIGHT)
