"""Food: fruit, vegetables, bakes, meat, sweets and drinks, one function a kind."""

import numpy as np

from sprites.draw.artwork import Art
from sprites.draw.brush import TILE, Canvas, pattern, without
from sprites.draw.dice import Dice, Tags, tags
from sprites.draw.palette import DEEP, LIGHT, MID, OUTLINE, SHADOW, colour_name, tone

ART = Art("food")


def bite(c: Canvas, d: Dice, y: int, ramp: str, flesh: str) -> None:
    """A piece bitten off the right side at row y: what lies beyond the rim of flesh is gone."""
    drawing = d.pick(ART.several("bite"))
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


def apple(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "green", "yellow", "orange", "pink"))
    cut = d.chance(0.2)
    body = d.reshape(ART.one("cut apple") if cut else d.pick(ART.several("apples")), (2, 6), (2, 9))
    c.stamp(body, 1, 4, ramp, d.pick(("bone", "white")), "brown")
    if not cut and d.chance(0.4):
        other = d.pick([name for name in ("red", "yellow", "green", "orange") if name != ramp])
        c.recolour(ramp, other, _blush(d))
    bitten = not cut and d.chance(0.3)
    if bitten:
        bite(c, d, d.between(5, 7), ramp, "bone")
    c.stamp(d.pick(ART.several("stalks")), body.shape[1] // 2 - 5, 1, "brown", "green")
    c.finish()
    return tags(colour_name(ramp), "fruit", "cut" if cut else "bite" if bitten else "")


def pear(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("green", "moss", "yellow", "orange", "red"))
    c.stamp(d.reshape(d.reshape(d.pick(ART.several("pears")), (2, 4), (3, 6)), (6, 9), (3, 6)), 3, 4, ramp)
    if d.chance(0.5):
        c.tint(ramp, -1, pattern("dots", d.between(0, 3), d.between(0, 3)))
    if d.chance(0.4):
        c.recolour(ramp, d.pick([name for name in ("orange", "red", "yellow", "green") if name != ramp]), _blush(d))
    bitten = d.chance(0.2)
    if bitten:
        bite(c, d, d.between(7, 8), ramp, "bone")
    c.stamp(d.pick(ART.several("pear stalks")), 3, 1, "brown", "green")
    c.finish()
    return tags(colour_name(ramp), "fruit", "bite" if bitten else "")


def cherries(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "pink", "purple", "yellow", "black"))
    ball = d.pick(ART.several("cherry"))
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
        drawing = d.pick(ART.several("cherry leaf"))
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
    c.finish()
    return tags(colour_name(ramp), "fruit", "leaf" if leaf else "")


def carrot(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("orange", "orange", "orange", "yellow", "purple", "red", "bone"))
    body = d.pick(ART.several("carrots"))
    if d.chance(0.4):
        body = without(body, rows=(5, 7))
    body = d.reshape(body, (2, 4), (4, 7))
    rows, columns = body.shape
    leaves = d.pick(("green", "green", "moss", "teal"))
    c.stamp(d.pick(ART.several("carrot leaves")), columns - 4, 15 - rows - 3, ramp, leaves)
    c.stamp(body, 1, 15 - rows, ramp, halo=True)
    if d.chance(0.4):
        c.tint(ramp, -1, pattern("slant", d.between(0, 3)) & pattern("dither"))
    if d.chance(0.3):
        c.flip()
        c.shade()
    c.finish()
    return tags(colour_name(ramp), "vegetable", "leaf")


