// Points of the map: colours, hit testing, polygons, and the two renderers (WebGL, and pixels written by hand where WebGL is missing or software).

const CLASS_COLORS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#2bb5b0", "#c9a100", "#ff7ea8", "#9c755f", "#1f9fe0", "#8cb000", "#d44fd0", "#00a884", "#b3521e", "#6b5bd6", "#dd9f6e", "#3f8f3f", "#c23b7a", "#7d8fa9", "#00839a"];
// plasma as a polynomial; its ends are cut where they would vanish into the page (dark violet on dark, pale yellow on light).
const PLASMA = [
  [0.05873, 0.02334, 0.54334], [2.17651, 0.23838, 0.75396], [-2.68946, -7.45585, 3.1108], [6.13035, 42.34619, -28.51885],
  [-11.10744, -82.66631, 60.13985], [10.02307, 71.41362, -54.07219], [-3.65871, -22.93153, 18.19191],
];

function ramp(dark) {
  const [from, to] = dark ? [0.27, 1] : [0, 0.84];
  return Array.from({ length: 256 }, (_, i) => {
    const t = from + ((to - from) * i) / 255;
    return [0, 1, 2].map((c) => Math.round(255 * Math.min(1, Math.max(0, PLASMA.reduceRight((sum, k) => sum * t + k[c], 0)))));
  });
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// RGBA of every point, and the order to draw in: what matters most comes last, on top.
function paint(values, column, theme, chosen) {
  const n = values.length;
  const colors = new Uint8Array(4 * n);
  const level = new Uint8Array(n); // draw order, 0 first
  const palette = column.kind === "number" ? theme.ramp : column.kind === "class" ? CLASS_COLORS.map(rgb) : [theme.gray, theme.accent];
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

// Even-odd rule; `polygon` is [[x, y], …]. Returns the indices of the points inside, ascending.
function insidePolygon(x, y, polygon) {
  const [left, right] = [Math.min(...polygon.map((p) => p[0])), Math.max(...polygon.map((p) => p[0]))];
  const [low, high] = [Math.min(...polygon.map((p) => p[1])), Math.max(...polygon.map((p) => p[1]))];
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

// Buckets of a square lattice over the points, for "which one is under the pointer".
class Nearby {
  constructor(x, y, box) {
    Object.assign(this, { x, y, box });
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

  place(value, low) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((value - low) / this.step)));
  }

  cellOf(x, y) {
    return this.place(y, this.box.low) * this.side + this.place(x, this.box.left);
  }

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

const VERTEX = `#version 300 es
in vec2 at; in vec4 before; in vec4 after;
uniform vec2 center; uniform vec2 scale; uniform float size; uniform float share;
out vec4 color;
void main() {
  gl_Position = vec4((at - center) * scale, 0.0, 1.0);
  gl_PointSize = size;
  color = mix(before, after, share);
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 color; uniform float size; out vec4 result;
void main() {
  float far = length(gl_PointCoord - 0.5) * size;
  float cover = clamp(size * 0.5 - far, 0.0, 1.0) * color.a;
  result = vec4(color.rgb * cover, cover);
}`;

class WebglPoints {
  // null where there is none, or only one that is emulated in software: writing pixels by hand is quicker then.
  static on(canvas, force) {
    const gl = canvas.getContext("webgl2", { antialias: false, failIfMajorPerformanceCaveat: !force });
    if (!gl) return null;
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    const name = info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
    if (!force && /swiftshader|llvmpipe|software/i.test(name)) return null;
    try {
      return new WebglPoints(gl);
    } catch (error) {
      console.warn("the map falls back to a 2-D canvas:", error); // a driver that does not take the shaders
      return null;
    }
  }

  constructor(gl) {
    this.gl = gl;
    this.name = "webgl";
    this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(this.program));
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.buffers = Object.fromEntries(["at", "before", "after"].map((name) => [name, gl.createBuffer()]));
    this.elements = gl.createBuffer();
    this.uniform = Object.fromEntries(["center", "scale", "size", "share"].map((name) => [name, gl.getUniformLocation(this.program, name)]));
  }

  feed(name, values, parts, type) {
    const { gl } = this;
    const place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, parts, type, type === gl.UNSIGNED_BYTE, 0, 0);
  }

  setPoints(x, y) {
    const at = new Float32Array(2 * x.length);
    for (let i = 0; i < x.length; i++) at.set([x[i], y[i]], 2 * i);
    this.feed("at", at, 2, this.gl.FLOAT);
    this.count = x.length;
  }

  setColors(before, after, order) {
    const { gl } = this;
    this.feed("before", before, 4, gl.UNSIGNED_BYTE);
    this.feed("after", after, 4, gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.elements);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.STATIC_DRAW);
  }

  draw({ scale, cx, cy, width, height, density, radius, share, paper }) {
    const { gl, uniform } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...paper.map((c) => c / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniform.center, cx, cy);
    gl.uniform2f(uniform.scale, (2 * scale) / width, (2 * scale) / height);
    gl.uniform1f(uniform.size, 2 * radius * density + 1);
    gl.uniform1f(uniform.share, share);
    gl.drawElements(gl.POINTS, this.count, gl.UNSIGNED_INT, 0);
  }

  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

class CanvasPoints {
  constructor(canvas) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.name = "canvas";
  }

  setPoints(x, y) {
    Object.assign(this, { x, y });
  }

  setColors(before, after, order) {
    Object.assign(this, { before, after, order });
  }

  // Coverage 0…255 of a disc, and where each of its pixels lies relative to the middle.
  stamp(radius, stride) {
    const reach = Math.ceil(radius);
    const pixels = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const cover = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y))));
        if (cover) pixels.push([y * stride + x, cover]);
      }
    }
    return { reach, offsets: Int32Array.from(pixels, (p) => p[0]), covers: Uint8Array.from(pixels, (p) => p[1]) };
  }

  draw({ scale, cx, cy, density, radius, share, paper }) {
    const { width, height } = this.context.canvas;
    if (this.image?.width !== width || this.image?.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    const { words, x, y, before, after, order } = this;
    words.fill((0xff000000 | (paper[2] << 16) | (paper[1] << 8) | paper[0]) >>> 0);
    const { reach, offsets, covers } = this.stamp(radius * density, width);
    const step = scale * density;
    const left = width / 2 - cx * step;
    const top = height / 2 + cy * step;
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      const px = Math.round(left + x[i] * step);
      const py = Math.round(top - y[i] * step);
      if (px < reach || py < reach || px >= width - reach || py >= height - reach) continue;
      const c = 4 * i;
      const r = before[c] + (after[c] - before[c]) * share;
      const g = before[c + 1] + (after[c + 1] - before[c + 1]) * share;
      const b = before[c + 2] + (after[c + 2] - before[c + 2]) * share;
      const a = before[c + 3] + (after[c + 3] - before[c + 3]) * share;
      const middle = py * width + px;
      for (let p = 0; p < offsets.length; p++) {
        const place = middle + offsets[p];
        const cover = (a * covers[p]) / 65025;
        const old = words[place];
        const rest = 1 - cover;
        words[place] = 0xff000000 | ((b * cover + ((old >>> 16) & 255) * rest) << 16) | ((g * cover + ((old >>> 8) & 255) * rest) << 8) | (r * cover + (old & 255) * rest);
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  close() {
    this.image = this.words = null;
  }
}
