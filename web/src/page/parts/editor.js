// @ts-check
/** The chosen sprite: paint on it, vary it, have a part drawn anew. */

import { keepTo, ordered } from "../../sprites/colour.js";
import { History } from "../../sprites/painting.js";
import { coloursOf, fromHexadecimals, hexadecimal } from "../../sprites/pixels.js";
import { at, choices, make, say } from "../dom.js";
import { paintingCanvas } from "./canvas.js";

const VARIATIONS = 8;

/** @type {{value: import("./canvas.js").Tool, label: string, key: string, title: string}[]} */
const TOOLS = [
  { value: "pencil", label: "Pencil", key: "b", title: "Paint with the colour (B)" },
  { value: "eraser", label: "Eraser", key: "e", title: "Make pixels clear (E)" },
  { value: "fill", label: "Fill", key: "g", title: "Fill an area of one colour (G)" },
  { value: "pick", label: "Pick", key: "i", title: "Take a colour of the sprite (I)" },
  { value: "mark", label: "Mark", key: "m", title: "Mark what is to be drawn anew (M)" },
];

/**
 * @typedef {object} Opened
 * @property {Uint8ClampedArray} pixels what is shown
 * @property {Uint8ClampedArray} source as it was drawn, in the model's own colours
 * @property {import("../studio.js").Want | null} want what it was drawn from
 * @property {boolean} touched whether somebody painted on it
 *
 * @typedef {object} Editor
 * @property {(pixels: Uint8ClampedArray, want: import("../studio.js").Want | null) => void} open a sprite that somebody
 *   chose; what was painted on the one before comes back by undo
 * @property {(pixels: Uint8ClampedArray, want: import("../studio.js").Want | null) => void} follow the chosen
 *   sprite as it is drawn otherwise, unless somebody painted or marked something
 * @property {() => Uint8ClampedArray | null} pixels what is shown
 * @property {() => Uint8ClampedArray | null} source the same in the model's own colours, unless somebody painted on it
 * @property {() => import("../studio.js").Want | null} want what it was drawn from
 * @property {(listener: () => void) => void} onChange
 * @property {() => void} dressAgain after another palette was chosen
 */

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {import("../studio.js").Studio} studio
 * @param {{dress: (pixels: Uint8ClampedArray) => Uint8ClampedArray, failed: (error: Error) => void,
 *   palette: () => number[] | null}} page
 * @param {(wants: import("../studio.js").Want[], title: string) => Promise<void>} vary
 * @returns {Editor}
 */
