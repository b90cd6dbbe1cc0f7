// What the colors of the map mean.

import { element } from "../shared/dom.js";
import { short, whole } from "../shared/numbers.js";
import { CLASS_COLORS } from "./colors.js";
import { titleOf } from "./pool.js";

/** @import { Column, Rgb } from "../shared/types.js" */
/** @import { Theme } from "./colors.js" */
/** @import { Values } from "./geometry.js" */

/**
 * A color, what it means and how many points have it.
 * @param {Rgb} color
 * @param {string} text
 * @param {number} [n]
 */
function entry(color, text, n) {
  const dot = element("i");
  dot.style.background = `rgb(${color.join(" ")})`;
  return element("li", { title: text }, dot, element("span", { text }), element("em", { text: n === undefined ? "" : whole(n) }));
}

/**
 * The legend of a column, as the children of its box.
 * @param {Column} column
 * @param {Values} values
 * @param {number} ringed how many points are ringed
 * @param {string[]} classes
 * @param {Theme} theme
 * @returns {HTMLElement[]}
 */
export function legendOf(column, values, ringed, classes, theme) {
  const title = element("b", { text: titleOf(column) });
  const ring = element("li", {}, element("i", { class: "ringed" }), element("span", { text: `queried (${whole(ringed)})` }));
  if (column.kind === "number") {
    const bar = element("div", { class: "ramp" });
    bar.style.background = `linear-gradient(to right, ${[0, 51, 102, 153, 204, 255].map((i) => `rgb(${theme.ramp[i].join(" ")})`).join(", ")})`;
    const end = (/** @type {"low" | "high"} */ name) => element("span", {}, `${short(column[name])}${name === "high" && column.unit ? ` ${column.unit}` : ""}`, column.wanted === name ? element("em", { text: " wanted" }) : null);
    const rows = values.some((/** @type {number} */ v) => !Number.isFinite(v)) ? [entry(theme.gray, "no value (labeled)"), ring] : [ring];
    return [title, bar, element("div", { class: "ends" }, end("low"), end("high")), element("ul", {}, ...rows)];
  }
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const v of values) counts.set(v, (counts.get(v) || 0) + 1);
  /** @type {HTMLElement[]} */
  const rows = [];
  if (column.kind === "flag") rows.push(entry(theme.accent, "yes", counts.get(1) || 0), entry(theme.gray, "no", counts.get(0) || 0));
  else {
    classes.forEach((name, i) => counts.has(i) && rows.push(entry(CLASS_COLORS[i % CLASS_COLORS.length], name, counts.get(i))));
    if (counts.has(-1)) rows.push(entry(theme.gray, column.name === "label" ? "unlabeled" : "none", counts.get(-1)));
  }
  return [title, element("ul", {}, ...rows, ring)];
}
