// @ts-check
/** Tags that are left open, drawn as training sprites have them, as ddpm/context/completion.py. */

import { generator } from "../diffusion/noise.js";

/** @typedef {number[][]} Together for each of some sprites the places of a context that it has */
/** @typedef {import("./sampling.js").Item} Item */

/** What `numpy.random.default_rng([seed, index, 1]).random()` draws. @param {{seed: number, index: number}} source */
export function chance({ seed, index }) {
  const draw = generator([seed, index, 1]);
  const [low, high] = [draw(), draw()];
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

export class Completion {
  /** @param {Together} [together] */
  constructor(together = []) {
    this.rows = together;
  }

  /**
   * A context with what it leaves open drawn; one that asks for nothing, for something in part, or for what no sprite
   * has, as it is.
   * @param {Float32Array} context
   * @param {number} chance
   * @param {Float32Array | null} [away] tags that no sprite that is taken has all of, if others can be taken
   */
  complete(context, chance, away) {
    const having = (/** @type {Together} */ rows, /** @type {number[]} */ tags, is = true) =>
      rows.filter((row) => tags.every((tag) => row.includes(tag)) === is);
    const tags = [...context.keys()].filter((place) => context[place]);
    const gone = [...(away?.keys() ?? [])].filter((place) => away?.[place]);
    if (!tags.length || tags.some((tag) => context[tag] !== 1)) return context;
    const all = having(this.rows, tags);
    const others = having(all, gone, false);
    const rows = others.length ? others : all;
    if (!rows.length) return context;
    const row = new Set(rows[Math.floor(chance * rows.length)]);
    return context.map((_, place) => Number(row.has(place)));
  }

  /**
   * A sprite to draw, completed where it is guided towards one context, or towards one whose parts are the other terms
   * of its composition: then all get what is drawn.
   * @template {Item} T
   * @param {T} item
   * @returns {T}
   */
  of(item) {
    const terms = (item.terms ?? [{ context: item.context, scale: 1 }]).filter(({ scale }) => scale !== 0);
    const fullest = item.context.map((_, place) => Math.max(...terms.map(({ context }) => context[place])));
    const same = (/** @type {Float32Array} */ context) => context.every((value, place) => value === fullest[place]);
    const total = item.scale * terms.reduce((sum, { scale }) => sum + scale, 0);
    if (total < 0 || !terms.some(({ context }) => same(context))) return item;
    const more = this.complete(fullest, chance(item), item.away).map((value, place) => value - fullest[place]);
    const added = (/** @type {Float32Array} */ context) => context.map((value, place) => value + more[place]);
    if (!item.terms) return { ...item, context: added(item.context) };
    return { ...item, terms: terms.map((term) => ({ ...term, context: added(term.context) })) };
  }
}
