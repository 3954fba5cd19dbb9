// @ts-check
/** Guidance, as ddpm/diffusion/guidance.py: uncond + s (cond - uncond). */

/**
 * @typedef {object} Condition what a sprite is asked to be
 * @property {Float32Array} context [V]
 * @property {{context: Float32Array, scale: number}[]} [terms] a composition in place of the context
 * @property {Float32Array | null} away the context to go away from; null: no context
 *
 * @typedef {{sample: number, context: Float32Array, scale: number}} Row a prediction for the sprite `sample` of a batch
 * @typedef {(x: Float32Array, step: number, rows: Row[]) => Promise<Float32Array>} ContextDenoiser x0_hat of each row
 *
 * @typedef {(step: number, cond: Float32Array, uncond: Float32Array) => void} OnPair
 */

const f = Math.fround;

/**
 * A denoiser that is guided by classifier-free guidance, one scale s for each sprite; x0_hat is kept in [-1, 1].
 * Of a composition it is uncond + s sum_m scale_m (cond_m - uncond). Where a step of the way does not guide, s is 1 at
 * most.
 * Only the predictions that are needed are made: that to go away from alone where s is 0, the other alone where it is
 * 1; but both wherever `onPair` is told of them, cond being that of the whole context.
 * @param {ContextDenoiser} denoise
 * @param {Condition[]} conditions
 * @param {number[]} scales
 * @param {boolean[]} guides of each step
 * @param {OnPair} [onPair]
 * @returns {import("./samplers.js").Denoiser}
 */
export function classifierFree(denoise, conditions, scales, guides, onPair) {
  const neededAt = (/** @type {number[]} */ scales) =>
    conditions.flatMap((condition, sample) => {
      const [away, ...terms] = weighted(condition);
      const [s, asked] = [scales[sample], condition.context];
      const whole = terms.find(({ context }) => context === asked) ?? { context: asked, weight: 0 };
      const rows = [
        ...(onPair || s !== 1 || away.weight ? [{ ...away, uncond: true }] : []),
        ...(s === 0 ? [] : terms.filter((term) => term !== whole)),
        ...(onPair || (s !== 0 && whole.weight) ? [{ ...whole, told: true }] : []),
      ];
      return rows.map((row) => ({ uncond: false, told: false, ...row, sample, scale: 1 }));
    });
  const [guided, limited] = [scales, scales.map((s) => Math.min(s, 1))].map((at) => ({ at, needed: neededAt(at) }));
  return async (x, step) => {
    const { at, needed } = guides[step] ? guided : limited;
    const n = x.length / conditions.length;
    const predicted = await denoise(x, step, needed);
    const [cond, uncond, told] = [0, 1, 2].map(() => new Float32Array(x.length));
    needed.forEach(({ sample, weight, ...row }, i) => {
      const [x0, first] = [predicted.subarray(i * n, (i + 1) * n), sample * n];
      if (row.uncond) uncond.set(x0, first);
      if (row.told) told.set(x0, first);
      if (weight) x0.forEach((value, j) => (cond[first + j] += f(weight * value)));
    });
    onPair?.(step, told, uncond);
    return mixed(cond, uncond, at);
  };
}

/**
 * The contexts of a composition with their weights, which add to 1; the first is the one to go away from.
 * @param {Condition} condition
 */
export function weighted({ context, away, terms = [{ context, scale: 1 }] }) {
  const rest = terms.reduce((left, { scale }) => f(left - scale), 1);
  const first = { context: away ?? new Float32Array(context.length), weight: Math.abs(rest) > 1e-6 ? rest : 0 };
  return [first, ...terms.map(({ context, scale }) => ({ context, weight: f(scale) }))];
}

/**
 * uncond + s (cond - uncond), kept in [-1, 1]; for s = 0 and 1 one of the two as it is.
 * @param {Float32Array} cond
 * @param {Float32Array} uncond
 * @param {number[]} scales
 */
export function mixed(cond, uncond, scales) {
  const n = cond.length / scales.length;
  return cond.map((value, i) => {
    const s = f(scales[Math.floor(i / n)]);
    const x0 = s === 0 ? uncond[i] : s === 1 ? value : f(uncond[i] + f(s * f(value - uncond[i])));
    return Math.min(1, Math.max(-1, x0));
  });
}

/**
 * The denoiser of a student, which takes the scale as an input and goes away from nothing else than no context
 * (ddpm/sampling.py, StudentGuide).
 * @param {ContextDenoiser} denoise
 * @param {Condition[]} conditions
 * @param {number[]} scales
 * @returns {import("./samplers.js").Denoiser}
 */
export function ofStudent(denoise, conditions, scales) {
  const rows = conditions.map(({ context }, sample) => ({ sample, context, scale: scales[sample] }));
  return (x, step) => denoise(x, step, rows);
}

/**
 * Outside a mask x0_hat is what is there already, so that a sampler draws only what is inside.
 * @param {import("./samplers.js").Denoiser} denoise
 * @param {Float32Array} kept x0
 * @param {Uint8Array} mask as large as x: 1 where it is to be drawn anew
 * @returns {import("./samplers.js").Denoiser}
 */
export function inside(denoise, kept, mask) {
  return async (x, step) => (await denoise(x, step)).map((value, i) => (mask[i] ? value : kept[i]));
}
