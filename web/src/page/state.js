// @ts-check
/** What is set on the page, and the address that holds it: a link shows the same sprites. */

/**
 * @typedef {object} State
 * @property {import("../model/context.js").Tag[]} tags what is asked for
 * @property {number} s guidance scale
 * @property {number} seed
 * @property {boolean} fine drawn by the teacher
 * @property {string} palette "", the name of one that is built in, or colours such as "1a1c2c-5d275d"
 * @property {number} chosen which sprite of the gallery
 */

/** @type {State} */
export const DEFAULTS = { tags: [], s: 2, seed: 1, fine: false, palette: "", chosen: 0 };
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
      const [facet, text] = [name, value].map(decodeURIComponent);
      if (sign === ":")
        (found.tags ??= []).push(
          facet[0] === "!" ? { facet: facet.slice(1), value: text, not: true } : { facet, value: text },
        );
      else if (name === "s" && Number.isFinite(Number(text))) found.s = Number(text);
      else if (name === "seed" && Number.isInteger(Number(text))) found.seed = Math.abs(Number(text)) % SEEDS;
      else if (name === "sprite" && Number.isInteger(Number(text))) found.chosen = Math.max(0, Number(text) - 1);
      else if (name === "draw") found.fine = text === "fine";
      else if (name === "palette") found.palette = text.slice(0, 2000);
    } catch {
      // not an address that this page made
    }
  }
  return found;
}

/** @param {State} state @returns {string} */
export function format(state) {
  const tags = state.tags.map(
    ({ facet, value, not }) => `${not ? "!" : ""}${encodeURIComponent(facet)}:${encodeURIComponent(value)}`,
  );
  const settings = [`s=${state.s}`, `seed=${state.seed}`];
  if (state.chosen) settings.push(`sprite=${state.chosen + 1}`);
  if (state.fine) settings.push("draw=fine");
  if (state.palette) settings.push(`palette=${encodeURIComponent(state.palette)}`);
  return `#${[...tags, ...settings].join("&")}`;
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
