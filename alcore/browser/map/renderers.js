// The two renderers of points: WebGL, and pixels written by hand where WebGL is missing or software.

import { pen } from "../shared/dom.js";

/** @import { Place, Values } from "./geometry.js" */
/**
 * One picture: the view (pixels a unit, and the place in the middle), the size, how far the colors have faded into the new ones and the
 * points have moved to their new places (0 to 1), and the place in the order to begin with.
 * @typedef {{scale: number, cx: number, cy: number, width: number, height: number, density: number, radius: number, share: number, way: number, first: number}} Frame
 */
/**
 * @typedef {object} Renderer
 * @property {string} name
 * @property {(x: Values, y: Values, x0: Values, y0: Values) => void} setPoints where they go to, and come from
 * @property {(before: Uint8Array<ArrayBuffer>, after: Uint8Array<ArrayBuffer>, order: Uint32Array<ArrayBuffer>) => void} setColors RGBA of each point, and the order to draw in
 * @property {(frame: Frame) => void} draw
 * @property {() => void} close
 */

const VERTEX = `#version 300 es
in vec2 at; in vec2 from; in vec4 before; in vec4 after;
uniform vec2 center; uniform vec2 scale; uniform float size; uniform float share; uniform float way;
out vec4 color;
void main() {
  gl_Position = vec4((mix(from, at, way) - center) * scale, 0.0, 1.0);
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

export class WebglPoints {
  /**
   * null where there is none, or only one that is emulated in software: writing pixels by hand is quicker then.
   * @param {HTMLCanvasElement} canvas
   * @param {boolean} force
   */
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

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.gl = gl;
    this.name = "webgl";
    this.count = 0;
    this.program = gl.createProgram();
    /** @type {[number, string][]} */
    const shaders = [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]];
    for (const [kind, source] of shaders) {
      const shader = gl.createShader(kind);
      if (!shader) throw new Error("the context is lost");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(this.program) ?? "the shaders do not link");
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.buffers = { at: gl.createBuffer(), from: gl.createBuffer(), before: gl.createBuffer(), after: gl.createBuffer() };
    this.elements = gl.createBuffer();
    const uniform = (/** @type {string} */ name) => gl.getUniformLocation(this.program, name);
    this.uniform = { center: uniform("center"), scale: uniform("scale"), size: uniform("size"), share: uniform("share"), way: uniform("way") };
  }

  /**
   * @param {"at" | "from" | "before" | "after"} name
   * @param {Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>} values
   * @param {number} parts
   * @param {number} type
   */
  feed(name, values, parts, type) {
    const { gl } = this;
    const place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, parts, type, type === gl.UNSIGNED_BYTE, 0, 0);
  }

  /**
   * @param {Values} x
   * @param {Values} y
   * @param {Values} x0
   * @param {Values} y0
   */
  setPoints(x, y, x0, y0) {
    const paired = (/** @type {Values} */ a, /** @type {Values} */ b) => {
      const pairs = new Float32Array(2 * a.length);
      for (let i = 0; i < a.length; i++) {
        pairs[2 * i] = a[i];
        pairs[2 * i + 1] = b[i];
      }
      return pairs;
    };
    this.feed("at", paired(x, y), 2, this.gl.FLOAT);
    this.feed("from", paired(x0, y0), 2, this.gl.FLOAT);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} before
   * @param {Uint8Array<ArrayBuffer>} after
   * @param {Uint32Array<ArrayBuffer>} order
   */
  setColors(before, after, order) {
    const { gl } = this;
    this.feed("before", before, 4, gl.UNSIGNED_BYTE);
    this.feed("after", after, 4, gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.elements);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.STATIC_DRAW);
    this.count = order.length;
  }

  /** @param {Frame} frame */
  draw({ scale, cx, cy, width, height, density, radius, share, way, first }) {
    const { gl, uniform } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0); // the shading and the page lie below
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniform.center, cx, cy);
    gl.uniform2f(uniform.scale, (2 * scale) / width, (2 * scale) / height);
    gl.uniform1f(uniform.size, 2 * radius * density + 1);
    gl.uniform1f(uniform.share, share);
    gl.uniform1f(uniform.way, way);
    gl.drawElements(gl.POINTS, this.count - first, gl.UNSIGNED_INT, 4 * first);
  }

  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

export class CanvasPoints {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.context = pen(canvas);
    this.name = "canvas";
    /** @type {Values} */
    this.x = this.y = this.x0 = this.y0 = new Float32Array();
    this.before = this.after = new Uint8Array();
    this.order = new Uint32Array();
    /** @type {ImageData | null} */
    this.image = null;
    this.words = new Uint32Array();
  }

  /**
   * @param {Values} x
   * @param {Values} y
   * @param {Values} x0
   * @param {Values} y0
   */
  setPoints(x, y, x0, y0) {
    Object.assign(this, { x, y, x0, y0 });
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} before
   * @param {Uint8Array<ArrayBuffer>} after
   * @param {Uint32Array<ArrayBuffer>} order
   */
  setColors(before, after, order) {
    Object.assign(this, { before, after, order });
  }

  /**
   * Coverage 0…255 of a disc, and where each of its pixels lies relative to the middle.
   * @param {number} radius
   * @param {number} stride
   */
  stamp(radius, stride) {
    const reach = Math.ceil(radius);
    /** @type {Place[]} */
    const pixels = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const cover = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y))));
        if (cover) pixels.push([y * stride + x, cover]);
      }
    }
    return { reach, offsets: Int32Array.from(pixels, (p) => p[0]), covers: Uint8Array.from(pixels, (p) => p[1]) };
  }

  /** @param {Frame} frame */
  draw({ scale, cx, cy, density, radius, share, way, first }) {
    const { width, height } = this.context.canvas;
    let { image } = this;
    if (image?.width !== width || image.height !== height) {
      this.image = image = this.context.createImageData(width, height);
      this.words = new Uint32Array(image.data.buffer);
    }
    const { words, x, y, x0, y0, before, after, order } = this;
    words.fill(0);
    const { reach, offsets, covers } = this.stamp(radius * density, width);
    const step = scale * density;
    const left = width / 2 - cx * step;
    const top = height / 2 + cy * step;
    const back = 1 - way;
    for (let k = first; k < order.length; k++) {
      const i = order[k];
      const px = Math.round(left + (back ? x0[i] * back + x[i] * way : x[i]) * step);
      const py = Math.round(top - (back ? y0[i] * back + y[i] * way : y[i]) * step);
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
        const below = (old >>> 24) / 255;
        const alpha = cover + below * (1 - cover);
        const part = alpha ? cover / alpha : 0; // of the new color
        const rest = 1 - part;
        words[place] = ((255 * alpha) << 24) | ((b * part + ((old >>> 16) & 255) * rest) << 16) | ((g * part + ((old >>> 8) & 255) * rest) << 8) | (r * part + (old & 255) * rest);
      }
    }
    this.context.putImageData(image, 0, 0);
  }

  close() {
    this.image = null;
    this.words = new Uint32Array();
  }
}
