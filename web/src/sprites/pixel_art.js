// @ts-check
/**
 * Sampled sprites as pixel art, as ddpm/data/pixel_art.py and `fewer` and `settled` of sprites/colour.py, where it is
 * told why: exact colours of the palette, few of them in a sprite, and few pixels that stand alone.
 */

import { code, rgb } from "./pixels.js";

/**
 * @typedef {object} Style
 * @property {number[]} palette codes
 * @property {number | null} most colours of a sprite, at most
 * @property {number} orphans share of the pixels that may stand alone unquestioned
 * @property {number} colourPrice
 * @property {number} orphanPrice
 */

/** @param {number} a @param {number} b two codes: their squared distance in sRGB */
function square(a, b) {
  const [p, q] = [rgb(a), rgb(b)];
  return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2;
}

/** The first place of the least number. @param {ArrayLike<number>} values */
function argmin(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] < values[best]) best = i;
  return best;
}

/** Places in rising order of their numbers, equal ones as they stand. @param {number[]} values */
function argsort(values) {
  return values.map((_, i) => i).sort((a, b) => values[a] - values[b] || a - b);
}

/**
 * How sure a pixel is of its nearest colour beside each other one: see `sureness` in sprites/colour.py.
 * @param {number[]} squares to each colour
 * @param {number[][]} apart of the colours
 */
function sureness(squares, apart) {
  const nearest = argmin(squares);
  return squares.map((s, k) => (k === nearest ? Infinity : (s - squares[nearest]) / apart[nearest][k]));
}

/**
 * Which colours are left when doubtful ones are given up.
 * @param {number[][]} squares of each pixel to each colour
 * @param {number[][]} apart of the colours
 * @param {Style} style
 */
export function fewer(squares, apart, { colourPrice, most }) {
  let left = [...new Set(squares.map(argmin))].sort((a, b) => a - b);
  while (left.length > 1) {
    const part = squares.map((row) => left.map((k) => row[k]));
    const between = left.map((a) => left.map((b) => apart[a][b]));
    let worth = left.map(() => 0);
    for (const row of part) worth[argmin(row)] += Math.min(...sureness(row, between));
    const doubtful = worth.filter((value) => value < colourPrice).length;
    if (!doubtful) {
      if (most === null || left.length <= most) break;
      worth = left.map(() => 0);
      for (const row of part) {
        const [first, second] = [...row].sort((a, b) => a - b);
        worth[argmin(row)] += second - first;
      }
    }
    const gone = new Set(argsort(worth).slice(0, Math.max(1, Math.floor(doubtful / 4))));
    left = left.filter((_, place) => !gone.has(place));
  }
  return left;
}

/**
 * The four neighbours of each pixel: up, down, left, right; -1 beyond the edge.
 * @param {number[]} index
 * @param {number} width
 */
function beside(index, width) {
  return index.map((_, i) => [
    index[i - width] ?? -1,
    index[i + width] ?? -1,
    i % width ? index[i - 1] : -1,
    (i + 1) % width ? index[i + 1] : -1,
  ]);
}

/**
 * Give orphans the colour of a neighbour, the least sure first.
 * @param {number[]} index a colour for each pixel; -1 where it is transparent
 * @param {number[][]} sure
 * @param {number} width
 * @param {Style} style
 */
export function settled(index, sure, width, { orphans, orphanPrice }) {
  index = [...index];
  const most = orphans * index.filter((k) => k >= 0).length;
  for (;;) {
    const near = beside(index, width);
    const alone = index.flatMap((k, i) => (k >= 0 && near[i].every((other) => other !== k) ? [i] : []));
    if (alone.length <= most) return index;
    const ofNear = alone.map((i) => near[i].map((k) => (k >= 0 ? sure[i][k] : Infinity)));
    const howSure = ofNear.map((row) => Math.min(...row));
    const doubtful = howSure.filter((value) => value < orphanPrice).length;
    if (!doubtful) return index;
    const count = Math.min(Math.max(1, Math.floor(doubtful / 8)), Math.ceil(alone.length - most));
    const least = argsort(howSure).slice(0, count);
    const side = (/** @type {number} */ o) => ((alone[o] % width) + Math.floor(alone[o] / width)) % 2;
    const first = side(least[0]);
    for (const o of least) if (side(o) === first) index[alone[o]] = near[alone[o]][argmin(ofNear[o])];
  }
}

/**
 * A sprite in few colours of the palette, with few orphans. A model without a palette leaves it as it is.
 * @param {Uint8ClampedArray} pixels
 * @param {number} width
 * @param {Style} style
 */
export function pixelArt(pixels, width, style) {
  const area = pixels.length / 4;
  const out = pixels.slice();
  const seen = Array.from({ length: area }, (_, i) => i).filter((i) => code(pixels, i) >= 0);
  if (!seen.length || !style.palette.length) return out;
  const distances = new Map();
  const squaresOf = (/** @type {number} */ colour) => {
    if (!distances.has(colour))
      distances.set(
        colour,
        style.palette.map((other) => square(colour, other)),
      );
    return distances.get(colour);
  };
  const squares = seen.map((i) => squaresOf(code(pixels, i)));
  const left = fewer(
    squares,
    style.palette.map((a) => style.palette.map((b) => square(a, b))),
    style,
  );
  const between = left.map((a) => left.map((b) => square(style.palette[a], style.palette[b])));
  const index = new Array(area).fill(-1);
  const sure = new Array(area).fill(null);
  seen.forEach((i, o) => {
    const part = left.map((k) => squares[o][k]);
    index[i] = argmin(part);
    sure[i] = sureness(part, between);
  });
  settled(index, sure, width, style).forEach((k, i) => {
    if (k >= 0) out.set(rgb(style.palette[left[k]]), 4 * i);
  });
  return out;
}
