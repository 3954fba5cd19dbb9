// @ts-check
/** The chosen sprite in place: over a ground, tiled, at the size that a game would show it; walking, if it walks. */

import { at, choices, make, slider } from "../dom.js";
import { GROUNDS, scene } from "../scene.js";

/**
 * @param {import("../../model/sampling.js").About} about
 * @param {import("./walk.js").Walk} walk
 */
export function placePart(about, walk) {
  const shown = scene(about.size);
  const grounds = make("fieldset", { class: "choice" }, make("legend", { class: "unseen" }, "Ground"));
  const options = Object.entries(GROUNDS).map(([value, { label }]) => ({ value, label }));
  grounds.append(...choices("ground", options, "grass", (ground) => shown.set({ ground })));
  const scales = { min: 1, max: 8, step: 1, value: 3, text: (/** @type {number} */ scale) => `${scale}×` };
  const size = slider("Size", scales, (scale) => shown.set({ scale }));
  const tiled = make("input", { type: "checkbox" });
  tiled.addEventListener("change", () => shown.set({ tiled: tiled.checked }));
  const walking = make("input", { type: "checkbox", checked: shown.playing() });
  walking.addEventListener("change", () => shown.set({ playing: walking.checked }));
  const going = make("label", { class: "check", hidden: true }, walking, "Walking");
  const tile = make("label", { class: "check" }, tiled, "Tiled");
  at("scene").append(shown.canvas, make("div", { class: "row" }, grounds, tile, going, size));

  walk.onChange(() => {
    const frames = walk.frames();
    going.hidden = frames.length < 2;
    shown.set({ frames });
  });
  new ResizeObserver(() => shown.draw()).observe(at("scene"));
}
