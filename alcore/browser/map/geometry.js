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

const BANDS = 256; // of a polygon's height: a point is compared with the edges of its own band only

/**
 * Even-odd rule. Returns the indices of the points inside, ascending.
 * @param {Values} x
 * @param {Values} y
 * @param {Place[]} polygon
 * @param {Uint8Array | null} [shown] 0 where a point is hidden, and never inside
 */
export function insidePolygon(x, y, polygon, shown = null) {
  const [left, right] = [Math.min(...polygon.map((p) => p[0])), Math.max(...polygon.map((p) => p[0]))];
  const [low, high] = [Math.min(...polygon.map((p) => p[1])), Math.max(...polygon.map((p) => p[1]))];
  const step = (high - low) / BANDS || 1;
  const band = (/** @type {number} */ at) => Math.min(BANDS - 1, Math.floor((at - low) / step));
  /** @type {number[][]} of each band, four numbers an edge */
  const edges = Array.from({ length: BANDS }, () => []);
  polygon.forEach(([ax, ay], a) => {
    const [bx, by] = polygon[a ? a - 1 : polygon.length - 1];
    for (let k = band(Math.min(ay, by)); k <= band(Math.max(ay, by)); k++) edges[k].push(ax, ay, bx, by);
  });
  /** @type {number[]} */
  const found = [];
  for (let i = 0; i < x.length; i++) {
    const [px, py] = [x[i], y[i]];
    if (!(px >= left && px <= right && py >= low && py <= high) || shown?.[i] === 0) continue;
    const near = edges[band(py)];
    let inside = false;
    for (let k = 0; k < near.length; k += 4) {
      const [ay, by] = [near[k + 1], near[k + 3]];
      if (ay > py !== by > py && px < ((near[k + 2] - near[k]) * (py - ay)) / (by - ay) + near[k]) inside = !inside;
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
   * @param {Uint8Array | null} [shown] 0 where a point is hidden
   */
  find(x, y, reach, shown = null) {
    let best = -1;
    let nearest = reach * reach;
    const [left, right] = [this.place(x - reach, this.box.left), this.place(x + reach, this.box.left)];
    for (let row = this.place(y - reach, this.box.low); row <= this.place(y + reach, this.box.low); row++) {
      for (let k = this.starts[row * this.side + left]; k < this.starts[row * this.side + right + 1]; k++) {
        const i = this.members[k];
        const far = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
        if (far <= nearest && shown?.[i] !== 0) [best, nearest] = [i, far];
      }
    }
    return best;
  }

  /**
   * Calls `take` with every point of the buckets that a box touches: those in the box, and some around it.
   * @param {Box} box
   * @param {(i: number) => void} take
   */
  around({ left, right, low, high }, take) {
    const [first, last] = [this.place(left, this.box.left), this.place(right, this.box.left)];
    for (let row = this.place(low, this.box.low); row <= this.place(high, this.box.low); row++) {
      for (let k = this.starts[row * this.side + first]; k < this.starts[row * this.side + last + 1]; k++) take(this.members[k]);
    }
  }

  /** How many points are in the buckets that a box touches. @param {Box} box */
  count({ left, right, low, high }) {
    const [first, last] = [this.place(left, this.box.left), this.place(right, this.box.left)];
    let n = 0;
    for (let row = this.place(low, this.box.low); row <= this.place(high, this.box.low); row++) n += this.starts[row * this.side + last + 1] - this.starts[row * this.side + first];
    return n;
  }
}

/**
 * The middle one of some numbers; of an even count the upper of the two.
 * @param {ArrayLike<number>} values
 */
export function median(values) {
  return new Float64Array(values).sort()[values.length >> 1];
}
