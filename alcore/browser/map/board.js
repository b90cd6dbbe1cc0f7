// The board of the map: points, rings and the lasso on two canvases, and the view of them (place and zoom).

import { element, pen } from "../shared/dom.js";
import { measure } from "../shared/wait.js";
import { CanvasPoints, WebglPoints } from "./renderers.js";

/** @import { Rgb } from "../shared/types.js" */
/** @import { Theme } from "./colors.js" */
/** @import { Place } from "./geometry.js" */
/** @import { Pool } from "./pool.js" */
/** @import { Renderer } from "./renderers.js" */

const FADE = 260; // milliseconds in which new colors come

/** @type {(color: Rgb, alpha?: number) => string} */
export const css = (color, alpha = 1) => `rgb(${color.join(" ")} / ${alpha})`;

export class Board {
  /**
   * @param {HTMLElement} plot what it fills
   * @param {HTMLElement} root says which renderer is at work, and the view
   * @param {() => void} lost the points have to be given anew
   */
  constructor(plot, root, lost) {
    this.plot = plot;
    this.root = root;
    this.lost = lost;
    this.canvas = element("canvas", { class: "points", role: "img", tabindex: "0", "aria-label": "Map" });
    this.overlay = element("canvas", { class: "overlay", "aria-hidden": "true" });
    this.over = pen(this.overlay);
    /** @type {Renderer | null} */
    this.points = null;
    /** @type {Pool | null} */
    this.pool = null;
    /** @type {Theme | null} */
    this.theme = null;
    this.view = { scale: 1, cx: 0, cy: 0 };
    /** @type {{scale: number, cx: number, cy: number} | null} the view that shows all */
    this.fitted = null;
    /** @type {{width: number, height: number, density: number} | null} */
    this.size = null;
    /** @type {Uint8Array<ArrayBuffer> | null} */
    this.colors = null;
    /** @type {number | null} when new colors began to come */
    this.fade = null;
    this.frame = 0;
    this.hovered = -1;
    /** @type {Place[] | null} the lasso, in pixels */
    this.path = null;
    this.closed = false;
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.points?.close();
  }

  /** Shows nothing until there are colors again. */
  clear() {
    Object.assign(this, { pool: null, colors: null, hovered: -1 });
  }

  /**
   * @param {Pool} pool
   * @param {"auto" | "webgl" | "canvas"} how
   */
  setPool(pool, how) {
    this.pool = pool;
    this.renderer(how).setPoints(pool.x, pool.y);
    this.resize();
    this.fit();
  }

