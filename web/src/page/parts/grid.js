// @ts-check
/** The lesson in one picture: what is asked down, guidance scales across, all from the same noise. */

import { CATEGORY, words } from "../../model/context.js";
import { at, make, sheet, show } from "../dom.js";

const SCALES = [0, 1, 2, 4];
const MOST_ROWS = 5;

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {import("../studio.js").Studio} studio
 * @param {{dress: (pixels: Uint8ClampedArray) => Uint8ClampedArray, failed: (error: Error) => void}} page
 * @param {(pixels: Uint8ClampedArray, want: import("../studio.js").Want) => void} onChosen
 */
export function gridPart(store, about, studio, page, onChosen) {
  /** @type {{canvas: HTMLCanvasElement, button: HTMLButtonElement, pixels: Uint8ClampedArray | null,
   *   want: import("../studio.js").Want}[]} */
  let cells = [];

  /** The rows: each category; or, of several tags, one more of them in each row. */
  function rows() {
    const { tags } = store.state;
    const values = about.vocabulary[CATEGORY].slice(0, MOST_ROWS);
    const one =
      tags.length === 0 || (tags.length === 1 && tags[0].facet === CATEGORY && values.includes(tags[0].value));
    if (one) return values.map((value) => ({ name: value.replaceAll("_", " "), tags: [{ facet: CATEGORY, value }] }));
    return tags.slice(0, MOST_ROWS).map((_, i) => {
      const part = i + 1 === MOST_ROWS ? tags : tags.slice(0, i + 1);
      return { name: (i ? "+ " : "") + words(part.slice(i)), tags: part };
    });
  }

  /** @param {string} name @param {import("../studio.js").Want} want */
  function cell(name, want) {
    const canvas = sheet(about.size, { "aria-hidden": "true" });
    const label = `${name}, guidance ${want.s}`;
    const button = make("button", { type: "button", class: "tile empty", "aria-label": label, title: label }, canvas);
    const made = { canvas, button, want, pixels: /** @type {Uint8ClampedArray | null} */ (null) };
    button.addEventListener("click", () => made.pixels && onChosen(made.pixels, made.want));
    return made;
  }

  function build() {
    const { seed } = store.state;
    const head = SCALES.map((s) =>
      make("th", { scope: "col" }, ...(s ? [] : [make("var", {}, "s"), " = "]), String(s)),
    );
    const body = rows().map(({ name, tags }) => {
      const made = SCALES.map((s) => cell(name, { tags, s, seed, index: 0 }));
      const heading = make("th", { scope: "row" }, name);
      return { made, row: make("tr", {}, heading, ...made.map(({ button }) => make("td", {}, button))) };
    });
    cells = body.flatMap(({ made }) => made);
    const top = make("tr", {}, make("td", {}), ...head);
    at("grid").replaceChildren(make("thead", {}, top), make("tbody", {}, ...body.map(({ row }) => row)));
  }

  function paint() {
    for (const { canvas, button, pixels } of cells) {
      button.classList.toggle("empty", !pixels);
      if (pixels) show(canvas, page.dress(pixels));
    }
  }

  async function refresh() {
    const now = cells;
    try {
      const wants = cells.map(({ want }) => want);
      await studio.draw("grid", studio.network(store.state, wants), wants, (place, pixels) => {
        now[place].pixels = pixels;
        if (now === cells) paint();
      });
    } catch (error) {
      page.failed(/** @type {Error} */ (error));
    }
  }

  store.on((_, changed) => {
    if (["tags", "seed", "fine"].some((key) => changed.has(key))) {
      build();
      refresh();
    }
    if (changed.has("palette")) paint();
  });
  build();
  return { refresh };
}
