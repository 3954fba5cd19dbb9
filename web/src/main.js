// @ts-check
/** The playground: a model in a web page. */

import { Client, started } from "./model/client.js";
import { CATEGORY, known, words } from "./model/context.js";
import { keepFiles } from "./page/kept.js";
import { at, make } from "./page/dom.js";
import { DEFAULTS, Store, filled, format, parse } from "./page/state.js";
import { Studio } from "./page/studio.js";
import { askPart } from "./page/parts/ask.js";
import { galleryPart } from "./page/parts/gallery.js";
import { editorPart } from "./page/parts/editor.js";
import { gridPart } from "./page/parts/grid.js";
import { lessonPart } from "./page/parts/lesson.js";
import { palettePart } from "./page/parts/palette.js";
import { pinsPart } from "./page/parts/pins.js";
import { placePart } from "./page/parts/place.js";
import { takePart } from "./page/parts/take.js";
import { toldPart } from "./page/parts/told.js";
import { walkPart } from "./page/parts/walk.js";
import { keepTo } from "./sprites/colour.js";
import { paletteOf } from "./sprites/palettes.js";

/**
 * Tell what went wrong, or what to know, at the top of the page.
 * @param {string} text
 * @param {string} [action] the words of a button
 * @param {() => void} [onAction]
 */
function notice(text, action, onAction) {
  const close = () => (at("notice").hidden = true);
  const button = make("button", { type: "button" }, action ?? "Close");
  button.addEventListener("click", () => {
    close();
    onAction?.();
  });
  at("notice").replaceChildren(make("p", {}, text), button);
  at("notice").hidden = false;
}

/** Read model.json. @returns {Promise<import("./model/sampling.js").About>} */
async function readAbout() {
  const response = await fetch("model.json");
  if (!response.ok) throw new Error(`model.json: the server answered ${response.status}`);
  return response.json();
}

/**
 * The settings of the address, without tags that the model does not know.
 * @param {import("./model/sampling.js").About} about
 */
function settings(about) {
  const found = parse(location.hash);
  const { known: tags, unknown } = known(found.tags ?? [], about.vocabulary);
  if (unknown.length) notice(`This model does not know ${words(unknown)}, which the link asks for; the rest is shown.`);
  const first = { facet: CATEGORY, value: about.vocabulary[CATEGORY][0] };
  const scales = Object.values(about.networks)[0].scales;
  const s = within(scales, found.s ?? DEFAULTS.s);
  const each = about.networks.teacher && found.scales ? filled(found.scales, tags, s) : null;
  const clamped = Object.entries(each ?? {}).map(([facet, s]) => [facet, within(about.networks.teacher.scales, s)]);
  return {
    ...DEFAULTS,
    ...found,
    s,
    scales: each && Object.fromEntries(clamped),
    tags: location.hash.length > 1 ? tags : [first],
  };
}

/** @param {[number, number]} range @param {number} value */
function within([low, high], value) {
  return Math.min(high, Math.max(low, value));
}

async function start() {
  const worker = started(); // the runtime takes longest
  const about = await readAbout();
  document.documentElement.style.setProperty("--unit", `${about.size <= 32 ? about.size : 8}px`);
  const store = new Store(settings(about));
  let told = false; // whether the first sprites are there
  const client = new Client(
    about,
    (file, share) => {
      if (share === 1) performance.mark(`loaded ${file}`);
      if (told) return;
      at("status").textContent = share < 1 ? `Loading the model: ${Math.round(100 * share)} %` : "Starting the model …";
    },
    worker,
  );
  const studio = new Studio(about, client);
  const palette = () => (store.state.palette ? paletteOf(store.state.palette) : null);
  const page = {
    palette,
    dress: (/** @type {Uint8ClampedArray} */ pixels) => (palette() ? keepTo(pixels, palette() ?? []) : pixels),
    failed: (/** @type {Error} */ error) =>
      notice(`The model could not be loaded or run: ${error.message}.`, "Try again", () => draw()),
    notice,
  };
  const ask = askPart(store, about);
  palettePart(store, about, notice);
  const editor = editorPart(store, about, studio, page, (wants, title) => gallery.vary(wants, title));
  const gallery = galleryPart(store, about, studio, page, editor);
  toldPart(studio, editor, ask);
  const grid = gridPart(store, about, studio, page, editor.open);
  const walk = walkPart(store, about, studio, page, editor);
  placePart(about, walk);
  takePart(store, about, studio, editor, walk, page);
  pinsPart(about, editor, notice, gallery.vary);
  lessonPart(store, about, studio, page, editor);
  store.on((_, changed) => changed.has("palette") && editor.dressAgain());

  const draw = () => Promise.all([gallery.refresh(), grid.refresh()]);
  addEventListener("hashchange", () => location.hash !== format(store.state) && store.set(settings(about)));
  at("copy-link").addEventListener("click", () => copyLink(store.state));
  at("about-model").textContent = `The model “${about.name}” draws ${about.size}×${about.size} sprites.`;
  const first = gallery.refresh().then(() => {
    told = true;
    performance.mark("gallery");
  });
  await Promise.all([first, grid.refresh()]);
  performance.mark("grid");
  document.documentElement.dataset.drawn = "first";
  return client;
}

/** @param {import("./page/state.js").State} state */
async function copyLink(state) {
  try {
    await navigator.clipboard.writeText(new URL(format(state), location.href).href);
    at("copy-link").textContent = "Copied";
  } catch {
    notice("This browser lets no page copy: the link is the address above.");
  }
  setTimeout(() => (at("copy-link").textContent = "Copy link"), 2000);
}

/** Draw, then what the page can do without at first: its files kept for later, and the other networks. */
async function run() {
  const begun = start();
  begun.catch((error) => notice(`The page could not start: ${error.message}.`, "Try again", () => location.reload()));
  await keepFiles(begun, notice);
  const client = await begun;
  for (const network of Object.keys(client.about.networks)) await client.load(network).catch(() => null);
}

if (typeof WebAssembly === "object") run().catch(() => null);
else
  notice("This browser has no WebAssembly, which the model needs. A current Firefox, Chrome, Edge or Safari has it.");
