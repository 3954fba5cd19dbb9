// @ts-check
/** What is asked for: a chip for each tag that the model knows, with a picture that the model drew of it. */

import { CATEGORY, same, words } from "../../model/context.js";
import { at, choices, make, slider } from "../dom.js";
import { filled } from "../state.js";

const FEW = 12; // values of a facet that are shown without a field to search them
const WIDE = matchMedia("(min-width: 760px)"); // else the sprites would be far below
const OPEN = [CATEGORY, "kind", "colour"]; // facets that are open at first, beside those that are asked for

/**
 * @param {import("../state.js").Store} store
 * @param {import("../../model/sampling.js").About} about
 * @returns {(tags: import("../../model/context.js").Tag[]) => void} asks for these too
 */
export function askPart(store, about) {
  const columns = about.pictures?.columns ?? 0;
  let place = 0;
  let way = "for";
  let untouched = location.hash.length < 2; // what is asked at first is the page's choice, not somebody's

  const ways = [
    { value: "for", label: "With", title: "What you choose is to be seen" },
    { value: "mix", label: "Mix", title: "What you choose joins others of its kind; Shift does the same" },
    { value: "not", label: "Without", title: "What you choose is to be gone away from" },
  ];
  const offered = ways.filter(({ value }) => about.networks.teacher || value !== "not"); // a student goes from nothing
  at("ask-way").append(...choices("way", offered, way, (value) => (way = value)));

  /** @param {import("../../model/context.js").Tag} tag */
  function picture(tag) {
    const [x, y] = [place % columns, Math.floor(place / columns)];
    place += 1;
    if (!about.pictures) return "";
    const position = `calc(var(--chip-picture) * -${x}) calc(var(--chip-picture) * -${y})`;
    const size = `calc(var(--chip-picture) * ${columns})`;
    return make("span", {
      class: "picture",
      style: `background: url(${about.pictures.file}) ${position} / ${size} auto`,
      "data-tag": tag.value,
    });
  }

  /** @param {import("../../model/context.js").Tag} tag @param {boolean} add beside what is chosen of its facet */
  function toggle(tag, add) {
    const { tags } = store.state;
    // A kind such as banana says more than the category of the start, and may not go with it.
    const first = untouched && about.vocabulary[tag.facet].length > FEW ? CATEGORY : "";
    untouched = false;
    const stays = (/** @type {import("../../model/context.js").Tag} */ other) =>
      !same(other, tag) && other.facet !== first && (add || other.facet !== tag.facet);
    const others = tags.filter(stays);
    const taken = tags.find((other) => same(other, tag));
    const not = way === "not";
    const next = not ? { ...tag, not } : tag;
    set(taken && Boolean(taken.not) === not ? others : inOrder([...others, next]));
  }

  /** @param {import("../../model/context.js").Tag[]} tags */
  function set(tags) {
    const { scales, s } = store.state;
    store.set({ tags, scales: scales && filled(scales, tags, s) });
  }

  /** @param {import("../../model/context.js").Tag[]} tags in the order of the facets */
  function inOrder(tags) {
    return Object.keys(about.vocabulary).flatMap((facet) => tags.filter((tag) => tag.facet === facet));
  }

  const asked = store.state.tags.map(({ facet }) => facet);

  /** @param {string} facet @param {string[]} values */
  function facetPart(facet, values) {
    const chips = values.map((value) => {
      const tag = { facet, value };
      const label = make("span", {}, value.replaceAll("_", " "));
      const chip = make("button", { type: "button", class: "chip", "aria-pressed": "false" }, picture(tag), label);
      chip.addEventListener("click", (event) =>
        toggle(tag, way === "mix" || event.shiftKey || event.ctrlKey || event.metaKey),
      );
      return { tag, chip };
    });
    const current = make("span", { class: "current" });
    const name = facet.replaceAll("_", " ");
    const box = make("div", { class: "chips", role: "group", "aria-label": name }, ...chips.map(({ chip }) => chip));
    const summary = make("summary", {}, make("span", { class: "facet" }, name), current);
    const details = make("details", { open: WIDE.matches && (OPEN.includes(facet) || asked.includes(facet)) }, summary);
    if (values.length > FEW) details.append(search(name, chips));
    const mixture = weights(store, facet, set);
    details.append(mixture.box, box);
    const update = () => {
      const mine = store.state.tags.filter((tag) => tag.facet === facet);
      current.textContent = mine.length ? words(mine) : "any";
      current.classList.toggle("set", mine.length > 0);
      mixture.update(mine);
      for (const { tag, chip } of chips) {
        const found = mine.find((other) => same(other, tag));
        chip.setAttribute("aria-pressed", String(found !== undefined));
        chip.classList.toggle("not", Boolean(found?.not));
        chip.setAttribute("aria-label", found?.not ? words([found]) : tag.value.replaceAll("_", " "));
      }
    };
    /** Scroll to the first chip that is chosen. */
    const reveal = () => {
      const chosen = chips.find(({ chip }) => chip.getAttribute("aria-pressed") === "true")?.chip;
      if (chosen) box.scrollTop = chosen.offsetTop - (box.clientHeight - chosen.offsetHeight) / 2;
    };
    details.addEventListener("toggle", reveal);
    return { details, update, reveal };
  }

  const facets = Object.entries(about.vocabulary).map(([facet, values]) => facetPart(facet, values));
  at("facets").append(...facets.map(({ details }) => details));
  const clear = at("ask-clear");
  clear.addEventListener("click", () => set([]));
  const update = () => {
    for (const facet of facets) facet.update();
    clear.hidden = !store.state.tags.length;
  };
  store.on((_, changed) => changed.has("tags") && update());
  addEventListener("hashchange", () => facets.forEach(({ reveal }) => reveal()));
  update();
  for (const { reveal } of facets) reveal();
  return (tags) => set(inOrder([...store.state.tags, ...tags]));
}

