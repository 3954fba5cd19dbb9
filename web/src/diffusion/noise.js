// @ts-check
/**
 * Noise from (seed, index), number for number that of `SampleNoise` in ddpm/diffusion/samplers.py: what
 * `numpy.random.default_rng([seed, index]).standard_normal(shape, float32)` draws. So the same seed gives the same
 * sprites here and there.
 *
 * It is PCG64, the generator XSL-RR 128/64 of O'Neill 2014 (pcg-random.org), seeded through numpy's SeedSequence, whose
 * mixing of entropy is O'Neill's too; and the ziggurat of Marsaglia & Tsang 2000 (doi 10.18637/jss.v005.i08).
 */

const WORD = 0xffffffffn;
const MASK = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** A hash whose constant goes on with each value. @param {number} constant @param {number} factor */
function hasher(constant, factor) {
  return (/** @type {number} */ value) => {
    value ^= constant;
    constant = Math.imul(constant, factor);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
}

/** @param {number} x @param {number} y */
function mixed(x, y) {
  const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
  return value ^ (value >>> 16);
}

/** A whole number as words of 32 bits, the lowest first. @param {number} value */
function words(value) {
  const found = [];
  for (let rest = BigInt(value); rest || !found.length; rest >>= 32n) found.push(Number(rest & WORD));
  return found;
}

/**
 * Eight words of 32 bits, by SeedSequence.
 * @param {number[]} entropy whole numbers
 */
export function seeded(entropy) {
  const all = entropy.flatMap(words);
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((i) => hash(all[i] ?? 0));
  for (const from of pool.keys()) {
    for (const to of pool.keys()) if (from !== to) pool[to] = mixed(pool[to], hash(pool[from]));
  }
  for (const word of all.slice(4)) for (const to of pool.keys()) pool[to] = mixed(pool[to], hash(word));
  const last = hasher(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: 8 }, (_, i) => last(pool[i % 4]) >>> 0);
}

/** Words of 32 bits by PCG64, each of 64 given in two, the lower one first. @param {number[]} entropy */
export function generator(entropy) {
  const state = seeded(entropy);
  const wide = (/** @type {number} */ i) =>
    [i + 1, i, i + 3, i + 2].reduce((sum, j) => (sum << 32n) | BigInt(state[j]), 0n);
  const increment = ((wide(4) << 1n) | 1n) & MASK;
  let now = (increment + wide(0)) & MASK;
  const step = () => (now = (now * MULTIPLIER + increment) & MASK);
  step();
  let upper = -1;
  return () => {
    if (upper >= 0) {
      const found = upper;
      upper = -1;
      return found;
    }
    step();
    const both = (now >> 64n) ^ (now & 0xffffffffffffffffn);
    const turn = now >> 122n;
    const value = (both >> turn) | (both << (64n - turn));
    upper = Number((value >> 32n) & WORD);
    return Number(value & WORD);
  };
}

const LAYERS = 256;
const UNIT = 2 ** 23; // the whole numbers of which a float32 is made
const EDGE = 3.6541528853610088; // where the tail begins: with it all layers have one area
const AREA = 0.004928673233974655;
const f = Math.fround;

/** Tables of the ziggurat: widths / UNIT, where a point is surely inside, and the density at the edge of each layer. */
function ziggurat() {
  const density = (/** @type {number} */ x) => Math.exp(-0.5 * x * x);
  const edges = new Float64Array(LAYERS);
  edges[LAYERS - 1] = EDGE;
  for (let i = LAYERS - 2; i > 0; i--) edges[i] = Math.sqrt(-2 * Math.log(AREA / edges[i + 1] + density(edges[i + 1])));
  const base = AREA / density(EDGE);
  const inside = Uint32Array.from(edges, (x, i) => (i ? (edges[i - 1] / x) * UNIT : (EDGE / base) * UNIT));
  const width = Float32Array.from(edges, (x, i) => (i ? x : base) / UNIT);
  return { inside, width, height: Float32Array.from(edges, density) };
}
const { inside, width, height } = ziggurat();

/**
 * Standard normal numbers.
 * @param {() => number} draw words of 32 bits
 * @param {number} count
 */
export function normal(draw, count) {
  const unit = () => f((draw() >>> 8) / 2 ** 24);
  const one = () => {
    for (;;) {
      const word = draw();
      const layer = word & 255;
      const size = (word >>> 9) & 0x7fffff;
      const x = f((word & 256 ? -1 : 1) * f(size * width[layer]));
      if (size < inside[layer]) return x;
      if (layer === 0) return tail(unit, size & 256 ? -1 : 1);
      const y = f(f(f(height[layer - 1] - height[layer]) * unit()) + height[layer]);
      if (y < Math.exp(-0.5 * x * x)) return x;
    }
  };
  return Float32Array.from({ length: count }, one);
}

/** A number beyond the last layer. @param {() => number} unit @param {number} sign */
function tail(unit, sign) {
  for (;;) {
    const x = f(-f(1 / EDGE) * f(Math.log1p(-unit())));
    const y = f(-f(Math.log1p(-unit())));
    if (f(y + y) > f(x * x)) return sign * f(f(EDGE) + x);
  }
}

/**
 * @typedef {{seed: number, index: number}} Source
 * @typedef {Source & {other?: Source & {weight: number}}} Sample other: noise to mix in, by a weight from 0 to 1
 */

/** As SampleNoise in ddpm/diffusion/samplers.py. */
export class SampleNoise {
  /**
   * @param {Sample[]} samples
   * @param {number} each numbers for each
   */
  constructor(samples, each) {
    const source = (/** @type {Source} */ { seed, index }) => {
      const draw = generator([seed, index]);
      return () => normal(draw, each);
    };
    this.each = each;
    this.draws = samples.map(({ other, ...own }) =>
      other ? between(source(own), source(other), other.weight) : source(own),
    );
  }

  /** One draw from each generator. */
  next() {
    const out = new Float32Array(this.draws.length * this.each);
    this.draws.forEach((draw, i) => out.set(draw(), i * this.each));
    return out;
  }
}

/**
 * Noise on the way from one to another along a circle, so that it is standard normal everywhere.
 * @param {() => Float32Array} from
 * @param {() => Float32Array} to
 * @param {number} weight 0: the one; 1: the other
 */
function between(from, to, weight) {
  const [cos, sin] = [Math.cos((weight * Math.PI) / 2), Math.sin((weight * Math.PI) / 2)];
  return () => {
    const [a, b] = [from(), to()];
    return a.map((value, i) => cos * value + sin * b[i]);
  };
}
