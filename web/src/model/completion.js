// @ts-check
/** Tags that are left open, drawn as training sprites have them, as ddpm/context/completion.py. */

import { generator } from "../diffusion/noise.js";

/** @typedef {number[][]} Together for each of some sprites the places of a context that it has */
/** @typedef {import("./sampling.js").Item} Item */

const NEARLY = 1e-4; // of what tags tell, rounding

/** What `numpy.random.default_rng([seed, index, 1]).random()` draws. @param {{seed: number, index: number}} source */
export function chance({ seed, index }) {
  const draw = generator([seed, index, 1]);
  const [low, high] = [draw(), draw()];
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

const entropy = (/** @type {number} */ p) => (p > 0 && p < 1 ? -p * Math.log(p) - (1 - p) * Math.log(1 - p) : 0);

export class Completion {
  /**
   * @param {import("./context.js").Vocabulary} vocabulary
   * @param {Together} [together]
   */
  constructor(vocabulary, together = []) {
    this.rows = together;
    this.facets = Object.values(vocabulary).flatMap((values, facet) => values.map(() => facet));
  }

  /** The share of some sprites that have each tag. @param {Together} rows */
  shares(rows) {
    const found = new Float64Array(this.facets.length);
    for (const row of rows) for (const place of row) found[place] += 1 / rows.length;
    return found;
  }

  /** How much a tag tells of those of other facets: the entropy that it takes from them. @param {number} tag */
  tells(tag) {
    const [all, among] = [this.rows, this.rows.filter((row) => row.includes(tag))].map((rows) => this.shares(rows));
    const other = (/** @type {number} */ place) => this.facets[place] !== this.facets[tag];
    return all.reduce((sum, p, place) => sum + (other(place) ? entropy(p) - entropy(among[place]) : 0), 0);
  }

  /**
   * The sprites that have all tags, or else the most telling of them; and whether they have all.
   * @param {number[]} tags
   * @returns {[Together, boolean]}
   */
  alike(tags) {
    const all = this.rows.filter((row) => tags.every((tag) => row.includes(tag)));
    if (all.length) return [all, true];
    const tells = new Map(tags.map((tag) => [tag, this.tells(tag)]));
    const told = this.rows.map((row) => row.reduce((sum, place) => sum + (tells.get(place) ?? 0), 0));
    const most = told.reduce((a, b) => Math.max(a, b));
    return [this.rows.filter((_, i) => told[i] > most - NEARLY), false];
  }

  /**
   * A context with what it leaves open drawn; one that asks for nothing, or for something in part, as it is.
   * @param {Float32Array} context
   * @param {number} chance
   */
  complete(context, chance) {
    const tags = [...context.keys()].filter((place) => context[place]);
    if (!this.rows.length || !tags.length || tags.some((tag) => context[tag] !== 1)) return context;
    const [rows, hasAll] = this.alike(tags);
    const asked = new Set(hasAll ? [] : tags.map((tag) => this.facets[tag]));
    const out = hasAll ? new Float32Array(context.length) : context.slice();
    for (const place of rows[Math.floor(chance * rows.length)]) if (!asked.has(this.facets[place])) out[place] = 1;
    return out;
  }

  /**
   * A sprite to draw, completed where it asks for one context; a sum of several stays.
   * @template {Item} T
   * @param {T} item
   * @returns {T}
   */
  of(item) {
    const terms = (item.terms ?? [{ context: item.context, scale: 1 }]).filter(({ scale }) => scale !== 0);
    if (terms.length !== 1) return item;
    const context = this.complete(terms[0].context, chance(item));
    return { ...item, context, ...(item.terms && { terms: [{ ...terms[0], context }] }) };
  }
}