export function editorPart(store, about, studio, page, vary) {
  const { size } = about;
  /** @type {History<Opened> | null} */
  let history = null;
  /** @type {import("./canvas.js").Tool} */
  let tool = "pencil";
  let colour = 0;
  let mask = new Uint8Array(size * size);
  let index = 1000; // of noise that is not that of the gallery
  /** @type {(() => void)[]} */
  const listeners = [];

  const canvas = paintingCanvas(size, {
    pixels: () => history?.now.pixels ?? null,
    mask: () => mask,
    tool: () => tool,
    colour: () => colour,
    preview: (pixels) => canvas.show(pixels),
    done: change,
    picked: (found) => {
      colour = found;
      swatches();
    },
    marked: buttons,
  });
  at("canvas-box").append(canvas.box);

  /** @param {Uint8ClampedArray} next */
  function change(next) {
    if (history && history.now.pixels.some((value, i) => value !== next[i])) {
      history.push({ ...history.now, pixels: next, touched: true });
    }
    shown();
  }

  function shown() {
    if (!history) return;
    canvas.show(history.now.pixels);
    const colours = coloursOf([history.now.pixels]);
    if (!colours.includes(colour) && !history.now.touched) colour = colours[0] ?? 0;
    swatches();
    buttons();
    for (const listener of listeners) listener();
  }

  /** @type {Editor["open"]} */
  function open(source, want) {
    const opened = { pixels: page.dress(source), source, want, touched: false };
    if (history?.now.touched) history.push(opened);
    else if (history) [history.now, history.future] = [opened, []];
    else history = new History(opened);
    mask.fill(0);
    shown();
  }

  /** @type {Editor["follow"]} */
  function follow(source, want) {
    if (!history?.now.touched && !mask.some(Boolean)) open(source, want);
  }

  // Tools

  const tools = make("fieldset", { class: "choice" }, make("legend", { class: "unseen" }, "Tool"));
  tools.append(...choices("tool", TOOLS, tool, (value) => (tool = /** @type {any} */ (value))));
  /** @param {"undo" | "redo"} way */
  const step = (way) => {
    if (history?.[way]()) {
      say(way === "undo" ? "Undone" : "Done again");
      shown();
    }
  };
  const undo = make("button", { type: "button", title: "Undo (Z)", onclick: () => step("undo") }, "Undo");
  const redo = make("button", { type: "button", title: "Do again (Y)", onclick: () => step("redo") }, "Redo");
  at("tools").append(tools, make("div", { class: "row" }, undo, redo));

  addEventListener("keydown", (event) => {
    const typing = /** @type {HTMLElement} */ (event.target).matches?.("input[type=search], textarea, select");
    if (typing || event.altKey) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (key === "z" || key === "y") {
      step(key === "y" || event.shiftKey ? "redo" : "undo");
      event.preventDefault();
    }
    const found = !control && TOOLS.find((other) => other.key === key);
    if (!found) return;
    const radio = /** @type {HTMLInputElement} */ (tools.querySelector(`[value=${found.value}]`));
    radio.checked = true;
    tool = found.value;
    say(found.label);
  });

  // Colours

  function swatches() {
    const own = history ? coloursOf([history.now.pixels]) : [];
    const learnt = fromHexadecimals(about.palette);
    const all = page.palette() ?? learnt;
    const others = ordered(all.filter((other) => !own.includes(other)));
    const box = (/** @type {string} */ name, /** @type {number[]} */ colours) =>
      make(
        "div",
        { class: "swatches", role: "group", "aria-label": name, hidden: !colours.length },
        ...colours.map(swatch),
      );
    const focused = document.activeElement?.getAttribute("data-colour");
    at("swatches").replaceChildren(box("Colours of this sprite", ordered(own)), box("Other colours", others));
    if (focused)
      /** @type {HTMLElement | null} */ (at("swatches").querySelector(`[data-colour="${focused}"]`))?.focus();
  }

  /** @param {number} value */
  function swatch(value) {
    const name = `#${hexadecimal(value)}`;
    const chosen = String(value === colour);
    const made = make("button", {
      type: "button",
      class: "swatch",
      style: `background: ${name}`,
      title: name,
      "aria-label": name,
      "aria-pressed": chosen,
      "data-colour": name,
    });
    made.addEventListener("click", () => {
      colour = value;
      if (tool === "pick" || tool === "eraser")
        /** @type {HTMLElement} */ (tools.querySelector("[value=pencil]")).click();
      swatches();
    });
    return made;
  }

  // Drawing anew

  const varied = make("button", { type: "button", title: "Sprites like this one" }, "Vary");
  const anew = make("button", { type: "button", title: "Only what is marked is drawn anew" }, "Draw marked anew");
  const unmark = make("button", { type: "button", class: "link", hidden: true }, "Clear marks");
  const hint = make("p", { class: "hint" });
  at("change").append(make("div", { class: "row" }, varied, anew, unmark), hint);

  /** What a sprite was asked to be, or what is asked now. @param {import("../studio.js").Want | null} [want] */
  const asked = (want) => {
    const { tags, s, scales } = want ?? store.state;
    return { tags, s, scales, seed: store.state.seed };
  };

  varied.addEventListener("click", () => {
    if (!history) return;
    const { pixels: base, want } = history.now;
    const start = studio.varyFrom(studio.network(store.state, [asked(want)]));
    const wants = Array.from({ length: VARIATIONS }, () => ({ ...asked(want), index: index++, base, start }));
    vary(wants, "Variations of the chosen sprite");
  });

  anew.addEventListener("click", async () => {
    if (!history) return;
    const [base, marked] = [history.now.pixels, mask.slice()];
    const wants = [{ ...asked(), index: index++, base, mask: marked, start: 0 }];
    anew.disabled = true;
    hint.textContent = "Drawing …";
    try {
      await studio.draw("redraw", studio.network(store.state, wants), wants, (_, pixels) => {
        if (history?.now.pixels !== base) return; // another sprite was chosen meanwhile
        const dressed = page.palette() ? keepTo(pixels, /** @type {number[]} */ (page.palette())) : pixels;
        change(dressed.map((value, i) => (marked[i >> 2] ? value : base[i])));
      });
    } catch (error) {
      page.failed(/** @type {Error} */ (error));
    }
    buttons();
  });
  unmark.addEventListener("click", () => {
    mask.fill(0);
    shown();
  });

  function buttons() {
    const marks = mask.some(Boolean);
    undo.disabled = !history?.past.length;
    redo.disabled = !history?.future.length;
    varied.disabled = !history;
    anew.disabled = !history || !marks;
    unmark.hidden = !marks;
    hint.textContent = marks ? "What is marked is drawn as asked now; the rest stays as it is." : "";
  }
  buttons();

  return {
    open,
    follow,
    pixels: () => history?.now.pixels ?? null,
    source: () => (history ? (history.now.touched ? history.now.pixels : history.now.source) : null),
    want: () => history?.now.want ?? null,
    onChange: (listener) => listeners.push(listener),
    dressAgain: () => {
      if (!history) return;
      const { touched, pixels, source } = history.now;
      if (touched) change(page.dress(pixels));
      else history.now = { ...history.now, pixels: page.dress(source) };
      shown();
    },
  };
}
