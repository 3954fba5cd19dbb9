// @ts-check
/**
 * Guidance, as ddpm/diffusion/guidance.py: uncond + s (cond - uncond), with compositions and what to go away from.
 */

/**
 * @typedef {object} Condition what a sprite is asked to be
 * @property {{context: Float32Array, scale: number}[]} terms contexts [V] and a scale for each
 * @property {Float32Array | null} away the context to go away from; null: no context
 *
 * @typedef {(x: Float32Array, step: number, rows: {sample: number, context: Float32Array, scale: number}[])
 *   => Promise<Float32Array>} ContextDenoiser x0_hat of each row, which is of the sprite `sample` of x
 *
 * @typedef {(step: number, cond: Float32Array, uncond: Float32Array) => void} OnPair
 */

const f = Math.fround;

/**
 * The contexts of a condition, that to go away from first, and their scales, which add to 1.
 * @param {Condition} condition
 */
export function withAway({ terms, away }) {
  const sum = terms.reduce((total, term) => f(total + f(term.scale)), 0);
  const rest = f(1 - sum);
  const none = away ?? new Float32Array(terms[0].context.length);
  return [{ context: none, scale: Math.abs(rest) > 1e-6 ? rest : 0 }, ...terms];
}

/**
 * A denoiser that is guided by classifier-free guidance, one scale s for each sprite; x0_hat is kept in [-1, 1].
 * Only the predictions that are needed are made: those of no context where s is 0, of a context where it is 1.
 * @param {ContextDenoiser} denoise
 * @param {Condition[]} conditions
 * @param {number[]} scales
 * @param {OnPair} [onPair]
 * @returns {import("./samplers.js").Denoiser}
 */
export function classifierFree(denoise, conditions, scales, onPair) {
  const all = conditions.map(withAway);
  const needed = all.flatMap((terms, sample) =>
    terms.flatMap(({ context, scale }, term) => {
      const s = scales[sample];
      const asked = (scale !== 0 && s !== 0) || (term === 0 && s !== 1) || onPair !== undefined;
      return asked ? [{ sample, term, context, scale: 1 }] : [];
    }),
  );
  return async (x, step) => {
    const n = x.length / conditions.length;
    const predicted = await denoise(x, step, needed);
    const cond = new Float32Array(x.length);
    const uncond = new Float32Array(x.length);
    needed.forEach(({ sample, term }, row) => {
      const weight = f(all[sample][term].scale);
      for (let i = 0; i < n; i++) {
        const value = predicted[row * n + i];
        cond[sample * n + i] += f(weight * value);
        if (term === 0) uncond[sample * n + i] = value;
      }
    });
    onPair?.(step, cond, uncond);
    return mixed(cond, uncond, scales);
  };
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
 * The denoiser of a student, which takes the scale as an input (ddpm/sampling.py, StudentGuide).
 * @param {ContextDenoiser} denoise
 * @param {Condition[]} conditions
 * @param {number[]} scales
 * @returns {import("./samplers.js").Denoiser}
 */
export function ofStudent(denoise, conditions, scales) {
  const rows = conditions.map(({ terms: [{ context, scale }] }, sample) => ({
    sample,
    context,
    scale: f(f(scales[sample]) * f(scale)),
  }));
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
