// @ts-check
/** What a sprite was drawn from, as frames: its steps out of the noise, and the same noise at each guidance scale. */

import { keepTo } from "../sprites/colour.js";
import { toPixels } from "../sprites/pixels.js";

/** @typedef {import("../sprites/gif.js").Frame} Frame */

const WHOLE = 1200; // milliseconds of all steps together
const EACH = 250; // of a scale
const LAST = 1500;
const STEP = 0.5; // of the scales

/**
 * The noisy sprite at each step, in the colours that the finished one is shown in.
 * @param {import("./studio.js").Studio} studio
 * @param {string} network
 * @param {import("./studio.js").Want} want
 * @param {number[]} palette none: as they are
 * @returns {Promise<Frame[]>}
 */
export async function steps(studio, network, want, palette) {
  const { channels } = studio.about;
  /** @type {Uint8ClampedArray[]} */
  const noisy = [];
  const onStep = (/** @type {import("../model/sampling.js").Step} */ { x }) => {
    const pixels = toPixels(x, channels);
    noisy.push(palette.length ? keepTo(pixels, palette) : pixels);
  };
  await studio.client.draw(
    "moving",
    { network, items: [studio.item(begun(studio, network, want))], watch: true },
    { onStep },
  );
  return noisy.map((pixels) => ({ pixels, delay: WHOLE / noisy.length }));
}

/**
 * The sprite of the same noise at each scale of a network.
 * @param {import("./studio.js").Studio} studio
 * @param {string} network
 * @param {import("./studio.js").Want} want
 * @param {(pixels: Uint8ClampedArray) => Uint8ClampedArray} dress
 * @returns {Promise<Frame[]>}
 */
export async function scales(studio, network, want, dress) {
  const [low, high] = studio.about.networks[network].scales;
  const all = Array.from({ length: Math.floor((high - low) / STEP) + 1 }, (_, i) => low + i * STEP);
  /** @type {Frame[]} */
  const frames = [];
  const wants = all.map((s) => {
    const other = want.other && { ...want.other, s, scales: null };
    return { ...begun(studio, network, want), s, scales: null, other };
  });
  await studio.draw("moving", network, wants, (i, pixels) => {
    frames[i] = { pixels: dress(pixels), delay: i + 1 < all.length ? EACH : LAST };
  });
  return frames;
}

/**
 * A variation begins in the middle of the way, which is elsewhere for another network.
 * @param {import("./studio.js").Studio} studio
 * @param {string} network
 * @param {import("./studio.js").Want} want
 */
function begun(studio, network, want) {
  return want.base ? { ...want, start: studio.varyFrom(network) } : want;
}

/** The finished sprite, as the last frame. @param {Uint8ClampedArray} pixels @returns {Frame} */
export function last(pixels) {
  return { pixels, delay: LAST };
}
