// @ts-check
/** How the chosen sprite is drawn: its steps, and at each what the model guesses with and without what is asked. */

import { words } from "../../model/context.js";
import { arrows, at, make, sheet, show } from "../dom.js";
import { scalesOf } from "../studio.js";

/**
 * Numbers of a network, [C, H, W] in about [-1, 1] and premultiplied, as pixels that may be half transparent.
 * @param {Float32Array} x
 * @param {number} channels
 */
function soft(x, channels) {
  const area = x.length / channels;
  const out = new Uint8ClampedArray(4 * area);
  for (let i = 0; i < area; i++) {
    const alpha = channels === 4 ? Math.min(1, Math.max(0, (x[3 * area + i] + 1) / 2)) : 1;
    for (let c = 0; c < 3; c++) out[4 * i + c] = (255 * ((x[c * area + i] + 1) / 2)) / Math.max(alpha, 0.02);
    out[4 * i + 3] = 255 * alpha;
  }
  return out;
}

/**
 * How far the two guesses are apart, at the most.
 * @param {import("../../model/sampling.js").Step} step
 */
function apart({ cond, uncond }) {
  return cond.reduce((most, value, i) => Math.max(most, Math.abs(value - uncond[i])), 0);
}

/**
 * The difference of two guesses, so many times as large as it is: grey where they agree.
 * @param {import("../../model/sampling.js").Step} step
 * @param {number} channels
 * @param {number} times
 */
function difference({ cond, uncond }, channels, times) {
  const area = cond.length / channels;
  const out = new Uint8ClampedArray(4 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) out[4 * i + c] = 127.5 * (1 + times * (cond[c * area + i] - uncond[c * area + i]));
    out[4 * i + 3] = 255;
  }
  return out;
}

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @param {import("../studio.js").Studio} studio
 * @param {{dress: (pixels: Uint8ClampedArray) => Uint8ClampedArray, failed: (error: Error) => void}} page
 * @param {import("./editor.js").Editor} editor
 */
