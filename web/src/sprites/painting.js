// @ts-check
/** Painting on pixels, RGBA uint8 [H, W, 4]: cells are counted row by row; a colour is a code, -1 for transparent. */

import { code, rgb } from "./pixels.js";

/**
 * @param {Uint8ClampedArray} pixels changed in place
 * @param {number} cell
 * @param {number} colour
 */
export function put(pixels, cell, colour) {
  pixels.set(colour < 0 ? [0, 0, 0, 0] : [...rgb(colour), 255], 4 * cell);
}

/**
 * The cells of a straight line, both ends among them (Bresenham 1965).
 * @param {number} from
 * @param {number} to
 * @param {number} width
 */
export function line(from, to, width) {
  let [x, y] = [from % width, Math.floor(from / width)];
  const [endX, endY] = [to % width, Math.floor(to / width)];
  const [dx, dy] = [Math.abs(endX - x), -Math.abs(endY - y)];
  const cells = [from];
  for (let error = dx + dy; x !== endX || y !== endY;) {
    const twice = 2 * error;
    if (twice >= dy) [error, x] = [error + dy, x + Math.sign(endX - x)];
    if (twice <= dx) [error, y] = [error + dx, y + Math.sign(endY - y)];
    cells.push(y * width + x);
  }
  return cells;
}

/**
 * The cells of one colour that hang together with one of them by their sides.
 * @param {Uint8ClampedArray} pixels
 * @param {number} cell
 * @param {number} width
 */
export function area(pixels, cell, width) {
  const colour = code(pixels, cell);
  const found = new Set([cell]);
  for (const at of found) {
    const [x, last] = [at % width, pixels.length / 4];
    const near = [at - width, at + width, x ? at - 1 : -1, x < width - 1 ? at + 1 : -1];
    for (const next of near) if (next >= 0 && next < last && code(pixels, next) === colour) found.add(next);
  }
  return [...found];
}

/** What was, and what was undone: states of anything, the present one apart. @template T */
export class History {
  /** @param {T} now */
  constructor(now) {
    this.now = now;
    /** @type {T[]} */
    this.past = [];
    /** @type {T[]} */
    this.future = [];
  }

  /** @param {T} next */
  push(next) {
    this.past.push(this.now);
    if (this.past.length > 200) this.past.shift();
    [this.now, this.future] = [next, []];
  }

  /** Whether there was anything to undo. */
  undo() {
    const before = this.past.pop();
    if (before === undefined) return false;
    this.future.push(this.now);
    this.now = before;
    return true;
  }

  /** Whether there was anything to do again. */
  redo() {
    const after = this.future.pop();
    if (after === undefined) return false;
    this.past.push(this.now);
    this.now = after;
    return true;
  }
}
