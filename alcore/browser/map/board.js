// The board of the map: a shading, points, and rings and the lasso on three canvases, and the view of them (place and zoom).

import { element, pen } from "../shared/dom.js";
import { measure } from "../shared/wait.js";
import { CanvasPoints, WebglPoints } from "./renderers.js";
import { Shade } from "./shade.js";

/** @import { Rgb } from "../shared/types.js" */
/** @import { Painted, Theme } from "./colors.js" */
/** @import { Box, Place, Values } from "./geometry.js" */
/** @import { Pool } from "./pool.js" */
/** @import { Renderer } from "./renderers.js" */
/** @import { Shaded } from "./shade.js" */
/** @typedef {{scale: number, cx: number, cy: number}} View pixels a unit, and the place in the middle */
/** @typedef {{x: Values, y: Values, view: View, started: number}} Travel where points and view were before */

const FADE = 260; // milliseconds in which new colors come
const TRAVEL = 700; // milliseconds in which points go to their places in another round
const CROWD = 10_000; // points in view, beyond which they are a shading
const ASIDE = 0.3; // how much of the shading is left beside a selection

/** Whether somebody wants nothing to move. */
const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** @type {(color: Rgb, alpha?: number) => string} */
export const css = (color, alpha = 1) => `rgb(${color.join(" ")} / ${alpha})`;

export class Board {
  /**
   * @param {HTMLElement} plot what it fills
   * @param {HTMLElement} root says which renderer is at work, and the view
   * @param {{lost: () => void, drawn: () => void}} use the points have to be given anew; the view was drawn
   */
  constructor(plot, root, use) {
    this.plot = plot;
    this.root = root;
    this.use = use;
    this.ground = element("canvas", { class: "ground", "aria-hidden": "true" });
    this.shade = new Shade(this.ground);
    this.canvas = element("canvas", { class: "points", role: "img", tabindex: "0", "aria-label": "Map" });
    this.overlay = element("canvas", { class: "overlay", "aria-hidden": "true" });
    this.over = pen(this.overlay);
    /** @type {Renderer | null} */
    this.points = null;
    /** @type {Pool | null} */
    this.pool = null;
    /** @type {Theme | null} */
    this.theme = null;
    /** @type {View} */
    this.view = { scale: 1, cx: 0, cy: 0 };
    /** @type {View | null} the view that shows all */
    this.fitted = null;
    /** @type {Travel | null} while points are on their way */
    this.travel = null;
    this.way = 1; // how far they are
    /** @type {Painted | null} */
    this.painted = null;
    this.isAside = false; // something is selected
    /** @type {Place[][]} in data units */
    this.trails = [];
    /** @type {{width: number, height: number, density: number} | null} */
    this.size = null;
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
    Object.assign(this, { pool: null, painted: null, travel: null, way: 1, hovered: -1, trails: [] });
  }

  /** 0 where a point is filtered out; null where none is. */
  get shown() {
    return this.painted?.shown ?? null;
  }

