// The colors of the points, which of them are shown, and the order to draw them in.

import { ramp } from "../shared/ramp.js";
import { colorsAt, isDark } from "../shared/theme.js";

/** @import { Column, Rgb } from "../shared/types.js" */
/** @import { Values } from "./geometry.js" */
/** @typedef {{paper: Rgb, ink: Rgb, accent: Rgb, gray: Rgb, ramp: Rgb[]}} Theme of the page */
/**
 * What is painted. `top` points, the last of `order`, stand out: they are drawn as dots where all others are a shading.
 * @typedef {object} Painted
 * @property {Uint8Array<ArrayBuffer>} colors RGBA of every point
 * @property {Uint32Array<ArrayBuffer>} order of the points that are shown: what matters most comes last, and lies on top
 * @property {number} top
 * @property {Uint8Array | null} shown 0 where a point is filtered out; null where none is
 */
/**
 * @typedef {object} Marks
 * @property {Uint8Array | null} chosen 1 where a point is selected; the others are faint then
 * @property {Uint8Array | null} labeled 1 where a point has a label
 * @property {Set<number | string> | null} only what is shown: values, "none" and "queried"; null for all
 * @property {Uint8Array | null} queried 1 where a point was asked for
 */

const CLASS_HEX = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#2bb5b0", "#c9a100", "#ff7ea8", "#9c755f", "#1f9fe0", "#8cb000", "#d44fd0", "#00a884", "#b3521e", "#6b5bd6", "#dd9f6e", "#3f8f3f", "#c23b7a", "#7d8fa9", "#00839a"];
const [LABELED, CHOSEN] = [254, 255]; // levels of drawing
const MOST_DOTS = 5000; // labeled points that are drawn one by one on a shading

/** @type {(hex: string) => Rgb} */
const rgb = (hex) => [parseInt(hex.slice(1, 3), 16), parseInt(hex.slice(3, 5), 16), parseInt(hex.slice(5, 7), 16)];

/** Colors of classes, by index; they begin anew where there are more. */
export const CLASS_COLORS = CLASS_HEX.map(rgb);
const VERDICTS = [rgb("#d1495b"), rgb("#4e79a7")]; // wrong, right: told apart by all eyes

/** The page's colors at a place of it. @param {HTMLElement} root @returns {Theme} */
export function themeAt(root) {
  const theme = colorsAt(root, { paper: "--ground", ink: "--ink", accent: "--accent", gray: "--faint" });
  return { ...theme, ramp: ramp(isDark(theme.paper)) };
}

/**
 * The color of each value of a column; of a number, 256 colors from its low end to its high one.
 * @param {Column} column
 * @param {Theme} theme
 * @returns {Rgb[]}
 */
export function paletteOf(column, theme) {
  if (column.kind === "number") return theme.ramp;
  if (column.kind === "flag") return [theme.gray, theme.accent];
  if (column.name === "correct") return VERDICTS;
  const n = Math.max(1, column.names?.length ?? 1);
  if (column.kind === "order") return Array.from({ length: n }, (_, i) => theme.ramp[n > 1 ? Math.round((255 * i) / (n - 1)) : 128]);
  return column.colors ? column.colors.map((color, i) => (color ? rgb(color) : CLASS_COLORS[i % CLASS_COLORS.length])) : CLASS_COLORS;
}

/**
 * Which color of the palette a value has; -1 for none.
 * @param {Column} column
 * @param {number} colors how many the palette has
 * @returns {(value: number) => number}
 */
export function placing({ kind, low, high }, colors) {
  if (kind !== "number") return (value) => (value >= 0 ? value % colors : -1);
  const span = high - low || 1;
  return (value) => (value === value ? Math.round(255 * Math.min(1, Math.max(0, (value - low) / span))) : -1); // NaN is no number, not even itself
}

/**
 * @param {Values} values
 * @param {Column} column
 * @param {Theme} theme
 * @param {Marks} marks
 * @returns {Painted}
 */
export function paint(values, column, theme, { chosen, labeled, only, queried }) {
  const n = values.length;
  const palette = paletteOf(column, theme);
  const place = placing(column, palette.length);
  const words = new Uint32Array(n);
  const level = new Uint8Array(n); // draw order, 0 first
  const bright = palette.map((color, at) => word(color, column.kind === "flag" && !at ? 110 : 225));
  const faint = palette.map((color, at) => word(color, column.kind === "flag" && !at ? 18 : 36));
  const [gray, grayer] = [word(theme.gray, 110), word(theme.gray, 18)];
  const shown = only ? new Uint8Array(n) : null;
  let [standing, marked] = [0, 0];
  for (let i = 0; i < n; i++) {
    const at = place(values[i]);
    if (shown && !(shown[i] = only?.has(at < 0 ? "none" : column.kind === "number" ? "some" : values[i]) || (queried?.[i] && only?.has("queried")) ? 1 : 0)) continue;
    const aside = chosen !== null && !chosen[i];
    words[i] = at < 0 ? (aside ? grayer : gray) : aside ? faint[at] : bright[at];
    if (at >= 0) level[i] = column.kind === "number" ? 1 + Math.floor((column.wanted === "low" ? 255 - at : at) * 0.98) : column.kind === "flag" ? at : column.name === "correct" ? 2 - at : 1;
    if (labeled?.[i] && !aside) {
      level[i] = LABELED;
      standing += 1;
    }
    if (chosen?.[i]) {
      level[i] = CHOSEN;
      marked += 1;
    }
  }
  const order = sorted(level, shown);
  return { colors: new Uint8Array(words.buffer), order, top: chosen ? marked : standing > MOST_DOTS ? 0 : standing, shown };
}

/** RGBA in the order of bytes. @type {(color: Rgb, alpha: number) => number} */
const word = ([r, g, b], alpha) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;

/**
 * The points that are shown by level, equal ones by index.
 * @param {Uint8Array} level
 * @param {Uint8Array | null} shown
 */
function sorted(level, shown) {
  const starts = new Uint32Array(257);
  let n = 0;
  for (let i = 0; i < level.length; i++) {
    if (shown?.[i] === 0) continue;
    starts[level[i] + 1] += 1;
    n += 1;
  }
  for (let l = 0; l < 256; l++) starts[l + 1] += starts[l];
  const order = new Uint32Array(n);
  for (let i = 0; i < level.length; i++) if (shown?.[i] !== 0) order[starts[level[i]]++] = i;
  return order;
}
