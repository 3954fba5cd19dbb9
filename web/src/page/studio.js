// @ts-check
/** Sprites by what is asked, drawn once and kept. */

import { Completion } from "../model/completion.js";
import { context, facetGuidance, places } from "../model/context.js";

/**
 * @typedef {object} Want a sprite
 * @property {import("../model/context.js").Tag[]} tags
 * @property {number} s
 * @property {Record<string, number> | null} [scales] of facets, in place of s; 1 for others
 * @property {number} seed
 * @property {number} index
 * @property {Uint8ClampedArray} [base] see Item in model/sampling.js
 * @property {number} [start]
 * @property {Uint8Array} [mask]
 * @property {Want & {weight: number}} [other] a sprite to mix in, by a weight from 0 to 1
 */

const KEPT = 4000;
const VARY_FROM = 0.5; // alpha of the step from which a sprite is varied: half of it is left
const UNKEPT = "unkept"; // the key of what is drawn from other sprites

/**
 * The scale of each facet that is asked for; one number if all are the same, which is plain guidance.
 * @param {{tags: import("../model/context.js").Tag[], s: number, scales?: Record<string, number> | null}} want
 * @returns {number | Record<string, number>}
 */
export function scalesOf({ tags, s, scales }) {
  const facets = tags.filter(({ not }) => !not).map(({ facet }) => facet);
  if (!scales || !facets.length) return s;
  const found = Object.fromEntries(facets.map((facet) => [facet, scales[facet] ?? 1]));
  const each = new Set(Object.values(found));
  return each.size > 1 ? found : [...each][0];
}

export class Studio {
  /**
   * @param {import("../model/sampling.js").About} about
   * @param {import("../model/client.js").Client} client
   */
  constructor(about, client) {
    this.about = about;
    this.client = client;
    this.completion = new Completion(about.together);
    /** @type {Map<string, Uint8ClampedArray>} */
    this.kept = new Map();
  }

  /**
   * The name of the network for quick or fine drawing; a student cannot go away from anything, nor take several scales.
   * @param {{fine: boolean}} state
   * @param {Pick<Want, "tags" | "s" | "scales" | "other">[]} wants
   */
  network({ fine }, wants) {
    const names = Object.keys(this.about.networks);
    const needs = (/** @type {Pick<Want, "tags" | "s" | "scales" | "other">} */ want) =>
      want.tags.some(({ not }) => not) || typeof scalesOf(want) === "object";
    const wanted = fine || wants.some((want) => needs(want) || (want.other && needs(want.other)));
    const name = wanted ? "teacher" : "student";
    return names.includes(name) ? name : names[0];
  }

  /** The step from which a network varies a sprite. @param {string} network */
  varyFrom(network) {
    return this.about.networks[network].way.alpha.findIndex((alpha) => alpha >= VARY_FROM);
  }

  /** What is asked of the network: nothing where s is 0, which a student has learnt only nearly. @param {Want} want */
  asked(want) {
    return scalesOf(want) === 0 ? [] : want.tags;
  }

  /** @param {string} network @param {Want} want */
  key(network, want) {
    const tags = this.asked(want).map(({ facet, value, not, weight }) => [facet, value, not, weight].join("\t"));
    return [network, JSON.stringify(scalesOf(want)), want.seed, want.index, ...tags.sort()].join("\n");
  }

  /**
   * What a network draws.
   * @param {Want} want
   * @returns {import("../model/sampling.js").Item}
   */
  item(want) {
    const { tags: _, s: __, scales: ___, other, ...rest } = want;
    if (other) return between(this.item({ ...want, other: undefined }), this.item(other), other);
    const { vocabulary } = this.about;
    const tags = this.asked(want);
    const scales = scalesOf(want);
    const away = tags.filter(({ not }) => not);
    const wanted = tags.filter(({ not }) => !not);
    const item = {
      context: context(wanted, vocabulary),
      away: away.length ? context(away, vocabulary) : null,
      ...(typeof scales === "number"
        ? { scale: scales }
        : { scale: 1, terms: facetGuidance(wanted, scales, vocabulary) }),
      ...rest,
    };
    return want.base ? item : this.completion.of(item); // what is drawn on tells what is open itself
  }

  /**
   * The tags that are drawn for a sprite beside those that it is asked to show.
   * @param {Want} want
   * @returns {import("../model/context.js").Tag[]}
   */
  drawn(want) {
    if (want.base || want.other) return [];
    const { vocabulary } = this.about;
    const asked = context(
      this.asked(want).filter(({ not }) => !not),
      vocabulary,
    );
    const { context: whole, terms = [] } = this.item(want);
    const told = (/** @type {number} */ i) => [whole, ...terms.map((term) => term.context)].some((c) => c[i] === 1);
    return places(vocabulary).filter((_, i) => !asked[i] && told(i));
  }

  /**
   * Draw sprites, or have them at once if they were drawn before.
   * @param {string} channel see Client.draw
   * @param {string} network
   * @param {Want[]} wants
   * @param {(place: number, pixels: Uint8ClampedArray) => void} onSprite
   * @returns {Promise<number | null>} as Client.draw; 0 if none had to be drawn
   */
  async draw(channel, network, wants, onSprite) {
    /** @type {Map<string, number[]>} */
    const missing = new Map();
    wants.forEach((want, place) => {
      const key = want.base || want.other ? `${UNKEPT} ${place}` : this.key(network, want);
      const kept = this.kept.get(key);
      if (kept) onSprite(place, kept);
      else missing.set(key, [...(missing.get(key) ?? []), place]);
    });
    this.client.cancel(channel);
    if (!missing.size) return 0;
    const keys = [...missing.keys()];
    const items = [...missing.values()].map(([place]) => this.item(wants[place]));
    return this.client.draw(
      channel,
      { network, items },
      {
        onSprites: (first, sprites) =>
          sprites.forEach((pixels, i) => {
            const key = keys[first + i];
            if (!key.startsWith(UNKEPT)) this.keep(key, pixels);
            for (const place of missing.get(key) ?? []) onSprite(place, pixels);
          }),
      },
    );
  }

  /** @param {string} key @param {Uint8ClampedArray} pixels */
  keep(key, pixels) {
    this.kept.set(key, pixels);
    if (this.kept.size > KEPT) this.kept.delete(/** @type {string} */ (this.kept.keys().next().value));
  }
}

/**
 * A sprite on the way from one to another: its context and scale or, of compositions, the terms of both.
 * @param {import("../model/sampling.js").Item} a
 * @param {import("../model/sampling.js").Item} b
 * @param {{seed: number, index: number, weight: number}} other
 * @returns {import("../model/sampling.js").Item}
 */
function between(a, b, { seed, index, weight }) {
  const mixed = (/** @type {number} */ x, /** @type {number} */ y) => x + weight * (y - x);
  const context = a.context.map((value, i) => mixed(value, b.context[i]));
  const both = { ...a, context, other: { seed, index, weight } };
  if (!a.terms && !b.terms) return { ...both, scale: mixed(a.scale, b.scale) };
  const terms = [a, b].flatMap(({ context, scale, terms = [{ context, scale }] }, i) =>
    terms.map((term) => ({ ...term, scale: term.scale * (i ? weight : 1 - weight) })),
  );
  return { ...both, scale: 1, terms };
}
