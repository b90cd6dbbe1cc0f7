// Pixel arithmetic of the mask editor: brushes, lines, polygons, connected areas, runs. Knows arrays and numbers, nothing of the page.
// A "span" is a run of pixels of one row: visit(y, from, to), both ends included; it may reach out of the picture.

/** @typedef {Uint8Array<ArrayBuffer>} Mask a class a pixel, row by row */
/** @typedef {[number, number]} Place x and y in picture pixels, with fractions */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box of pixels, ends included */
/** @typedef {{dy: number, from: number, to: number}} BrushRow relative to the cell */
/** @typedef {(y: number, from: number, to: number) => void} VisitSpan */

export const VOID = 255; // belongs to no class

/**
 * Rows of the round brush of diameter d, relative to its cell. A pixel is painted when (x - cx)² + (y - cy)² <= (d/2)² at pixel centers.
 * The middle of an odd brush is the center of the pixel under the pointer (the cell), that of an even one the corner nearest to the pointer
 * (the upper left corner of the cell): so a brush of d is exactly d pixels wide, and one of 1 paints exactly one pixel. No antialiasing.
 * @param {number} d
 * @returns {BrushRow[]}
 */
export function brushRows(d) {
  const odd = d % 2;
  const rows = [];
  for (let dy = -Math.floor(d / 2); dy <= (odd ? (d - 1) / 2 : d / 2 - 1); dy++) {
    const far = odd ? 2 * dy : 2 * dy + 1; // doubled distances keep the rule in whole numbers
    let to = -1;
    while ((odd ? 2 * (to + 1) : 2 * (to + 1) + 1) ** 2 + far * far <= d * d) to += 1;
    if (to >= 0) rows.push({ dy, from: odd ? -to : -to - 1, to });
  }
  return rows;
}

/**
 * The cell of a brush at a place of the picture, in pixels with fractions.
 * @param {number} x
 * @param {number} y
 * @param {number} d
 * @returns {Place}
 */
export function brushCell(x, y, d) {
  return d % 2 ? [Math.floor(x), Math.floor(y)] : [Math.round(x), Math.round(y)];
}

/**
 * The cells of a line by Bresenham, both ends included.
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 * @param {(x: number, y: number) => void} visit
 */
export function eachOfLine(x0, y0, x1, y1, visit) {
  const [dx, dy] = [Math.abs(x1 - x0), -Math.abs(y1 - y0)];
  const [sx, sy] = [Math.sign(x1 - x0), Math.sign(y1 - y0)];
  for (let error = dx + dy; ; ) {
    visit(x0, y0);
    if (x0 === x1 && y0 === y1) return;
    const twice = 2 * error;
    if (twice >= dy) (error += dy), (x0 += sx);
    if (twice <= dx) (error += dx), (y0 += sy);
  }
}

/**
 * A brush drawn along a line of cells. Discs of neighboring cells overlap in each row they share, so a row of the stroke is one span.
 * @param {BrushRow[]} rows
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 * @param {VisitSpan} visit
 */
export function sweep(rows, x0, y0, x1, y1, visit) {
  const above = rows[0].dy;
  const top = Math.min(y0, y1) + above;
  const height = Math.abs(y1 - y0) + rows[rows.length - 1].dy - above + 1;
  const from = new Int32Array(height).fill(0x7fffffff);
  const to = new Int32Array(height).fill(-0x80000000);
  eachOfLine(x0, y0, x1, y1, (x, y) => {
    for (const row of rows) {
      const at = y + row.dy - top;
      if (x + row.from < from[at]) from[at] = x + row.from;
      if (x + row.to > to[at]) to[at] = x + row.to;
    }
  });
  for (let at = 0; at < height; at++) visit(top + at, from[at], to[at]);
}

/**
 * A polygon of pixels [[x, y], …]: the pixels whose center is inside by the even-odd rule, and the outline by Bresenham.
 * @param {Place[]} corners
 * @param {number} height
 * @param {VisitSpan} visit
 */