  /**
   * New points. They come from where they were, unless nothing is to move; the view of all stays that.
   * @param {Pool} pool
   * @param {"auto" | "webgl" | "canvas"} how
   * @param {{x: Values, y: Values} | null} before where each of them was
   */
  setPool(pool, how, before) {
    const first = !this.pool;
    const { view, fitted } = this;
    const whole = first || !fitted || (view.scale === fitted.scale && view.cx === fitted.cx && view.cy === fitted.cy);
    this.pool = pool;
    this.painted = null;
    this.hovered = -1;
    this.travel = before && !isStill() ? { ...before, view: { ...view }, started: performance.now() } : null;
    this.way = this.travel ? 0 : 1;
    this.renderer(how).setPoints(pool.x, pool.y, before?.x ?? pool.x, before?.y ?? pool.y);
    this.resize();
    this.fit(whole);
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
      this.renderer("canvas").setPoints(pool.x, pool.y, pool.x, pool.y);
      this.resize();
      this.use.lost();
    });
    this.root.dataset.renderer = points.name;
    return points;
  }

  /**
   * @param {Painted} painted
   * @param {Omit<Shaded, "order"> | null} shaded null where the same points are shown by the same values
   * @param {{before: Uint8Array<ArrayBuffer> | null, aside: boolean}} how the colors that fade into the new ones; something is selected
   */
  setColors(painted, shaded, { before, aside }) {
    const from = before && !isStill() ? before : painted.colors;
    this.points?.setColors(from, painted.colors, painted.order);
    if (shaded) this.shade.set({ ...shaded, order: painted.order });
    this.painted = painted;
    this.isAside = aside;
    this.fade = from === painted.colors ? null : performance.now();
    this.root.dataset.shown = String(painted.order.length);
  }

  // ---- the view

  resize() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (!width || !height || !this.points) return;
    const density = window.devicePixelRatio || 1;
    const first = !this.size;
    this.size = { width, height, density };
    for (const canvas of [this.ground, this.canvas, this.overlay]) {
      const [w, h] = [Math.round(width * density), Math.round(height * density)];
      if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    }
    if (first) this.fit();
    this.drawNow(); // a resized canvas is empty; waiting a frame would flash
  }

  /** Measures the view that shows all, and takes it. @param {boolean} [take] */
  fit(take = true) {
    if (!this.pool || !this.size) return;
    const { width, height } = this.size;
    const { left, right, low, high } = this.pool.box;
    const scale = Math.min((width - 56) / (right - left || 1), (height - 72) / (high - low || 1));
    this.fitted = { scale, cx: (left + right) / 2, cy: (low + high) / 2 };
    if (take) this.view = { ...this.fitted };
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

  /** What is in sight. @returns {Box} */
  box() {
    const [[left, high], , [right, low]] = this.corners();
    return { left, right, low, high };
  }

  /** The corners of what is in sight. @returns {Place[]} */
  corners() {
    const { width, height } = this.size ?? { width: 0, height: 0 };
    return [this.toData(0, 0), this.toData(width, 0), this.toData(width, height), this.toData(0, height)];
  }

  /** The point under a place; -1 where there is none. @param {Place} at */
  under([px, py]) {
    return this.pool ? this.pool.nearby.find(...this.toData(px, py), (this.radius + 5) / this.view.scale, this.shown) : -1;
  }

  /**
   * @param {number} i
   * @returns {Place}
   */
  toScreen(i) {
    const { pool, travel, way } = this;
    if (!pool) return [0, 0];
    if (!travel) return this.onScreen(pool.x[i], pool.y[i]);
    return this.onScreen(travel.x[i] * (1 - way) + pool.x[i] * way, travel.y[i] * (1 - way) + pool.y[i] * way);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Place}
   */
  onScreen(x, y) {
    const { scale, cx, cy } = this.shownView;
    const { width, height } = this.size ?? { width: 0, height: 0 };
    return [(x - cx) * scale + width / 2, height / 2 - (y - cy) * scale];
  }

  /** The view as it is drawn: on its way, while points are. @returns {View} */
  get shownView() {
    const { view, travel, way } = this;
    if (!travel) return view;
    const mixed = (/** @type {"cx" | "cy"} */ name) => travel.view[name] * (1 - way) + view[name] * way;
    return { scale: travel.view.scale ** (1 - way) * view.scale ** way, cx: mixed("cx"), cy: mixed("cy") };
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
    const { size, fitted, theme, points, pool, painted } = this;
    if (!size || !painted || !fitted || !theme || !points || !pool) return;
    const started = performance.now();
    const share = this.fade === null ? 1 : Math.min(1, (started - this.fade) / FADE);
    const { travel } = this;
    const part = travel ? Math.min(1, (started - travel.started) / TRAVEL) : 1;
    this.way = part * part * (3 - 2 * part);
    if (part === 1) this.travel = null;
    const view = this.shownView;
    const crowd = this.inView(painted) > CROWD;
    if (crowd) {
      const [x, y] = this.places(pool);
      this.shade.draw(x, y, { ...view, ...size }, { alpha: this.isAside ? ASIDE : 1, moving: this.travel !== null });
    } else this.shade.clear();
    const first = crowd ? painted.order.length - painted.top : 0;
    points.draw({ ...view, ...size, radius: this.radius, share, way: this.way, first });
    this.use.drawn(); // says which trails there are
    this.drawOver(theme, pool, size);
    const at = [view.scale, view.cx, view.cy].join(" "); // told together: who waits for a round finds where it was drawn
    Object.assign(this.root.dataset, { at, round: String(pool.columns.round), drawn: crowd ? "shading" : "dots", moving: this.travel ? "1" : "0" });
    measure("alcore:map", started);
    if (share === 1) this.fade = null;
    if (share < 1 || this.travel) this.draw();
  }

  /** About how many points that are shown are in sight. @param {Painted} painted */
  inView({ shown, order }) {
    const { pool } = this;
    if (!pool || order.length <= CROWD) return 0;
    const box = this.box();
    const n = pool.nearby.count(box);
    if (n <= CROWD || !shown) return n;
    let there = 0;
    for (const i of order) if (pool.x[i] >= box.left && pool.x[i] <= box.right && pool.y[i] >= box.low && pool.y[i] <= box.high) there += 1;
    return there;
  }

  /** Where the points are now, also on their way. @param {Pool} pool @returns {[Values, Values]} */
  places({ x, y }) {
    const { travel, way } = this;
    if (!travel) return [x, y];
    const between = (/** @type {Values} */ from, /** @type {Values} */ to) => Float32Array.from(to, (v, i) => from[i] * (1 - way) + v * way);
    return [between(travel.x, x), between(travel.y, y)];
  }

  /**
   * Trails, rings around what was asked for and what is pointed at, and the lasso.
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
    this.drawTrails(stroke, ink);
    rings(this.shown ? pool.ringed.filter((i) => this.shown?.[i]) : pool.ringed, this.radius + 2.2);
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

  /**
   * @param {(color: string, thick: number) => void} stroke
   * @param {Rgb} ink
   */
  drawTrails(stroke, ink) {
    if (!this.trails.length || this.travel) return;
    this.over.beginPath();
    for (const way of this.trails) {
      way.forEach(([x, y], k) => {
        const [px, py] = this.onScreen(x, y);
        if (k) this.over.lineTo(px, py);
        else {
          this.over.moveTo(px + 1.5, py); // where it began
          this.over.arc(px, py, 1.5, 0, 2 * Math.PI);
          this.over.moveTo(px, py);
        }
      });
    }
    stroke(css(ink, 0.32), 1);
  }
}
