// @ts-check
/** Sprites of what is asked for, from as many noises; the slider changes the same ones. */

import { words } from "../../model/context.js";
import { arrows, at, choices, make, say, sheet, show } from "../dom.js";
import { STEP, scalePart } from "./scale.js";

export const COUNT = 8;

/**
 * @typedef {object} Gallery
 * @property {() => Promise<void>} refresh draw what is set
 * @property {(wants: import("../studio.js").Want[], title: string) => Promise<void>} vary show other sprites instead
 * @property {() => (Uint8ClampedArray | null)[]} sprites
 */

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {import("../studio.js").Studio} studio
 * @param {{dress: (pixels: Uint8ClampedArray) => Uint8ClampedArray, failed: (error: Error) => void}} page
 * @param {import("./editor.js").Editor} editor
 * @returns {Gallery}
 */
export function galleryPart(store, about, studio, page, editor) {
  /** @type {(Uint8ClampedArray | null)[]} */
  const sprites = new Array(COUNT).fill(null);
  /** @type {{wants: import("../studio.js").Want[], title: string} | null} what is shown instead */
  let variations = null;
  let [running, again] = [false, false];

  const tiles = sprites.map((_, i) => {
    const canvas = sheet(about.size, { "aria-hidden": "true" });
    const tile = make("button", { type: "button", class: "tile", "aria-pressed": "false" }, canvas);
    tile.addEventListener("click", () => choose(i));
    return { canvas, tile };
  });
  at("sprites").append(...tiles.map(({ tile }) => tile));
  arrows(at("sprites"));

  const asked = () => words(store.state.tags) || "anything";

  function wants() {
    const { tags, s, scales, seed } = store.state;
    return variations?.wants ?? sprites.map((_, index) => ({ tags, s, scales, seed, index }));
  }

  /** @param {number} i */
  function choose(i) {
    store.set({ chosen: i });
    const pixels = sprites[i];
    if (pixels) editor.open(pixels, wants()[i]);
  }

  /** Tell the editor of the chosen sprite, where that is i. @param {number} i */
  function tell(i) {
    const pixels = sprites[i];
    if (i === store.state.chosen && pixels) editor.follow(pixels, wants()[i]);
  }

  function press() {
    tiles.forEach(({ tile }, i) => tile.setAttribute("aria-pressed", String(i === store.state.chosen)));
  }

  /** @param {number} i */
  function paint(i) {
    const pixels = sprites[i];
    const { canvas, tile } = tiles[i];
    tile.setAttribute("aria-label", `Sprite ${i + 1} of ${COUNT}: ${asked()}`);
    tile.title = words([...store.state.tags, ...studio.drawn(wants()[i])]);
    tile.classList.toggle("empty", !pixels);
    if (pixels) show(canvas, page.dress(pixels));
  }

  async function refresh() {
    again = running;
    if (running) return;
    running = true;
    studio.client.cancel("ahead");
    const status = at("status");
    status.textContent = "Drawing …";
    try {
      const network = studio.network(store.state, wants());
      const only = network === studio.network(store.state, []) ? "" : ", as only it can";
      const ms = await studio.draw("gallery", network, wants(), (i, pixels) => {
        sprites[i] = pixels;
        paint(i);
        tell(i);
      });
      if (ms !== null && !again)
        status.textContent = ms ? `${COUNT} sprites in ${(ms / 1000).toFixed(1)} s by the ${network}${only}` : "";
    } catch (error) {
      status.textContent = "";
      page.failed(/** @type {Error} */ (error));
    }
    running = false;
    if (again) await refresh();
    else if (at("gallery").querySelector("#scale:is(:hover, :focus)")) ahead();
  }

  /** Draw the same sprites at the other scales, the nearest first, while somebody is about to move the slider. */
  function ahead() {
    if (running || variations || store.state.scales || document.documentElement.dataset.drawn === undefined) return;
    const network = studio.network(store.state, wants());
    const [low, high] = about.networks[network].scales;
    const scales = Array.from({ length: Math.floor((high - low) / STEP) + 1 }, (_, i) => low + i * STEP);
    const apart = (/** @type {number} */ s) => Math.abs(s - store.state.s);
    const others = scales.sort((a, b) => apart(a) - apart(b)).flatMap((s) => wants().map((want) => ({ ...want, s })));
    studio.draw("ahead", network, others, () => {}).catch(() => null); // it is told when they are wanted
  }

  function title() {
    at("gallery-title").textContent = variations?.title ?? `Sprites: ${asked()}`;
    at("back-to-noise").hidden = !variations;
  }

  const range = () => about.networks[studio.network(store.state, wants())].scales;
  scalePart(store, about, range);
  for (const event of ["pointerenter", "focus"]) at("scale").addEventListener(event, ahead);
  at("new-noise").addEventListener("click", () => {
    store.set({ seed: Math.floor(Math.random() * 2 ** 31) });
    say("New noise");
  });
  at("back-to-noise").addEventListener("click", () => {
    variations = null;
    title();
    refresh();
  });
  if (Object.keys(about.networks).length > 1) quality(store, about);

  store.on((state, changed) => {
    if (["tags", "s", "scales", "seed", "fine"].some((key) => changed.has(key))) {
      variations = null;
      title();
      refresh();
    }
    if (changed.has("palette")) sprites.forEach((_, i) => paint(i));
    if (changed.has("chosen")) {
      press();
      tell(state.chosen);
    }
  });
  sprites.forEach((_, i) => paint(i));
  press();
  title();

  return {
    refresh,
    sprites: () => sprites,
    vary: (others, name) => {
      variations = { wants: others, title: name };
      title();
      say(name);
      at("gallery").scrollIntoView({ block: "nearest" });
      return refresh();
    },
  };
}

/**
 * The choice between the two networks.
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 */
function quality(store, about) {
  const steps = (/** @type {string} */ name) => about.networks[name].way.timesteps.length;
  const options = [
    { value: "quick", label: "Quick", title: `By the student, in ${steps("student")} steps` },
    {
      value: "fine",
      label: "Fine",
      title: `By its teacher, in ${steps("teacher")} steps, guided in the middle of the way`,
    },
  ];
  const box = at("quality");
  box.hidden = false;
  box.append(
    ...choices("quality", options, store.state.fine ? "fine" : "quick", (value) =>
      store.set({ fine: value === "fine" }),
    ),
  );
}