export function eachOfPolygon(corners, height, visit) {
  const ys = corners.map(([, y]) => y);
  for (let y = Math.max(0, Math.min(...ys)); y <= Math.min(height - 1, Math.max(...ys)); y++) {
    /** @type {number[]} */
    const cuts = [];
    corners.forEach(([ax, ay], i) => {
      const [bx, by] = corners[(i + 1) % corners.length];
      if (ay > y !== by > y) cuts.push(ax + ((y - ay) * (bx - ax)) / (by - ay));
    });
    cuts.sort((a, b) => a - b);
    for (let i = 0; i < cuts.length; i += 2) if (Math.ceil(cuts[i]) < cuts[i + 1]) visit(y, Math.ceil(cuts[i]), Math.ceil(cuts[i + 1]) - 1);
  }
  corners.forEach(([x, y], i) => eachOfLine(x, y, ...corners[(i + 1) % corners.length], (cx, cy) => visit(cy, cx, cx)));
}

/**
 * The 4-connected area of one value around a pixel, as spans [y, from, to, …]; never out of `allowed` where that is given.
 * @param {Mask} values
 * @param {number} width
 * @param {number} height
 * @param {number} x
 * @param {number} y
 * @param {Mask | null} [allowed]
 */
export function areaOf(values, width, height, x, y, allowed = null) {
  const value = values[y * width + x];
  const seen = new Uint8Array(width * height); // 1: in the area
  /** @type {number[]} */
  const spans = [];
  const stack = [x, y];
  while (stack.length) {
    const row = stack.pop() ?? 0;
    const column = stack.pop() ?? 0;
    const start = row * width;
    if (seen[start + column]) continue;
    let from = start + column;
    let to = from;
    while (from > start && values[from - 1] === value && (!allowed || allowed[from - 1])) from -= 1;
    while (to < start + width - 1 && values[to + 1] === value && (!allowed || allowed[to + 1])) to += 1;
    seen.fill(1, from, to + 1);
    spans.push(row, from - start, to - start);
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= height) continue;
      const shift = (next - row) * width;
      let inside = false; // one start for each run of the neighboring row
      for (let i = from + shift; i <= to + shift; i++) {
        const open = values[i] === value && !seen[i] && (!allowed || allowed[i] === 1);
        if (open && !inside) stack.push(i - next * width, next);
        inside = open;
      }
    }
  }
  return { value, seen, spans };
}

/**
 * {left, top, right, bottom} of the pixels that are not 0, ends included; null when there are none.
 * @param {Mask} bits
 * @param {number} width
 * @param {number} height
 * @returns {Box | null}
 */
export function boxOf(bits, width, height) {
  /** @type {Box | null} */
  let box = null;
  for (let y = 0; y < height; y++) {
    for (let i = y * width, end = i + width; i < end; i++) {
      if (!bits[i]) continue;
      const x = i - y * width;
      box ||= { left: x, top: y, right: x, bottom: y };
      if (x < box.left) box.left = x;
      if (x > box.right) box.right = x;
      box.bottom = y;
    }
  }
  return box;
}

/**
 * @param {Box | null} a
 * @param {Box} b
 * @returns {Box}
 */
export function joined(a, b) {
  if (!a) return b;
  return { left: Math.min(a.left, b.left), top: Math.min(a.top, b.top), right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom) };
}

/**
 * The lines between pixels of a box that differ, as a path in picture pixels. `of(x, y)` is asked from one pixel before the box to one after.
 * @param {(x: number, y: number) => unknown} of
 * @param {Box} box
 */
export function edgePath(of, { left, top, right, bottom }) {
  const path = new Path2D();
  for (let y = top; y <= bottom + 1; y++) {
    /** @type {number | null} */
    let from = null;
    for (let x = left; x <= right + 1; x++) {
      const edge = x <= right && of(x, y - 1) !== of(x, y);
      if (edge) from ??= x;
      else if (from !== null) path.moveTo(from, y), path.lineTo(x, y), (from = null);
    }
  }
  for (let x = left; x <= right + 1; x++) {
    /** @type {number | null} */
    let from = null;
    for (let y = top; y <= bottom + 1; y++) {
      const edge = y <= bottom && of(x - 1, y) !== of(x, y);
      if (edge) from ??= y;
      else if (from !== null) path.moveTo(x, from), path.lineTo(x, y), (from = null);
    }
  }
  return path;
}
