// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { context, facetGuidance, known, words } from "../src/model/context.js";
import { format, parse } from "../src/page/state.js";
import { keepTo, oklab, ordered } from "../src/sprites/colour.js";
import { atlas, slug } from "../src/sprites/files.js";
import { area, History, line, put } from "../src/sprites/painting.js";
import { BUILT_IN, paletteOf, readPalette, settingOf, toGimp } from "../src/sprites/palettes.js";
import { fewer, pixelArt, settled } from "../src/sprites/pixel_art.js";
import { code, coloursOf, roundEven, toNumbers, toPixels } from "../src/sprites/pixels.js";

/** A square sprite of codes, -1 being transparent. @param {number[]} codes */
function sprite(codes) {
  const pixels = new Uint8ClampedArray(4 * codes.length);
  codes.forEach((colour, cell) => put(pixels, cell, colour));
  return pixels;
}
const codes = (/** @type {Uint8ClampedArray} */ pixels) =>
  Array.from({ length: pixels.length / 4 }, (_, i) => code(pixels, i));

test("pixels become numbers and pixels again", () => {
  const pixels = sprite([0xd19b62, -1, 0x000000, 0xffffff]);
  for (const channels of [4, 3]) {
    const x = toNumbers(pixels, channels);
    assert.equal(x.length, 4 * channels);
    const expected = channels === 4 ? [0xd19b62, -1, 0, 0xffffff] : [0xd19b62, 0, 0, 0xffffff];
    assert.deepEqual(codes(toPixels(x, channels)), expected);
  }
  assert.deepEqual([0.5, 1.5, 2.5, 2.4, -0.2].map(roundEven), [0, 2, 2, 2, 0]);
});

test("pixel art has colours of the palette, gives up doubtful ones, and leaves no orphan", () => {
  const style = { palette: [0x000000, 0xff0000, 0x0000ff], most: null, orphans: 0, colourPrice: 2, orphanPrice: 0.7 };
  const near = sprite([0x100000, 0xf00000, 0xf00000, 0x000000, 0xf00000, 0xf00000, 0x7e0000, 0x000000, 0x000000]);
  const drawn = codes(pixelArt(near, 3, style));
  assert.ok(drawn.every((colour) => style.palette.includes(colour)));
  const one = sprite([...Array(8).fill(0xff0000), 0x5500aa]);
  assert.deepEqual(new Set(codes(pixelArt(one, 3, style))), new Set([0xff0000])); // one doubtful blue is too few
  assert.deepEqual(codes(pixelArt(sprite(Array(9).fill(-1)), 3, style)), Array(9).fill(-1));
  const apart = [
    [0, 9, 100],
    [9, 0, 81],
    [100, 81, 0],
  ];
  assert.deepEqual(
    fewer(
      [
        [0, 9, 100],
        [9, 0, 81],
        [100, 81, 0],
      ],
      apart,
      { ...style, colourPrice: 0, most: 2 },
    ).length,
    2,
  );
  const sure = Array(9).fill([0.1, Infinity]);
  assert.deepEqual(settled([0, 0, 0, 0, 1, 0, 0, 0, 0], sure, 3, style), Array(9).fill(0));
});

test("a palette's nearest colour is that of the eye", () => {
  const [white] = oklab(0xffffff);
  const [black] = oklab(0);
  assert.ok(Math.abs(white - 1) < 1e-6 && Math.abs(black) < 1e-9);
  assert.deepEqual(
    codes(keepTo(sprite([0xee1111, -1, 0x101010, 0xf0f0ff]), [0xff0000, 0, 0xffffff])),
    [0xff0000, -1, 0, 0xffffff],
  );
  const palette = [0xff0000, 0x777777, 0x00ff00, 0x000000];
  assert.deepEqual([...ordered(palette)].sort(), [...palette].sort());
});

test("palette files are read, and what is none is said", () => {
  const gpl = "GIMP Palette\nName: x\nColumns: 2\n# a comment\n255   0  0\tred\n  0 0 0 black\n";
  for (const [name, text] of /** @type {[string, string][]} */ ([
    ["a.hex", "ff0000\r\n#000000\r\nff0000\r\n"],
    ["A.GPL", gpl],
    ["a.pal", "JASC-PAL\n0100\n2\n255 0 0\n0 0 0\n"],
  ])) {
    assert.deepEqual(readPalette(name, text), [0xff0000, 0], name);
  }
  const wrong = {
    "a.txt": "ff0000",
    "a.hex": "red",
    "b.hex": "",
    "a.gpl": "255 0 0",
    "b.gpl": "GIMP Palette\n300 0 0",
    "a.pal": "JASC-PAL\n0100\n1\n1 2",
  };
  for (const [name, text] of Object.entries(wrong))
    assert.throws(() => readPalette(name, text), new RegExp(name), name);
  assert.throws(
    () => readPalette("a.hex", Array.from({ length: 300 }, (_, i) => i.toString(16).padStart(6, "0")).join("\n")),
    /300/,
  );
});

