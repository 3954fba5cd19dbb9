// @ts-check
/** Sprites as files: PNG at any scale, and several as a sheet with JSON. */

import { make, pen, sheet, show } from "../page/dom.js";

/**
 * Sprites beside one another, each so many times as large.
 * @param {Uint8ClampedArray[]} sprites
 * @param {number} size
 * @param {number} scale
 * @param {number} columns
 */
export function drawn(sprites, size, scale, columns) {
  const rows = Math.ceil(sprites.length / columns);
  const canvas = make("canvas", { width: size * scale * columns, height: size * scale * rows });
  const ink = pen(canvas);
  ink.imageSmoothingEnabled = false;
  sprites.forEach((pixels, i) => {
    const one = sheet(size);
    show(one, pixels);
    const edge = size * scale;
    ink.drawImage(one, (i % columns) * edge, Math.floor(i / columns) * edge, edge, edge);
  });
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
export function png(canvas) {
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser made no PNG"))), "image/png"),
  );
}

/**
 * Where each sprite is in a sheet, in the form that many game engines read.
 * @param {string[]} names
 * @param {number} edge of a sprite in the sheet
 * @param {number} columns
 * @param {string} image
 * @param {{tag: string, delay: number}} [moving] they are the frames of an animation, each shown for so many
 *   milliseconds
 */
export function atlas(names, edge, columns, image, moving) {
  const frame = (/** @type {number} */ i) => ({
    x: (i % columns) * edge,
    y: Math.floor(i / columns) * edge,
    w: edge,
    h: edge,
  });
  const whole = { x: 0, y: 0, w: edge, h: edge };
  const one = (/** @type {number} */ i) => ({
    frame: frame(i),
    rotated: false,
    trimmed: false,
    spriteSourceSize: whole,
    sourceSize: { w: edge, h: edge },
    ...(moving && { duration: moving.delay }),
  });
  const rows = Math.ceil(names.length / columns);
  const meta = {
    image,
    format: "RGBA8888",
    size: { w: edge * Math.min(columns, names.length), h: edge * rows },
    scale: "1",
    ...(moving && { frameTags: [{ name: moving.tag, from: 0, to: names.length - 1, direction: "forward" }] }),
  };
  return JSON.stringify({ frames: Object.fromEntries(names.map((name, i) => [name, one(i)])), meta }, null, 2);
}

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A name of a file from words. @param {string} words */
export function slug(words) {
  return (
    words
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "") || "sprite"
  );
}
