// How items are named and drawn wherever they stand.

import { element } from "../shared/dom.js";

/** @import { Item } from "./answers.js" */

/** @type {Record<string, string>} signs of the states of an item */
export const MARKS = { label: "✓", skip: "→", flag: "⚑" };

/**
 * A thin bar of 0…1; the number stands beside it as text.
 * @param {number} share
 */
export function thinBar(share) {
  const fill = element("i");
  fill.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return element("span", { class: "thin", "aria-hidden": "true" }, fill);
}

/**
 * The name without its folders; where the truth is hidden the server has taken out what would give the answer away.
 * @param {Item} item
 */
export function fileName(item) {
  return (item.name ?? item.path).split("/").pop() ?? "";
}
