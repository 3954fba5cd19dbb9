"""Spells and items: weapons, armour, potions, books, jewels and the elements, one function a kind."""

import numpy as np

from sprites.draw.artwork import Art
from sprites.draw.brush import TILE, Canvas, pattern, repeat, without
from sprites.draw.dice import Dice, Tags, tags
from sprites.draw.palette import BRIGHT, DEEP, LIGHT, MID, SHADOW, colour_name, tone

ART = Art("spell", "shared")

METALS = {
    "grey": "steel",
    "yellow": "gold",
    "orange": "copper",
    "ice": "mithril",
    "black": "iron",
    "bone": "bone",
}
WOODS = ("brown", "umber", "cocoa", "tan")


def sparkle(c: Canvas, d: Dice, ramp: str, count: int) -> None:
    """A few single lights on empty pixels round the item."""
    empty = np.argwhere(c.px[1:15, 1:15] == 0) + 1
    for _ in range(min(count, len(empty))):
        y, x = empty[d.between(0, len(empty) - 1)]
        c.dot(int(x), int(y), ramp, LIGHT)


def _inside(glass: np.ndarray) -> np.ndarray:
    """Boolean [H, W]: the empty pixels that lie between the walls of a bottle."""
    wall = glass > 0
    left = np.maximum.accumulate(wall, axis=1)
    right = np.maximum.accumulate(wall[:, ::-1], axis=1)[:, ::-1]
    return left & right & ~wall


def potion(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "black", "white", "ice", "moss"))
    bottle = d.reshape(d.reshape(d.pick(ART.several("bottles")), (3, 4), (4, 7)), (8, 10), (4, 7))
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
        c.stamp(ART.one("label"), d.between(4, 5), d.between(8, 9), "bone", d.pick(("red", "black", "purple")))
    c.finish()
    return tags(colour_name(ramp), "glass", effect)


def scroll(c: Canvas, d: Dice) -> Tags:
    paper = d.pick(("bone", "bone", "white", "tan", "ice", "green", "pink"))
    seal = d.pick(("red", "blue", "purple", "green", "orange", "yellow", "black"))
    form = d.pick(("open", "open", "rod", "rolled"))
    if form == "rolled":
        c.stamp(ART.one("rolled"), 1, 1, paper, seal, flip=d.chance())
        c.recolour("black", paper)
    else:
        drawing = ART.several("scrolls")[form == "rod"]
        ink = d.pick(("umber", "blue", "red", "purple", "black"))
        second = d.pick((*WOODS, "yellow")) if form == "rod" else "brown"
        drawing = without(drawing, columns=(6,)) if d.chance(0.4) else drawing
        drawing = without(drawing, rows=d.pick(((), (7,), (7, 8), (5, 6, 7, 8))))
        c.stamp(d.reshape(drawing, (4, 8), (5, 8)), 1, 1, paper, second)
        _write(c, d, paper, ink)
        if d.chance(0.6):
            c.stamp(ART.one("seal"), d.between(7, 9), d.between(9, 10), seal)
        else:
            seal = ""
    c.finish()
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
        c.stamp(d.pick(ART.several("runes")), 4, 5, ink)


def haft(c: Canvas, x0: int, y0: int, x1: int, y1: int, ramp: str) -> None:
    """A diagonal shaft, light on its upper left edge."""
    c.line(x0 + 1, y0, x1 + 1, y1, ramp, SHADOW)
    c.line(x0, y0, x1, y1, ramp, MID)


def wand(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "ice", "white"))
    wood = d.pick((*WOODS, "black", "white", "purple"))
    wood = wood if wood != ramp else "brown"
    tip = d.pick(("star", "orb", "crystal", "moon", "flame"))
    head = ART.one("orb") if tip == "orb" else ART.named("wand tip")[tip]
    low = d.between(1, 4)
    haft(c, low, 14 - low + 0, 9, 5, wood)
    for _ in range(d.between(0, 2)):
        at = d.between(low, 7)
        c.line(at, 14 - at, at + 1, 14 - at, d.pick(("yellow", "grey")), LIGHT)
    c.stamp(head, 9, 1, ramp, halo=True)
    glow = d.chance(0.6)
    c.finish()
    if glow:
        sparkle(c, d, ramp, d.between(2, 5))
    return tags(colour_name(ramp), "wood", tip)


