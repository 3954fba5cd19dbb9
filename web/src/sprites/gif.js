// @ts-check
/** Frames as an animated GIF, packed by gifenc: every colour is kept, and what is transparent stays so. */

import { keepTo } from "./colour.js";
import { code, coloursOf, rgb } from "./pixels.js";

const MOST = 256; // colours of a frame, transparent among them
const CLEAR = 2; // before the next frame a frame gives way to transparent

/**
 * @typedef {object} Frame
 * @property {Uint8ClampedArray} pixels RGBA [size, size]
 * @property {number} delay milliseconds
 */

/**
 * @param {any} gifenc the module
 * @param {Frame[]} frames
 * @param {number} size
 * @param {number} scale pixels of the picture to one of a sprite
 * @returns {Uint8Array<ArrayBuffer>} a file; of a frame of more than 255 colours these are brought to 255
 */
export function gif(gifenc, frames, size, scale) {
  const file = gifenc.GIFEncoder();
  const edge = size * scale;
  for (const { pixels, delay } of frames) {
    const { index, colours } = indexed(gifenc, pixels);
    const large = new Uint8Array(edge * edge);
    for (let i = 0; i < large.length; i++) {
      const [x, y] = [i % edge, Math.floor(i / edge)].map((value) => Math.floor(value / scale));
      large[i] = index[y * size + x];
    }
    const palette = [[0, 0, 0], ...colours.map(rgb)]; // the first is transparent
    file.writeFrame(large, edge, edge, { palette, delay, transparent: true, transparentIndex: 0, dispose: CLEAR });
  }
  file.finish();
  return file.bytes();
}

/** @param {any} gifenc @param {Uint8ClampedArray} pixels */
function indexed(gifenc, pixels) {
  let colours = coloursOf([pixels]);
  if (colours.length >= MOST) {
    const few = gifenc.quantize(pixels, MOST - 1);
    colours = [...new Set(few.map((/** @type {number[]} */ [r, g, b]) => (r << 16) | (g << 8) | b))];
    pixels = keepTo(pixels, colours);
  }
  const places = new Map(colours.map((colour, i) => [colour, i + 1]));
  return { colours, index: Array.from({ length: pixels.length / 4 }, (_, i) => places.get(code(pixels, i)) ?? 0) };
}