def bread(c: Canvas, d: Dice) -> Tags:
    crust = d.pick(("brown", "brown", "orange", "tan", "umber"))
    form = d.pick(("loaf", "bun", "slice", "baguette"))
    topping = ""
    if form == "slice":
        c.stamp(d.reshape(d.pick(ART.several("slices")), (4, 7), (3, 7)), 2, 3, crust, d.pick(("bone", "bone", "tan")))
        if d.chance(0.75):
            topping = d.pick(("red", "purple", "yellow", "green", "orange"))
            c.stamp(d.pick(ART.several("spreads")), d.between(3, 4), d.between(4, 6), crust, "bone", topping)
    elif form == "bun":
        c.stamp(d.reshape(d.reshape(ART.one("bun"), (2, 4), (4, 8)), (3, 5), (4, 8)), 1, 4, crust)
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
        c.stamp(d.reshape(d.reshape(d.pick(ART.several("loaves")), (2, 4), (3, 9)), (3, 5), (3, 9)), 1, 4, crust)
        for x in range(3 + d.between(0, 1), 12, d.pick((3, 4))):
            c.line(x, 7, x + 1, 5, "bone", MID)
    else:
        c.stamp(d.reshape(ART.one("baguette"), (4, 7), (4, 8)), 1, 2, crust, flip=d.chance(0.4))
        if d.chance():
            c.tint(crust, 1, pattern("chevron", d.between(0, 7), d.between(0, 3)))
    if d.chance(0.3):
        c.tint(crust, -1, pattern("dots", d.between(0, 3), d.between(0, 3)))
    c.finish()
    return tags(colour_name(crust), "bread", f"{topping} spread" if topping else "")


def cheese(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("yellow", "yellow", "orange", "bone", "white"))
    wedge = d.reshape(d.pick(ART.several("wedges")), (4, 6), (3, 9))
    c.stamp(wedge, 1, 2, ramp)
    first = 7 - (wedge.shape[0] < 11) * 2
    holes = d.between(2, 4)
    for place in range(holes):
        c.stamp(d.pick(ART.several("holes")), 1 + place * 13 // holes + d.between(0, 1), first + d.between(0, 3), ramp)
    mouldy = d.chance(0.3)
    if mouldy:
        c.recolour(ramp, d.pick(("teal", "green", "ice")), pattern("spots", d.between(0, 5), d.between(0, 5)))
    rind = d.chance(0.5)
    if rind:
        for x in np.flatnonzero(c.px[wedge.shape[0] + 1]):
            c.dot(int(x), wedge.shape[0] + 1, "red", SHADOW)
    if d.chance(0.4):
        c.flip()
    c.finish()
    return tags(colour_name(ramp), "cheese", "mould" if mouldy else "rind" if rind else "")


def fish(c: Canvas, d: Dice) -> Tags:
    ramp, fin = d.two(("blue", "teal", "grey", "orange", "red", "yellow", "purple", "green", "pink"))
    body = d.pick((ART.several("fishes")[0], ART.several("fishes")[1], ART.one("herring")))
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
        c.stamp(ART.one("plate"), 1, 3 + body.shape[0], d.pick(("white", "ice", "bone")), halo=True)
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(ramp), "fish", "plate" if plate else "")


def cake(c: Canvas, d: Dice) -> Tags:
    icing, filling = d.two(("pink", "white", "brown", "red", "green", "ice", "purple", "yellow", "orange"))
    sponge = d.pick(("bone", "tan", "brown", "pink"))
    topper = d.pick(("candle", "cherry", "cream", ""))
    y = 5 if topper else 3
    c.stamp(ART.one("cake top"), 1, y, icing, sponge)
    plain, filled = ART.several("sponge")
    layers = d.pick(([plain], [filled], [filled])) + ([plain] if not topper and d.chance() else [])
    bottom = y + 4
    for drawing in (d.pick(ART.several("drips")), *layers, ART.one("cake foot")):
        c.stamp(drawing, 1, bottom, icing, sponge, filling)
        bottom += drawing.shape[0]
    if d.chance(0.4):
        for _ in range(7):
            c.dot(d.between(3, 11), y + d.between(1, 2), d.pick((filling, "yellow", "red")), MID)
    if topper:
        drawing = ART.named("topper")[topper]
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
    c.finish()
    return tags(colour_name(icing), "cake", topper)


def meat(c: Canvas, d: Dice) -> Tags:
    form = d.pick(("drumstick", "drumstick", "sausage", "steak"))
    ramp = d.pick(("brown", "orange", "tan", "umber", "cocoa") if form != "steak" else ("red", "pink"))
    if form == "steak":
        c.stamp(d.reshape(d.pick(ART.several("steaks")), (3, 7), (3, 8)), 1, 3, ramp, d.pick(("bone", "white", "fair")))
    else:
        drawing = ART.one("drumstick") if form == "drumstick" else ART.one("sausage")
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
    c.finish()
    return tags(colour_name(ramp), "meat", "bite" if bitten else form if form != "drumstick" else "bone")


