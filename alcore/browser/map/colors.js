// The colors of the points, and the order to draw them in.

/** @import { Column, Rgb } from "../shared/types.js" */
/** @import { Values } from "./geometry.js" */
/** @typedef {{paper: Rgb, ink: Rgb, accent: Rgb, gray: Rgb, ramp: Rgb[]}} Theme of the page */

const CLASS_HEX = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#2bb5b0", "#c9a100", "#ff7ea8", "#9c755f", "#1f9fe0", "#8cb000", "#d44fd0", "#00a884", "#b3521e", "#6b5bd6", "#dd9f6e", "#3f8f3f", "#c23b7a", "#7d8fa9", "#00839a"];

/** @type {(hex: string) => Rgb} */
const rgb = (hex) => [parseInt(hex.slice(1, 3), 16), parseInt(hex.slice(3, 5), 16), parseInt(hex.slice(5, 7), 16)];

/** Colors of classes, by index; they begin anew where there are more. */
export const CLASS_COLORS = CLASS_HEX.map(rgb);

/**
 * RGBA of every point, and the order to draw in: what matters most comes last, on top.
 * @param {Values} values
 * @param {Column} column
 * @param {Theme} theme
 * @param {Set<number> | null} chosen the others are faint
 */
export function paint(values, column, theme, chosen) {
  const n = values.length;
  const colors = new Uint8Array(4 * n);
  const level = new Uint8Array(n); // draw order, 0 first
  const palette = column.kind === "number" ? theme.ramp : column.kind === "class" ? CLASS_COLORS : [theme.gray, theme.accent];
  const span = column.high - column.low || 1;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    let color = theme.gray;
    let alpha = 110;
    if (column.kind === "number" ? Number.isFinite(value) : value >= 0) {
      const place = column.kind === "number" ? Math.round(255 * Math.min(1, Math.max(0, (value - column.low) / span))) : value % palette.length;
      color = palette[place];
      level[i] = column.kind === "number" ? Math.max(1, column.wanted === "low" ? 255 - place : place) : column.kind === "flag" ? value : 1;
      alpha = column.kind === "flag" && !value ? 110 : 225;
    }
    if (chosen && !chosen.has(i)) alpha = Math.round(alpha * 0.16);
    else if (chosen) level[i] = 255;
    colors.set(color, 4 * i);
    colors[4 * i + 3] = alpha;
  }
  const starts = new Uint32Array(257);
  for (let i = 0; i < n; i++) starts[level[i] + 1] += 1;
  for (let l = 0; l < 256; l++) starts[l + 1] += starts[l];
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[starts[level[i]]++] = i;
  return { colors, order };
}
