// @ts-check
/**
 * A sprite begins to walk: one frame after another, by a network that remembers those before, as ddpm/animation.py.
 */

import { classifierFree, weighted } from "../diffusion/guidance.js";
import { SampleNoise } from "../diffusion/noise.js";
import { integrate, noised } from "../diffusion/samplers.js";
import { pixelArt } from "../sprites/pixel_art.js";
import { toNumbers, toPixels } from "../sprites/pixels.js";
import { styleOf } from "./sampling.js";

/**
 * @typedef {object} OfClips
 * @property {number} cycle frames of a cycle
 * @property {number} memory numbers that a network remembers of the frames before, for each context
 * @property {string[]} moving the categories that it saw walking
 * @property {string[]} varying facets that differ within a clip, so that no tag tells them
 * @property {import("../diffusion/samplers.js").Way} following the way of a frame that has seen others
 * @property {number} followingScale and its guidance scale, at most
 * @typedef {import("./sampling.js").NetworkAbout & OfClips} WalksAbout
 *
 * @typedef {object} Past what a network remembers, and of how many frames
 * @property {Float32Array} memory
 * @property {number} count
 * @typedef {Past & {context: Float32Array, t: number, position: number}} FrameRow position: step of the cycle
 * @typedef {(x: Float32Array, rows: FrameRow[]) => Promise<{x0: Float32Array, remembered: Float32Array}>} RunFrame
 *
 * @typedef {import("./sampling.js").Item & {frames: number, place?: number}} Walk `base` is the first frame, if there
 *   is one; place: the step of the cycle that the first frame shows; left out, the one that the network finds likeliest
 */

const LOOKS = 4; // steps of the way at which a first frame is looked at

/**
 * The frames of a walk.
 * @param {RunFrame} run
 * @param {import("./sampling.js").About & {walks: WalksAbout}} about
 * @param {Walk} item
 * @param {() => Promise<void>} [check] called before each step; may throw when nobody waits any more
 * @returns {Promise<Uint8ClampedArray[]>}
 */
export async function walk(run, about, item, check) {
  const { size, channels, walks } = about;
  const each = channels * size * size;
  const noise = new SampleNoise([item], each);
  const away = item.away ?? new Float32Array(item.context.length);
  const condition = { context: item.context, terms: item.terms, away };
  const after = Math.min(item.scale, walks.followingScale); // the scale of frames that have seen others
  const needed = weighted(condition).filter(({ weight }) => weight || after !== 1);
  const contexts = [...new Set(needed.map(({ context }) => context))];
  /** @type {Map<Float32Array, Past>} */
  const past = new Map(contexts.map((context) => [context, nothing(walks)]));
  const first = item.place ?? (item.base ? await likeliest(run, about, item, item.base) : 0);

  /** @param {Float32Array} x @param {Float32Array[]} told @param {number} t @param {number} position */
  const seeing = (x, told, t, position) => {
    const rows = told.map((context) => ({ ...(past.get(context) ?? nothing(walks)), context, t, position }));
    return run(repeated(x, rows.length), rows);
  };

  /** @type {Uint8ClampedArray[]} */
  const frames = [];
  while (frames.length < item.frames) {
    const position = (first + frames.length) % walks.cycle;
    const given = frames.length ? undefined : item.base;
    const way = frames.length ? walks.following : walks.way;
    /** @type {Float32Array | undefined} */
    let x = given && toNumbers(given, channels);
    if (!x) {
      const guided = classifierFree(
        async (x, step, rows) => {
          const told = rows.map(({ context }) => context);
          return (await seeing(x, told, way.timesteps[step], position)).x0;
        },
        [condition],
        [frames.length ? after : item.scale],
        way.guides,
      );
      /** @type {import("../diffusion/samplers.js").Denoiser} */
      const denoise = async (x, step) => {
        await check?.();
        return guided(x, step);
      };
      x = await integrate(denoise, noise.next(), way, noise);
    }
    frames.push(given ?? toPixels(x, channels));
    if (frames.length === item.frames) break;
    const { remembered } = await seeing(x, contexts, 0, position);
    contexts.forEach((context, i) => {
      const memory = remembered.slice(i * walks.memory, (i + 1) * walks.memory);
      past.set(context, { memory, count: Math.min(frames.length, walks.cycle - 1) });
    });
  }
  const style = styleOf(about, walks);
  style.colourPrice *= Math.max(1, frames.length / 2); // in half of the frames
  const settled = apart(pixelArt(strip(frames, size), size * frames.length, style), size);
  return item.base ? [item.base, ...settled.slice(1)] : settled;
}

/**
 * Which step of the cycle a frame shows: the one under which the network errs least about it, as `Animator.phase`. Errors
 * are those of eps.
 * @param {RunFrame} run
 * @param {import("./sampling.js").About & {walks: WalksAbout}} about
 * @param {Walk} item
 * @param {Uint8ClampedArray} frame
 */
async function likeliest(run, about, { context, seed }, frame) {
  const { channels, walks } = about;
  const { alpha, sigma, timesteps } = walks.way;
  const x0 = toNumbers(frame, channels);
  const looks = Array.from({ length: LOOKS }, (_, i) => Math.floor(((i + 1) * timesteps.length) / (LOOKS + 2)));
  const eps = new SampleNoise([{ seed, index: 0 }], x0.length);
  const errors = new Float64Array(walks.cycle);
  for (const step of looks) {
    const x = noised(x0, eps.next(), walks.way, step);
    const rows = Array.from(errors, (_, position) => ({ ...nothing(walks), context, t: timesteps[step], position }));
    const found = (await run(repeated(x, rows.length), rows)).x0;
    const weight = (alpha[step] / sigma[step]) ** 2;
    found.forEach((value, i) => (errors[Math.floor(i / x0.length)] += weight * (value - x0[i % x0.length]) ** 2));
  }
  return errors.indexOf(Math.min(...errors));
}

/** Of no frames yet. @param {WalksAbout} walks @returns {Past} */
function nothing({ memory }) {
  return { memory: new Float32Array(memory), count: 0 };
}

/** @param {Float32Array} x @param {number} times */
function repeated(x, times) {
  const out = new Float32Array(x.length * times);
  for (let i = 0; i < times; i++) out.set(x, i * x.length);
  return out;
}

/** Frames side by side as one picture. @param {Uint8ClampedArray[]} frames @param {number} size */
function strip(frames, size) {
  const [row, width] = [4 * size, 4 * size * frames.length];
  const out = new Uint8ClampedArray(width * size);
  frames.forEach((pixels, i) => {
    for (let y = 0; y < size; y++) out.set(pixels.subarray(y * row, (y + 1) * row), y * width + i * row);
  });
  return out;
}

/** The frames of such a picture. @param {Uint8ClampedArray} pixels @param {number} size */
function apart(pixels, size) {
  const [row, width] = [4 * size, pixels.length / size];
  return Array.from({ length: width / row }, (_, i) => {
    const out = new Uint8ClampedArray(row * size);
    for (let y = 0; y < size; y++) out.set(pixels.subarray(y * width + i * row, y * width + (i + 1) * row), y * row);
    return out;
  });
}
