// @ts-check
/**
 * The loop of every sampler here, as `integrate` in ddpm/diffusion/samplers.py, where its equations are told.
 *
 * x is a Float32Array of B sprites [C, H, W]. Sums that Python takes in float64 are in float64 here too, and what it
 * rounds to float32 is rounded by the array that it is put into.
 */

/**
 * @typedef {object} Way the timesteps of a sampler, with alpha and sigma of each; the last of these are the clean image
 * @property {number[]} timesteps
 * @property {number[]} alpha
 * @property {number[]} sigma
 * @property {number} eta 0: deterministic; 1: ancestral
 * @property {number} order
 * @property {boolean[]} guides whether a step is guided by a scale above 1
 *
 * @typedef {(x: Float32Array, step: number) => Promise<Float32Array>} Denoiser x_t -> x0_hat
 * @typedef {{next: () => Float32Array}} Noise standard normal, as large as x
 */

/**
 * From x_t at step `start` of the way to x0.
 * @param {Denoiser} denoise
 * @param {Float32Array} x
 * @param {Way} way
 * @param {Noise} noise
 * @param {number} [start]
 * @returns {Promise<Float32Array>}
 */
export async function integrate(denoise, x, way, noise, start = 0) {
  const { alpha, sigma, eta, order } = way;
  const lambda = alpha.map((a, i) => Math.log(a / sigma[i]));
  let before = x;
  for (let step = start; step < way.timesteps.length; step++) {
    const x0 = await denoise(x, step);
    const h = lambda[step + 1] - lambda[step];
    const second = order === 2 && step > start && Number.isFinite(h);
    const bend = second ? h / (lambda[step] - lambda[step - 1]) / 2 : 0;
    const std = ((eta * sigma[step + 1]) / sigma[step]) * Math.sqrt(1 - (alpha[step] / alpha[step + 1]) ** 2);
    const rest = Math.sqrt(Math.max(0, sigma[step + 1] ** 2 - std ** 2));
    const next = new Float32Array(x.length);
    for (let i = 0; i < x.length; i++) {
      const d = second ? x0[i] + Math.fround(x0[i] - before[i]) * bend : x0[i];
      next[i] = alpha[step + 1] * d + rest * ((x[i] - alpha[step] * d) / sigma[step]);
    }
    if (eta && sigma[step + 1] > 0) {
      const drawn = noise.next();
      const spread = Math.fround(std);
      for (let i = 0; i < next.length; i++) next[i] = next[i] + Math.fround(spread * drawn[i]);
    }
    [x, before] = [next, x0];
  }
  return x;
}

/**
 * x_t of a sprite that is there: alpha x0 + sigma eps, at a step of the way.
 * @param {Float32Array} x0
 * @param {Float32Array} eps
 * @param {Way} way
 * @param {number} step
 */
export function noised(x0, eps, way, step) {
  return x0.map((value, i) => way.alpha[step] * value + way.sigma[step] * eps[i]);
}