export function lessonPart(store, about, studio, page, editor) {
  const { size, channels } = about;
  const teacher = about.networks.teacher;
  at("lesson").hidden = !teacher;
  if (!teacher) return;
  /** @type {import("../../model/sampling.js").Step[]} */
  let steps = [];
  let chosen = 0;
  let followed = true; // the step that is shown goes along while they are drawn
  let seen = false;
  /** @type {import("../studio.js").Want | null} */
  let want = null;

  const row = make("div", { class: "steps", role: "group", "aria-label": "Steps from noise to sprite" });
  arrows(row);
  const buttons = teacher.way.timesteps.map((t, i) => {
    const canvas = sheet(size, { "aria-hidden": "true" });
    const button = make("button", { type: "button", class: "tile empty", "aria-label": `Step ${i + 1}` }, canvas);
    button.addEventListener("click", () => {
      followed = false;
      tell(i);
    });
    return { canvas, button };
  });
  const end = { canvas: sheet(size, { role: "img", "aria-label": "The finished sprite" }) };
  const last = make("div", { class: "tile empty" }, end.canvas);
  row.append(...buttons.map(({ button }) => button), last);

  const pictures = ["noisy", "uncond", "cond", "difference", "guided"].map((name) => {
    const canvas = sheet(size, { role: "img", "aria-label": name });
    const [title, text] = [make("h3"), make("p", { class: "hint" })];
    return {
      name,
      canvas,
      title,
      text,
      box: make("figure", {}, make("div", { class: "tile" }, canvas), make("figcaption", {}, title, text)),
    };
  });
  const detail = make("div", { class: "detail" }, ...pictures.map(({ box }) => box));
  const status = make("p", { class: "hint", role: "status" });
  at("strip").append(row, status, detail);

  /** @param {number} i */
  function tell(i) {
    const step = steps[i];
    if (!step || !want) return;
    chosen = i;
    buttons.forEach(({ button }, j) => button.setAttribute("aria-pressed", String(i === j)));
    const { button } = buttons[i];
    row.scrollLeft = button.offsetLeft - (row.clientWidth - button.offsetWidth) / 2;
    const [wanted, away] = [false, true].map((not) =>
      words(want?.tags.filter((tag) => Boolean(tag.not) === not) ?? []),
    );
    const asked = wanted || "nothing";
    const from = away ? `when asked for “${away.replaceAll("not ", "")}”, to leave it` : "when nothing is asked";
    const part = Math.round(100 * teacher.way.sigma[i]);
    const times = Math.max(1, Math.round(1 / Math.max(0.05, apart(step))));
    const strong = times > 1 ? `here ${times} times as strong, ` : "";
    const scales = scalesOf(want);
    const each = typeof scales === "object" ? Object.entries(scales).map(([facet, s]) => `${facet} ${s}`) : [];
    const s = Number(scales);
    const limited = s > 1 && !teacher.way.guides[i];
    const goes = limited || s === 1 ? "exactly to cond" : s > 1 ? "beyond cond" : "not as far as cond";
    const by = limited ? `With so ${part < 50 ? "little" : "much"} noise s is at most 1, and` : `With s = ${s}`;
    /** @type {Record<string, [string, Uint8ClampedArray, string]>} */
    const told = {
      noisy: [
        `Step ${i + 1} of ${buttons.length}`,
        soft(step.x, channels),
        `This is what the model sees. ${part} % of it is noise.`,
      ],
      uncond: [
        "uncond",
        soft(step.uncond, channels),
        `The finished sprite as the model guesses it ${from}. While there is much noise, it is a blur of all that ` +
          "could be.",
      ],
      cond: [
        "cond",
        soft(step.cond, channels),
        `The same guess, made knowing “${asked}”. It is already closer to what is meant.`,
      ],
      difference: [
        "cond − uncond",
        difference(step, channels, times),
        `What the words change, ${strong}and grey where both guesses agree. Guidance walks in this direction.`,
      ],
      guided: [
        each.length ? "uncond + a scale for each" : "uncond + s · difference",
        soft(step.guided, channels),
        (each.length ? `What each facet adds, times its scale: ${each.join(", ")}.` : `${by} it goes ${goes}.`) +
          " The next step takes away some noise towards this.",
      ],
    };
    for (const { name, canvas, title, text } of pictures) {
      const [head, pixels, body] = told[name];
      show(canvas, pixels);
      title.textContent = head;
      text.textContent = body;
    }
  }

  async function draw() {
    const now = editor.want();
    if (!now || !seen || now === want) return;
    [want, steps, followed] = [now, [], true];
    for (const { button } of buttons) button.classList.add("empty");
    last.classList.add("empty");
    status.textContent = "Drawing …";
    // A variation begins in the middle of the way.
    const start = now.base ? studio.varyFrom("teacher") : 0;
    /** @type {import("../../model/client.js").Listener} */
    const listener = {
      onStep: (step) => {
        const i = teacher.way.timesteps.indexOf(step.t);
        steps[i] = step;
        show(buttons[i].canvas, soft(step.x, channels));
        buttons[i].button.classList.remove("empty");
        if (followed) tell(i);
      },
      onSprites: (_, [pixels]) => {
        show(end.canvas, page.dress(pixels));
        last.classList.remove("empty");
        if (followed) tell(steps.reduce((best, step, i) => (apart(step) > apart(steps[best]) ? i : best), start));
      },
    };
    // A student has learnt the way without fresh noise.
    const eta = studio.network(store.state, [now]) === "teacher" ? undefined : 0;
    try {
      const item = studio.item({ ...now, start });
      const ms = await studio.client.draw("lesson", { network: "teacher", items: [item], watch: true, eta }, listener);
      if (ms !== null) status.textContent = eta === 0 ? "By the teacher, from the same noise as the quick sprite." : "";
    } catch (error) {
      status.textContent = "";
      page.failed(/** @type {Error} */ (error));
    }
  }

  // It is drawn when it comes into sight, since it needs the teacher.
  new IntersectionObserver(
    ([entry]) => {
      seen = entry.isIntersecting;
      draw();
    },
    { rootMargin: "100px" },
  ).observe(at("lesson"));
  editor.onChange(draw);
}