def drink(c: Canvas, d: Dice) -> Tags:
    form = d.pick(("mug", "glass", "goblet", "cup", "bottle"))
    liquid = d.pick(("red", "yellow", "orange", "purple", "green", "blue", "pink", "brown", "teal"))
    accessory = ""
    if form == "mug":
        wood = d.pick(("brown", "grey", "tan", "yellow"))
        foam = d.pick(("white", "bone"))
        c.stamp(d.reshape(d.reshape(ART.one("mug"), (5, 7), (3, 6)), (5, 7), (3, 6)), 1, 2, wood, foam)
        c.tint(wood, -1, pattern(d.pick(("columns", "pales", "dither", "rows")), d.between(0, 3), d.between(0, 3)))
        accessory, liquid = "foam", wood
    elif form in ("glass", "goblet"):
        drawing = ART.one("glass") if form == "glass" else ART.one("goblet")
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
        cup = d.reshape(d.reshape(ART.one("cup"), (7, 8), (3, 6)), (7, 8), (3, 6))
        c.stamp(cup, 2, 2, china, tea if tea != china else "brown", "white")
        accessory, liquid = "steam", china
    else:
        carton = d.reshape(d.reshape(ART.one("carton"), (2, 4), (3, 6)), (8, 11), (3, 6))
        c.stamp(carton, 2, 1, d.pick(("white", "ice", "grey", "bone")), liquid)
        if d.chance():
            c.tint(liquid, -1, pattern(d.pick(("rows", "checks", "dither")), 0, d.between(0, 3)))
    c.finish()
    return tags(colour_name(liquid), form, accessory)


def _garnish(c: Canvas, d: Dice, accessory: str) -> None:
    """What is put into a glass that stands at (3, 4)."""
    ramp = d.pick(("red", "yellow", "green", "pink"))
    if accessory == "straw":
        x = d.between(6, 8)
        c.line(x + 2, 1, x, 5, ramp, MID)
        c.dot(x + 3, 1, ramp, LIGHT)
    elif accessory == "slice":
        c.stamp(ART.one("citrus slice"), 9, 2, ramp, "bone", halo=True)
    elif accessory == "ice":
        for x in (5, 8):
            c.stamp(ART.one("ice cube"), x, 5 + d.between(0, 1), "ice")


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
    drawing = d.reshape(ART.several("melons")[which], ((3, 4), (4, 7), (3, 6), (3, 8))[which], (5, 8))
    if d.chance(0.5):
        drawing = d.reshape(drawing, ((3, 4), (4, 7), (3, 6), (3, 6))[which], (4, 8))
    c.stamp(drawing, 1, 2, ramp, "white" if d.chance() else "bone", rind, flip=d.chance())
    if which == WHOLE:
        stripes = pattern(d.pick(("columns", "pales", "slant", "chevron")), d.between(0, 3), d.between(0, 3))
        c.tint(rind, d.pick((-1, 1)), stripes)
        c.stamp(d.pick(ART.several("stalks")[:3]), d.between(1, 3), 0, "brown", "green")
        c.finish()
        return tags(colour_name(rind), "fruit", "whole")
    seeds = d.between(2, 7)
    hits = 0
    for _ in range(30):
        x, y = d.between(3, 12), d.between(3, 12)
        flesh = (c.px[y, x - 1 : x + 2] >= tone(ramp, SHADOW)) & (c.px[y, x - 1 : x + 2] <= tone(ramp, LIGHT))
        if hits < seeds and flesh.all():
            c.dot(x, y, "black", DEEP)
            hits += 1
    c.finish()
    return tags(colour_name(ramp), "fruit", "seeds" if hits else "")


WHOLE = 3  # of the melons, the one that nobody cut


