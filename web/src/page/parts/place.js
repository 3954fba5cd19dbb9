// @ts-check
/** The chosen sprite in a scene, at the size that a game would show it. */

import { at, choices, make, pen, sheet, show } from "../dom.js";

/** @type {Record<string, {label: string, colours: string[], marks: number}>} what the ground is of, most of it first */
const GROUNDS = {
  grass: { label: "Grass", colours: ["#5b8c4a", "#4f7d41", "#6c9d57"], marks: 0.14 },
  stone: { label: "Stone", colours: ["#8b8a90", "#7b7a81", "#9b9aa0"], marks: 0.2 },
  night: { label: "Night", colours: ["#191c33", "#22264a", "#e8e6c8"], marks: 0.03 },
};
const HEIGHT = 208;

/** A number in [0, 1) that looks random, of a place. @param {number} x @param {number} y */
function chance(x, y) {
  let h = Math.imul(x + 1, 0x27d4eb2d) ^ Math.imul(y + 1, 0x165667b1);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

/**
 * @param {import("../../model/sampling.js").About} about
 * @param {import("./editor.js").Editor} editor
 */
export function placePart(about, editor) {
  let [ground, scale, tiled] = ["grass", 3, false];
  const canvas = make("canvas", { class: "scene", role: "img", "aria-label": "The chosen sprite over a ground" });
  const grounds = make("fieldset", { class: "choice" }, make("legend", { class: "unseen" }, "Ground"));
  const options = Object.entries(GROUNDS).map(([value, { label }]) => ({ value, label }));
  grounds.append(...choices("ground", options, ground, (value) => draw((ground = value))));
  const range = make("input", { type: "range", min: 1, max: 8, step: 1, value: scale, "aria-label": "Size" });
  const output = make("output", {}, `${scale}×`);
  range.addEventListener("input", () => draw((scale = Number(range.value))));
  const tile = make("input", { type: "checkbox" });
  tile.addEventListener("change", () => draw((tiled = tile.checked)));
  const size = make("div", { class: "slider" }, make("span", { "aria-hidden": "true" }, "Size"), range, output);
  at("scene").append(
    canvas,
    make("div", { class: "row" }, grounds, make("label", { class: "check" }, tile, "Tiled"), size),
  );

  /** @param {unknown} [_] */
  function draw(_) {
    output.textContent = `${scale}×`;
    range.style.setProperty("--filled", `${(100 * (scale - 1)) / 7}%`);
    const [width, height] = [Math.ceil(canvas.clientWidth / scale), Math.ceil(HEIGHT / scale)];
    if (!width) return;
    Object.assign(canvas, { width, height });
    canvas.style.height = `${height * scale}px`;
    canvas.style.aspectRatio = "auto";
    const ink = pen(canvas);
    const { colours, marks } = GROUNDS[ground];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const drawn = chance(x, y);
        ink.fillStyle = colours[drawn > marks ? 0 : drawn > marks / 3 ? 1 : 2];
        ink.fillRect(x, y, 1, 1);
      }
    }
    const pixels = editor.pixels();
    if (!pixels) return;
    const one = sheet(about.size);
    show(one, pixels);
    for (const [x, y] of tiled ? everywhere(width, height) : scattered(width, height)) ink.drawImage(one, x, y);
  }

  /** @param {number} width @param {number} height @returns {[number, number][]} */
  function everywhere(width, height) {
    const across = Math.ceil(width / about.size);
    const count = across * Math.ceil(height / about.size);
    return Array.from({ length: count }, (_, i) => [(i % across) * about.size, Math.floor(i / across) * about.size]);
  }

  /** One in each field of twice its size, here and there. @param {number} width @param {number} height */
  function scattered(width, height) {
    const field = Math.round(1.75 * about.size);
    const [across, down] = [Math.max(1, Math.floor(width / field)), Math.max(1, Math.floor(height / field))];
    const room = field - about.size;
    const left = (width - across * field) / 2;
    const top = Math.max((about.size - field) / 2, (height - down * field) / 2);
    return Array.from({ length: across * down }, (_, i) => {
      const [x, y] = [i % across, Math.floor(i / across)];
      const shift = down === 1 ? [room / 2, room / 2] : [chance(x, y) * room, chance(y + 50, x) * room];
      return /** @type {[number, number]} */ ([
        Math.round(left + x * field + shift[0]),
        Math.round(top + y * field + shift[1]),
      ]);
    });
  }

  editor.onChange(() => draw());
  new ResizeObserver(() => draw()).observe(at("scene"));
}
