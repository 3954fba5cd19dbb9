// @ts-check
/**
 * Noise from (seed, index): each sprite has a generator of its own, so that it does not depend on what else is drawn.
 *
 * The generator is xoshiro128** (Blackman & Vigna 2018, arXiv:1805.01407), seeded by splitmix32. It is not that of
 * Python, which is numpy's: the same seed gives other sprites there.
 */

/**
 * Numbers of 32 bits that look random, by splitmix32.
 * @param {number} state
 */
function splitmix(state) {
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}

/**
 * Numbers of 32 bits, by xoshiro128**.
 * @param {number} seed
 * @param {number} index
 */
export function generator(seed, index) {
  const outer = splitmix(seed);
  const inner = splitmix(outer() ^ Math.imul(index + 1, 0x9e3779b1));
  const s = [inner(), inner(), inner(), inner()];
  return () => {
    const r = Math.imul(s[1], 5);
    const result = Math.imul((r << 7) | (r >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  };
}

/**
 * Standard normal numbers, by Box and Muller (1958).
 * @param {() => number} draw
 * @param {number} count
 */
export function normal(draw, count) {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((draw() + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * draw()) / 2 ** 32;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** As SampleNoise in ddpm/diffusion/samplers.py. */
export class SampleNoise {
  /**
   * @param {{seed: number, index: number}[]} samples
   * @param {number} each numbers for each
   */
  constructor(samples, each) {
    this.generators = samples.map(({ seed, index }) => generator(seed, index));
    this.each = each;
  }

  /** One draw from each generator. */
  next() {
    const out = new Float32Array(this.generators.length * this.each);
    this.generators.forEach((draw, i) => out.set(normal(draw, this.each), i * this.each));
    return out;
  }
}