def sword(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "grey", "ice", "yellow", "black", "red", "teal", "purple", "white"))
    guard = d.pick([name for name in ("yellow", "brown", "red", "blue", "grey", "purple", "green") if name != metal])
    shape = d.pick(tuple(ART.named("blade")))
    blade = ART.named("blade")[shape]
    cut = d.between(0, 3)
    if cut:
        blade = without(blade, rows=tuple(range(3, 3 + cut)), columns=tuple(range(10 - cut, 10)))
    c.stamp(blade, 1 + 1, 1 + cut, metal)
    c.stamp(d.pick(ART.several("hilts")), 1, 9, metal, guard, d.pick(WOODS))
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
    c.finish()
    return tags(colour_name(main), METALS.get(metal, "crystal"), magic or shape)


def axe(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "ice", "black", "orange", "red", "bone"))
    wood = d.pick(WOODS)
    drawing = d.pick(ART.several("axes"))
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
    c.finish()
    return tags(colour_name(metal), METALS.get(metal, "crystal"), "wrap" if wrap else "")


def hammer(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "black", "brown", "orange", "ice", "red"))
    wood = d.pick([name for name in WOODS if name != metal])
    trim = d.pick(("yellow", "red", "blue", "white"))
    haft(c, d.between(1, 4), 14, 10, 5, wood)
    head = d.pick(ART.several("hammer heads"))
    if d.chance():
        head = without(head, rows=(4,), columns=(4,))
    c.stamp(head, 5, 1, metal, trim if trim != metal else "teal", halo=True)
    texture = d.pick(("", "slant", "dots", "chevron"))
    if texture:
        c.tint(metal, -1, pattern(texture, d.between(0, 3), d.between(0, 3)))
    if d.chance(0.3):
        c.flip()
    c.finish()
    return tags(colour_name(metal), METALS.get(metal, "wood" if metal == "brown" else "crystal"))


def staff(c: Canvas, d: Dice) -> Tags:
    wood = d.pick((*WOODS, "yellow", "grey", "black"))
    gem = d.pick([name for name in BRIGHT if name != wood])
    head = d.pick(tuple(ART.named("staff head")))
    top = d.between(6, 7)
    if head == "skull":
        gem = "bone"
    c.line(7, top, 7, 14, wood, MID)
    if d.chance():
        c.line(8, top, 8, 14, wood, SHADOW)
    for _ in range(d.between(0, 3)):
        c.dot(d.pick((6, 8)), d.between(8, 13), d.pick((wood, "green", "yellow")), MID)
    c.stamp(ART.named("staff head")[head], 4, 1, wood, gem)
    glow = d.chance()
    c.finish()
    if glow:
        sparkle(c, d, gem, d.between(2, 5))
    main = gem if c.area(gem) >= c.area(wood) // 2 else wood
    return tags(colour_name(main), "wood" if wood in WOODS else METALS[wood], head)


def bow(c: Canvas, d: Dice) -> Tags:
    wood = d.pick((*WOODS, "red", "green", "blue", "yellow", "purple", "black"))
    grip = d.pick([name for name in ("bone", "yellow", "red", "white", "blue") if name != wood])
    drawing = d.pick(ART.several("bows"))
    if d.chance(0.4):
        drawing = without(drawing, rows=(4, 9))
    c.stamp(drawing, 4, 1, wood, grip)
    c.px[c.px == tone(grip, LIGHT)] = tone("white", MID)
    arrow = d.chance(0.6)
    if arrow:
        feather = d.pick(("red", "white", "green", "blue"))
        c.stamp(ART.one("shaft"), 1, drawing.shape[0] // 2 - 1, "grey", wood, wood, feather)
    if d.chance():
        c.tint(wood, 1, pattern("rows", 0, d.between(0, 2)))
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(wood), "wood", "arrow" if arrow else "")


