// @ts-check
/**
 * Tags as contexts, as ddpm/context/tags.py: a context has a place for each value of each facet, in the order of the
 * vocabulary; all zeros ask for nothing.
 */

/** @typedef {Record<string, string[]>} Vocabulary the values of each facet; of a model without tags, its categories */
/**
 * @typedef {object} Tag
 * @property {string} facet
 * @property {string} value
 * @property {boolean} [not] it is to be gone away from
 * @property {number} [weight] in a mixture, from 0 to 1; 1 if it is left out
 *
 * @typedef {{context: Float32Array, scale: number}} Term of a composition
 */

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
  const weight = (/** @type {Tag | undefined} */ tag) => (tag ? (tag.weight ?? 1) : 0);
  return Float32Array.from(places(vocabulary), (place) => weight(tags.find((tag) => same(tag, place))));
}

/**
 * One composition that guides every facet by a scale of its own, as `facet_guidance` in ddpm/context/tags.py, where its
 * equation is told. Facets join in the order of `scales`.
 * @param {Tag[]} tags all of facets that have a scale
 * @param {Record<string, number>} scales
 * @param {Vocabulary} vocabulary
 * @returns {Term[]} terms without a weight are left out
 */
export function facetGuidance(tags, scales, vocabulary) {
  const order = Object.keys(scales);
  const s = Float32Array.from([...Object.values(scales), 0]);
  const joined = (/** @type {number} */ i) => tags.filter(({ facet }) => order.indexOf(facet) <= i);
  const terms = order.map((_, i) => ({ context: context(joined(i), vocabulary), scale: Math.fround(s[i] - s[i + 1]) }));
  return terms.filter(({ scale }) => scale !== 0);
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
  const one = (/** @type {Tag} */ { facet, value, not, weight = 1 }) =>
    (not ? "not " : weight === 1 ? "" : `${weight} `) +
    (/^\d+$/.test(value) ? `${facet} ${value}` : value.replaceAll("_", " "));
  return tags.map(one).join(", ");
}