def egg(c: Canvas, d: Dice) -> Tags:
    if d.chance(0.35):
        yolk = d.pick(("yellow", "yellow", "orange"))
        drawing = d.reshape(d.reshape(d.pick(ART.several("fried")), (2, 3), (9, 11)), (7, 9), (9, 11))
        c.stamp(drawing, 1, 2, "white", yolk, flip=d.chance())
        if d.chance(0.4):
            for _ in range(5):
                c.dot(d.between(3, 12), d.between(4, 10), "black", SHADOW)
        c.finish()
        return tags("white", "egg", "fried")
    ramp = d.pick(("bone", "white", "tan", "ice", "pink", "green", "yellow", "teal"))
    drawing = d.reshape(d.pick(ART.several("eggs")), (4, 7), (3, 6))
    c.stamp(drawing, 3, 1, ramp)
    other = d.pick([name for name in ("red", "blue", "purple", "teal", "orange", "brown", "green") if name != ramp])
    texture = d.pick(("", "dots", "bands", "spots", "chevron", "checks"))
    if texture:
        c.recolour(ramp, other, pattern(texture, d.between(0, 3), d.between(0, 3)))
    cup = drawing.shape[0] < 12 and d.chance(0.7)
    if cup:
        c.stamp(ART.one("egg cup"), 3, 9, "white", d.pick(("blue", "red", "yellow", "grey")), halo=True)
    c.finish()
    return tags(colour_name(ramp), "egg", "cup" if cup else "painted" if texture else "")


