// @ts-check
/** Small things of the page that all of its parts need. */

/**
 * An element with attributes (those that begin with "on" are listeners) and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/**
 * The element of the page with this id.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function at(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return /** @type {T} */ (found);
}

/** @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D} */
export function pen(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** A canvas for a sprite. @param {number} size @param {Record<string, any>} [attributes] */
export function sheet(size, attributes = {}) {
  return make("canvas", { width: size, height: size, ...attributes });
}

/**
 * Show pixels on a canvas of their size.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8ClampedArray} pixels
 */
export function show(canvas, pixels) {
  const data = /** @type {Uint8ClampedArray<ArrayBuffer>} */ (pixels);
  pen(canvas).putImageData(new ImageData(data, canvas.width), 0, 0);
}

/**
 * A choice of one of several, as radio buttons in a row.
 * @param {string} name
 * @param {{value: string, label: string, title?: string}[]} options
 * @param {string} chosen
 * @param {(value: string) => void} onChoice
 */
export function choices(name, options, chosen, onChoice) {
  return options.map(({ value, label, title }) => {
    const input = make("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => input.checked && onChoice(value));
    return make("label", { title }, input, make("span", {}, label));
  });
}

/** Colour a slider up to where it stands. @param {HTMLInputElement} range */
export function fill(range) {
  const [low, high, value] = [range.min, range.max, range.value].map(Number);
  range.style.setProperty("--filled", `${(100 * (value - low)) / (high - low)}%`);
}

/**
 * A slider with its name before it and its value behind it.
 * @param {string} name
 * @param {{min: number, max: number, step: number, value: number, text: (value: number) => string}} options
 * @param {(value: number) => void} onInput
 */
export function slider(name, { text, ...options }, onInput) {
  const range = make("input", { type: "range", ...options, "aria-label": name });
  const output = make("output", { "aria-hidden": "true" });
  const update = () => {
    output.textContent = text(Number(range.value));
    range.setAttribute("aria-valuetext", output.textContent);
    fill(range);
  };
  range.addEventListener("input", () => {
    update();
    onInput(Number(range.value));
  });
  update();
  return make("div", { class: "slider" }, make("span", { "aria-hidden": "true" }, name), range, output);
}

/** Say something to those who listen to the page. @param {string} text */
export function say(text) {
  at("spoken").textContent = text;
}

/**
 * Arrow keys go from one button of a group to the next, as they lie on the page.
 * @param {HTMLElement} group
 */
export function arrows(group) {
  group.addEventListener("keydown", (event) => {
    const buttons = [...group.querySelectorAll("button")];
    const place = buttons.indexOf(/** @type {any} */ (document.activeElement));
    if (place < 0) return;
    const top = buttons[0].getBoundingClientRect().top;
    const columns = buttons.filter((button) => Math.abs(button.getBoundingClientRect().top - top) < 4).length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (by === undefined || !buttons[place + by]) return;
    event.preventDefault();
    buttons[place + by].focus();
  });
}
