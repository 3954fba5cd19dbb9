// @ts-check
/** Take the chosen sprite along: as a PNG, as a GIF, on the clipboard, its colours; its walk as a sheet with JSON. */

import { words } from "../../model/context.js";
import { atlas, drawn, png, save, slug } from "../../sprites/files.js";
import { gif } from "../../sprites/gif.js";
import { toGimp } from "../../sprites/palettes.js";
import { coloursOf, fromHexadecimals } from "../../sprites/pixels.js";
import { at, choices, make, say } from "../dom.js";
import * as moving from "../moving.js";
import { EACH } from "../scene.js";

const SCALES = [1, 4, 8, 16];

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {import("../studio.js").Studio} studio
 * @param {import("./editor.js").Editor} editor
 * @param {import("./walk.js").Walk} walk
 * @param {{dress: (pixels: Uint8ClampedArray) => Uint8ClampedArray, palette: () => number[] | null,
 *   notice: (text: string) => void}} page
 */
export function takePart(store, about, studio, editor, walk, page) {
  let scale = 1;
  const name = () => slug(words(editor.want()?.tags ?? []));
  const options = SCALES.map((value) => ({ value: String(value), label: `${value}×` }));
  const box = make("fieldset", { class: "choice" }, make("legend", { class: "unseen" }, "Size of the picture"));
  box.append(...choices("size", options, "1", resized));
  function resized(/** @type {string} */ value) {
    scale = Number(value);
    at("save").textContent = scale > 1 ? `Save PNG ${scale}×` : "Save PNG";
  }

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
  /** @param {string} what @param {() => Promise<moving.Frame[]>} act */
  const saveGif = (what, act) =>
    withSprite(async () => {
      said.textContent = "Drawing …";
      try {
        // @ts-ignore: it lies beside the page once that is built
        const gifenc = await import("../../../runtime/gifenc.esm.js");
        const file = gif(gifenc, await act(), about.size, scale);
        save(new Blob([file], { type: "image/gif" }), `${name()}-${what}.gif`);
      } finally {
        said.textContent = "";
      }
    });
  const ofWalk = saveGif("walk", async () => walk.frames().map((pixels) => ({ pixels, delay: EACH })));
  const saveFrames = withSprite(async () => {
    const [frames, of] = [walk.frames(), `${name()}-walk`];
    const names = frames.map((_, i) => `${of}-${i}`);
    save(await png(drawn(frames, about.size, scale, frames.length)), `${of}.png`);
    const json = atlas(names, about.size * scale, frames.length, `${of}.png`, { tag: "walk", delay: EACH });
    save(new Blob([json], { type: "application/json" }), `${of}.json`);
  });
  const colours = () => page.palette() ?? fromHexadecimals(about.palette);
  /** @param {(want: import("../studio.js").Want, network: string) => Promise<moving.Frame[]>} act */
  const fromNoise = (act) => async () => {
    const want = editor.want();
    return want ? act(want, studio.network(store.state, [want])) : [];
  };
  const steps = saveGif(
    "steps",
    fromNoise(async (want, network) => {
      const shown = editor.pixels();
      const frames = await moving.steps(studio, network, want, colours());
      return shown ? [...frames, moving.last(shown)] : frames;
    }),
  );
  const scales = saveGif(
    "scales",
    fromNoise((want, network) => moving.scales(studio, network, want, page.dress)),
  );
  const ofSteps = make("button", { type: "button", title: "From noise to sprite", onclick: steps }, "GIF from noise");
  const ofScales = make(
    "button",
    { type: "button", title: "From the same noise, at each guidance scale", onclick: scales },
    "GIF of guidance",
  );
  const walking = make(
    "div",
    { class: "row", hidden: true },
    make("button", { type: "button", onclick: ofWalk }, "GIF of the walk"),
    make(
      "button",
      { type: "button", onclick: saveFrames, title: "Its frames side by side, and JSON" },
      "Sheet of the walk",
    ),
  );
  const said = make("span", { class: "hint" });
  at("save").addEventListener("click", savePng);
  const copied = make("button", { type: "button", onclick: copy }, "Copy picture");
  const coloured = make("button", { type: "button", onclick: saveColours }, "Save colours");
  at("take").append(
    make("h3", {}, "Take it along"),
    make("div", { class: "row" }, make("span", { "aria-hidden": "true" }, "Size"), box),
    make("div", { class: "row" }, copied, coloured),
    make("div", { class: "row" }, ofSteps, ofScales),
    walking,
    said,
  );
  walk.onChange(() => (walking.hidden = walk.frames().length < 2));
  editor.onChange(() => {
    said.textContent = "";
    ofSteps.disabled = ofScales.disabled = !editor.want();
  });
}
