// Where a plane of numbers changes its sign: marching squares, from middle to middle of its cells.

/**
 * The lines, as x1, y1, x2, y2 of each piece, in cells from the left and from the top.
 * @param {ArrayLike<number>} plane row by row
 * @param {number} side
 * @returns {number[]}
 */
export function zeroLines(plane, side) {
  /** @type {number[]} */
  const pieces = [];
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) {
      const at = row * side + column;
      const first = plane[at] > 0; // nearly every cell ends here, so nothing is made before
      if (first === plane[at + 1] > 0 && first === plane[at + side] > 0 && first === plane[at + side + 1] > 0) continue;
      const corners = [plane[at], plane[at + 1], plane[at + side + 1], plane[at + side]]; // clockwise from the top left
      const above = corners.map((value) => value > 0);
      /** @type {[number, number][]} */
      const cuts = [];
      for (let edge = 0; edge < 4; edge += 1) {
        const next = (edge + 1) % 4;
        if (above[edge] === above[next]) continue;
        const way = corners[edge] / (corners[edge] - corners[next]);
        cuts.push([column + 0.5 + cornerX(edge) + way * (cornerX(next) - cornerX(edge)), row + 0.5 + cornerY(edge) + way * (cornerY(next) - cornerY(edge))]);
      }
      // two lines through one cell: the middle says which corners belong together
      const saddle = cuts.length === 4 && corners[0] + corners[1] + corners[2] + corners[3] > 0 === above[0];
      const order = saddle ? [0, 1, 2, 3] : cuts.length === 4 ? [3, 0, 1, 2] : [0, 1];
      for (let i = 0; i < order.length; i += 2) pieces.push(...cuts[order[i]], ...cuts[order[i + 1]]);
    }
  }
  return pieces;
}

/** @param {number} corner */
const cornerX = (corner) => (corner === 1 || corner === 2 ? 1 : 0);
/** @param {number} corner */
const cornerY = (corner) => (corner >= 2 ? 1 : 0);
