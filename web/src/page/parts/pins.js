// @ts-check
/** Sprites that were pinned. They stay in this browser; together they are a sheet. */

import { words } from "../../model/context.js";
import { atlas, drawn, png, save, slug } from "../../sprites/files.js";
import { arrows, at, make, say, sheet, show } from "../dom.js";

const KEY = "ddpm-sprites pins";
const MOST = 64;
const COLUMNS = 8;

/** @typedef {{pixels: Uint8ClampedArray, want: import("../studio.js").Want | null}} Pin */

/**
 * @param {import("../../model/sampling.js").About} about
 * @param {import("./editor.js").Editor} editor
 * @param {(text: string) => void} notice
 */
export function pinsPart(about, editor, notice) {
  /** @type {Pin[]} */
  let pins = kept(about.size);
  const none = make("p", { class: "hint" }, "Pin sprites to keep them, to compare them, and to take several along as one sheet.");
  const list = make("div", { class: "pins", role: "group", "aria-label": "Pinned sprites" });
  const save = make("button", { type: "button", onclick: () => saveSheet().catch((e) => notice(`${e.message}.`)) }, "Save sheet and JSON");
  const clear = make("button", { type: "button", class: "link", onclick: () => set([]) }, "Remove all");
  const row = make("div", { class: "row" }, save, clear);
  at("pins").append(none, list, row);
  arrows(list);

  const name = (/** @type {Pin} */ { want }) => words(want?.tags ?? []) || "anything";

  /** @param {Pin[]} next */
  function set(next) {
    pins = next.slice(-MOST);
    keep(pins);
    update();
  }

  function update() {
    none.hidden = pins.length > 0;
    row.hidden = !pins.length;
    const tiles = pins.map((pin, i) => {
      const canvas = sheet(about.size, { "aria-hidden": "true" });
      show(canvas, pin.pixels);
      const tile = make("button", { type: "button", class: "tile", "aria-label": `Pinned: ${name(pin)}`, title: name(pin) }, canvas);
      tile.addEventListener("click", () => editor.open(pin.pixels, pin.want));
      const remove = make("button", { type: "button", class: "remove", "aria-label": `Remove ${name(pin)}`, title: "Remove" }, "×");
      remove.addEventListener("click", () => set(pins.filter((_, j) => j !== i)));
      return make("div", { class: "pin" }, tile, remove);
    });
    list.replaceChildren(...tiles);
  }

  async function saveSheet() {
    const columns = Math.min(COLUMNS, pins.length);
    save.disabled = true;
    const names = pins.map((pin, i) => `${slug(name(pin))}-${i + 1}`);
    const sprites = pins.map(({ pixels }) => pixels);
    const { save: download } = await import("../../sprites/files.js");
    download(await png(drawn(sprites, about.size, 1, columns)), "sprites.png");
    const json = atlas(names, about.size, columns, "sprites.png");
    download(new Blob([json], { type: "application/json" }), "sprites.json");
    save.disabled = false;
  }

  at("pin").addEventListener("click", () => {
    const pixels = editor.pixels();
    if (!pixels) return;
    set([...pins, { pixels: pixels.slice(), want: editor.want() }]);
    say("Pinned");
  });
  update();
}

/** @param {number} size @returns {Pin[]} those that were kept here before, of this size */
function kept(size) {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    const pins = found.map((/** @type {any} */ { pixels, tags, s, seed, index }) => ({
      pixels: Uint8ClampedArray.from(atob(pixels), (c) => c.charCodeAt(0)),
      want: tags && { tags, s, seed, index },
    }));
    return pins.filter((/** @type {Pin} */ { pixels }) => pixels.length === 4 * size * size).slice(0, MOST);
  } catch {
    return []; // the browser keeps nothing, or something else
  }
}

/** @param {Pin[]} pins */
function keep(pins) {
  const plain = pins.map(({ pixels, want }) => ({
    pixels: btoa(String.fromCharCode(...pixels)),
    ...(want && !want.base ? { tags: want.tags, s: want.s, seed: want.seed, index: want.index } : { tags: want?.tags ?? [] }),
  }));
  try {
    localStorage.setItem(KEY, JSON.stringify(plain));
  } catch {
    // then they last as long as the page
  }
}
