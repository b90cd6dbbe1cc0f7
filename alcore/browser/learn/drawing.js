// Pictures of a step: the plane of the points with what the networks say of every place of it, and the plane of the features.

import { zeroLines } from "./contours.js";

/** @import { FilmTold, Rgb } from "../shared/types.js" */
/** @import { Frame } from "./film.js" */
/**
 * @typedef {object} Theme
 * @property {Rgb} ink
 * @property {Rgb} paper
 * @property {Rgb} accent
 * @property {Rgb[]} ramp
 */
/**
 * What is to be seen beside the step itself.
 * @typedef {object} Look
 * @property {string} shade "prediction", or the name of a score
 * @property {Set<number>} labeled
 * @property {boolean} classes the hidden classes are shown
 * @property {number} pointed the point under the pointer, or -1
 * @property {Map<number, {text: string, color: string}[]>} marks point -> what is written at it
 */

// told apart with every kind of color vision (Okabe and Ito 2008)
/** @type {Rgb[]} */
export const CLASS_COLORS = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167]];
/** @type {number[][]} dashes of the heads' lines: the task model's, then those beside it */
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 4], [1, 4], [12, 4], [6, 2, 2, 2], [3, 6]];
const ARROW = 26; // pixels of the longest arrow
const ARROWS = 60; // of features, those that move most
const FEATURE_SIDE = 60; // cells of the feature plane's field

/** @type {(color: Rgb, alpha?: number) => string} */
export const css = (color, alpha = 1) => `rgb(${color.join(" ")} / ${alpha})`;

/** How the lines of a frame's heads are drawn, by name. @param {Frame} frame @param {Theme} theme @returns {Map<string, {dash: number[], color: string, width: number}>} */
export function linesOf(frame, theme) {
  return new Map([...frame.heads.keys()].map((name, i) => [name, { dash: DASHES[i % DASHES.length], color: css(i ? (i === 1 ? theme.accent : theme.ink) : theme.ink, i ? 0.9 : 1), width: i ? 1.6 : 2.4 }]));
}

/**
 * Makes a canvas as sharp as the screen and gives its pen, on a plane of `side` CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2D} pen
 */
export function cleared(canvas, pen) {
  const density = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const pixels = Math.round(width * density);
  if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.clearRect(0, 0, width, width);
  return width;
}

/** Where a point of the plane lies on a canvas. @param {FilmTold} told @param {number} size @param {readonly [number, number]} at @returns {[number, number]} */
export function placed(told, size, [x, y]) {
  return [((x + told.reach) / (2 * told.reach)) * size, ((told.reach - y) / (2 * told.reach)) * size];
}

