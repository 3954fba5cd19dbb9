// @ts-check
/** Palettes: .hex, .gpl (GIMP) and .pal (JASC) files, as sprites/palettes.py, and some that are built in. */

import { fromHexadecimals, hexadecimal, rgb } from "./pixels.js";

export const MOST = 256;

/** @type {Record<string, string>} five palettes of this project's own, dark to light */
export const BUILT_IN = {
  pond: "12261f 2c5a3a 6fa04a d9e8a0",
  ink: "26221f f3ead8",
  dusk: "1d1a2f 44305c 7d3f70 b9586b e58a62 f7c877 fff0c2 4d6f8f",
  meadow:
    "20222b 4a3a35 7c5a3c b58850 e3c78a fbf3d9 2f5a3c 5d8f3f a7c957 2b4c7e 4f8fc0 9fd3e6 8f2f3f d1553f f0a03c 6b4a8a",
  frost: "131a2a 2a3d63 44689b 6c9cc9 a6cfe4 e4f3f7 5a5470 9c8fb0",
};

/** @typedef {(lines: string[]) => number[][]} Reader the colours of the lines of a file, 0 to 255 */

/** @param {string[]} lines @param {string} head */
function checkHead(lines, head) {
  if (lines[0] !== head) throw new Error(`its first line is not “${head}”`);
}

/** @param {string} line */
function numbers(line) {
  return line
    .split(/\s+/)
    .slice(0, 3)
    .map((word) => (/^\d+$/.test(word) ? Number(word) : NaN));
}

/** @type {Record<string, Reader>} */
export const FORMATS = {
  hex: (lines) =>
    lines.map((line) => {
      const digits = /^#?([0-9a-f]{6})$/i.exec(line);
      if (!digits) throw new Error(`“${line.slice(0, 20)}” is no colour such as d19b62`);
      return rgb(parseInt(digits[1], 16));
    }),
  gpl: (lines) => {
    checkHead(lines, "GIMP Palette");
    return lines
      .slice(1)
      .filter((line) => !/^#|^[A-Za-z]+:/.test(line))
      .map(numbers);
  },
  pal: (lines) => {
    checkHead(lines, "JASC-PAL");
    return lines.slice(3).map(numbers);
  },
};

/**
 * The colours of a palette file as codes, each once. Throws an Error, which says why, for what is none.
 * @param {string} name of the file
 * @param {string} text
 */
export function readPalette(name, text) {
  const ending = name.toLowerCase().split(".").pop() ?? "";
  if (!Object.hasOwn(FORMATS, ending)) throw new Error(`${name}: a palette ends in .hex, .gpl or .pal`);
  const lines = text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter(Boolean);
  let colours;
  try {
    colours = FORMATS[ending](lines);
  } catch (error) {
    throw new Error(`${name}: ${/** @type {Error} */ (error).message}`);
  }
  if (colours.some((c) => c.length !== 3 || !c.every((value) => value >= 0 && value <= 255))) {
    throw new Error(`${name}: a colour is three numbers from 0 to 255`);
  }
  const codes = [...new Set(colours.map(([r, g, b]) => (r << 16) | (g << 8) | b))];
  if (!codes.length || codes.length > MOST)
    throw new Error(`${name}: ${codes.length} colours; a palette has 1 to ${MOST}`);
  return codes;
}

/**
 * The palette of a setting: one that is built in, or colours such as "1a1c2c-5d275d". None if it is neither.
 * @param {string} setting
 * @returns {number[] | null}
 */
export function paletteOf(setting) {
  const words = Object.hasOwn(BUILT_IN, setting) ? BUILT_IN[setting].split(" ") : setting.split("-");
  if (words.length > MOST || !words.every((word) => /^[0-9a-f]{6}$/.test(word))) return null;
  return fromHexadecimals(words);
}

/** @param {number[]} colours @returns {string} as `paletteOf` reads it */
export function settingOf(colours) {
  return colours.map(hexadecimal).join("-");
}

/** A .gpl file. @param {number[]} colours @param {string} name */
export function toGimp(colours, name) {
  const rows = colours.map(
    (colour) =>
      `${rgb(colour)
        .map((value) => String(value).padStart(3))
        .join(" ")}\t${hexadecimal(colour)}`,
  );
  return ["GIMP Palette", `Name: ${name}`, "Columns: 8", "#", ...rows, ""].join("\n");
}
