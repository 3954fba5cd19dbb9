// @ts-check
/** Take the chosen sprite along: as a PNG, on the clipboard, or its colours. */

import { words } from "../../model/context.js";
import { drawn, png, save, slug } from "../../sprites/files.js";
import { toGimp } from "../../sprites/palettes.js";
import { coloursOf } from "../../sprites/pixels.js";
import { at, choices, make, say } from "../dom.js";

const SCALES = [1, 4, 8, 16];

/**
 * @param {import("../../model/sampling.js").About} about
 * @param {import("./editor.js").Editor} editor
 * @param {{failed: (error: Error) => void, notice: (text: string) => void}} page
 */
export function takePart(about, editor, page) {
  let scale = 1;
  const name = () => slug(words(editor.want()?.tags ?? []));
  const options = SCALES.map((value) => ({ value: String(value), label: `${value}×` }));
  const box = make("fieldset", { class: "choice" }, make("legend", { class: "unseen" }, "Size of the PNG"));
  box.append(...choices("size", options, "1", (value) => (scale = Number(value))));

  /** @param {(pixels: Uint8ClampedArray) => Promise<void>} act */
  const withSprite = (act) => () => {
    const pixels = editor.pixels();
    if (pixels) act(pixels).catch((error) => page.notice(`This did not work: ${error.message}.`));
  };
  const picture = (/** @type {Uint8ClampedArray} */ pixels) => png(drawn([pixels], about.size, scale, 1));
  const savePng = withSprite(async (pixels) =>
    save(await picture(pixels), `${name()}${scale > 1 ? `-${scale}x` : ""}.png`),
  );
  const copy = withSprite(async (pixels) => {
    if (!navigator.clipboard?.write) throw new Error("this browser lets no page copy pictures; save the PNG instead");
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture(pixels) })]);
    said.textContent = "Copied.";
    say("Copied");
  });
  const saveColours = withSprite(async (pixels) =>
    save(new Blob([toGimp(coloursOf([pixels]), name())], { type: "text/plain" }), `${name()}.gpl`),
  );
  const said = make("span", { class: "hint" });
  at("take").append(
    make("h3", {}, "Take it along"),
    make("div", { class: "row" }, box, make("button", { type: "button", class: "main", onclick: savePng }, "Save PNG")),
    make(
      "div",
      { class: "row" },
      make("button", { type: "button", onclick: copy }, "Copy picture"),
      make("button", { type: "button", onclick: saveColours }, "Save colours"),
      said,
    ),
  );
  editor.onChange(() => (said.textContent = ""));
}
