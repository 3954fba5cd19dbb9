// @ts-check
/** What the model was told to draw in the chosen sprite beside what is asked, to ask for it in all of them. */

import { words } from "../../model/context.js";
import { at, make } from "../dom.js";

/**
 * @param {import("../studio.js").Studio} studio
 * @param {import("./editor.js").Editor} editor
 * @param {(tags: import("../../model/context.js").Tag[]) => void} ask for these too
 */
export function toldPart(studio, editor, ask) {
  let shown = "[]";

  /** @param {string} text @param {import("../../model/context.js").Tag[]} tags @param {string} title */
  const button = (text, tags, title, kind = "link") =>
    make("button", { type: "button", class: kind, title, onclick: () => ask(tags) }, text);

  function update() {
    const want = editor.want();
    const drawn = want ? studio.drawn(want) : [];
    if (JSON.stringify(drawn) === shown) return; // or the button that is pressed would be gone
    shown = JSON.stringify(drawn);
    const names = drawn.map((tag) => words([tag]));
    const each = drawn.map((tag, i) => button(names[i], [tag], `Ask for ${names[i]} in all sprites`));
    if (drawn.length > 1) each.push(button("Ask for all", drawn, "Sprites like this one, of other noise", "link all"));
    at("told").replaceChildren(...(drawn.length ? [make("span", { class: "hint" }, "Also told:"), ...each] : []));
  }

  editor.onChange(update);
}