def shield(c: Canvas, d: Dice) -> Tags:
    field, other = d.two(("red", "blue", "green", "purple", "white", "black", "orange", "teal", "brown", "yellow"))
    rim = d.pick([name for name in ("yellow", "grey", "brown", "bone", "orange") if name not in (field, other)])
    c.stamp(d.pick(ART.several("shields")), 2, 1, field, rim)
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
    emblem = d.pick((*ART.named("emblem"), "")) if division in ("plain", "half", "quarters") else ""
    if emblem:
        charge = d.pick([name for name in ("yellow", "white", "grey", "bone") if name not in (field, other)])
        c.stamp(ART.named("emblem")[emblem], 5, d.between(3, 5), charge, halo=True)
    c.tint(field, 1, (x < 6) & (x[:, None] < 6) & pattern("dither"))
    c.finish()
    return tags(colour_name(field), "wood" if rim == "brown" else METALS[rim], emblem or division)


def ring(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "ice", "black", "bone", "white"))
    gem = d.pick([name for name in (*BRIGHT, "white") if name != metal])
    band = d.pick(ART.several("rings"))
    if d.chance(0.4):
        band = without(band, columns=(5,))
    stone = d.pick(ART.several("stones"))
    rows, columns = stone.shape
    c.stamp(band, 2, 4, metal)
    middle = 2 + band.shape[1] // 2
    texture = d.pick(("", "", "rows", "slant", "dither"))
    if texture:
        c.tint(metal, -1, pattern(texture, d.between(0, 3), d.between(0, 3)))
    c.stamp(stone, middle - columns // 2, 4 - rows // 2 - d.between(0, 1), metal, gem, halo=True)
    if d.chance(0.35):
        for side in (-1, 1):
            c.stamp(ART.one("seal")[:2, 1:], middle - 1 + side * 4, 5, gem, halo=True)
    c.finish()
    if d.chance(0.3):
        sparkle(c, d, gem, 2)
    return tags(colour_name(metal), METALS.get(metal, "silver"), f"{gem} stone")


def gem(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick((*BRIGHT, "ice", "black", "moss"))
    drawing = d.reshape(d.reshape(d.pick(ART.several("gems")), (5, 7), (5, 7)), (5, 7), (5, 7))
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
    c.finish()
    if d.chance(0.6):
        sparkle(c, d, ramp, d.between(1, 4))
    return tags(colour_name(ramp), "crystal", seen)


def book(c: Canvas, d: Dice) -> Tags:
    cover = d.pick((*BRIGHT, "brown", "black", "grey"))
    trim = d.pick([name for name in ("yellow", "grey", "white", "red", "teal") if name != cover])
    opened = d.chance(0.3)
    if opened:
        drawing = d.reshape(d.reshape(ART.one("open book"), (4, 7), (3, 4)), (4, 7), (9, 10))
        c.stamp(drawing, 1, 2, cover, d.pick(("bone", "white")))
        for x in (3, 9):
            for y in range(5, 10, 2):
                c.line(x, y, x + d.between(1, 3), y, d.pick(("grey", trim)), SHADOW)
        if d.chance(0.5):
            c.stamp(d.pick(ART.several("runes")), d.pick((2, 9)), 4, trim)
        emblem = "open"
    else:
        drawing = d.reshape(d.reshape(d.pick(ART.several("books")), (4, 8), (4, 8)), (4, 8), (4, 8))
        c.stamp(drawing, 1, 1, cover, d.pick(("bone", "white")))
        emblem = d.pick((*ART.named("emblem"), "rune", "corners"))
        if emblem == "corners":
            for x, y in ((3, 3), (9, 3), (3, 9), (9, 9)):
                c.dot(x, y, trim, LIGHT)
            c.stamp(ART.one("seal"), 5, 5, trim)
        elif emblem == "rune":
            c.stamp(d.pick(ART.several("runes")), 4, 4, trim)
        else:
            c.stamp(ART.named("emblem")[emblem], 4, 3, trim)
        if d.chance(0.4):
            c.line(10, 6, 12, 6, trim, MID)
    if d.chance(0.3):
        c.stamp(ART.one("ribbon"), d.between(8, 10), 12, trim)
    c.finish()
    return tags(colour_name(cover), "paper" if opened else "leather", emblem)


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


def fire(c: Canvas, d: Dice) -> Tags:
    outer, inner = d.pick(FIRES)
    ball = d.chance(0.35)
    drawing = ART.one("fireball") if ball else d.pick(ART.several("flames"))
    if d.chance(0.4):
        drawing = without(drawing, rows=(d.between(9, 11),))
    if d.chance(0.4):
        drawing = without(drawing, columns=(d.between(5, 8),))
    c.stamp(drawing, 1, 1, outer, inner)
    if d.chance(0.5):
        c.tint(inner, -1, pattern("dither", d.between(0, 1)) & pattern("bands", 0, d.between(0, 3)))
    if d.chance(0.5):
        c.flip()
    c.finish()
    sparkle(c, d, inner, d.between(0, 4))
    return tags(colour_name(outer), "fire", "ball" if ball else "flame")


def ice(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("ice", "ice", "blue", "teal", "white", "purple"))
    form = d.pick(("crystal", "shard", "snowflake"))
    drawing = {
        "crystal": ART.several("crystals")[0],
        "shard": ART.several("crystals")[1],
        "snowflake": ART.one("flake"),
    }[form]
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
    c.finish()
    sparkle(c, d, "ice", d.between(0, 4))
    return tags(colour_name(ramp), "ice", form)


FLAKE_SPINE = np.add.outer(np.arange(13), np.arange(13)) % 12 == 0
FLAKE_SPINE |= np.eye(13, dtype=bool)
FLAKE_SPINE[:, 6] = True


def lightning(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("yellow", "yellow", "blue", "ice", "purple", "white", "green", "pink", "orange"))
    which = d.between(0, 2)
    drawing = ART.several("bolts")[which]
    cloud = which < 2 and d.chance(0.4)
    if which < 2 and d.chance():
        drawing = without(drawing, rows=(d.between(3, 4),))
    if d.chance(0.4):
        drawing = repeat(drawing, columns=(6,))[:, :14]
    c.stamp(drawing, 1, 1, ramp, flip=d.chance())
    if cloud:
        c.stamp(d.pick(ART.several("clouds")), 1, 1, d.pick(("grey", "white", "black", "purple")), halo=True)
    if which == 2:
        c.ellipse(7.5, 7.5, 3 - d.between(0, 1) * 0.6, 3, "white" if ramp != "white" else "ice")
    c.finish()
    sparkle(c, d, ramp, d.between(0, 5))
    return tags(colour_name(ramp), "lightning", "cloud" if cloud else "orb" if which == 2 else "bolt")


def key(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "grey", "orange", "ice", "black", "bone", "red", "green", "purple"))
    drawing = d.pick(ART.several("keys"))
    rows = tuple(row for row in (7, 8) if d.chance(0.4))
    c.stamp(without(drawing, rows=rows), 2, 1, metal)
    stone = d.chance(0.5)
    gem_ramp = d.pick([name for name in BRIGHT if name != metal])
    if stone:
        c.dot(6, 2 if drawing is ART.several("keys")[1] else 4, gem_ramp, MID)
        c.stamp(ART.one("seal")[:2, :2], 5, 3, gem_ramp)
    if d.chance():
        c.tint(metal, -1, pattern(d.pick(("rows", "dots", "slant")), d.between(0, 3), d.between(0, 3)))
    ribbon = d.chance(0.4)
    if ribbon:
        ramp = d.pick(("red", "blue", "green", "pink"))
        c.stamp(ART.one("ribbon"), 9, d.between(3, 5), ramp)
        c.line(8, 3, 10, 5, ramp, MID)
    if d.chance():
        c.flip()
    c.finish()
    return tags(colour_name(metal), METALS.get(metal, "crystal"), "stone" if stone else "ribbon" if ribbon else "")


def helmet(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("grey", "grey", "yellow", "black", "ice", "orange", "red", "blue", "green"))
    trim = d.pick([name for name in ("yellow", "red", "blue", "white", "purple", "bone") if name != metal])
    top = d.pick((*ART.named("helmet top"), ""))
    drawing = d.reshape(d.reshape(d.pick(ART.several("helmets")), (1, 3), (6, 7)), (10, 11), (6, 7))
    if top in ("plume", "spike"):
        drawing = without(drawing, rows=(4,))
    if top == "plume":
        c.stamp(ART.named("helmet top")[top], 1, 1, metal, trim)
    elif top:
        c.stamp(ART.named("helmet top")[top], 1, 1, metal, "bone" if top == "horns" else trim)
    if top in ("horns", "wings"):
        drawing = without(drawing, columns=(3, 10))
    c.stamp(drawing, 8 - drawing.shape[1] // 2, 15 - drawing.shape[0], metal, trim, halo=bool(top))
    crest = d.pick((0, 1, 2))
    for y in range(15 - drawing.shape[0], 15 - drawing.shape[0] + 5 * min(crest, 1)):
        c.line(7, y, 7 + crest - 1, y, trim, MID)
    if d.chance(0.3):
        c.tint(metal, -1, pattern("dots", d.between(0, 3), d.between(0, 3)))
    c.finish()
    return tags(colour_name(metal), METALS.get(metal, "enamel"), top)


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
        drawing = ART.named("emblem")["eye"] if inner == "eye" else d.pick(ART.several("runes"))
        c.stamp(drawing, 5, 4 + d.between(0, 1), other)
    stand = d.chance(0.75)
    if stand:
        c.stamp(d.pick(ART.several("orb stands")), 2, 11, ramp, d.pick(("yellow", "brown", "grey", "umber")), halo=True)
    c.finish()
    if not stand:
        sparkle(c, d, ramp, 3)
    return tags(colour_name(ramp), "crystal", inner)


def amulet(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "bone", "ice"))
    ramp = d.pick([name for name in (*BRIGHT, "white", "black") if name != metal])
    c.stamp(d.pick(ART.several("chains")), 1, 1, metal)
    beads = d.chance(0.4)
    c.tint(metal, 1, pattern("dither", d.between(0, 1)))
    if beads:
        c.recolour(metal, d.pick(("red", "green", "blue", "white")), pattern("checks", d.between(0, 1)))
    if d.chance(0.5):
        shape = d.pick(tuple(ART.named("emblem")))
        drawing = ART.named("emblem")[shape]
    else:
        shape, drawing = "stone", np.maximum(d.pick(ART.several("stones")), 4) - 4
    c.stamp(drawing, 8 - drawing.shape[1] // 2, 15 - drawing.shape[0] - d.between(0, 1), ramp, halo=True)
    c.finish()
    if d.chance(0.3):
        sparkle(c, d, ramp, 2)
    return tags(colour_name(ramp), METALS[metal], shape)


def heart(c: Canvas, d: Dice) -> Tags:
    ramp = d.pick(("red", "red", "pink", "blue", "green", "purple", "yellow", "black", "white", "orange"))
    drawing = d.pick(ART.several("hearts"))
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
        c.stamp(ART.one("seal"), 12, 1, other)
    elif extra == "crown":
        c.stamp(ART.named("emblem")["crown"], 4, 1, other, halo=True)
    if d.chance(0.3):
        c.tint(ramp, -1, pattern(d.pick(("dots", "slant", "checks")), d.between(0, 3), d.between(0, 3)))
    c.finish()
    sparkle(c, d, ramp, d.between(0, 3))
    return tags(colour_name(ramp), "heart", extra)


def _winged(c: Canvas, drawing: np.ndarray, ramp: str, feather: str) -> Canvas:
    """The heart again, smaller, between two wings."""
    c.px[:] = 0
    c.stamp(ART.one("heart wing"), 1, 3, feather)
    c.stamp(ART.one("heart wing"), 10, 3, feather, flip=True)
    small = without(drawing, rows=(4,), columns=(2, 3, 8, 9))
    c.stamp(small, 8 - small.shape[1] // 2, 3, ramp, halo=True)
    return c


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
        c.stamp(ART.named("emblem")[face], 4, 7, other)
    lit = d.chance(0.7)
    c.stamp(d.pick(ART.several("bomb tops")), 5, 1, "grey" if ramp != "grey" else "black", "tan")
    top = np.argwhere(c.px > 0)[0]
    c.finish()
    if lit:
        spark = d.pick(("yellow", "orange", "red"))
        for dx, dy in ((0, 0), (1, -1), (1, 1), (-1, -1), (2, 0)):
            if d.chance(0.75):
                c.dot(int(top[1]) + 1 + dx, int(top[0]) + dy, spark, LIGHT if dx else MID)
    return tags(colour_name(ramp), "iron", face or ("spark" if lit else ""))


def boots(c: Canvas, d: Dice) -> Tags:
    leather = d.pick((*WOODS, "red", "blue", "green", "purple", "black", "grey", "yellow"))
    trim = d.pick([name for name in ("bone", "white", "yellow", "red", "teal") if name != leather])
    drawing = ART.several("boots")[0]
    if d.chance():
        drawing = without(drawing, rows=tuple(range(4, 4 + d.between(1, 2))))
    if d.chance(0.4):
        drawing = without(drawing, columns=(d.between(9, 10),))
    c.stamp(drawing, 1, 2, leather, trim)
    extra = d.pick(("wing", "buckle", "laces", "spots", "spur"))
    if extra == "wing":
        c.stamp(ART.one("boot wing"), 1, 4, leather, "white" if leather != "white" else "yellow", halo=True)
    elif extra == "buckle":
        c.line(3, 9, 8, 9, trim, SHADOW)
        c.stamp(ART.one("dot buckle"), d.between(5, 6), 8, "yellow" if leather != "yellow" else "grey")
    elif extra == "laces":
        for y in range(5, 10, 2):
            c.line(6, y, 8, y, trim, LIGHT)
    elif extra == "spots":
        c.recolour(leather, trim, pattern(d.pick(("dots", "spots", "slant")), d.between(0, 5), d.between(0, 5)))
    else:
        c.stamp(ART.one("seal"), 0, 10, "yellow" if leather != "yellow" else "grey")
    if d.chance(0.4):
        c.flip()
    c.finish()
    return tags(colour_name(leather), "leather", extra)


def crown(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "ice", "red", "bone", "white"))
    drawing = d.pick(ART.several("crowns"))
    for _ in range(3):
        drawing = d.reshape(drawing, (1, 6), (2, 11))
    lining = d.pick([name for name in ("red", "purple", "blue", "green", "teal") if name != metal])
    c.stamp(drawing, 1, 3, metal, lining)
    stones = [d.pick([name for name in BRIGHT if name != metal]) for _ in range(2)]
    row = drawing.shape[0] - d.between(0, 1)
    for index, x in enumerate(range(3 + d.between(0, 1), 13, d.pick((2, 3, 4)))):
        c.dot(x, row, stones[index % 2], MID)
        c.dot(x, row - 1, stones[index % 2], LIGHT)
    c.finish()
    if d.chance(0.4):
        sparkle(c, d, metal, 3)
    return tags(colour_name(metal), METALS.get(metal, "enamel" if metal == "red" else "silver"), f"{stones[0]} stones")


def coin(c: Canvas, d: Dice) -> Tags:
    metal = d.pick(("yellow", "yellow", "grey", "orange", "black", "ice", "green"))
    if d.chance(0.25):
        c.stamp(ART.one("pile") if d.chance() else without(ART.one("pile"), rows=(9,)), 1, 3, metal)
        c.tint(metal, 1, pattern(d.pick(("dots", "spots", "dither")), d.between(0, 3), d.between(0, 3)))
        face = "pile"
    else:
        drawing = ART.several("coins")[0]
        if d.chance(0.5):
            drawing = without(drawing, columns=tuple(range(5, 5 + d.between(1, 4))))
        c.stamp(drawing, 1, 1, metal)
        face = d.pick((*ART.named("emblem"), "rune"))
        emblem = ART.named("emblem")[face] if face != "rune" else d.pick(ART.several("runes"))
        x, y = 1 + (drawing.shape[1] - emblem.shape[1]) // 2, 4
        c.stamp(emblem, x, y, metal if d.chance() else d.pick(("white", "red", "blue")), halo=True)
    if d.chance(0.3):
        c.flip()
    c.finish()
    sparkle(c, d, metal, d.between(0, 4))
    return tags(colour_name(metal), METALS.get(metal, "jade"), face)


KINDS = (
    potion,
    scroll,
    wand,
    sword,
    axe,
    hammer,
    staff,
    bow,
    shield,
    ring,
    gem,
    book,
    fire,
    ice,
    lightning,
    key,
    helmet,
    orb,
    amulet,
    heart,
    bomb,
    boots,
    crown,
    coin,
)
