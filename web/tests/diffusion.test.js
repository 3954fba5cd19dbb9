// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { classifierFree, inside, mixed, ofStudent } from "../src/diffusion/guidance.js";
import { SampleNoise, generator, normal } from "../src/diffusion/noise.js";
import { integrate, noised } from "../src/diffusion/samplers.js";
import { Completion, chance } from "../src/model/completion.js";

test("a chance is numpy's", () => {
  const drawn = [
    [0, 0, 0.4492388188116676],
    [3, 17, 0.4559523871357021],
    [1099511627776, 5, 0.5328447609506357],
  ];
  for (const [seed, index, value] of drawn) assert.equal(chance({ seed, index }), value);
});

test("tags that are left open are those of a sprite that has the others", () => {
  // hero or food; banana, cap or knight; blue or yellow
  const completion = new Completion([
    [1, 2, 6],
    [1, 2, 6],
    [0, 3, 5],
    [0, 4, 5],
    [0, 4, 6],
  ]);
  const complete = (/** @type {number[]} */ tags, /** @type {number} */ chance, weight = 1, gone = -1) => {
    const context = new Float32Array(7);
    for (const tag of tags) context[tag] = weight;
    const away = new Float32Array(7).map((_, place) => Number(place === gone));
    return [...completion.complete(context, chance, away).entries()].flatMap(([place, value]) =>
      value ? [place] : [],
    );
  };
  assert.deepEqual(complete([4], 0.4), [0, 4, 5]);
  assert.deepEqual(complete([4], 0.6), [0, 4, 6]);
  assert.deepEqual(complete([2, 5], 0.9), [2, 5]); // there is no blue banana
  assert.deepEqual(complete([], 0.9), []);
  assert.deepEqual(complete([4], 0.4, 0.5), [4]);
  assert.deepEqual(complete([4], 0.4, 1, 5), [0, 4, 6]); // not blue
  assert.deepEqual(complete([4, 5], 0.4, 1, 5), [0, 4, 5]); // there is no other
});

/** A way of T even steps along the cosine schedule. @param {number} T */
function evenly(T) {
  const angles = Array.from({ length: T + 1 }, (_, i) => ((1 - i / T) * 0.97 * Math.PI) / 2);
  const timesteps = Array.from({ length: T }, (_, i) => T - i);
  const guides = timesteps.map(() => true);
  return { timesteps, alpha: angles.map(Math.cos), sigma: angles.map(Math.sin), eta: 0, order: 2, guides };
}
const way = evenly(40);
const noNoise = { next: () => assert.fail("no noise is needed") };

/** The best guess of x0 where the data is normal with variance v: alpha v / (alpha^2 v + sigma^2) x_t. */
const ofNormal =
  (/** @type {number} */ v, w = way) =>
  async (/** @type {Float32Array} */ x, /** @type {number} */ step) =>
    x.map((value) => ((w.alpha[step] * v) / (w.alpha[step] ** 2 * v + w.sigma[step] ** 2)) * value);

test("a sampler ends at what a denoiser that knows it says", async () => {
  const x0 = Float32Array.from([0.5, -1, 0.25]);
  for (const order of [1, 2]) {
    const found = await integrate(async () => x0, Float32Array.from([3, -2, 1]), { ...way, order }, noNoise);
    assert.deepEqual(found, x0);
  }
});

test("the deterministic sampler follows a normal distribution's closed form, the second order closer", async () => {
  const v = 0.3;
  const start = Math.sqrt(way.alpha[0] ** 2 * v + way.sigma[0] ** 2);
  const errors = [];
  for (const order of [1, 2]) {
    const [found] = await integrate(ofNormal(v), Float32Array.from([1]), { ...way, order }, noNoise);
    errors.push(Math.abs(found - Math.sqrt(v) / start));
  }
  assert.ok(errors[0] < 0.02 && errors[1] < errors[0] / 4, String(errors));
});

test("the ancestral sampler keeps the variance of a normal distribution", async () => {
  const [v, n, long] = [0.3, 5000, evenly(400)];
  const noise = new SampleNoise([{ seed: 3, index: 0 }], n);
  const x = await integrate(ofNormal(v, long), noise.next(), { ...long, eta: 1, order: 1 }, noise);
  const variance = x.reduce((sum, value) => sum + value * value, 0) / n;
  assert.ok(Math.abs(variance - v) < 0.03, String(variance));
});

test("a sampler may begin in the middle of its way", async () => {
  const x0 = Float32Array.from([0.5]);
  const steps = /** @type {number[]} */ ([]);
  await integrate(
    async (_, step) => (steps.push(step), x0),
    noised(x0, Float32Array.from([1]), way, 37),
    way,
    noNoise,
    37,
  );
  assert.deepEqual(steps, [37, 38, 39]);
});

