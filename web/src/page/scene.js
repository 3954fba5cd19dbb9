// @ts-check
/** Frames of a sprite in a scene, at the size that a game would show them: one after the other, or side by side. */

import { make, pen, sheet, show } from "./dom.js";

/** @type {Record<string, {label: string, colours: string[], marks: number}>} what the ground is of, most of it first */
export const GROUNDS = {
  grass: { label: "Grass", colours: ["#5b8c4a", "#4f7d41", "#6c9d57"], marks: 0.14 },
  stone: { label: "Stone", colours: ["#8b8a90", "#7b7a81", "#9b9aa0"], marks: 0.2 },
  night: { label: "Night", colours: ["#191c33", "#22264a", "#e8e6c8"], marks: 0.03 },
};
const HEIGHT = 208;
export const EACH = 120; // milliseconds of a frame
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @typedef {object} Shown
 * @property {Uint8ClampedArray[]} frames
 * @property {string} ground
 * @property {number} scale pixels of the screen to one of the sprite
 * @property {boolean} tiled
 * @property {boolean} playing one frame after the other; else side by side
 */

/** @param {number} size of a sprite */
export function scene(size) {
  const canvas = make("canvas", { class: "scene", role: "img", "aria-label": "The chosen sprite over a ground" });
  /** @type {Shown} */
  const shown = { frames: [], ground: "grass", scale: 3, tiled: false, playing: !still.matches };
  let [frame, timer] = [0, 0];
  let under = { key: "", picture: canvas };

  /** @param {Partial<Shown>} patch */
  function set(patch) {
    Object.assign(shown, patch);
    clearInterval(timer);
    if (shown.playing && shown.frames.length > 1) timer = window.setInterval(next, EACH);
    draw();
  }

  function next() {
    frame += 1;
    if (!document.hidden) draw();
  }

  function draw() {
    const { frames, ground, scale, tiled, playing } = shown;
    const [width, height] = [Math.ceil(canvas.clientWidth / scale), Math.ceil(HEIGHT / scale)];
    if (!width) return;
    const key = [width, height, ground].join();
    if (under.key !== key) {
      under = { key, picture: grown(ground, width, height) };
      Object.assign(canvas, { width, height });
      canvas.style.height = `${height * scale}px`;
    }
    const ink = pen(canvas);
    ink.drawImage(under.picture, 0, 0);
    if (!frames.length) return;
    const sprites = frames.map((pixels) => {
      const one = sheet(size);
      show(one, pixels);
      return one;
    });
    if (!playing && frames.length > 1) {
      const [gap, top] = [Math.round(size / 4), Math.round((height - size) / 2)];
      sprites.forEach((sprite, i) => ink.drawImage(sprite, gap + i * (size + gap), top));
      return;
    }
    const places = tiled ? everywhere(size, width, height) : scattered(size, width, height);
    // Not all in step.
    places.forEach(([x, y], i) => ink.drawImage(sprites[(frame + i * (tiled ? 0 : 1)) % frames.length], x, y));
  }

  return { canvas, set, draw, playing: () => shown.playing };
}

/** A number in [0, 1) that looks random, of a place. @param {number} x @param {number} y */
function chance(x, y) {
  let h = Math.imul(x + 1, 0x27d4eb2d) ^ Math.imul(y + 1, 0x165667b1);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

/** A ground as a picture. @param {string} name @param {number} width @param {number} height */
function grown(name, width, height) {
  const { colours, marks } = GROUNDS[name];
  const picture = make("canvas", { width, height });
  const ink = pen(picture);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const drawn = chance(x, y);
      ink.fillStyle = colours[drawn > marks ? 0 : drawn > marks / 3 ? 1 : 2];
      ink.fillRect(x, y, 1, 1);
    }
  }
  return picture;
}

/** @param {number} size @param {number} width @param {number} height @returns {[number, number][]} */
function everywhere(size, width, height) {
  const across = Math.ceil(width / size);
  const count = across * Math.ceil(height / size);
  return Array.from({ length: count }, (_, i) => [(i % across) * size, Math.floor(i / across) * size]);
}

/**
 * One in each field of twice its size, here and there.
 * @param {number} size
 * @param {number} width
 * @param {number} height
 */
function scattered(size, width, height) {
  const field = Math.round(1.75 * size);
  const [across, down] = [Math.max(1, Math.floor(width / field)), Math.max(1, Math.floor(height / field))];
  const room = field - size;
  const left = (width - across * field) / 2;
  const top = Math.max((size - field) / 2, (height - down * field) / 2);
  return Array.from({ length: across * down }, (_, i) => {
    const [x, y] = [i % across, Math.floor(i / across)];
    const shift = down === 1 ? [room / 2, room / 2] : [chance(x, y) * room, chance(y + 50, x) * room];
    return /** @type {[number, number]} */ ([
      Math.round(left + x * field + shift[0]),
      Math.round(top + y * field + shift[1]),
    ]);
  });
}
