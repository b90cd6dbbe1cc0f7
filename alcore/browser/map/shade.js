// A shading of how densely points lie, where there are too many in view to tell dots apart: color by majority or by mean.

import { pen } from "../shared/dom.js";

/** @import { Column, Rgb } from "../shared/types.js" */
/** @import { Box, Values } from "./geometry.js" */
/**
 * What is shaded.
 * @typedef {object} Shaded
 * @property {Values} values
 * @property {Column} column
 * @property {Rgb[]} palette
 * @property {(value: number) => number} place of a value in the palette, -1 for none
 * @property {Rgb} gray of what has no value
 * @property {Uint32Array} order the points that are shown
 * @property {Box} box around all of them
 */

const CELL = 3; // pixels, the least
const MOST_CELLS = 400_000; // of the whole plane: up to so many it is filled once for every view of that size of cells

export class Shade {
  /** @param {HTMLCanvasElement} canvas below the points */
  constructor(canvas) {
    this.pen = pen(canvas);
    this.small = pen(document.createElement("canvas"));
    /** @type {Shaded | null} */
    this.of = null;
    /** @type {Uint32Array} the points that are shown, by their place in the palette */
    this.grouped = new Uint32Array();
    /** @type {number[]} where each place begins in `grouped`; what has no value comes first */
    this.starts = [];
    /** @type {Map<number, number>} size of a cell -> the most points that one of them had: what is darkest stays so while the map moves */
    this.most = new Map();
    this.drawn = false;
    this.filled = ""; // what the cells hold: a view of places that stay
  }

  /** @param {Shaded} of */
  set(of) {
    this.of = of;
    this.filled = "";
    this.most.clear();
    const { values, palette, place, order } = of;
    const starts = new Uint32Array(palette.length + 2);
    const places = new Int16Array(order.length);
    order.forEach((i, k) => {
      places[k] = place(values[i]) + 1;
      starts[places[k] + 1] += 1;
    });
    for (let p = 0; p <= palette.length; p++) starts[p + 1] += starts[p];
    this.starts = Array.from(starts);
    this.grouped = new Uint32Array(order.length);
    for (let k = 0; k < order.length; k++) this.grouped[starts[places[k]]++] = order[k];
  }

  clear() {
    if (!this.drawn) return;
    this.drawn = false;
    const { canvas } = this.pen;
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.clearRect(0, 0, canvas.width, canvas.height);
  }

  /**
   * Cells stand still in the plane, so that nothing flickers while the map is moved.
   * @param {Values} x
   * @param {Values} y
   * @param {{scale: number, cx: number, cy: number, width: number, height: number, density: number}} view
   * @param {{alpha: number, moving: boolean}} how alpha of the whole; whether the points are on their way
   */
  draw(x, y, { scale, cx, cy, width, height, density }, { alpha, moving }) {
    if (!this.of) return;
    const step = 2 ** Math.ceil(Math.log2(CELL / scale));
    const seen = { left: cx - width / 2 / scale, right: cx + width / 2 / scale, low: cy - height / 2 / scale, high: cy + height / 2 / scale };
    const all = gridOf(this.of.box, step);
    const { left, top, columns, rows } = moving || all.columns * all.rows > MOST_CELLS ? gridOf(seen, step) : all;
    const holds = [step, left, top, columns, rows].join();
    if (holds !== this.filled || moving) {
      const image = this.small.createImageData(columns, rows);
      this.fill(new Uint32Array(image.data.buffer), x, y, { step, left, top, columns, rows });
      Object.assign(this.small.canvas, { width: columns, height: rows });
      this.small.putImageData(image, 0, 0);
      this.filled = moving ? "" : holds;
    }
    this.clear();
    this.drawn = true;
    this.pen.setTransform(density, 0, 0, density, 0, 0);
    this.pen.globalAlpha = alpha;
    this.pen.imageSmoothingQuality = "high";
    this.pen.drawImage(this.small.canvas, (left * step - cx) * scale + width / 2, height / 2 - ((top + 1) * step - cy) * scale, columns * step * scale, rows * step * scale);
    this.pen.globalAlpha = 1;
  }

  /**
   * @param {Uint32Array} words RGBA of the cells
   * @param {Values} x
   * @param {Values} y
   * @param {{step: number, left: number, top: number, columns: number, rows: number}} grid
   */
  fill(words, x, y, { step, left, top, columns, rows }) {
    const { of, grouped, starts } = this;
    if (!of) return;
    const { palette, column } = of;
    const all = new Uint32Array(words.length); // points of each cell
    const told = new Uint32Array(words.length); // those with a value
    const sum = new Float64Array(words.length); // of places; or the place of the majority
    const best = new Uint32Array(words.length); // how many the majority has
    const mine = new Uint32Array(words.length);
    const byMean = column.kind === "number";
    for (let p = 0; p < starts.length - 1; p++) {
      /** @type {number[]} cells that have points of this place */
      const touched = [];
      for (let k = starts[p]; k < starts[p + 1]; k++) {
        const i = grouped[k];
        const [a, b] = [Math.floor(x[i] / step) - left, top - Math.floor(y[i] / step)];
        if (a < 0 || b < 0 || a >= columns || b >= rows) continue;
        const cell = b * columns + a;
        all[cell] += 1;
        if (!p) continue;
        told[cell] += 1;
        if (byMean) sum[cell] += p - 1;
        else if (!mine[cell]++) touched.push(cell);
      }
      for (const cell of touched) {
        if (mine[cell] > best[cell]) [best[cell], sum[cell]] = [mine[cell], p - 1];
        mine[cell] = 0;
      }
    }
    let most = this.most.get(step) ?? 1;
    for (const n of all) if (n > most) most = n;
    this.most.set(step, most);
    const full = Math.log1p(most);
    for (let cell = 0; cell < words.length; cell++) {
      if (!all[cell]) continue;
      const alpha = Math.round(255 * (0.16 + (0.8 * Math.log1p(all[cell])) / full));
      const color = told[cell] ? palette[byMean ? Math.round(sum[cell] / told[cell]) : sum[cell]] : of.gray;
      const share = told[cell] ? Math.min(1, 0.4 + told[cell] / all[cell]) : 0; // the few that have a value among many are seen, and no more
      const mixed = color.map((c, at) => Math.round(c * share + of.gray[at] * (1 - share)));
      words[cell] = ((alpha << 24) | (mixed[2] << 16) | (mixed[1] << 8) | mixed[0]) >>> 0;
    }
  }
}

/**
 * The cells that a box touches, and one around them, so that its edge fades out.
 * @param {Box} box
 * @param {number} step
 */
function gridOf({ left, right, low, high }, step) {
  const [first, top] = [Math.floor(left / step) - 1, Math.floor(high / step) + 1];
  return { left: first, top, columns: Math.floor(right / step) + 2 - first, rows: top + 2 - Math.floor(low / step) };
}
