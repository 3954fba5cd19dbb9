// @ts-check
/** How strongly sprites are guided: one scale for all that is asked, or one for each facet. */

import { at, fill, make, slider } from "../dom.js";
import { filled } from "../state.js";

export const STEP = 0.25; // of the sliders

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {() => [number, number]} range lowest and highest scale of the network that draws
 */
export function scalePart(store, about, range) {
  const { teacher } = about.networks; // a student takes one scale
  const all = /** @type {HTMLInputElement} */ (at("scale"));
  const [rows, each] = [at("scales"), at("each-scale")];
  const spoken = (/** @type {string} */ facet) => facet.replaceAll("_", " ");

  all.addEventListener("input", () => store.set({ s: Number(all.value) }));
  each.addEventListener("click", () => {
    const { scales, tags, s } = store.state;
    const [low, high] = teacher.scales;
    store.set({ scales: scales ? null : filled({}, tags, Math.min(high, Math.max(low, s))) });
  });

  /** @param {string} facet @param {number} value */
  function row(facet, value) {
    const [min, max] = teacher.scales;
    return slider(spoken(facet), { min, max, step: STEP, value, text: short }, (s) =>
      store.set({ scales: { ...store.state.scales, [facet]: s } }),
    );
  }

  /** The sliders of the facets: those that are there stay, or the one that is moved would be gone. */
  function facets() {
    const { scales } = store.state;
    const names = Object.keys(scales ?? {});
    if (rows.dataset.facets === names.join()) return;
    rows.dataset.facets = names.join();
    rows.replaceChildren(...names.map((facet) => row(facet, scales?.[facet] ?? 1)));
  }

  function update() {
    const { s, scales, tags } = store.state;
    const [low, high] = range();
    Object.assign(all, { min: low, max: high, step: STEP, value: s });
    all.setAttribute("aria-valuetext", `${short(s)}: ${meaning(s)}`);
    fill(all);
    at("scale-value").textContent = short(s);
    at("scale-means").textContent = scales ? "What the words of each facet add, times its own scale." : meaning(s);
    at("scale-all").hidden = scales !== null;
    rows.hidden = scales === null;
    facets();
    each.hidden = !teacher || (!scales && Object.keys(filled({}, tags, s) ?? {}).length < 2);
    each.textContent = scales ? "One scale for all" : "A scale for each";
    each.setAttribute("aria-expanded", String(scales !== null));
  }

  store.on((_, changed) => ["tags", "s", "scales", "fine"].some((key) => changed.has(key)) && update());
  update();
}

/** A scale in as few digits as it needs. @param {number} s */
function short(s) {
  return s.toFixed(2).replace(/0$/, "");
}

/** What a guidance scale does, in words. @param {number} s */
function meaning(s) {
  if (s === 0) return "What is asked is ignored: any sprite.";
  if (s < 1) return "It listens a little.";
  if (s === 1) return "As the model learnt it: varied, not always what is asked.";
  if (s <= 2.5) return "More plainly what is asked, less varied.";
  return "As plainly as it can; details grow coarse.";
}