  /**
   * @param {"auto" | "webgl" | "canvas"} how
   * @returns {Renderer}
   */
  renderer(how) {
    if (this.points) return this.points;
    /** @type {Renderer | null} */
    let points = how === "canvas" ? null : WebglPoints.on(this.canvas, how === "webgl");
    if (!points) {
      // A canvas that gave a WebGL context gives no other: start from a new one.
      const fresh = /** @type {HTMLCanvasElement} */ (this.canvas.cloneNode());
      this.canvas.replaceWith(fresh);
      this.canvas = fresh;
      points = new CanvasPoints(fresh);
    }
    this.points = points;
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      const { pool } = this;
      if (this.closed || !pool) return;
      this.points = null;
      this.renderer("canvas").setPoints(pool.x, pool.y);
      this.resize();
      this.lost();
    });
    this.root.dataset.renderer = points.name;
    return points;
  }

  /**
   * @param {{colors: Uint8Array<ArrayBuffer>, order: Uint32Array<ArrayBuffer>}} painted
   * @param {boolean} smoothly
   */
  setColors({ colors, order }, smoothly) {
    const before = smoothly && this.colors && !matchMedia("(prefers-reduced-motion: reduce)").matches ? this.colors : colors;
    this.points?.setColors(before, colors, order);
    this.colors = colors;
    this.fade = before === colors ? null : performance.now();
  }

  // ---- the view

  resize() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (!width || !height || !this.points) return;
    const density = window.devicePixelRatio || 1;
    const first = !this.size;
    this.size = { width, height, density };
    for (const canvas of [this.canvas, this.overlay]) {
      const [w, h] = [Math.round(width * density), Math.round(height * density)];
      if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    }
    if (first) this.fit();
    this.drawNow(); // a resized canvas is empty; waiting a frame would flash
  }

  fit() {
    if (!this.pool || !this.size) return;
    const { width, height } = this.size;
    const { left, right, low, high } = this.pool.box;
    const scale = Math.min((width - 56) / (right - left || 1), (height - 72) / (high - low || 1));
    this.fitted = { scale, cx: (left + right) / 2, cy: (low + high) / 2 };
    this.view = { ...this.fitted };
    this.draw();
  }

  /**
   * @param {number} factor
   * @param {Place} [at] that stays where it is; else the middle
   */
  zoom(factor, at) {
    if (!this.size || !this.fitted) return;
    const [px, py] = at ?? [this.size.width / 2, this.size.height / 2];
    const before = this.toData(px, py);
    this.view.scale = Math.min(Math.max(this.view.scale * factor, this.fitted.scale * 0.4), this.fitted.scale * 400);
    const after = this.toData(px, py);
    this.view.cx += before[0] - after[0];
    this.view.cy += before[1] - after[1];
    this.draw();
  }

  /**
   * Moves by parts of what is in sight.
   * @param {number} x
   * @param {number} y
   */
  move(x, y) {
    const { width, height } = this.size ?? { width: 0, height: 0 };
    this.view.cx += (x * width) / this.view.scale;
    this.view.cy += (y * height) / this.view.scale;
    this.draw();
  }

  /** The corners of what is in sight. @returns {Place[]} */
  corners() {
    const { width, height } = this.size ?? { width: 0, height: 0 };
    return [this.toData(0, 0), this.toData(width, 0), this.toData(width, height), this.toData(0, height)];
  }

  /** The point under a place; -1 where there is none. @param {Place} at */
  under([px, py]) {
    return this.pool ? this.pool.nearby.find(...this.toData(px, py), (this.radius + 5) / this.view.scale) : -1;
  }

  /**
   * @param {number} i
   * @returns {Place}
   */
  toScreen(i) {
    const { scale, cx, cy } = this.view;
    const { pool, size } = this;
    if (!pool || !size) return [0, 0];
    return [(pool.x[i] - cx) * scale + size.width / 2, size.height / 2 - (pool.y[i] - cy) * scale];
  }

  /**
   * @param {number} px
   * @param {number} py
   * @returns {Place}
   */
  toData(px, py) {
    const { scale, cx, cy } = this.view;
    const { width, height } = this.size ?? { width: 0, height: 0 };
    return [(px - width / 2) / scale + cx, (height / 2 - py) / scale + cy];
  }

  // ---- drawing

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  get radius() {
    const { pool, fitted } = this;
    if (!pool || !fitted) return 1.3;
    const base = Math.min(5, Math.max(1.3, 22 / Math.sqrt(Math.sqrt(pool.x.length)) - 0.6));
    return base * Math.min(2.5, Math.max(0.8, (this.view.scale / fitted.scale) ** 0.35));
  }

  drawNow() {
    const { size, fitted, theme, points, pool } = this;
    if (!size || !this.colors || !fitted || !theme || !points || !pool) return;
    const started = performance.now();
    const share = this.fade === null ? 1 : Math.min(1, (started - this.fade) / FADE);
    points.draw({ ...this.view, ...size, radius: this.radius, share, paper: theme.paper });
    this.drawOver(theme, pool, size);
    const { scale, cx, cy } = this.view;
    this.root.dataset.at = [scale, cx, cy].join(" ");
    measure("alcore:map", started);
    if (share < 1) this.draw();
    else this.fade = null;
  }

  /**
   * Rings around what was asked for and what is pointed at, and the lasso.
   * @param {Theme} theme
   * @param {Pool} pool
   * @param {{width: number, height: number, density: number}} size
   */
  drawOver({ paper, ink, accent }, pool, { width, height, density }) {
    const { over } = this;
    over.setTransform(density, 0, 0, density, 0, 0);
    over.clearRect(0, 0, width, height);
    const rings = (/** @type {number[]} */ members, /** @type {number} */ radius) => {
      over.beginPath();
      for (const i of members) {
        const [px, py] = this.toScreen(i);
        if (px < -9 || py < -9 || px > width + 9 || py > height + 9) continue;
        over.moveTo(px + radius, py);
        over.arc(px, py, radius, 0, 2 * Math.PI);
      }
    };
    const stroke = (/** @type {string} */ color, /** @type {number} */ thick) => {
      Object.assign(over, { strokeStyle: color, lineWidth: thick });
      over.stroke();
    };
    rings(pool.ringed, this.radius + 2.2);
    stroke(css(paper), 3.2);
    stroke(css(ink), 1.5);
    if (this.hovered >= 0) {
      rings([this.hovered], this.radius + 4);
      stroke(css(paper), 4);
      stroke(css(accent), 2);
    }
    if (!this.path?.length) return;
    over.beginPath();
    this.path.forEach(([px, py], i) => (i ? over.lineTo(px, py) : over.moveTo(px, py)));
    over.closePath();
    over.fillStyle = css(accent, 0.1);
    over.fill();
    over.setLineDash([5, 3]);
    stroke(css(accent), 1.5);
    over.setLineDash([]);
  }
}