/** A field's picture, kept from frame to frame. */
export class Field {
  constructor() {
    this.canvas = new OffscreenCanvas(1, 1);
    this.pen = /** @type {OffscreenCanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
  }

  /** @param {FilmTold} told @param {Frame} frame @param {string} shade @param {Theme} theme */
  paint(told, frame, shade, theme) {
    const { side } = told;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const image = this.pen.createImageData(side, side);
    const score = frame.scores.get(shade);
    if (score) paintScore(image.data, score, topOf(shade, told.classes, score.high), theme);
    else paintPrediction(image.data, [...frame.heads.values()][0]);
    if (!score) paintRegion(image.data, frame, theme);
    this.pen.putImageData(image, 0, 0);
    return this.canvas;
  }
}

/** What a score's colors end at: entropy and labeledness have an end of their own. @param {string} name @param {number} classes @param {number} high */
export function topOf(name, classes, high) {
  return name === "entropy" ? Math.log(classes) : name === "labeledness" || name === "margin" ? 1 : Math.max(high, 1e-6);
}

/** @param {Uint8ClampedArray} data @param {{cells: Uint8Array, low: number, high: number}} score @param {number} top @param {Theme} theme */
function paintScore(data, { cells, low, high }, top, theme) {
  for (let i = 0; i < cells.length; i += 1) {
    const value = (low + (cells[i] / 255) * (high - low)) / top;
    const color = theme.ramp[Math.round(255 * Math.min(1, Math.max(0, value)))];
    data.set(color, 4 * i);
    data[4 * i + 3] = 190;
  }
}

/** @param {Uint8ClampedArray} data @param {Int16Array[]} planes */
function paintPrediction(data, planes) {
  for (let i = 0; i < planes[0].length; i += 1) {
    const [best, ahead] = bestOf(planes, i);
    data.set(CLASS_COLORS[best], 4 * i);
    data[4 * i + 3] = 26 + 70 * ahead;
  }
}

/** The class a head sees in a cell, and how far it is ahead, from 0 to 1. @param {Int16Array[]} planes @param {number} i @returns {[number, number]} */
function bestOf(planes, i) {
  if (planes.length === 1) return [planes[0][i] > 0 ? 1 : 0, Math.abs(planes[0][i]) / 32767];
  let best = 0;
  for (let k = 1; k < planes.length; k += 1) if (planes[k][i] > planes[best][i]) best = k;
  return [best, Math.max(0, planes[best][i]) / 32767];
}

/** The region between F1, F2 and so on: where they see different classes. @param {Uint8ClampedArray} data @param {Frame} frame @param {Theme} theme */
function paintRegion(data, frame, theme) {
  const beside = [...frame.heads].filter(([name]) => /^F\d/.test(name)).map(([, planes]) => planes);
  if (!beside.length) return;
  for (let i = 0; i < beside[0][0].length; i += 1) {
    const [first] = bestOf(beside[0], i);
    if (beside.every((planes) => bestOf(planes, i)[0] === first)) continue;
    data.set(theme.accent, 4 * i);
    data[4 * i + 3] = 120;
  }
}

/**
 * The plane of the points.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2D} pen
 * @param {Field} field
 * @param {FilmTold} told
 * @param {Frame} frame
 * @param {Look} look
 * @param {Theme} theme
 */
export function drawPlane(canvas, pen, field, told, frame, look, theme) {
  const size = cleared(canvas, pen);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(field.paint(told, frame, look.shade, theme), 0, 0, size, size);
  const lines = linesOf(frame, theme);
  for (const [name, planes] of [...frame.heads].reverse()) {
    const style = /** @type {{dash: number[], color: string, width: number}} */ (lines.get(name));
    for (const plane of planes) stroke(pen, zeroLines(plane, told.side), size / told.side, style);
  }
  told.points.forEach((at, i) => drawPoint(pen, placed(told, size, at), told.y[i], look.labeled.has(i), look, i === look.pointed, theme));
  for (const [point, texts] of look.marks) drawMark(pen, placed(told, size, told.points[point]), texts, size, theme);
}

/** @param {CanvasRenderingContext2D} pen @param {number[]} pieces @param {number} scale @param {{dash: number[], color: string, width: number}} style */
function stroke(pen, pieces, scale, { dash, color, width }) {
  pen.beginPath();
  if (!dash.length) {
    for (let i = 0; i < pieces.length; i += 4) {
      pen.moveTo(pieces[i] * scale, pieces[i + 1] * scale);
      pen.lineTo(pieces[i + 2] * scale, pieces[i + 3] * scale);
    }
  } else for (const line of joined(pieces)) {
    pen.moveTo(line[0] * scale, line[1] * scale);
    for (let i = 2; i < line.length; i += 2) pen.lineTo(line[i] * scale, line[i + 1] * scale);
  }
  pen.setLineDash(dash);
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.stroke();
  pen.setLineDash([]);
}

/** Pieces end to end, so that dashes run on. @param {number[]} pieces x1, y1, x2, y2 of each */
export function joined(pieces) {
  /** @type {(x: number, y: number) => number} one number for a place, to a ten thousandth of a cell */
  const key = (x, y) => Math.round(x * 1e4) * 1e7 + Math.round(y * 1e4);
  /** @type {Map<number, number[]>} */
  const ends = new Map();
  for (let i = 0; i < pieces.length; i += 4) {
    for (const end of [key(pieces[i], pieces[i + 1]), key(pieces[i + 2], pieces[i + 3])]) {
      const there = ends.get(end);
      if (there) there.push(i);
      else ends.set(end, [i]);
    }
  }
  const used = new Set();
  /** @type {number[][]} */
  const lines = [];
  for (let i = 0; i < pieces.length; i += 4) {
    if (used.has(i)) continue;
    used.add(i);
    const line = pieces.slice(i, i + 4);
    for (const forward of [true, false]) {
      for (;;) {
        const [x, y] = forward ? line.slice(-2) : line;
        const next = (ends.get(key(x, y)) ?? []).find((piece) => !used.has(piece));
        if (next === undefined) break;
        used.add(next);
        const isStart = key(pieces[next], pieces[next + 1]) === key(x, y);
        const far = isStart ? pieces.slice(next + 2, next + 4) : pieces.slice(next, next + 2);
        if (forward) line.push(...far);
        else line.unshift(...far);
      }
    }
    lines.push(line);
  }
  return lines;
}

/** @param {CanvasRenderingContext2D} pen @param {[number, number]} at @param {number} y @param {boolean} labeled @param {Look} look @param {boolean} pointed @param {Theme} theme */
function drawPoint(pen, [left, top], y, labeled, look, pointed, theme) {
  pen.beginPath();
  pen.arc(left, top, labeled ? 6 : 3.2, 0, 7);
  pen.fillStyle = labeled ? css(CLASS_COLORS[y]) : look.classes ? css(CLASS_COLORS[y], 0.75) : css(theme.ink, 0.34);
  pen.fill();
  if (labeled) {
    pen.strokeStyle = css(theme.paper);
    pen.lineWidth = 2;
    pen.stroke();
    pen.beginPath();
    pen.arc(left, top, 7.2, 0, 7);
    pen.strokeStyle = css(theme.ink, 0.75);
    pen.lineWidth = 1;
    pen.stroke();
  }
  if (!pointed) return;
  pen.beginPath();
  pen.arc(left, top, 9.5, 0, 7);
  pen.strokeStyle = css(theme.accent);
  pen.lineWidth = 2;
  pen.stroke();
}

/** A ring with words beside it. @param {CanvasRenderingContext2D} pen @param {[number, number]} at @param {{text: string, color: string}[]} texts @param {number} size @param {Theme} theme */
function drawMark(pen, [left, top], texts, size, theme) {
  texts.forEach(({ color }, i) => {
    pen.beginPath();
    pen.arc(left, top, 10 + 4 * i, 0, 7);
    pen.strokeStyle = color;
    pen.lineWidth = 3;
    pen.stroke();
  });
  pen.font = "600 12px system-ui, sans-serif";
  const text = texts.map((each) => each.text).join(", ");
  const width = pen.measureText(text).width + 10;
  const x = Math.min(size - width - 2, Math.max(2, left + 14 + 4 * texts.length + width > size ? left - width - 14 - 4 * texts.length : left + 14 + 4 * texts.length));
  const y = Math.min(size - 12, Math.max(12, top));
  pen.fillStyle = css(theme.paper, 0.92);
  pen.fillRect(x, y - 10, width, 20);
  pen.fillStyle = css(theme.ink);
  pen.textBaseline = "middle";
  pen.fillText(text, x + 5, y + 1);
}

/**
 * The plane of the features: where F puts every point, the heads' borders there, C's prototypes, and where the game pulls.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2D} pen
 * @param {FilmTold} told
 * @param {Frame} frame
 * @param {Look} look
 * @param {Theme} theme
 */
export function drawFeatures(canvas, pen, told, frame, look, theme) {
  const size = cleared(canvas, pen);
  const { features } = frame;
  let reach = 1e-6;
  for (const value of features) reach = Math.max(reach, Math.abs(value));
  reach *= 1.15;
  /** @type {(x: number, y: number) => [number, number]} */
  const at = (x, y) => [((x / reach + 1) / 2) * size, ((1 - y / reach) / 2) * size];
  const [middle] = at(0, 0);
  pen.strokeStyle = css(theme.ink, 0.16);
  pen.lineWidth = 1;
  pen.strokeRect(0.5, 0.5, size - 1, size - 1);
  pen.beginPath();
  pen.moveTo(0, middle);
  pen.lineTo(size, middle);
  pen.moveTo(middle, 0);
  pen.lineTo(middle, size);
  pen.stroke();
  const styles = [...linesOf(frame, theme).values()];
  [...frame.weights].forEach(([name, weights], i) => {
    const [classes, numbers] = told.weights[name];
    for (const plane of featureFields(weights, classes, numbers, reach)) stroke(pen, zeroLines(plane, FEATURE_SIDE), size / FEATURE_SIDE, styles[i]);
  });
  for (let i = 0; i < told.points.length; i += 1) {
    drawPoint(pen, at(features[2 * i], features[2 * i + 1]), told.y[i], look.labeled.has(i), look, i === look.pointed, theme);
  }
  if (frame.pullFeatures) drawPulls(pen, told, frame, look, at, theme);
  const prototypes = frame.weights.get("prototypes");
  if (prototypes) drawPrototypes(pen, prototypes, frame.pullPrototypes, middle, theme);
}

/**
 * By how much each class is ahead over the plane of features: one plane for two classes, else one a class.
 * @param {Float32Array} weights
 * @param {number} classes
 * @param {number} numbers of a class: two, and a bias where there are three
 * @param {number} reach
 */
export function featureFields(weights, classes, numbers, reach) {
  const side = FEATURE_SIDE;
  const planes = Array.from({ length: classes === 2 ? 1 : classes }, () => new Float32Array(side * side));
  const logits = new Float32Array(classes);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const x = (((column + 0.5) / side) * 2 - 1) * reach;
      const y = (1 - ((row + 0.5) / side) * 2) * reach;
      for (let k = 0; k < classes; k += 1) logits[k] = weights[k * numbers] * x + weights[k * numbers + 1] * y + (numbers === 3 ? weights[k * numbers + 2] : 0);
      if (classes === 2) planes[0][row * side + column] = logits[1] - logits[0];
      else planes.forEach((plane, k) => (plane[row * side + column] = logits[k] - Math.max(...logits.filter((_, other) => other !== k))));
    }
  }
  return planes;
}

