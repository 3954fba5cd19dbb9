// @ts-check
/** Which colours sprites are shown and taken in: as the model learnt them, or a palette. */

import { BUILT_IN, FORMATS, MOST, paletteOf, readPalette, settingOf } from "../../sprites/palettes.js";
import { fromHexadecimals, hexadecimal } from "../../sprites/pixels.js";
import { at, make, say } from "../dom.js";

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {(text: string) => void} notice
 */
export function palettePart(store, about, notice) {
  const learnt = fromHexadecimals(about.palette);
  const list = make("fieldset", { class: "palettes" }, make("legend", { class: "unseen" }, "Palette"));
  const current = make("span", { class: "current" });
  const summary = make("summary", {}, make("span", { class: "facet" }, "Palette"), current);
  const ends = Object.keys(FORMATS).map((ending) => `.${ending}`);
  const file = make("input", {
    type: "file",
    accept: ends.join(","),
    class: "unseen",
    tabindex: "-1",
    "aria-label": "Palette file",
  });
  const open = make("button", { type: "button", onclick: () => file.click() }, "Open a file …");
  const hint = make("p", { class: "hint" }, `Or drop a ${ends.join(", ")} file on the page.`);
  at("palette").append(make("details", {}, summary, list, make("div", { class: "row" }, open, hint), file));

  /** @param {string} value @param {string} name @param {number[]} colours */
  function option(value, name, colours) {
    const input = make("input", { type: "radio", name: "palette", value, checked: store.state.palette === value });
    input.addEventListener("change", () => store.set({ palette: value }));
    const few = colours.length > 16 ? colours.filter((_, i) => i % Math.ceil(colours.length / 16) === 0) : colours;
    const stops = few.map((c, i) => `#${hexadecimal(c)} ${(100 * i) / few.length}% ${(100 * (i + 1)) / few.length}%`);
    const band = make("span", { class: "band", style: `background: linear-gradient(to right, ${stops.join(", ")})` });
    return make("label", {}, input, make("span", {}, name), colours.length ? band : "");
  }

  function update() {
    const { palette } = store.state;
    const own = palette && !Object.hasOwn(BUILT_IN, palette) ? paletteOf(palette) : null;
    const built = Object.keys(BUILT_IN).map((name) => option(name, name, paletteOf(name) ?? []));
    const focused = list.contains(document.activeElement);
    list.replaceChildren(
      list.children[0],
      option("", "as learnt", learnt),
      ...built,
      ...(own ? [option(palette, "yours", own)] : []),
    );
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector(":checked"))?.focus();
    current.textContent = own ? `yours, ${own.length} colours` : palette || "as learnt";
    current.classList.toggle("set", palette !== "");
  }

  /** @param {File | undefined} dropped */
  async function take(dropped) {
    if (!dropped) return;
    try {
      if (dropped.size > 64 * MOST) throw new Error(`${dropped.name}: too large for a palette`);
      const colours = readPalette(dropped.name, await dropped.text());
      store.set({ palette: settingOf(colours) });
      say(`Palette of ${colours.length} colours`);
    } catch (error) {
      notice(`This palette cannot be read. ${/** @type {Error} */ (error).message}.`);
    }
  }
  file.addEventListener("change", () => take(file.files?.[0]).then(() => (file.value = "")));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files[0]);
  });

  store.on((_, changed) => changed.has("palette") && update());
  update();
}
