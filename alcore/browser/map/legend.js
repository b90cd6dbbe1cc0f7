// What the colors of the map mean; an entry that is pressed shows its points only.

import { button, element } from "../shared/dom.js";
import { nameOf } from "../shared/named.js";
import { dayOf, short, whole } from "../shared/numbers.js";
import { paletteOf } from "./colors.js";
import { titleOf } from "./pool.js";

/** @import { Column, Rgb } from "../shared/types.js" */
/** @import { Theme } from "./colors.js" */
/** @import { Values } from "./geometry.js" */
/**
 * @typedef {object} Told
 * @property {Column} column
 * @property {Values} values
 * @property {number} ringed how many points are ringed
 * @property {string[]} names of the values
 * @property {Theme} theme
 * @property {Set<number | string> | null} only the entries that are pressed; null where none is
 * @property {(key: number | string) => void} press
 * @property {() => void} all shows all again
 */

const MANY = 20; // entries from which on those with most points come first: the others are scrolled to
const NONE = { label: "unlabeled", truth: "not known", asked: "not asked for", annotator: "unlabeled", correct: "not known" };

/**
 * The legend of a column, as the children of its box.
 * @param {Told} told
 * @returns {HTMLElement[]}
 */
export function legendOf({ column, values, ringed, names, theme, only, press, all }) {
  /**
   * A color, what it means and how many points have it.
   * @param {number | string} key
   * @param {Rgb | null} color null for a ring
   * @param {string} text
   * @param {number} [n]
   */
  const entry = (key, color, text, n) => {
    const dot = element("i", { class: color ? "" : "ringed" });
    if (color) dot.style.background = `rgb(${color.join(" ")})`;
    const on = only?.has(key) ?? false;
    const counted = n === undefined ? "" : whole(n);
    return element("li", {}, button({ class: "entry", "data-key": key, "aria-pressed": on ? "true" : "false", title: `${text}: ${on ? "no longer only these" : "show only these"}`, onclick: () => press(key) }, dot, nameOf(text), element("em", { text: counted })));
  };
  const head = element("div", { class: "title" }, element("b", { text: titleOf(column) }), only && button({ class: "all", text: "Show all", onclick: all }));
  const ring = entry("queried", null, "queried", ringed);
  if (column.kind === "number") {
    const bar = element("div", { class: "ramp" });
    const ends = (/** @type {number} */ value, /** @type {string | undefined} */ unit) => (column.unit === "date" ? dayOf(value).slice(0, 10) : `${short(value)}${unit ? ` ${unit}` : ""}`);
    bar.style.background = `linear-gradient(to right, ${[0, 51, 102, 153, 204, 255].map((i) => `rgb(${theme.ramp[i].join(" ")})`).join(", ")})`;
    const end = (/** @type {"low" | "high"} */ name) => element("span", {}, ends(column[name], name === "high" ? column.unit : ""), column.wanted === name ? element("em", { text: " wanted" }) : null);
    let without = 0;
    for (const v of values) if (!Number.isFinite(v)) without += 1;
    const rows = without ? [entry("none", theme.gray, column.name.startsWith("meta:") ? "no value" : "no value (labeled)", without), ring] : [ring];
    return [head, bar, element("div", { class: "ends" }, end("low"), end("high")), element("ul", {}, ...rows)];
  }
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const v of values) counts.set(v >= 0 ? v : -1, (counts.get(v >= 0 ? v : -1) || 0) + 1);
  const palette = paletteOf(column, theme);
  /** @type {HTMLElement[]} */
  const rows = [];
  if (column.kind === "flag") rows.push(entry(1, theme.accent, "yes", counts.get(1) || 0), entry(0, theme.gray, "no", counts.get(0) || 0));
  else {
    const there = names.map((_, i) => i).filter((i) => counts.has(i));
    if (there.length > MANY) there.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || a - b);
    for (const i of there) rows.push(entry(i, palette[i % palette.length], names[i], counts.get(i)));
    if (counts.has(-1)) rows.push(entry("none", theme.gray, wordOfNone(column), counts.get(-1)));
  }
  return [head, element("ul", {}, ...rows, ring)];
}

/** What a point without a value is called. @param {Column} column */
export function wordOfNone({ name }) {
  return /** @type {Record<string, string>} */ (NONE)[name] ?? "none";
}
