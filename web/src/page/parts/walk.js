// @ts-check
/** The chosen sprite walks: it is the first frame, and the network of walks draws the others. */

import { CATEGORY, words } from "../../model/context.js";
import { recoloured } from "../../sprites/colour.js";
import { fromHexadecimals } from "../../sprites/pixels.js";
import { at, make, say } from "../dom.js";

/**
 * @typedef {object} Walk
 * @property {() => Uint8ClampedArray[]} frames of the chosen sprite: itself alone, until it walks
 * @property {(listener: () => void) => void} onChange
 */

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {import("../studio.js").Studio} studio
 * @param {{dress: (pixels: Uint8ClampedArray) => Uint8ClampedArray, failed: (error: Error) => void}} page
 * @param {import("./editor.js").Editor} editor
 * @returns {Walk}
 */
export function walkPart(store, about, studio, page, editor) {
  const { walks } = about;
  /** @type {{source: Uint8ClampedArray, steps: Uint8ClampedArray[]} | null} the sprite that walks, its other frames */
  let walked = null;
  let [index, drawing] = [0, false];
  /** @type {(() => void)[]} */
  const listeners = [];

  const begin = make("button", { type: "button", onclick: () => walkOn() }, "Let it walk");
  const hint = make("p", { class: "hint" });
  at("walk").append(make("div", { class: "row" }, begin), hint);
  at("walk").hidden = !walks;

  /** What the chosen sprite was asked to be, as far as a walk can be asked for it. */
  function asked() {
    const { tags, s, scales } = editor.want() ?? store.state;
    return { tags: tags.filter(({ facet }) => !walks?.varying.includes(facet)), s, scales };
  }

  /** Why the chosen sprite cannot walk; "" if it can. */
  function hindered() {
    const categories = asked().tags.filter(({ facet, not }) => facet === CATEGORY && !not);
    if (!walks || !categories.length || categories.some(({ value }) => walks.moving.includes(value))) return "";
    const moving = words(walks.moving.map((value) => ({ facet: CATEGORY, value })));
    return `Only ${moving} sprites walk: the network of walks has seen no others.`;
  }

  async function walkOn() {
    const source = editor.source();
    if (!walks || !source) return;
    const learnt = fromHexadecimals(about.palette);
    const given = recoloured(source, learnt);
    const item = studio.item({ ...asked(), seed: store.state.seed, index: index++, base: given.pixels });
    const walk = { ...item, frames: walks.cycle };
    drawing = true;
    shown();
    try {
      const onSprites = (/** @type {number} */ _, /** @type {Uint8ClampedArray[]} */ sprites) => {
        walked = { source, steps: sprites.slice(1).map(given.back) };
      };
      if ((await studio.client.draw("walk", { network: "walks", items: [walk] }, { onSprites })) !== null)
        say("It walks");
    } catch (error) {
      page.failed(/** @type {Error} */ (error));
    }
    drawing = false;
    changed();
  }

  function shown() {
    const why = hindered();
    begin.disabled = drawing || !editor.source() || Boolean(why);
    begin.textContent = frames().length > 1 ? "Walk otherwise" : "Let it walk";
    hint.textContent = drawing ? "Drawing its steps …" : why;
  }

  function frames() {
    const pixels = editor.pixels();
    if (!pixels) return [];
    if (!walked || walked.source !== editor.source()) return [pixels];
    return [pixels, ...walked.steps.map(page.dress)];
  }

  function changed() {
    shown();
    for (const listener of listeners) listener();
  }

  editor.onChange(changed);
  shown();
  return { frames, onChange: (listener) => listeners.push(listener) };
}
