// @ts-check
/** Sprites that were pinned. They stay in this browser; together they are a sheet. */

import { words } from "../../model/context.js";
import { atlas, drawn, png, save, slug } from "../../sprites/files.js";
import { arrows, at, make, say, sheet, show } from "../dom.js";

const KEY = "ddpm-sprites pins";
const MOST = 64;
const COLUMNS = 8;
const MIXED = 8;

/**
 * @typedef {object} Pin
 * @property {Uint8ClampedArray} pixels
 * @property {import("../../model/context.js").Tag[]} tags
 * @property {import("../studio.js").Want | null} want what it was drawn from, if that was noise
 */

/**
 * @param {import("../../model/sampling.js").About} about
 * @param {import("./editor.js").Editor} editor
 * @param {(text: string) => void} notice
 * @param {(wants: import("../studio.js").Want[], title: string) => Promise<void>} vary shows other sprites
 */
export function pinsPart(about, editor, notice, vary) {
  /** @type {Pin[]} */
  let pins = kept(about.size);
  const none = make(
    "p",
    { class: "hint" },
    "Pin sprites to keep them, to compare them, and to take several along as one sheet.",
  );
  const list = make("div", { class: "pins", role: "group", "aria-label": "Pinned sprites" });
  const together = make(
    "button",
    { type: "button", onclick: () => saveSheet().catch((e) => notice(`${e.message}.`)) },
    "Save sheet and JSON",
  );
  const clear = make("button", { type: "button", class: "link", onclick: () => set([]) }, "Remove all");
  const mix = make(
    "button",
    { type: "button", title: "Eight sprites on the way from one to the other" },
    "Mix the last two",
  );
  const row = make("div", { class: "row" }, together, mix, clear);
  at("pins").append(none, list, row);
  arrows(list);

  const name = (/** @type {Pin} */ { tags }) => words(tags) || "anything";

  /** @param {Pin[]} next */
  function set(next) {
    pins = next.slice(-MOST);
    keep(pins);
    update();
  }

  function update() {
    none.hidden = pins.length > 0;
    row.hidden = !pins.length;
    mix.hidden = !pair();
    const tiles = pins.map((pin, i) => {
      const canvas = sheet(about.size, { "aria-hidden": "true" });
      show(canvas, pin.pixels);
      const tile = make(
        "button",
        { type: "button", class: "tile", "aria-label": `Pinned: ${name(pin)}`, title: name(pin) },
        canvas,
      );
      tile.addEventListener("click", () => editor.open(pin.pixels, pin.want));
      const remove = make(
        "button",
        { type: "button", class: "remove", "aria-label": `Remove ${name(pin)}`, title: "Remove" },
        "×",
      );
      remove.addEventListener("click", () => set(pins.filter((_, j) => j !== i)));
      return make("div", { class: "pin" }, tile, remove);
    });
    list.replaceChildren(...tiles);
  }

  /** What the last two were drawn from, if that was noise. */
  function pair() {
    const [a, b] = pins.slice(-2).map(({ want }) => want);
    return a && b && !a.other && !b.other ? [a, b] : null;
  }

  mix.addEventListener("click", () => {
    const [a, b] = pair() ?? [];
    if (!a || !b) return;
    const wants = Array.from({ length: MIXED }, (_, i) => ({ ...a, other: { ...b, weight: i / (MIXED - 1) } }));
    vary(wants, "From one pinned sprite to the other");
  });

  async function saveSheet() {
    const columns = Math.min(COLUMNS, pins.length);
    together.disabled = true;
    const names = pins.map((pin, i) => `${slug(name(pin))}-${i + 1}`);
    const sprites = pins.map(({ pixels }) => pixels);
    save(await png(drawn(sprites, about.size, 1, columns)), "sprites.png");
    const json = atlas(names, about.size, columns, "sprites.png");
    save(new Blob([json], { type: "application/json" }), "sprites.json");
    together.disabled = false;
  }

  at("pin").addEventListener("click", () => {
    const pixels = editor.pixels();
    if (!pixels) return;
    const want = editor.want();
    set([...pins, { pixels: pixels.slice(), tags: want?.tags ?? [], want: want?.base ? null : want }]);
    say("Pinned");
  });
  update();
}

/** @param {number} size @returns {Pin[]} those that were kept here before, of this size */
function kept(size) {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    const pins = found.map((/** @type {any} */ { pixels, tags, want }) => ({
      pixels: Uint8ClampedArray.from(atob(pixels), (c) => c.charCodeAt(0)),
      tags,
      want,
    }));
    return pins.filter((/** @type {Pin} */ { pixels }) => pixels.length === 4 * size * size).slice(0, MOST);
  } catch {
    return []; // the browser keeps nothing, or something else
  }
}

/** @param {Pin[]} pins */
function keep(pins) {
  const plain = pins.map((pin) => ({ ...pin, pixels: btoa(String.fromCharCode(...pin.pixels)) }));
  try {
    localStorage.setItem(KEY, JSON.stringify(plain));
  } catch {
    // then they last as long as the page
  }
}