test("palettes are written as they are read", () => {
  for (const name of Object.keys(BUILT_IN)) {
    const colours = paletteOf(name) ?? [];
    assert.ok(colours.length > 1 && new Set(colours).size === colours.length, name);
    assert.deepEqual(paletteOf(settingOf(colours)), colours);
    assert.deepEqual(readPalette("a.gpl", toGimp(colours, name)), colours);
  }
  assert.equal(Object.keys(BUILT_IN).length, 5);
  assert.equal(paletteOf("no such"), null);
});

test("lines and areas", () => {
  assert.deepEqual(line(0, 15, 4), [0, 5, 10, 15]);
  assert.deepEqual(line(7, 4, 4), [7, 6, 5, 4]);
  const pixels = sprite([1, 1, 2, 1, 2, 2, 2, 2, 1]);
  assert.deepEqual(area(pixels, 0, 3).sort(), [0, 1, 3]);
  assert.deepEqual(area(pixels, 8, 3), [8]);
  assert.deepEqual(area(sprite([1, 2, 1, 2]), 1, 2).sort(), [1, 3]); // no way round the edge
  assert.deepEqual(coloursOf([pixels]), [1, 2]);
});

test("undo and redo are inverses", () => {
  const history = new History(0);
  for (const state of [1, 2, 3]) history.push(state);
  assert.ok(history.undo() && history.undo());
  assert.equal(history.now, 1);
  assert.ok(history.redo());
  assert.equal(history.now, 2);
  history.push(9);
  assert.ok(!history.redo());
  while (history.undo());
  assert.equal(history.now, 0);
});

test("the address holds all settings", () => {
  const tags = [
    { facet: "a:b=&", value: "50% + x" },
    { facet: "kind", value: "ice cream", not: true },
    { facet: "kind", value: "a=b", weight: 0.3 },
  ];
  const scales = { "a:b=&": 3, kind: 0.25 };
  const state = { tags, s: 1.25, scales, seed: 2 ** 31 - 1, fine: true, palette: "1a1c2c-5d275d", chosen: 3 };
  assert.deepEqual(parse(format(state)), state);
  assert.deepEqual(parse("#kind:x=no&kind:y=7&s.kind=no").tags, [
    { facet: "kind", value: "x" },
    { facet: "kind", value: "y" },
  ]);
  assert.deepEqual(parse("#%E0%A4%A:x&s=no&seed=1.5&=&&kind"), {});
});

test("contexts are flags in the order of the vocabulary", () => {
  const vocabulary = { category: ["hero", "food"], kind: ["knight", "apple"] };
  const tags = [
    { facet: "kind", value: "knight" },
    { facet: "category", value: "hero" },
  ];
  assert.deepEqual([...context(tags, vocabulary)], [1, 0, 1, 0]);
  assert.deepEqual([...context([{ facet: "kind", value: "apple", weight: 0.25 }], vocabulary)], [0, 0, 0, 0.25]);
  const terms = facetGuidance(tags, { kind: 3, category: 1 }, vocabulary);
  assert.deepEqual(
    terms.map(({ context, scale }) => [[...context], scale]),
    [
      [[0, 0, 1, 0], 2],
      [[1, 0, 1, 0], 1],
    ],
  );
  assert.equal(facetGuidance(tags, { kind: 2, category: 2 }, vocabulary).length, 1);
  const found = known([...tags, { facet: "kind", value: "dragon" }, { facet: "constructor", value: "x" }], vocabulary);
  assert.equal(found.known.length, 2);
  assert.equal(found.unknown.length, 2);
  assert.equal(words(tags), "knight, hero");
  assert.equal(
    words([
      { facet: "frame", value: "0" },
      { facet: "category", value: "non_hero", not: true },
    ]),
    "frame 0, not non hero",
  );
});

test("a sheet says where each sprite is", () => {
  const { frames, meta } = JSON.parse(atlas(["a", "b", "c"], 16, 2, "x.png"));
  assert.deepEqual(frames.c.frame, { x: 0, y: 16, w: 16, h: 16 });
  assert.deepEqual(meta.size, { w: 32, h: 32 });
  assert.equal(slug("Hero, red / Ü!"), "hero-red");
  assert.equal(slug(""), "sprite");
});