/**
 * How much of each value a mixture has, where several of a facet are asked for.
 * @param {import("../state.js").Store} store
 * @param {string} facet
 * @param {(tags: import("../../model/context.js").Tag[]) => void} set
 */
function weights(store, facet, set) {
  const box = make("div", { class: "weights", role: "group", "aria-label": `How much of each ${facet}` });
  let shown = "";
  /** @param {import("../../model/context.js").Tag} tag */
  function row(tag) {
    const options = { min: 0, max: 1, step: 0.1, value: tag.weight ?? 1, text: String };
    return slider(tag.value.replaceAll("_", " "), options, (weight) => {
      set(store.state.tags.map((other) => (same(other, tag) ? { ...other, weight } : other)));
    });
  }
  /** @param {import("../../model/context.js").Tag[]} mine */
  function update(mine) {
    const mixed = mine.filter(({ not }) => !not);
    const names = JSON.stringify(mixed.map(({ value }) => value));
    box.hidden = mixed.length < 2;
    if (names === shown) return; // or the slider that is moved would be gone
    shown = names;
    box.replaceChildren(...(mixed.length < 2 ? [] : mixed.map(row)));
  }
  return { box, update };
}

/**
 * A field that leaves only those chips whose name holds what is typed; Enter chooses the first.
 * @param {string} name of the facet
 * @param {{tag: import("../../model/context.js").Tag, chip: HTMLElement}[]} chips
 */
function search(name, chips) {
  const none = make("p", { class: "hint", hidden: true });
  const field = make("input", {
    type: "search",
    placeholder: `Find among ${chips.length}`,
    "aria-label": `Find ${name}`,
  });
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase().replaceAll("_", " ");
    const found = chips.filter(({ tag, chip }) => !(chip.hidden = !tag.value.replaceAll("_", " ").includes(wanted)));
    none.hidden = found.length > 0;
    none.textContent = `The model knows no ${name} “${field.value}”.`;
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && field.value.trim()) chips.find(({ chip }) => !chip.hidden)?.chip.click();
  });
  return make("div", { class: "search" }, field, none);
}
