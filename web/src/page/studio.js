// @ts-check
/** Sprites by what is asked, drawn once and kept. */

import { context } from "../model/context.js";

/**
 * @typedef {object} Want a sprite
 * @property {import("../model/context.js").Tag[]} tags
 * @property {number} s
 * @property {number} seed
 * @property {number} index
 * @property {Uint8ClampedArray} [base] see Item in model/sampling.js
 * @property {number} [start]
 * @property {Uint8Array} [mask]
 * @property {Want & {weight: number}} [other] a sprite to mix in, by a weight from 0 to 1
 */

const KEPT = 4000;
const UNKEPT = "unkept"; // the key of what is drawn from other sprites

export class Studio {
  /**
   * @param {import("../model/sampling.js").About} about
   * @param {import("../model/client.js").Client} client
   */
  constructor(about, client) {
    this.about = about;
    this.client = client;
    /** @type {Map<string, Uint8ClampedArray>} */
    this.kept = new Map();
  }

  /**
   * The name of the network for quick or fine drawing; a student cannot go away from anything.
   * @param {import("./state.js").State} state
   */
  network({ fine, tags }) {
    const names = Object.keys(this.about.networks);
    const wanted = fine || tags.some(({ not }) => not) ? "teacher" : "student";
    return names.includes(wanted) ? wanted : names[0];
  }

  /** What is asked of the network: nothing where s is 0, which a student has learnt only nearly. @param {Want} want */
  asked({ tags, s }) {
    return s === 0 ? [] : tags;
  }

  /** @param {string} network @param {Want} want */
  key(network, want) {
    const tags = this.asked(want).map(({ facet, value, not }) => `${not ? "!" : ""}${facet}:${value}`);
    return [network, want.s, want.seed, want.index, ...tags.sort()].join("\n");
  }

  /** @param {Want} want @returns {import("../model/sampling.js").Item} */
  item(want) {
    const { tags: _, s, other, ...rest } = want;
    if (other) {
      const [a, b] = [this.item({ ...want, other: undefined }), this.item(other)];
      const mixed = (/** @type {number} */ x, /** @type {number} */ y) => x + other.weight * (y - x);
      const { seed, index, weight } = other;
      const contexts = a.context.map((value, i) => mixed(value, b.context[i]));
      return { ...a, context: contexts, scale: mixed(a.scale, b.scale), other: { seed, index, weight } };
    }
    const { vocabulary } = this.about;
    const tags = this.asked(want);
    const away = tags.filter(({ not }) => not);
    const wanted = tags.filter(({ not }) => !not);
    return {
      context: context(wanted, vocabulary),
      away: away.length ? context(away, vocabulary) : null,
      scale: s,
      ...rest,
    };
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
