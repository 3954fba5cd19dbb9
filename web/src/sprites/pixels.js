// @ts-check
/** Sprites as numbers of a network and back, as ddpm/data/tensors.py: pixels are RGBA, uint8 [H, W, 4]. */

const f = Math.fround;

/** Rounds halves to even numbers, as torch and numpy do. @param {number} x */
export function roundEven(x) {
  const floor = Math.floor(x);
  const part = x - floor;
  return part > 0.5 || (part === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * x [C, H, W] in [-1, 1], premultiplied, to pixels with straight colour and an alpha of 0 or 255.
 * @param {Float32Array} x
 * @param {number} channels 3 or 4
 */
export function toPixels(x, channels) {
  const area = x.length / channels;
  const out = new Uint8ClampedArray(4 * area);
  const unit = (/** @type {number} */ value) => f(f(Math.min(1, Math.max(-1, value)) + 1) / 2);
  for (let i = 0; i < area; i++) {
    const alpha = channels === 4 ? unit(x[3 * area + i]) : 1;
    if (alpha < 0.5) continue;
    for (let c = 0; c < 3; c++) {
      const colour = unit(x[c * area + i]);
      out[4 * i + c] = roundEven(f(255 * (channels === 4 ? Math.min(1, f(colour / alpha)) : colour)));
    }
    out[4 * i + 3] = 255;
  }
  return out;
}

/**
 * Pixels to x [C, H, W] in [-1, 1], premultiplied.
 * @param {Uint8ClampedArray} pixels
 * @param {number} channels
 */
export function toNumbers(pixels, channels) {
  const area = pixels.length / 4;
  const out = new Float32Array(channels * area);
  for (let i = 0; i < area; i++) {
    const alpha = pixels[4 * i + 3] / 255;
    for (let c = 0; c < channels; c++) {
      const value = pixels[4 * i + c] / 255;
      out[c * area + i] = 2 * (channels === 4 && c < 3 ? value * alpha : value) - 1;
    }
  }
  return out;
}

/** Colours such as "d19b62" as 65536 R + 256 G + B. @param {string[]} texts */
export const fromHexadecimals = (texts) => texts.map((text) => parseInt(text, 16));

/**
 * The colour of a pixel as 65536 R + 256 G + B; -1 where it is transparent.
 * @param {Uint8ClampedArray} pixels
 * @param {number} i
 */
export function code(pixels, i) {
  return pixels[4 * i + 3] < 128 ? -1 : (pixels[4 * i] << 16) | (pixels[4 * i + 1] << 8) | pixels[4 * i + 2];
}

/** @param {number} colour a code that is not -1 @returns {[number, number, number]} */
export function rgb(colour) {
  return [colour >> 16, (colour >> 8) & 255, colour & 255];
}

/** @param {number} colour */
export function hexadecimal(colour) {
  return colour.toString(16).padStart(6, "0");
}

/** The distinct colours of opaque pixels, as codes, in rising order. @param {Uint8ClampedArray[]} sprites */
export function coloursOf(sprites) {
  const found = new Set();
  for (const pixels of sprites) for (let i = 0; i < pixels.length / 4; i++) found.add(code(pixels, i));
  found.delete(-1);
  return /** @type {number[]} */ ([...found]).sort((a, b) => a - b);
}
