// @ts-check
/** The chosen sprite, large, to paint on by pointer or by keys. */

import { area, line, put } from "../../sprites/painting.js";
import { code, hexadecimal } from "../../sprites/pixels.js";
import { make, pen, say, sheet, show } from "../dom.js";

const CELL = 24; // of the canvas that lies above the sprite

/** @typedef {"pencil" | "eraser" | "fill" | "pick" | "mark"} Tool */

/**
 * @typedef {object} Painting what the canvas shows and changes
 * @property {() => Uint8ClampedArray | null} pixels
 * @property {() => Uint8Array} mask the cells that are marked
 * @property {() => Tool} tool
 * @property {() => number} colour
 * @property {(pixels: Uint8ClampedArray) => void} preview show what is not yet done
 * @property {(pixels: Uint8ClampedArray) => void} done
 * @property {(colour: number) => void} picked
 * @property {() => void} marked
 */

/** @param {number} size of a sprite @param {Painting} painting */
export function paintingCanvas(size, painting) {
  const below = sheet(size, { class: "below", "aria-hidden": "true" });
  const above = make("canvas", {
    class: "above",
    width: CELL * size,
    height: CELL * size,
    tabindex: "0",
    role: "application",
    "aria-label": "The chosen sprite. Arrow keys move, space paints with the tool.",
  });
  const box = make("div", { class: "canvas", style: `--cells: ${size}` }, below, above);
  let cursor = Math.floor(size / 2) * (size + 1);
  let keyboard = false;
  /** @type {{pixels: Uint8ClampedArray, last: number, mark: number} | null} */
  let stroke = null;

  /** @param {PointerEvent} event */
  function cellAt(event) {
    const { left, top, width } = above.getBoundingClientRect();
    const place = (/** @type {number} */ by) => Math.min(size - 1, Math.max(0, Math.floor((by / width) * size)));
    return place(event.clientY - top) * size + place(event.clientX - left);
  }

  /** @param {number} cell the first or a further one of a stroke */
  function touch(cell) {
    if (!stroke) return;
    const tool = painting.tool();
    const colour = tool === "eraser" ? -1 : painting.colour();
    if (tool === "pick") {
      const found = code(stroke.pixels, cell);
      if (found >= 0) painting.picked(found);
    } else if (tool === "fill") {
      if (cell === stroke.last) for (const at of area(stroke.pixels, cell, size)) put(stroke.pixels, at, colour);
    } else if (tool === "mark") {
      for (const at of line(stroke.last, cell, size)) painting.mask()[at] = stroke.mark;
      painting.marked();
    } else for (const at of line(stroke.last, cell, size)) put(stroke.pixels, at, colour);
    stroke.last = cell;
    painting.preview(stroke.pixels);
  }

  /** @param {number} cell */
  function begin(cell) {
    const pixels = painting.pixels();
    if (!pixels) return;
    stroke = { pixels: pixels.slice(), last: cell, mark: painting.mask()[cell] ? 0 : 1 };
    touch(cell);
  }

  function end() {
    if (stroke && ["pencil", "eraser", "fill"].includes(painting.tool())) painting.done(stroke.pixels);
    stroke = null;
  }

  above.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    above.setPointerCapture(event.pointerId);
    keyboard = false;
    cursor = cellAt(event);
    begin(cursor);
  });
  above.addEventListener(
    "pointermove",
    (event) => stroke && cellAt(event) !== stroke.last && touch((cursor = cellAt(event))),
  );
  above.addEventListener("pointerup", end);
  above.addEventListener("pointercancel", end);
  above.addEventListener("blur", () => draw((keyboard = false)));
  above.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (by) {
      const [x, y] = [(cursor % size) + by[0], Math.floor(cursor / size) + by[1]];
      if (x >= 0 && y >= 0 && x < size && y < size) cursor = y * size + x;
      draw((keyboard = true));
      const colour = painting.pixels() ? code(/** @type {Uint8ClampedArray} */ (painting.pixels()), cursor) : -1;
      say(
        `column ${(cursor % size) + 1}, row ${Math.floor(cursor / size) + 1}, ` +
          (colour < 0 ? "clear" : hexadecimal(colour)),
      );
    } else if (event.key === " " || event.key === "Enter") {
      keyboard = true;
      begin(cursor);
      end();
      draw(true);
    } else return;
    event.preventDefault();
  });

  /** Draw what lies above the sprite: what is marked, and the cursor of the keys. @param {boolean} cursorToo */
  function draw(cursorToo) {
    const ink = pen(above);
    const accent = getComputedStyle(above).color;
    ink.clearRect(0, 0, above.width, above.height);
    ink.fillStyle = ink.strokeStyle = accent;
    painting.mask().forEach((marked, cell) => {
      if (!marked) return;
      const [x, y] = [(cell % size) * CELL, Math.floor(cell / size) * CELL];
      ink.globalAlpha = 0.6;
      ink.fillRect(x, y, CELL, CELL);
    });
    ink.globalAlpha = 1;
    if (!cursorToo) return;
    const [x, y] = [(cursor % size) * CELL, Math.floor(cursor / size) * CELL];
    for (const [colour, inset] of /** @type {[string, number][]} */ ([
      ["#fff", 1],
      [accent, 3],
    ])) {
      ink.lineWidth = 2;
      ink.strokeStyle = colour;
      ink.strokeRect(x + inset, y + inset, CELL - 2 * inset, CELL - 2 * inset);
    }
  }

  return {
    box,
    /** @param {Uint8ClampedArray} pixels */
    show: (pixels) => {
      show(below, pixels);
      draw(keyboard);
    },
  };
}