test("guidance is uncond + s (cond - uncond), and s = 0 and 1 are the two predictions themselves", async () => {
  const rows = /** @type {number[]} */ ([]);
  /** @type {import("../src/diffusion/guidance.js").ContextDenoiser} what is predicted: the sum of what is asked */
  const denoise = async (_, __, asked) => {
    rows.push(asked.length);
    return Float32Array.from(asked, ({ context }) => context[0] + context[1]);
  };
  const [context, away] = [new Float32Array([0.25, 0]), new Float32Array([0, 0.125])];
  const plain = classifierFree(
    denoise,
    [0, 1, 2].map(() => ({ context, away: null })),
    [0, 1, 2],
    [true, false],
  );
  assert.deepEqual([...(await plain(new Float32Array(3), 0))], [0, 0.25, 0.5]);
  assert.deepEqual([...(await plain(new Float32Array(3), 1))], [0, 0.25, 0.25]); // a step that does not guide
  const from = classifierFree(
    denoise,
    [0, 1, 2].map(() => ({ context, away })),
    [0, 1, 2],
    [true],
  );
  assert.deepEqual([...(await from(new Float32Array(3), 0))], [0.125, 0.25, 0.375]);
  assert.deepEqual(rows, [4, 3, 4]); // one prediction where s is 0 or 1, two elsewhere
  const pairs = /** @type {unknown[]} */ ([]);
  const watched = classifierFree(denoise, [{ context, away }], [1], [true], (_, cond, uncond) =>
    pairs.push([...cond, ...uncond]),
  );
  assert.deepEqual([...(await watched(new Float32Array(1), 0))], [0.25]);
  assert.deepEqual(pairs, [[0.25, 0.125]]);
  assert.deepEqual([...mixed(new Float32Array([1]), new Float32Array([-1]), [4])], [1]); // it stays in range
});

test("a composition is uncond + sum_m s_m (cond_m - uncond), with just the predictions that it needs", async () => {
  let rows = 0;
  /** @type {import("../src/diffusion/guidance.js").ContextDenoiser} */
  const denoise = async (_, __, asked) => {
    rows = asked.length;
    return Float32Array.from(asked, ({ context }) => context[0] + context[1]);
  };
  const [a, context, away] = [new Float32Array([0.25, 0]), new Float32Array([0.25, 0.125]), new Float32Array([0, 0.5])];
  const guided = async (/** @type {number[]} */ [first, second], /** @type {Float32Array | null} */ from) => {
    const terms = [
      { context: a, scale: first },
      { context, scale: second },
    ].filter(({ scale }) => scale);
    const [x0] = await classifierFree(denoise, [{ context, terms, away: from }], [1], [false])(new Float32Array(1), 0);
    return [x0, rows];
  };
  assert.deepEqual(await guided([0.5, 1.5], null), [0.5 * 0.25 + 1.5 * 0.375, 3]);
  assert.deepEqual(await guided([0.5, 1], away), [-0.5 * 0.5 + 0.5 * 0.25 + 0.375, 3]);
  assert.deepEqual(await guided([0.5, 0.5], away), [0.5 * 0.25 + 0.5 * 0.375, 2]); // they add to 1
  const pairs = /** @type {unknown[]} */ ([]);
  const terms = [{ context: a, scale: 2 }];
  const watched = classifierFree(denoise, [{ context, terms, away }], [1], [true], (_, cond, uncond) =>
    pairs.push([...cond, ...uncond]),
  );
  assert.deepEqual([...(await watched(new Float32Array(1), 0))], [0]);
  assert.deepEqual(pairs, [[0.375, 0.5]]); // cond is that of the whole context
});

test("a student is given the scale", async () => {
  const condition = { context: new Float32Array([1]), away: null };
  const guided = ofStudent(async (_, __, rows) => Float32Array.from(rows, ({ scale }) => scale), [condition], [2.5]);
  assert.deepEqual([...(await guided(new Float32Array(1), 0))], [2.5]);
});

test("outside a mask nothing changes", async () => {
  const kept = Float32Array.from([0.2, 0.4]);
  const denoise = inside(async (x) => x.map(() => -1), kept, Uint8Array.from([0, 1]));
  const x0 = await integrate(denoise, Float32Array.from([1, 1]), way, noNoise);
  assert.deepEqual([...x0], [Math.fround(0.2), -1]);
});

test("noise is numpy's, standard normal, and a sprite's own", () => {
  // numpy.random.default_rng([seed, index]).standard_normal(3, numpy.float32)
  for (const [key, expected] of /** @type {[number[], number[]][]} */ ([
    [
      [1, 2],
      [-1.3151772022247314, -0.8722195029258728, 1.7323579788208008],
    ],
    [
      [0, 0],
      [1.1176220178604126, -1.3871248960494995, -0.4265716075897217],
    ],
    [
      [2147483647, 1005],
      [-0.1400294005870819, 1.3782914876937866, -0.1780412197113037],
    ],
    [
      [1099511627779, 7],
      [2.097576856613159, 0.5821884274482727, 0.9243596792221069],
    ],
  ])) {
    assert.deepEqual([...normal(generator(key), 3)], expected.map(Math.fround));
  }
  const x = normal(generator([1, 2]), 100_000);
  const mean = (/** @type {number} */ power) => x.reduce((sum, value) => sum + value ** power, 0) / x.length;
  assert.ok(Math.abs(mean(1)) < 0.02 && Math.abs(mean(2) - 1) < 0.02 && Math.abs(mean(4) - 3) < 0.15);
  assert.ok(Math.max(...x.slice(0, 50_000)) > 3.7); // the tail
  const alone = new SampleNoise([{ seed: 5, index: 7 }], 10);
  const among = new SampleNoise(
    [0, 7].map((index) => ({ seed: 5, index })),
    10,
  );
  for (let draw = 0; draw < 2; draw++) assert.deepEqual(alone.next(), among.next().slice(10));
  const mixture = (/** @type {number} */ weight, n = 10) =>
    new SampleNoise([{ seed: 5, index: 7, other: { seed: 5, index: 8, weight } }], n).next();
  assert.deepEqual(mixture(0), new SampleNoise([{ seed: 5, index: 7 }], 10).next());
  const half = mixture(0.5, 10_000);
  assert.ok(Math.abs(half.reduce((sum, value) => sum + value ** 2, 0) / 10_000 - 1) < 0.05);
});
