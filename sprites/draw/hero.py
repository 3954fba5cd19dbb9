"""Heroes: people seen from the front, put together from hair, hats, clothes and what they hold."""

from collections.abc import Sequence

import numpy as np

from sprites.draw.brush import Canvas, art, gallery
from sprites.draw.palette import DEEP, HAIRS, INK, MID, SHADOW, SKINS, WHITE, colour_name
from sprites.draw.registry import Dice, Tags, kind, tags

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

HEAD = art("""
.333333.
34333333
33333333
33333332
23333332
.233322.
""")
HAIR = {
    "short": art("""
    ...444333...
    ..44433332..
    ..43333332..
    ..3......2..
    """),
    "bangs": art("""
    ...444333...
    ..44433332..
    .4443333332.
    .433.33.332.
    .43......32.
    .3........2.
    """),
    "bob": art("""
    ...444333...
    ..44433332..
    .4443333332.
    .43333.3332.
    .43......32.
    .33......32.
    .332....322.
    ..3......2..
    """),
    "long": art("""
    ...444333...
    ..44433332..
    .4443333332.
    .4333.33332.
    .43......32.
    .43......32.
    .33......32.
    .332....322.
    .33......22.
    .32......22.
    """),
    "spiky": art("""
    .4..443..3..
    ..444433333.
    .4444333332.
    ..443333332.
    ..43.33.32..
    ..3......2..
    """),
    "mohawk": art("""
    .....43.....
    ....4433....
    ....4332....
    .....32.....
    """),
    "bun": art("""
    ....4432....
    ...443332...
    ..44433332..
    ..43333332..
    ..43....32..
    ..3......2..
    """),
    "pigtails": art("""
    ...444333...
    ..44433332..
    44.4333332.3
    443.3333.332
    43........32
    43........32
    .3........2.
    """),
    "curly": art("""
    ..44.43.33..
    .4444433332.
    .4434333332.
    443.3333.332
    443......332
    .43......32.
    .3........2.
    """),
    "tonsure": art("""
    ............
    ............
    ..3......2..
    .33......22.
    .33......22.
    .3........2.
    """),
    "parted": art("""
    ...444433...
    ..444433332.
    .4443333332.
    .43333...32.
    .43......32.
    .3.......2..
    """),
    "bald": art("""
    ............
    """),
}
# Hats are laid with their middle over the head; the number says how far the person is pushed down to fit.
HATS = {
    "full helm": (
        0,
        art("""
    ...444333...
    ..44333332..
    .4433333322.
    .4333333322.
    .4oooooooo2.
    .433o33o322.
    .433o33o322.
    ..33333322..
    """),
    ),
    "barred helm": (
        0,
        art("""
    ...44cd33...
    ..443cd332..
    .4433cd3322.
    .4ooocdooo2.
    .4ooocdooo2.
    .4333cd3322.
    .433ocdo322.
    ..33333322..
    """),
    ),
    "open helm": (
        0,
        art("""
    ...444333...
    ..44333332..
    .4433333322.
    .4cccccccb2.
    .43......22.
    .43......22.
    .33......22.
    ..3......2..
    """),
    ),
    "plumed helm": (
        1,
        art("""
    .....dcc....
    ....ddccb...
    ...443332...
    ..44333332..
    .4433333322.
    .43..33..22.
    .43..32..22.
    .33......22.
    ..3......2..
    """),
    ),
    "horned helm": (
        1,
        art("""
    d..........c
    dd.444333.cb
    .d44433332b.
    .d44333332b.
    ..43333332..
    ..3.3332.2..
    """),
    ),
    "hood": (
        0,
        art("""
    ...444333...
    ..44433332..
    .4443333332.
    .4433223332.
    .43......32.
    .43......32.
    .33......32.
    .333....322.
    ..33333322..
    """),
    ),
    "wizard hat": (
        2,
        art("""
    .......443....
    ......4433....
    .....444333...
    ....44333332..
    ...cdcccccccb.
    44443333333332
    .222222222222.
    """),
    ),
    "bent hat": (
        2,
        art("""
    ...4443.......
    ..43.444333...
    ....44433332..
    ....44333332..
    ...cddccccccb.
    .4444333333322
    ..2222222222..
    """),
    ),
    "straw hat": (
        1,
        art("""
    ....444333....
    ...44433332...
    ...dccccccb...
    44444333333322
    .222222222222.
    """),
    ),
    "crown": (
        1,
        art("""
    ..4..43..3..
    ..44.43.33..
    ..4d4433d2..
    ..43333332..
    """),
    ),
    "tiara": (
        0,
        art("""
    ............
    .....dc.....
    ..4.4cb3.3..
    ..44333332..
    """),
    ),
    "bandana": (
        0,
        art("""
    ...444333...
    ..44433332..
    ..43333332..
    ..222222233.
    ..........32
    """),
    ),
    "headband": (
        0,
        art("""
    ............
    ............
    ............
    ..444333322.
    ..........32
    """),
    ),
    "top hat": (
        2,
        art("""
    ..444333322...
    ..444333322...
    ..444333322...
    ..dccccccbb...
    44443333333322
    """),
    ),
    "chef hat": (
        2,
        art("""
    ..444.44.33...
    .444444433332.
    .444444333332.
    ..444433332...
    ..233333322...
    ..233333322...
    """),
    ),
    "feather cap": (
        1,
        art("""
    ........ddd.
    .......ddc..
    ...4443dc3..
    .44444333332
    443333333322
    .2222222222.
    """),
    ),
    "ninja mask": (
        0,
        art("""
    ...444333...
    ..44433332..
    .4443333332.
    .4333333332.
    .4........2.
    .4........2.
    .3333333322.
    ..33333322..
    """),
    ),
    "turban": (
        1,
        art("""
    ....4443....
    ..44433333..
    .4443dc3332.
    .4433cb3322.
    .2433333322.
    """),
    ),
    "tricorn": (
        1,
        art("""
    .....443....
    ...44dd3322.
    4.443dd33322
    443333333222
    .4332222322.
    """),
    ),
    "jester cap": (
        1,
        art("""
    .44......cc.
    444433cccccb
    4.4433cccb.b
    d.4333ccbb.d
    ..433cccbb..
    """),
    ),
    "mitre": (
        2,
        art("""
    .....43.....
    ....44d3....
    ...44ddd3...
    ...443d33...
    ..4443d332..
    ..4cccccc2..
    """),
    ),
}
BEARDS = {
    "full beard": art("""
    .3......2.
    .43.33.32.
    .44333332.
    ..443332..
    ...4332...
    """),
    "short beard": art("""
    ..........
    .3..33..2.
    .43333332.
    ..433332..
    """),
    "moustache": art("""
    ..........
    ..........
    ..433332..
    """),
    "goatee": art("""
    ..........
    ..........
    ....33....
    ....42....
    """),
    "long beard": art("""
    .3......2.
    .43.33.32.
    .44333332.
    .44433332.
    ..443332..
    ..443332..
    ...4332...
    ....42....
    """),
}
# First ramp: main cloth. Second: skin. Third: trim.
TOPS = {
    "tunic": art("""
    ..433332..
    .43333322.
    .41333312.
    .c1ghgf1b.
    """),
    "vest": art("""
    ..g4332f..
    .dgg33ffc.
    .d1g33f1b.
    .c1gggf1b.
    """),
    "shirt": art("""
    ..4dcb32..
    .4333d322.
    .d133331c.
    .c1ghgf1b.
    """),
    "plate": art("""
    .44433322.
    4443433322
    .g143321f.
    .g1ghgf1f.
    """),
    "mail": art("""
    .gg4332ff.
    .g434322f.
    .41343412.
    .c1ggff1b.
    """),
    "bare": art("""
    ..dccccb..
    .dcccccbb.
    .d1cbcb1b.
    .c1ghgf1b.
    """),
    "strap": art("""
    ..gccccb..
    .dcggccbb.
    .d1ccgg1b.
    .c1ghgf1b.
    """),
    "stripes": art("""
    ..433332..
    .4hgggff2.
    .41433312.
    .c1hggf1b.
    """),
    "apron": art("""
    ..3hg32...
    .43hhgf32.
    .31hhgf12.
    .c1hggf1b.
    """),
    "jacket": art("""
    ..43hg32..
    .433hg322.
    .413hg312.
    .c13gf21b.
    """),
}
GOWNS = {
    "robe": art("""
    ..43gf32..
    .433gf322.
    4313gf3132
    cc13gf31bb
    ..43gf32..
    .433gf332.
    .hggggggf.
    """),
    "cassock": art("""
    ..433332..
    .43333322.
    4313333132
    cchhgggfbb
    ..433332..
    ..433332..
    .43333322.
    """),
    "dress": art("""
    ..c3333b..
    .c433332b.
    .c1ghgf1b.
    .c433332b.
    ..4333332.
    .433333322
    .hghghgfgf
    """),
    "coat": art("""
    ..43gf32..
    .443gf322.
    .413gf312.
    .c1hggf1b.
    .443..322.
    .443..322.
    .ggg..fff.
    """),
    "surcoat": art("""
    .gg4332ff.
    .g44hg32f.
    .g1hhgf1f.
    .c14hg31b.
    ..443322..
    .ff.32.ff.
    .ff....ff.
    """),
}
# First ramp: trousers. Second: boots. Third: skin.
LEGS = {
    "trousers": art("""
    .333322.
    .33..22.
    .dc..cb.
    """),
    "boots": art("""
    .333322.
    .dc..cb.
    .cc..bb.
    """),
    "wide": art("""
    .333322.
    .33..22.
    dcc..ccb
    """),
    "shorts": art("""
    .333322.
    .hg..gf.
    .dc..cb.
    """),
    "step left": art("""
    .333322.
    .33.ccb.
    dcc.....
    """),
    "step right": art("""
    .333322.
    .dcc.22.
    .....ccb
    """),
    "skirt": art("""
    43333322
    .hg..gf.
    .dc..cb.
    """),
}
# What is held upright beside the body, the hand in its middle column. First ramp: thing. Second: fittings.
HELD = {
    "sword": art("""
    .4.
    .43
    .43
    .43
    .43
    ccb
    .a.
    """),
    "dagger": art("""
    .4.
    .43
    .43
    dcb
    .a.
    """),
    "spear": art("""
    .4.
    443
    .3.
    .c.
    .c.
    .c.
    .c.
    .c.
    .c.
    .b.
    .b.
    """),
    "staff": art("""
    .4.
    443
    .3.
    .c.
    .c.
    .b.
    .c.
    .c.
    .c.
    .b.
    .b.
    """),
    "crook": art("""
    ccb
    c.b
    ..b
    .cb
    .c.
    .c.
    .c.
    .c.
    .c.
    .b.
    """),
    "axe": art("""
    44c
    44c
    43c
    3.c
    ..c
    ..c
    ..b
    ..b
    """),
    "hammer": art("""
    443
    443
    332
    .c.
    .c.
    .c.
    .b.
    """),
    "torch": art("""
    .4.
    443
    .43
    .c.
    .c.
    .b.
    """),
    "lantern": art("""
    .b.
    b.b
    ccb
    c4b
    c4b
    ccb
    """),
    "bow": art("""
    .cb.
    4.cb
    4..c
    4..c
    4..c
    4..b
    4.bb
    .bb.
    """),
    "book": art("""
    333
    3dd
    3dd
    222
    """),
    "mug": art("""
    dd.
    33b
    33b
    33.
    """),
    "ladle": art("""
    33.
    32.
    .2.
    .c.
    .c.
    .c.
    """),
    "pitchfork": art("""
    3.3
    3.3
    332
    .c.
    .c.
    .c.
    .c.
    .c.
    .c.
    .b.
    """),
    "sickle": art("""
    43.
    ..3
    ..3
    .c.
    .c.
    .b.
    """),
    "scimitar": art("""
    4..
    43.
    .43
    .43
    .43
    ccb
    .a.
    """),
    "club": art("""
    44.
    443
    443
    433
    .32
    .3.
    .2.
    """),
    "lute": art("""
    .a.
    .c.
    .c.
    .c.
    443
    4a3
    332
    """),
    "flower": art("""
    .4.
    434
    .3.
    .c.
    .b.
    """),
}
SHIELD = gallery("""
dccb
d33b
d33b
c33b
.cb.

.cc.
d33b
d33b
.cb.

dccb
d33b
c32b
c32b
.cb.
..b.
""")
CAPE = art("""
..333332..
.33333322.
3333333332
3333333332
3333333332
3333333322
2333333322
""")


