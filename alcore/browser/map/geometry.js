// Points of the plane: which is nearest, which are inside a polygon.

/** @typedef {Float32Array | Int32Array | Int16Array | Uint8Array} Values a column */
/** @typedef {[number, number]} Place */
/** @typedef {{left: number, right: number, low: number, high: number}} Box */

/**
 * The box around all points.
 * @param {Values} x
 * @param {Values} y
 */
export function boxAround(x, y) {
  const box = { left: Infinity, right: -Infinity, low: Infinity, high: -Infinity };
  for (let i = 0; i < x.length; i++) {
    box.left = Math.min(box.left, x[i]);
    box.right = Math.max(box.right, x[i]);
    box.low = Math.min(box.low, y[i]);
    box.high = Math.max(box.high, y[i]);
  }
  return box;
}

/**
 * Even-odd rule. Returns the indices of the points inside, ascending.
 * @param {Values} x
 * @param {Values} y
 * @param {Place[]} polygon
 */
export function insidePolygon(x, y, polygon) {
  const [left, right] = [Math.min(...polygon.map((p) => p[0])), Math.max(...polygon.map((p) => p[0]))];
  const [low, high] = [Math.min(...polygon.map((p) => p[1])), Math.max(...polygon.map((p) => p[1]))];
  /** @type {number[]} */
  const found = [];
  for (let i = 0; i < x.length; i++) {
    if (!(x[i] >= left && x[i] <= right && y[i] >= low && y[i] <= high)) continue;
    let inside = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [ax, ay] = polygon[a];
      const [bx, by] = polygon[b];
      if (ay > y[i] !== by > y[i] && x[i] < ((bx - ax) * (y[i] - ay)) / (by - ay) + ax) inside = !inside;
    }
    if (inside) found.push(i);
  }
  return found;
}

/** Buckets of a square lattice over the points, for "which one is under the pointer". */
export class Nearby {
  /**
   * @param {Values} x
   * @param {Values} y
   * @param {Box} box around them
   */
  constructor(x, y, box) {
    this.x = x;
    this.y = y;
    this.box = box;
    this.side = Math.max(1, Math.min(256, Math.round(Math.sqrt(x.length / 4))));
    this.step = Math.max(box.right - box.left, box.high - box.low) / this.side || 1;
    this.starts = new Uint32Array(this.side * this.side + 1);
    const cell = Uint32Array.from(x, (_, i) => this.cellOf(x[i], y[i]));
    for (const c of cell) this.starts[c + 1] += 1;
    for (let c = 0; c < this.side * this.side; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    this.members = new Uint32Array(x.length);
    cell.forEach((c, i) => (this.members[next[c]++] = i));
  }

  /**
   * @param {number} value
   * @param {number} low
   */
  place(value, low) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((value - low) / this.step)));
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  cellOf(x, y) {
    return this.place(y, this.box.low) * this.side + this.place(x, this.box.left);
  }

  /**
   * The index of the nearest point within `reach`; -1 where there is none.
   * @param {number} x
   * @param {number} y
   * @param {number} reach
   */
  find(x, y, reach) {
    let best = -1;
    let nearest = reach * reach;
    const [left, right] = [this.place(x - reach, this.box.left), this.place(x + reach, this.box.left)];
    for (let row = this.place(y - reach, this.box.low); row <= this.place(y + reach, this.box.low); row++) {
      for (let k = this.starts[row * this.side + left]; k < this.starts[row * this.side + right + 1]; k++) {
        const i = this.members[k];
        const far = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
        if (far <= nearest) [best, nearest] = [i, far];
      }
    }
    return best;
  }
}
