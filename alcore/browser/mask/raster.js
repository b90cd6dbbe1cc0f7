// Pixel arithmetic of the mask editor: brushes, lines, polygons, connected areas, runs. Knows arrays and numbers, nothing of the page.
// A "span" is a run of pixels of one row: visit(y, from, to), both ends included; it may reach out of the picture.

const VOID = 255;

// Rows of the round brush of diameter d, relative to its cell. A pixel is painted when (x - cx)² + (y - cy)² <= (d/2)² at pixel centers.
// The middle of an odd brush is the center of the pixel under the pointer (the cell), that of an even one the corner nearest to the pointer
// (the upper left corner of the cell): so a brush of d is exactly d pixels wide, and one of 1 paints exactly one pixel. No antialiasing.
function brushRows(d) {
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

// The cell of a brush at a place of the picture, in pixels with fractions.
function brushCell(x, y, d) {
  return d % 2 ? [Math.floor(x), Math.floor(y)] : [Math.round(x), Math.round(y)];
}

// The cells of a line by Bresenham, both ends included.
function eachOfLine(x0, y0, x1, y1, visit) {
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

// A brush drawn along a line of cells. Discs of neighboring cells overlap in each row they share, so a row of the stroke is one span.
function sweep(rows, x0, y0, x1, y1, visit) {
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

// A polygon of pixels [[x, y], …]: the pixels whose center is inside by the even-odd rule, and the outline by Bresenham.
function eachOfPolygon(corners, height, visit) {
  const ys = corners.map(([, y]) => y);
  for (let y = Math.max(0, Math.min(...ys)); y <= Math.min(height - 1, Math.max(...ys)); y++) {
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

// The 4-connected area of one value around a pixel, as spans [y, from, to, …]; never out of `allowed` where that is given.
function areaOf(values, width, height, x, y, allowed = null) {
  const value = values[y * width + x];
  const seen = new Uint8Array(width * height); // 1: in the area
  const spans = [];
  const stack = [x, y];
  while (stack.length) {
    const row = stack.pop();
    const column = stack.pop();
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
        const open = values[i] === value && !seen[i] && (!allowed || allowed[i]);
        if (open && !inside) stack.push(i - next * width, next);
        inside = open;
      }
    }
  }
  return { value, seen, spans };
}

// {left, top, right, bottom} of the pixels that are not 0, ends included; null when there are none.
function boxOf(bits, width, height) {
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

function joined(a, b) {
  if (!a || !b) return a || b;
  return { left: Math.min(a.left, b.left), top: Math.min(a.top, b.top), right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom) };
}

// The lines between pixels of a box that differ, as a path in picture pixels. `of(x, y)` is asked from one pixel before the box to one after.
function edgePath(of, { left, top, right, bottom }) {
  const path = new Path2D();
  for (let y = top; y <= bottom + 1; y++) {
    for (let x = left, from = null; x <= right + 1; x++) {
      const edge = x <= right && of(x, y - 1) !== of(x, y);
      if (edge) from ??= x;
      else if (from !== null) path.moveTo(from, y), path.lineTo(x, y), (from = null);
    }
  }
  for (let x = left; x <= right + 1; x++) {
    for (let y = top, from = null; y <= bottom + 1; y++) {
      const edge = y <= bottom && of(x - 1, y) !== of(x, y);
      if (edge) from ??= y;
      else if (from !== null) path.moveTo(x, from), path.lineTo(x, y), (from = null);
    }
  }
  return path;
}

// Masks at rest: words of length << 8 | value, or the bytes themselves where runs would take more room. Quick enough for a closing page.
const LONGEST_RUN = 0xffffff;

function packed(mask) {
  const room = mask.length >> 2;
  let words = new Uint32Array(Math.min(room, 4096));
  let n = 0;
  for (let i = 0; i < mask.length; ) {
    const value = mask[i];
    let end = i + 1;
    while (end < mask.length && mask[end] === value && end - i < LONGEST_RUN) end += 1;
    if (n === words.length) {
      if (n >= room) return mask.slice();
      const more = new Uint32Array(Math.min(room, 2 * n));
      more.set(words);
      words = more;
    }
    words[n++] = (((end - i) << 8) | value) >>> 0;
    i = end;
  }
  return words.slice(0, n);
}

function unpacked(stored, length) {
  if (stored instanceof Uint8Array) return stored.slice();
  const mask = new Uint8Array(length);
  let at = 0;
  for (const word of stored) mask.fill(word & 255, at, (at += word >>> 8));
  return mask;
}

// Regions as the queue gives them: run lengths over the whole picture, row by row, the first run being outside. 1 = may be painted.
function fromRuns(regions, length) {
  const allowed = new Uint8Array(length);
  for (const runs of regions) {
    let at = 0;
    runs.forEach((run, i) => {
      if (i % 2) allowed.fill(1, at, at + run);
      at += run;
    });
    if (at !== length) throw new Error(`a region has ${at} pixels, the image has ${length}`);
  }
  return allowed;
}

async function deflated(bytes) {
  const stream = new CompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const feed = async () => {
    // In pieces, so that a stroke under way does not wait for a whole mask.
    for (let at = 0; at < bytes.length; at += 1 << 18) await writer.write(bytes.subarray(at, at + (1 << 18)));
    await writer.close();
  };
  const [body] = await Promise.all([new Response(stream.readable).arrayBuffer(), feed()]);
  return body;
}

function inflated(body) {
  return new Response(new Blob([body]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}