CLOTH = 14  # pixels of a person's colour, below which the trousers take it too
FACE_WEAR = {"glasses": "glasses", "patch": "eye patch"}
CLOSED = ("full helm", "barred helm")
# Ramps too close to a skin to stand beside it.
NEAR = {
    "fair": ("fair", "tan", "pink"),
    "tan": ("tan", "orange", "brown", "bone"),
    "umber": ("umber", "brown", "tan", "orange"),
    "cocoa": ("cocoa", "umber", "brown"),
}


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
    if top in GOWNS:
        drawing = GOWNS[top]
        c.stamp(drawing[: 15 - y] if not short else _lowered(drawing, 15 - y), 3, y, cloth, skin, trim)
        if drawing[-1, 3] != 0 and d.chance(0.7):
            for x in (6, 9):
                c.dot(x, 14, d.pick(("brown", "black")), MID)
        return ""
    drawing = TOPS[top]
    c.stamp(drawing if not short else _lowered(drawing, 3), 3, y, cloth, skin, trim)
    below = LEGS[d.pick(tuple(LEGS))]
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
    drawing = HELD[item]
    thing, fitting = {
        "torch": ("orange", "brown"),
        "bow": ("white", d.pick(("brown", "umber", "red"))),
        "lute": ("orange", "brown"),
        "flower": (d.pick(("red", "pink", "yellow", "blue")), "green"),
        "lantern": ("yellow", "grey"),
        "club": (d.pick(("brown", "umber")), "brown"),
        "mug": ("brown", "white"),
        "crook": ("brown", "brown"),
        "book": (d.pick(("red", "blue", "green", "purple")), "bone"),
        "staff": (
            d.pick(("red", "blue", "green", "purple", "yellow", "teal", "pink")),
            d.pick(("brown", "umber")),
        ),
    }.get(item, (d.pick(("grey", "grey", "grey", "yellow", "ice")), d.pick(("brown", "umber", "yellow"))))
    grip = {"spear": 6, "staff": 6, "crook": 6, "axe": 5, "bow": 4, "pitchfork": 6}.get(item, drawing.shape[0] - 2)
    grip = {"lantern": 0, "book": 1, "mug": 1, "lute": 2, "flower": 3}.get(item, grip)
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
    c.stamp(HEAD, 4, y, skin)
    c.sign("")
    if whiskers:
        c.stamp(BEARDS[whiskers], 3, y + 3, hair)
        c.sign(whiskers)
    if not hat or hat in ("crown", "tiara", "headband"):
        c.stamp(HAIR[style], 2, y - 1, hair, shadow=True)
    elif hat not in (*CLOSED, "ninja mask", "hood"):
        c.stamp(HAIR[style][3:], 2, y + 2, hair)
    c.sign("")
    if hat:
        drawing = HATS[hat][1]
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
        c.stamp(d.pick(SHIELD), 11 if left else 1, y + 1, field, rim, halo=True)
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
    hairs: Sequence[str] = tuple(HAIR),
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
    drop = HATS[hat][0] if hat else d.pick((0, 0, 0, 1))
    whiskers = d.pick(tuple(BEARDS)) if d.chance(beard) and hat not in CLOSED else ""
    if whiskers == "long beard" and top in GOWNS:
        whiskers = "full beard"  # a long one would hide the gown
    hat_ramp = d.pick(hat_ramps) if hat_ramps else cloth
    trousers = dress(c, d, top, 8 + drop, cloth, skin, trim, drop > 0)
    _head(c, d, 2 + drop, (skin, hair, hat_ramp, trim), hat, whiskers, style)
    if d.chance(cape):
        ramps = ("red", "blue", "green", "purple", "black", "white")
        c.sign("")
        c.stamp(CAPE, 3, 8 + drop, d.pick([name for name in ramps if name != cloth]), under=True)
        c.sign("cape")
    _arms(c, d, 8 + drop, skin, held, shield)
    worn = c.parts()
    if trousers and c.area(cloth) < CLOTH:
        c.recolour(trousers, cloth)
    c.outline()
    return tags(colour_name(cloth), material, worn, "front")


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
def villager(c: Canvas, d: Dice) -> Tags:
    return person(
        c,
        d,
        tops=("shirt", "tunic", "vest", "dress", "apron", "stripes"),
        hats=("", "", "headband"),
        held=("", "", "mug", "flower", "lantern", "book"),
        cape=0.0,
    )


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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


@kind("hero")
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
