// The page's colors as numbers, for what is drawn on a canvas.

import { element } from "./dom.js";

/** @import { Rgb } from "./types.js" */

/**
 * The colors that CSS variables have at a place of the page.
 * @template {string} Name
 * @param {HTMLElement} root
 * @param {Record<Name, string>} variables name here -> the variable's
 * @returns {Record<Name, Rgb>}
 */
export function colorsAt(root, variables) {
  const probe = element("i", { style: "display:none" });
  root.append(probe);
  /** @type {(variable: string) => Rgb} */
  const read = (variable) => {
    probe.style.color = `var(${variable})`;
    // color-mix resolves to `color(srgb r g b)`, plain colours to `rgb(r, g, b)`
    const text = getComputedStyle(probe).color;
    const [r, g, b] = (text.match(/[\d.]+/g) ?? []).map((part) => (text.startsWith("color(") ? Math.round(Number(part) * 255) : Number(part)));
    return [r, g, b];
  };
  const found = Object.fromEntries(Object.entries(variables).map(([name, variable]) => [name, read(/** @type {string} */ (variable))]));
  probe.remove();
  return /** @type {Record<Name, Rgb>} */ (found);
}

/** True for the ground of a dark page. @param {Rgb} color */
export function isDark([r, g, b]) {
  return r * 0.3 + g * 0.59 + b * 0.11 < 128;
}
