// @ts-check
/** What is set on the page, and the address that holds it: a link shows the same sprites. */

/**
 * @typedef {object} State
 * @property {import("../model/context.js").Tag[]} tags what is asked for
 * @property {number} s guidance scale
 * @property {Record<string, number> | null} scales one for each facet that is asked for, in place of s
 * @property {number} seed
 * @property {boolean} fine drawn by the teacher
 * @property {string} palette "", the name of one that is built in, or colours such as "1a1c2c-5d275d"
 * @property {number} chosen which sprite of the gallery
 */

/** @type {State} */
export const DEFAULTS = { tags: [], s: 2, scales: null, seed: 1, fine: false, palette: "", chosen: 0 };
const SEEDS = 2 ** 31;

/**
 * "#hero..." as settings; what cannot be read is left out.
 * @param {string} hash
 * @returns {Partial<State>}
 */
export function parse(hash) {
  /** @type {Partial<State>} */
  const found = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [, name, sign, value] = /^([^:=]+)([:=])(.*)$/.exec(part) ?? [];
    if (!name) continue;
    try {
      if (sign === ":") {
        found.tags = [...(found.tags ?? []), tag(name, value)];
        continue;
      }
      const [key, text] = [name, value].map(decodeURIComponent);
      if (key.startsWith("s.") && text && Number.isFinite(Number(text)))
        found.scales = { ...found.scales, [key.slice(2)]: Number(text) };
      else if (key === "s" && Number.isFinite(Number(text))) found.s = Number(text);
      else if (key === "seed" && Number.isInteger(Number(text))) found.seed = Math.abs(Number(text)) % SEEDS;
      else if (key === "sprite" && Number.isInteger(Number(text))) found.chosen = Math.max(0, Number(text) - 1);
      else if (key === "draw") found.fine = text === "fine";
      else if (key === "palette") found.palette = text.slice(0, 2000);
    } catch {
      // not an address that this page made
    }
  }
  return found;
}

/**
 * "!facet" and "value=weight" as a tag.
 * @param {string} name
 * @param {string} text
 * @returns {import("../model/context.js").Tag}
 */
function tag(name, text) {
  const [value, number] = text.split("=");
  const weight = Math.min(1, Math.max(0, Number(number || 1)));
  const facet = decodeURIComponent(name);
  const not = facet[0] === "!";
  const found = { facet: not ? facet.slice(1) : facet, value: decodeURIComponent(value) };
  return { ...found, ...(not ? { not } : {}), ...(weight < 1 ? { weight } : {}) };
}

/** @param {State} state @returns {string} */
export function format(state) {
  const tags = state.tags.map(({ facet, value, not, weight = 1 }) => {
    const text = `${not ? "!" : ""}${encodeURIComponent(facet)}:${encodeURIComponent(value)}`;
    return weight === 1 ? text : `${text}=${weight}`;
  });
  const scales = Object.entries(state.scales ?? {}).map(([facet, s]) => `s.${encodeURIComponent(facet)}=${s}`);
  const settings = [`s=${state.s}`, ...scales, `seed=${state.seed}`];
  if (state.chosen) settings.push(`sprite=${state.chosen + 1}`);
  if (state.fine) settings.push("draw=fine");
  if (state.palette) settings.push(`palette=${encodeURIComponent(state.palette)}`);
  return `#${[...tags, ...settings].join("&")}`;
}

/**
 * A scale for each facet that is asked for: those that are set, and s for others; null if none is asked for.
 * @param {Record<string, number>} scales
 * @param {import("../model/context.js").Tag[]} tags
 * @param {number} s
 */
export function filled(scales, tags, s) {
  const facets = new Set(tags.filter(({ not }) => !not).map(({ facet }) => facet));
  if (!facets.size) return null;
  return Object.fromEntries([...facets].map((facet) => [facet, scales[facet] ?? s]));
}

export class Store {
  /** @param {State} state */
  constructor(state) {
    this.state = state;
    /** @type {((state: State, changed: Set<string>) => void)[]} */
    this.listeners = [];
  }

  /** @param {(state: State, changed: Set<string>) => void} listener */
  on(listener) {
    this.listeners.push(listener);
  }

  /** @param {Partial<State>} patch */
  set(patch) {
    const before = this.state;
    this.state = { ...before, ...patch };
    const differs = (/** @type {string} */ key) => {
      const [a, b] = [before, this.state].map((state) => JSON.stringify(/** @type {any} */ (state)[key]));
      return a !== b;
    };
    const changed = new Set(Object.keys(patch).filter(differs));
    if (!changed.size) return;
    history.replaceState(null, "", format(this.state));
    for (const listener of this.listeners) listener(this.state, changed);
  }
}