/** @param {CanvasRenderingContext2D} pen @param {FilmTold} told @param {Frame} frame @param {Look} look @param {(x: number, y: number) => [number, number]} at @param {Theme} theme */
function drawPulls(pen, told, frame, look, at, theme) {
  const pulls = /** @type {Float32Array} */ (frame.pullFeatures);
  const open = told.points.map((_, i) => i).filter((i) => !look.labeled.has(i));
  const length = (/** @type {number} */ i) => Math.hypot(pulls[2 * i], pulls[2 * i + 1]);
  const most = open.sort((a, b) => length(b) - length(a)).slice(0, ARROWS);
  const longest = most.length ? length(most[0]) : 0;
  if (longest < 1e-9) return;
  for (const i of most) {
    const [left, top] = at(frame.features[2 * i], frame.features[2 * i + 1]);
    const scale = (ARROW * Math.sqrt(length(i) / longest)) / Math.max(length(i), 1e-12); // the square root: short ones are seen too
    arrow(pen, left, top, left + pulls[2 * i] * scale, top - pulls[2 * i + 1] * scale, css(theme.accent, 0.8), 1.4);
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Float32Array} prototypes @param {Float32Array | null} pulls @param {number} middle @param {Theme} theme */
function drawPrototypes(pen, prototypes, pulls, middle, theme) {
  for (let k = 0; 2 * k < prototypes.length; k += 1) {
    const length = Math.hypot(prototypes[2 * k], prototypes[2 * k + 1]) || 1;
    const far = middle * 0.86;
    const left = middle + (prototypes[2 * k] / length) * far;
    const top = middle - (prototypes[2 * k + 1] / length) * far;
    arrow(pen, middle, middle, left, top, css(CLASS_COLORS[k % CLASS_COLORS.length]), 3);
    if (!pulls) continue;
    const pull = Math.hypot(pulls[2 * k], pulls[2 * k + 1]);
    if (pull > 1e-9) arrow(pen, left, top, left + (pulls[2 * k] / pull) * ARROW, top - (pulls[2 * k + 1] / pull) * ARROW, css(theme.ink), 2);
  }
}

/** @param {CanvasRenderingContext2D} pen @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {string} color @param {number} width */
function arrow(pen, x1, y1, x2, y2, color, width) {
  const turn = Math.atan2(y2 - y1, x2 - x1);
  const head = 3 + 2 * width;
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
  pen.beginPath();
  pen.moveTo(x2, y2);
  for (const side of [-0.45, 0.45]) pen.lineTo(x2 - head * Math.cos(turn + side), y2 - head * Math.sin(turn + side));
  pen.fill();
}