def mushroom(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "brown", "orange", "bone", "purple", "tan", "blue"))
    stem = d.pick(("white", "bone"))
    stem = stem if stem != ramp else "white"
    cap = d.reshape(d.reshape(d.pick(ART.several("caps")), (2, 4), (4, 9)), (2, 4), (4, 9))
    rows, columns = cap.shape
    foot = d.reshape(d.pick(ART.several("stems")), (1, 3), (3, 4))
    c.stamp(foot, 1 + (columns - foot.shape[1]) // 2, 1 + rows, ramp, stem)
    c.stamp(cap, 1, 1, ramp)
    young = d.pick(("", "", "left", "right"))
    if young:
        bottom, x = 1 + rows + foot.shape[0], 1 if young == "left" else 9
        c.stamp(ART.one("young"), x, bottom - ART.one("young").shape[0] + d.between(0, 1), ramp, stem, halo=True)
    spotted = d.chance(0.65)
    if spotted:
        spot = "white" if ramp != "bone" else "brown"
        for x in range(3 + d.between(-1, 1), 14, d.between(3, 4)):
            y = 1 + d.between(2, rows - 2)
            wide = d.between(0, 1)
            for px in range(x, x + 1 + wide):
                if c.px[y, px] and c.px[y, px] >= tone(ramp, SHADOW):
                    c.dot(px, y, spot, LIGHT if x < 9 else MID)
    c.finish()
    spotted = spotted and bool((c.px == tone(spot, LIGHT)).any())
    return tags(colour_name(ramp), "mushroom", "+".join(filter(None, ("spots" * spotted, "young" * bool(young)))))


CLUSTERS = (
    (4, 3, 4, 3, 2),
    (3, 4, 3, 2, 1),
    (4, 3, 2, 1),
    (3, 4, 3, 2),
    (4, 4, 3, 2, 1),
    (3, 3, 2, 1),
    (2, 3, 4, 3, 2),
)


def grapes(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("purple", "purple", "green", "red", "blue", "pink", "black"))
    rows = d.pick(CLUSTERS)
    y = 4
    slant = d.pick((0, 0, -1, 1))
    for index, count in enumerate(rows):
        left = 8 - (count * 3 + 1) // 2 + slant * (index // 3)
        for place in range(count):
            if d.chance(0.94):
                c.stamp(ART.one("grape"), left + place * 3, y, ramp, halo=True)
        y += 2
    c.stamp(d.pick(ART.several("vine")), 3, 1, ramp, "brown", "green", halo=True, flip=d.chance())
    c.finish()
    return tags(colour_name(ramp), "fruit", "leaf")


def banana(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("yellow", "yellow", "yellow", "green", "orange", "red", "moss"))
    form = d.pick(("single", "bunch", "peeled"))
    drawing = ART.named("banana")[form]
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
    c.finish()
    return tags(colour_name(ramp), "fruit", "" if form == "single" else form)


def strawberry(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "red", "pink", "white", "yellow", "purple"))
    drawing = d.reshape(d.reshape(d.pick(ART.several("berries")), (3, 6), (4, 9)), (3, 8), (4, 9))
    cut = d.chance(0.25)
    c.stamp(drawing, 1, 4, ramp)
    if cut:
        flesh = d.pick([name for name in ("pink", "bone", "white", "fair") if name != ramp])
        c.recolour(ramp, flesh, _inner(_inner(c.px > 0)))
        c.stamp(ART.one("strawberry heart"), drawing.shape[1] // 2 - 1, 7, ramp)
    seed = "yellow" if ramp in ("red", "pink", "purple") else "red"
    step = d.pick((3, 4))
    for y in range(6, 13, 2):
        for x in range(3 + (y // 2) % 2 * 2 + d.between(0, 1), 13, step):
            if tone(ramp, SHADOW) <= c.px[y, x] <= tone(ramp, LIGHT):
                c.dot(x, y, seed, LIGHT if x < 8 else MID)
    c.stamp(d.pick(ART.several("crowns")), (drawing.shape[1] - 9) // 2, 2, ramp, "moss", "green", halo=True)
    c.finish()
    return tags(colour_name(ramp), "fruit", "cut" if cut else "")


def _inner(shape: np.ndarray) -> np.ndarray:
    """Boolean [16, 16]: the pixels of a shape whose four neighbours belong to it as well."""
    wide = np.pad(shape, 1)
    return shape & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]


def ice_cream(c: Canvas, d: Dice) -> Tags:
    flavour, second = d.two(("pink", "white", "brown", "green", "ice", "yellow", "purple", "red", "orange", "teal"))
    if d.chance(0.3):
        c.stamp(ART.one("lolly") if d.chance() else without(ART.one("lolly"), columns=(5,)), 2, 1, flavour, "tan")
        cut = d.pick(("bands", "rows", "slant", "dots", "half"))
        where = np.tri(TILE, k=d.between(-3, 3), dtype=bool) if cut == "half" else pattern(cut, 0, d.between(0, 3))
        c.recolour(flavour, second, where)
        if d.chance(0.4):
            bite(c, d, d.between(1, 3), flavour, "white")
        c.finish()
        return tags(colour_name(flavour), "ice cream", "stick")
    c.stamp(d.pick(ART.several("cones")), 4, 9, flavour, d.pick(("tan", "orange", "brown")))
    form = d.pick(("one", "two", "side"))
    if form == "side":
        c.stamp(ART.one("scoop"), 7, 4, second)
        c.stamp(ART.one("scoop"), 2, 4, flavour, halo=True)
    else:
        if form == "two":
            c.stamp(ART.one("scoop"), 4, 0, second)
        c.stamp(ART.one("scoop"), 4, 4, flavour, halo=True)
    extra = d.pick(("cherry", "wafer", "sprinkles", ""))
    top = {"one": (7, 2), "two": (7, -2), "side": (5, 2)}[form]
    if extra == "cherry" and form != "two":
        c.stamp(ART.named("topper")["cherry"], top[0] - 1, top[1], flavour, "red", "green", halo=True)
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
    c.finish()
    return tags(colour_name(flavour), "ice cream", extra)


FILLINGS = {"patty": "brown", "lettuce": "green", "tomato": "red", "cheese": "yellow", "onion": "white"}


def burger(c: Canvas, d: Dice) -> Tags:
    crust = d.pick(("orange", "tan", "brown", "umber", "bone"))
    if d.chance(0.25):
        return _hot_dog(c, d, crust)
    narrow = tuple(range(4, 4 + d.pick((0, 0, 1, 2))))
    seeds = d.pick(("", "white", "bone"))
    c.stamp(without(d.reshape(ART.one("bun top"), (1, 3), (6, 7))[:, :14], columns=narrow), 1, 1, crust)
    if seeds:
        for _ in range(d.between(4, 7)):
            c.dot(d.between(4, 11), d.between(2, 4), seeds, LIGHT)
    names = [d.pick(tuple(FILLINGS)) for _ in range(d.between(1, 3))]
    names.insert(d.between(0, len(names)), "patty")
    y = 6
    for name in names:
        ramp, drawing = FILLINGS[name], without(ART.named("filling")[name], columns=narrow)
        c.stamp(drawing, 8 - drawing.shape[1] // 2, y, ramp, under=name != "cheese" and y == 5)
        y += 1 + (name in ("patty", "lettuce"))
        if name == "patty":
            c.stamp(without(ART.one("patty foot"), columns=narrow), 1, y - 1, ramp)
    c.stamp(without(ART.one("bun foot"), columns=narrow), 1, y, crust)
    c.finish()
    return tags(colour_name(crust), "burger", names[0])


def _hot_dog(c: Canvas, d: Dice, crust: str) -> Tags:
    """A sausage in a bun with something squeezed over it."""
    sausage, sauce = d.pick(("red", "brown", "umber")), d.pick(("yellow", "red", "white", "green"))
    sausage = sausage if sausage not in (crust, sauce) else "pink"
    drawing = d.reshape(d.reshape(ART.one("hot dog"), (5, 6), (3, 5)), (8, 9), (8, 10))
    c.stamp(drawing, 1, 3, crust, sausage)
    phase, step = d.between(0, 3), d.pick((1, 2))
    for x in range(3, drawing.shape[1] - 1):
        c.dot(x, 6 + (x + phase) // step % 2, sauce, LIGHT if x < 9 else MID)
    if d.chance(0.4):
        c.flip()
    c.finish()
    return tags(colour_name(crust), "burger", "hot dog")


def citrus(c: Canvas, d: Dice) -> Tags:
    cut = d.chance(0.35)
    ramp = d.pick(("orange", "yellow", "green", "red", "pink") if cut else ("orange", "orange", "yellow", "green"))
    if cut:
        drawing = ART.one("half") if d.chance() else without(ART.one("half"), columns=(4, 8))
        if d.chance(0.4):
            drawing = drawing[: 7 + d.between(0, 1)]
        c.stamp(drawing, 1, 1, ramp, d.pick(("white", "bone")))
    else:
        drawing = d.reshape(d.pick(ART.several("round")), (3, 6), (4, 8))
        c.stamp(drawing, 1, 3, ramp)
        c.tint(ramp, d.pick((-1, 1)), pattern(d.pick(("dots", "spots")), d.between(0, 3), d.between(0, 3)))
        c.stamp(d.pick(ART.several("stalks")), drawing.shape[1] // 2 - 5, 1, "brown", "green")
    if d.chance(0.3):
        c.flip()
    c.finish()
    return tags(colour_name(ramp), "fruit", "cut" if cut else "leaf")


def pizza(c: Canvas, d: Dice) -> Tags:
    sauce = d.pick(("yellow", "yellow", "orange", "red", "white"))
    whole = d.chance(0.35)
    crust = d.pick([name for name in ("tan", "orange", "brown") if name != sauce])
    if whole:
        drawing = d.reshape(ART.one("pie pizza"), (3, 9), (3, 9))
        c.stamp(drawing, 1, 1, sauce, crust)
        if d.chance(0.2):
            c.px[: 1 + drawing.shape[0] // 2, 1 + drawing.shape[1] // 2 :] = 0  # a quarter is gone
    else:
        c.stamp(d.reshape(d.reshape(ART.one("pizza"), (5, 9), (5, 9)), (7, 11), (5, 9)), 1, 1, sauce, crust)
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
                c.stamp(ART.one("disc") if topping != "olive" else ART.one("disc")[:, :1], x, y, ramp)
    c.sign(topping)
    seen = c.parts()
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(sauce), "pizza", "+".join(filter(None, (seen, "whole" * whole))))


def pie(c: Canvas, d: Dice) -> Tags:
    filling = d.pick(("red", "purple", "orange", "brown", "pink", "yellow", "green"))
    crust = d.pick(("tan", "orange", "bone", "brown"))
    crust = crust if crust != filling else "bone"
    c.stamp(d.reshape(d.reshape(ART.one("pie"), (2, 4), (5, 8)), (2, 4), (5, 8)), 1, 4, filling, crust)
    lattice = d.chance(0.6)
    if lattice:
        weave = pattern(d.pick(("slant", "columns", "checks", "chevron")), d.between(0, 3), d.between(0, 3))
        c.recolour(filling, crust, weave)
    steam = not lattice and d.chance()
    topped = not lattice and not steam
    if topped:
        c.stamp(
            ART.named("topper")["cherry" if d.chance() else "cream"],
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
    c.finish()
    return tags(colour_name(filling), "pie", "lattice" if lattice else "steam" if steam else "topping")


def donut(c: Canvas, d: Dice) -> Tags:
    icing = d.pick(("pink", "brown", "white", "ice", "purple", "yellow", "red", "green", "orange"))
    drawing = d.reshape(d.pick(ART.several("donuts")), (8, 9), (2, 3))
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
    c.finish()
    return tags(colour_name(icing), "pastry", "+".join(filter(None, (seen, "bite" * bitten))))


VEGETABLES = {"aubergine": "purple", "tomato": "red", "pumpkin": "orange", "turnip": "pink", "corn": "yellow"}


def vegetable(c: Canvas, d: Dice) -> Tags:
    name = d.pick(tuple(VEGETABLES))
    ramp = (
        VEGETABLES[name] if d.chance(0.5) else d.pick(("green", "yellow", "red", "white", "purple", "orange", "teal"))
    )
    drawing = d.reshape(d.reshape(ART.named("vegetable")[name], (6, 7), (5, 8)), (6, 7), (5, 8))
    c.stamp(drawing, 1, 1, ramp, "green" if ramp != "green" else "moss", "white" if ramp != "white" else "bone")
    if d.chance(0.4):
        c.tint(
            ramp,
            d.pick((-1, 1)),
            pattern(d.pick(("dots", "pales")), d.between(0, 3), d.between(0, 3)) & pattern("spots"),
        )
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(ramp), "vegetable", name)


def cookie(c: Canvas, d: Dice) -> Tags:
    dough = d.pick(("tan", "brown", "bone", "umber"))
    form = d.pick(("chips", "chips", "gingerbread", "iced", "iced"))
    if form == "gingerbread":
        _gingerbread(c, d, dough)
    elif form == "iced":
        icing = d.pick(("pink", "white", "ice", "green", "red", "yellow", "purple"))
        c.stamp(d.reshape(d.reshape(d.pick(ART.several("iced")), (3, 6), (3, 8)), (3, 6), (3, 8)), 1, 2, dough, icing)
        _sprinkle(c, d, icing, d.between(0, 9), 2)
    else:
        drawing = d.reshape(d.reshape(ART.several("cookies")[0], (3, 8), (3, 8)), (3, 7), (3, 8))
        c.stamp(drawing, 1, 2, dough)
        chip = d.pick(("cocoa", "red", "black", "green", "white", "pink"))
        for _ in range(d.between(4, 9)):
            x, y = d.between(3, 10), d.between(4, 10)
            c.stamp(ART.one("disc") if d.chance() else ART.one("disc")[:1], x, y, chip)
        if d.chance(0.4):
            bite(c, d, d.between(4, 6), dough, dough)
    c.finish()
    return tags(colour_name(dough), "pastry", form)


def _gingerbread(c: Canvas, d: Dice, dough: str) -> None:
    """A man of gingerbread with icing on his limbs."""
    c.stamp(ART.one("gingerbread"), 2, 2, dough)
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


KINDS = (
    apple,
    pear,
    cherries,
    carrot,
    bread,
    cheese,
    fish,
    cake,
    meat,
    drink,
    melon,
    egg,
    mushroom,
    grapes,
    banana,
    strawberry,
    ice_cream,
    burger,
    citrus,
    pizza,
    pie,
    donut,
    vegetable,
    cookie,
)
