// @ts-check
/** Colours as the eye sees them, and sprites brought to a palette: as sprites/colour.py. */

import { code, rgb } from "./pixels.js";

// Ottosson 2020, bottosson.github.io/posts/oklab: linear sRGB to cone responses, and their cube roots to L, a, b.
const TO_CONES = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const TO_LAB = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];

/** @param {number[][]} matrix @param {number[]} vector */
function times(matrix, vector) {
  return matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i], 0));
}

/** A code as L, a, b: black and white are 1 apart. @param {number} colour */
export function oklab(colour) {
  const linear = rgb(colour).map((value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; // IEC 61966-2-1
  });
  return times(TO_LAB, times(TO_CONES, linear).map(Math.cbrt));
}

/** Of the distance of two colours as L, a, b. @param {number[]} p @param {number[]} q */
function square(p, q) {
  return p.reduce((sum, value, i) => sum + (value - q[i]) ** 2, 0);
}

/**
 * The same sprite with the nearest colour of a palette, in OKLab, in every opaque pixel.
 * @param {Uint8ClampedArray} pixels
 * @param {number[]} palette codes
 */
export function keepTo(pixels, palette) {
  const labs = palette.map(oklab);
  const found = new Map();
  const nearest = (/** @type {number} */ colour) => {
    const own = oklab(colour);
    const apart = labs.map((lab) => square(lab, own));
    return rgb(palette[apart.indexOf(Math.min(...apart))]);
  };
  const out = new Uint8ClampedArray(pixels.length);
  for (let i = 0; i < pixels.length / 4; i++) {
    const colour = code(pixels, i);
    if (colour < 0) continue;
    if (!found.has(colour)) found.set(colour, nearest(colour));
    out.set([...found.get(colour), 255], 4 * i);
  }
  return out;
}

/**
 * The same sprite in colours that a model has learnt, so that it can go on from it, as `recoloured` and `coloured_like`
 * in sprites/originals.py: the colours that most pixels have come first, and each gets the nearest in OKLab that no
 * other has; without a palette, or once all are taken, they stay as they are.
 * @param {Uint8ClampedArray} pixels
 * @param {number[]} palette codes
 * @returns {{pixels: Uint8ClampedArray, back: (pixels: Uint8ClampedArray) => Uint8ClampedArray}} back: a sprite in those
 *   colours in its own again
 */
export function recoloured(pixels, palette) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (let i = 0; i < pixels.length / 4; i++) counts.set(code(pixels, i), (counts.get(code(pixels, i)) ?? 0) + 1);
  counts.delete(-1);
  const own = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const free = new Set(palette);
  for (const colour of own) free.delete(colour);
  /** @type {Map<number, number>} */
  const to = new Map();
  for (const colour of own) {
    if (palette.includes(colour) || !free.size) continue;
    const lab = oklab(colour);
    const apart = (/** @type {number} */ other) => square(oklab(other), lab);
    const nearest = [...free].reduce((best, other) => (apart(other) < apart(best) ? other : best));
    to.set(colour, nearest);
    free.delete(nearest);
  }
  const from = new Map([...to].map(([colour, nearest]) => [nearest, colour]));
  return { pixels: exchanged(pixels, to), back: (drawn) => exchanged(drawn, from) };
}

/** @param {Uint8ClampedArray} pixels @param {Map<number, number>} colours others in their place */
function exchanged(pixels, colours) {
  const out = pixels.slice();
  for (let i = 0; i < pixels.length / 4; i++) {
    const other = colours.get(code(pixels, i));
    if (other !== undefined) out.set(rgb(other), 4 * i);
  }
  return out;
}

/** Colours in an order that shows them well: greys, then by hue, each from dark to light. @param {number[]} palette */
export function ordered(palette) {
  const rank = (/** @type {number} */ colour) => {
    const [L, a, b] = oklab(colour);
    const grey = Math.hypot(a, b) < 0.03;
    const hue = Math.floor((((Math.atan2(b, a) / Math.PI) * 180 + 360 + 15) % 360) / 45);
    return (grey ? 0 : 10 + 10 * hue) + L;
  };
  return [...palette].sort((a, b) => rank(a) - rank(b));
}
