// @ts-check
/**
 * Tags as contexts, as ddpm/context/tags.py: a context has a place for each value of each facet, in the order of the
 * vocabulary; all zeros ask for nothing.
 */

/** @typedef {Record<string, string[]>} Vocabulary the values of each facet; of a model without tags, its categories */
/** @typedef {{facet: string, value: string, not?: boolean}} Tag not: it is to be gone away from */

export const CATEGORY = "category";

/** @param {Vocabulary} vocabulary @returns {Tag[]} all tags, in the order of a context */
export function places(vocabulary) {
  return Object.entries(vocabulary).flatMap(([facet, values]) => values.map((value) => ({ facet, value })));
}

/** @param {Tag} a @param {Tag} b */
export function same(a, b) {
  return a.facet === b.facet && a.value === b.value;
}

/**
 * The context of some tags, float32 [V].
 * @param {Tag[]} tags
 * @param {Vocabulary} vocabulary
 */
export function context(tags, vocabulary) {
  return Float32Array.from(places(vocabulary), (place) => Number(tags.some((tag) => same(tag, place))));
}

/**
 * Those that a model knows, and those that it does not.
 * @param {Tag[]} tags
 * @param {Vocabulary} vocabulary
 */
export function known(tags, vocabulary) {
  const is = (/** @type {Tag} */ tag) =>
    Object.hasOwn(vocabulary, tag.facet) && vocabulary[tag.facet].includes(tag.value);
  return { known: tags.filter(is), unknown: tags.filter((tag) => !is(tag)) };
}

/** What is asked for, in words. @param {Tag[]} tags */
export function words(tags) {
  const one = (/** @type {Tag} */ { facet, value, not }) =>
    (not ? "not " : "") + (/^\d+$/.test(value) ? `${facet} ${value}` : value.replaceAll("_", " "));
  return tags.map(one).join(", ");
}
