// @ts-check
/** A network and what is asked for become sprites: denoiser, guidance, way and pixel art, as ddpm/sampling.py. */

import { classifierFree, inside, ofStudent } from "../diffusion/guidance.js";
import { SampleNoise } from "../diffusion/noise.js";
import { integrate, noised } from "../diffusion/samplers.js";
import { pixelArt } from "../sprites/pixel_art.js";
import { fromHexadecimals, toNumbers, toPixels } from "../sprites/pixels.js";

/**
 * @typedef {object} NetworkAbout what model.json says of a network
 * @property {string} file
 * @property {number} bytes
 * @property {boolean} guided whether the scale is an input: a student
 * @property {[number, number]} scales lowest and highest guidance scale to offer
 * @property {import("../diffusion/samplers.js").Way} way
 * @property {number} colourPrice what a colour of a sprite must be worth
 *
 * @typedef {object} About what model.json says
 * @property {string} name
 * @property {number} size
 * @property {number} channels
 * @property {import("./context.js").Vocabulary} vocabulary
 * @property {import("./completion.js").Together} [together] the tags of sprites that it was trained on
 * @property {string[]} palette
 * @property {{most: number | null, orphans: number, orphanPrice: number}} style
 * @property {Record<string, NetworkAbout>} networks
 * @property {import("./walking.js").WalksAbout} [walks] the network of walks
 * @property {{file: string, columns: number} | null} pictures
 *
 * @typedef {object} Item a sprite to draw
 * @property {Float32Array} context
 * @property {import("./context.js").Term[]} [terms] a composition in place of the context
 * @property {Float32Array | null} [away] the context to go away from, in place of none
 * @property {number} scale
 * @property {number} seed
 * @property {number} index
 * @property {import("../diffusion/noise.js").Source & {weight: number}} [other] see SampleNoise
 * @property {Uint8ClampedArray} [base] pixels to begin from, at step `start`
 * @property {number} [start]
 * @property {Uint8Array} [mask] [H, W]: where `base` is drawn anew
 *
 * @typedef {object} Step what is seen of a step of one sprite
 * @property {number} t
 * @property {Float32Array} x
 * @property {Float32Array} cond
 * @property {Float32Array} uncond
 * @property {Float32Array} guided
 *
 * @typedef {(x: Float32Array, t: number, rows: Float32Array[], scales: number[]) => Promise<Float32Array>} Run
 */

/**
 * The guided denoiser of some sprites.
 * @param {Run} run
 * @param {NetworkAbout} network
 * @param {Item[]} items
 * @param {number} each numbers of a sprite
 * @param {import("../diffusion/guidance.js").OnPair} [onPair]
 */
function denoiser(run, network, items, each, onPair) {
  const conditions = items.map(({ context, terms, away }) => ({ context, terms, away: away ?? null }));
  const scales = items.map((item) => item.scale);
  /** @type {import("../diffusion/guidance.js").ContextDenoiser} */
  const denoise = (x, step, rows) => {
    const repeated = new Float32Array(rows.length * each);
    rows.forEach(({ sample }, row) => repeated.set(x.subarray(sample * each, (sample + 1) * each), row * each));
    return run(
      repeated,
      network.way.timesteps[step],
      rows.map((row) => row.context),
      rows.map((row) => row.scale),
    );
  };
  if (network.guided) return ofStudent(denoise, conditions, scales);
  return classifierFree(denoise, conditions, scales, network.way.guides, onPair);
}

/**
 * Draw sprites together.
 * @param {Run} run the network
 * @param {About} about
 * @param {NetworkAbout} network
 * @param {Item[]} items all with the same `start`
 * @param {object} [how]
 * @param {() => Promise<void>} [how.check] called before each step; may throw when nobody waits any more
 * @param {(step: Step) => void} [how.onStep] told of the first sprite's steps, by a network that is no student
 * @returns {Promise<Uint8ClampedArray[]>}
 */
export async function sample(run, about, network, items, { check, onStep } = {}) {
  const { size, channels } = about;
  const each = channels * size * size;
  const start = items[0].start ?? 0;
  const noise = new SampleNoise(items, each);
  const x = noise.next();
  const bases = items.map(({ base }) => base && toNumbers(base, channels));
  bases.forEach((base, i) => {
    const eps = x.subarray(i * each, (i + 1) * each);
    if (base) x.set(noised(base, eps, network.way, start), i * each);
  });

  /** @type {[Float32Array, Float32Array]} */
  let pair = [x, x];
  let denoise = denoiser(run, network, items, each, onStep && ((_, cond, uncond) => (pair = [cond, uncond])));
  if (items.some((item) => item.mask)) {
    const [kept, mask] = [new Float32Array(x.length), new Uint8Array(x.length).fill(1)];
    items.forEach((item, i) => {
      const base = bases[i];
      if (!item.mask || !base) return;
      kept.set(base, i * each);
      for (let c = 0; c < channels; c++) mask.set(item.mask, i * each + c * size * size);
    });
    denoise = inside(denoise, kept, mask);
  }
  /** @type {import("../diffusion/samplers.js").Denoiser} */
  const watched = async (x_t, step) => {
    await check?.();
    const x0 = await denoise(x_t, step);
    const first = (/** @type {Float32Array} */ values) => values.slice(0, each);
    onStep?.({
      t: network.way.timesteps[step],
      x: first(x_t),
      cond: first(pair[0]),
      uncond: first(pair[1]),
      guided: first(x0),
    });
    return x0;
  };
  const x0 = await integrate(watched, x, network.way, noise, start);
  const style = styleOf(about, network);
  return items.map((item, i) => {
    const pixels = pixelArt(toPixels(x0.subarray(i * each, (i + 1) * each), channels), size, style);
    return item.base && item.mask ? within(item.mask, pixels, item.base) : pixels;
  });
}

/**
 * What makes pixel art of what a network samples.
 * @param {About} about
 * @param {NetworkAbout} network
 * @returns {import("../sprites/pixel_art.js").Style}
 */
export function styleOf({ style, palette }, { colourPrice }) {
  return { ...style, colourPrice, palette: fromHexadecimals(palette) };
}

/**
 * New pixels inside the mask, the old ones outside.
 * @param {Uint8Array} mask
 * @param {Uint8ClampedArray} drawn
 * @param {Uint8ClampedArray} kept
 */
function within(mask, drawn, kept) {
  return drawn.map((value, i) => (mask[i >> 2] ? value : kept[i]));
}
