// What the mask editor shows: the picture, the mask over it, heat, outlines, other heads beside it, and the view they share (place and zoom).
// The mask's colors lie on a canvas of the picture's size; a stroke redraws only the rectangle it changed. Knows no tools and no queue.

import { element, pen } from "../shared/dom.js";
import { measure } from "../shared/wait.js";
import { Coloring, LINES_FROM } from "./coloring.js";
import { strokeTwice } from "./drawing.js";
import { VOID, edgePath } from "./raster.js";

/** @import { Look } from "./coloring.js" */
/** @import { MaskDocument } from "./document.js" */
/** @import { Box, Mask, Place } from "./raster.js" */
/** @typedef {{title: string, picture: OffscreenCanvas}} HeadPicture another picture of the same place */

const MOST_SCALE = 64; // CSS pixels a picture pixel
const PIXELS_FROM = 2; // device pixels a picture pixel from which pixels keep hard edges
export class MaskCanvas {
  constructor() {
    this.base = element("canvas", { class: "painting", role: "img", "aria-label": "Picture and mask" });
    this.over = element("canvas", { class: "over", "aria-hidden": "true" });
    this.main = element("div", { class: "pane main" }, this.base, this.over, element("span", { class: "title", text: "your mask" }));
    this.panes = element("div", { class: "panes" }, this.main);
    this.context = pen(this.base, { alpha: true });
    this.overContext = pen(this.over);
    /** @type {Look} */
    this.look = { colors: [], hidden: new Set(), voidShown: false, opacity: 0.55, outlines: true, shown: true };
    this.coloring = new Coloring(this.look);
    /** @type {MaskDocument | null} */
    this.doc = null;
    /** @type {ImageBitmap | null} the picture */
    this.bitmap = null;
    /** @type {OffscreenCanvas | null} a heat layer over it */
    this.heat = null;
    /** @type {OffscreenCanvas | null} what darkens where nothing may be painted */
    this.dim = null;
    /** @type {{at: number, seen: number}[]} events whose frame is not painted yet, for the benchmark */
    this.inputs = [];
    this.view = { scale: 1, left: 0, top: 0 };
    this.fitted = true; // the view shows the whole picture, also in another size
    /** @type {{width: number, height: number} | null} of the main pane */
    this.box = null;
    /** @type {HeadPicture[] | null} */
    this.headsFrom = null;
    /** @type {{picture: OffscreenCanvas, context: CanvasRenderingContext2D, pane: HTMLElement}[]} */
    this.heads = [];
    this.frame = 0;
    this.all = false; // everything is drawn anew, not a box
    this.stale = false; // every pixel is colored anew
    /** @type {(context: CanvasRenderingContext2D, unit: number) => void} draws over the mask; `unit` is a CSS pixel in picture pixels */
    this.drawOver = () => {};
    this.onmoved = () => {};
    this.port = new MessageChannel();
    this.port.port1.onmessage = () => this.measured();
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.port.port1.close();
    this.clear();
  }

  // ---- what is shown

  clear() {
    Object.assign(this, { doc: null, bitmap: null, heat: null, dim: null, inputs: [] });
    this.coloring.clear();
    this.setHeads([]);
    this.wantAll();
  }

  /**
   * @param {MaskDocument} doc
   * @param {ImageBitmap} bitmap
   */
  show(doc, bitmap) {
    Object.assign(this, { doc, bitmap, heat: null, dim: null, inputs: [] });
    this.coloring.show(doc);
    this.setHeads([]);
    if (doc.allowed) this.dim = dimmed(doc.width, doc.height, doc.allowed);
    if (!this.box) this.resize();
    this.fit();
    doc.takeDirty();
    this.recolor();
  }

  /** Colors, hidden classes, opacity, another mask: all that changes every pixel. Done once, with the next frame. */
  recolor() {
    this.stale = true;
    this.coloring.reach = this.coloring.edgeReach(this.density);
    this.wantAll();
  }

  /** @param {OffscreenCanvas | null} canvas */
  setHeat(canvas) {
    if (this.heat === canvas) return;
    this.heat = canvas;
    this.coloring.heated = Boolean(canvas);
    this.recolor();
  }

  /**
   * The model's draft, faint, where the mask is still void.
   * @param {Mask | null} guess
   */
  setGhost(guess) {
    if (this.coloring.ghost === guess) return;
    this.coloring.ghost = guess;
    this.recolor();
  }

  /**
   * [{title, picture}]: other pictures of the same place, beside this one and moving with it.
   * @param {HeadPicture[]} heads
   */
  setHeads(heads) {
    if (heads === this.headsFrom || (!heads.length && !this.heads.length)) return;
    this.headsFrom = heads;
    this.heads = heads.map(({ title, picture }) => {
      const canvas = element("canvas", { "aria-label": title, role: "img" });
      return { picture, context: pen(canvas), pane: element("div", { class: "pane" }, canvas, element("span", { class: "title", text: title })) };
    });
    this.panes.replaceChildren(this.main, ...this.heads.map(({ pane }) => pane));
    this.resize();
    this.fit();
  }

  // ---- the view

  /** Device pixels a picture pixel. */
  get density() {
    return this.view.scale * devicePixelRatio;
  }

  resize() {
    const n = 1 + this.heads.length;
    const { clientWidth, clientHeight } = this.panes;
    if (!clientWidth || !clientHeight) return;
    const { width = 1, height = 1 } = this.doc || {};
    const scale = (/** @type {number} */ c) => Math.min(clientWidth / c / width, clientHeight / Math.ceil(n / c) / height);
    let columns = 1;
    for (let c = 2; c <= n; c++) if (scale(c) > scale(columns)) columns = c;
    this.panes.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    const before = this.box;
    const box = this.main.getBoundingClientRect();
    this.box = { width: box.width, height: box.height };
    for (const canvas of [this.base, this.over, ...this.heads.map(({ context }) => context.canvas)]) {
      canvas.width = Math.max(1, Math.round(box.width * devicePixelRatio));
      canvas.height = Math.max(1, Math.round(box.height * devicePixelRatio));
    }
    if (!this.doc) return this.wantAll();
    if (this.fitted || !before) return this.fit();
    this.view.left += (box.width - before.width) / 2;
    this.view.top += (box.height - before.height) / 2;
    this.moved();
  }

  fit() {
    if (!this.doc || !this.box) return;
    this.showBox({ left: 0, top: 0, right: this.doc.width - 1, bottom: this.doc.height - 1 }, 8);
    this.fitted = true;
  }

  /**
   * Brings a box of the picture to the middle, as large as it goes with a margin in CSS pixels.
   * @param {Box} box
   * @param {number} margin
   */
  showBox({ left, top, right, bottom }, margin) {
    if (!this.box) return;
    const { width, height } = this.box;
    const [wide, high] = [right + 1 - left, bottom + 1 - top];
    const scale = Math.min(MOST_SCALE, Math.max(1, width - 2 * margin) / wide, Math.max(1, height - 2 * margin) / high);
    this.view = { scale, left: (width - wide * scale) / 2 - left * scale, top: (height - high * scale) / 2 - top * scale };
    this.fitted = false;
    this.moved();
  }

  /**
   * Zooms by a factor and keeps the place (CSS pixels of the pane) where it is.
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoom(factor, x, y) {
    if (!this.doc || !this.box) return;
    x ??= this.box.width / 2;
    y ??= this.box.height / 2;
    const least = Math.min(1 / devicePixelRatio, this.box.width / this.doc.width, this.box.height / this.doc.height) / 2;
    const scale = Math.min(MOST_SCALE, Math.max(least, this.view.scale * factor));
    const ratio = scale / this.view.scale;
    this.view = { scale, left: x - (x - this.view.left) * ratio, top: y - (y - this.view.top) * ratio };
    this.fitted = false;
    this.moved();
  }

  /**
   */
  actual() {
    if (this.doc) this.zoom(1 / devicePixelRatio / this.view.scale);
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    if (!this.doc) return;
    this.view.left += dx;
    this.view.top += dy;
    this.fitted = false;
    this.moved();
  }

  moved() {
    const { view, doc, box } = this;
    if (!doc || !box) return;
    const rest = 48; // so much of the picture stays in sight
    view.left = Math.min(box.width - rest, Math.max(rest - doc.width * view.scale, view.left));
    view.top = Math.min(box.height - rest, Math.max(rest - doc.height * view.scale, view.top));
    if (this.coloring.edgeReach(this.density) !== this.coloring.reach) this.recolor();
    this.wantAll();
    this.onmoved();
  }

  /**
   * The place of the picture under a place of the window, in picture pixels with fractions.
   * @param {number} clientX
   * @param {number} clientY
   * @param {Element} [canvas]
   * @returns {Place}
   */
  at(clientX, clientY, canvas = this.base) {
    const box = canvas.getBoundingClientRect();
    return [(clientX - box.left - this.view.left) / this.view.scale, (clientY - box.top - this.view.top) / this.view.scale];
  }

  // ---- drawing

  wantAll() {
    this.all = true;
    this.want();
  }

  want() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /**
   * A stroke went on: what it changed is in the document. `event` is measured from its time stamp to the painted frame.
   * @param {Event} [event]
   */
  stroked(event) {
    if (event) this.inputs.push({ at: event.timeStamp, seen: performance.now() });
    this.want();
  }

  draw() {
    this.frame = 0;
    const dirty = this.doc?.takeDirty();
    if (this.doc && this.stale) {
      this.stale = false;
      this.coloring.fillAll();
    } else if (dirty) this.coloring.fill(dirty);
    if (this.all) this.compose(null);
    else if (dirty) this.compose(dirty);
    this.all = false;
    this.composeOver();
    if (this.inputs.length) this.port.port2.postMessage(0); // answered after this frame is painted
  }

  measured() {
    const now = performance.now();
    for (const { at, seen } of this.inputs.splice(0)) {
      measure("alcore:stroke", at, now);
      measure("alcore:stroke-work", seen, now);
    }
  }

  /** @param {Box | null} box */
  compose(box) {
    const { context, view, doc, look } = this;
    const ratio = devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.save();
    if (box) {
      const place = (/** @type {number} */ pixel, /** @type {number} */ start) => ratio * (start + view.scale * pixel);
      const spare = 4 + ratio * view.scale * (this.coloring.reach || 1);
      const [x, y] = [Math.floor(place(box.left, view.left) - spare), Math.floor(place(box.top, view.top) - spare)];
      const [right, bottom] = [Math.ceil(place(box.right + 1, view.left) + spare), Math.ceil(place(box.bottom + 1, view.top) + spare)];
      context.beginPath();
      context.rect(x, y, right - x, bottom - y);
      context.clip();
    }
    context.clearRect(0, 0, this.base.width, this.base.height);
    if (doc) {
      this.place(context);
      this.drawPicture(context, doc);
      const { density } = this;
      if (this.heat) {
        context.globalAlpha = look.opacity;
        context.imageSmoothingEnabled = true;
        context.drawImage(this.heat, 0, 0, doc.width, doc.height);
      }
      context.globalAlpha = 1;
      context.imageSmoothingEnabled = density < 1;
      if (look.shown) context.drawImage(this.coloring.canvas, 0, 0);
      if (this.dim) context.drawImage(this.dim, 0, 0);
      if (this.coloring.outlined && density >= LINES_FROM) this.drawLines(context, doc, box);
    }
    context.restore();
    if (!box) this.composeHeads();
  }

  /** @param {CanvasRenderingContext2D} context */
  place(context) {
    const ratio = devicePixelRatio;
    context.setTransform(ratio * this.view.scale, 0, 0, ratio * this.view.scale, ratio * this.view.left, ratio * this.view.top);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {MaskDocument} doc
   */
  drawPicture(context, { width, height }) {
    context.globalAlpha = 1;
    context.imageSmoothingEnabled = this.density < PIXELS_FROM;
    if (this.bitmap) context.drawImage(this.bitmap, 0, 0, width, height);
  }

  /**
   * Outlines between pixels, of what is in sight or of a box.
   * @param {CanvasRenderingContext2D} context
   * @param {MaskDocument} doc
   * @param {Box | null} box
   */
  drawLines(context, { mask, width, height }, box) {
    const { view } = this;
    const { group } = this.coloring;
    const pane = this.box ?? { width: 0, height: 0 };
    const seen = {
      left: Math.max(0, Math.floor(-view.left / view.scale), box ? box.left - 1 : 0),
      top: Math.max(0, Math.floor(-view.top / view.scale), box ? box.top - 1 : 0),
      right: Math.min(width - 1, Math.ceil((pane.width - view.left) / view.scale), box ? box.right + 1 : width),
      bottom: Math.min(height - 1, Math.ceil((pane.height - view.top) / view.scale), box ? box.bottom + 1 : height),
    };
    const of = (/** @type {number} */ x, /** @type {number} */ y) => (x < 0 || y < 0 || x >= width || y >= height ? VOID : group[mask[y * width + x]]);
    strokeTwice(context, edgePath(of, seen), 1 / view.scale);
  }

  composeHeads() {
    for (const { context, picture } of this.heads) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      const { doc } = this;
      if (!doc) continue;
      this.place(context);
      this.drawPicture(context, doc);
      context.globalAlpha = Math.max(0.35, this.look.opacity);
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, 0, 0, doc.width, doc.height);
    }
  }

  composeOver() {
    const context = this.overContext;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.over.width, this.over.height);
    if (!this.doc) return;
    this.place(context);
    this.drawOver(context, 1 / this.view.scale);
  }
}

/**
 * What makes the picture dark outside what may be painted.
 * @param {number} width
 * @param {number} height
 * @param {Mask} allowed
 */
function dimmed(width, height, allowed) {
  const canvas = new OffscreenCanvas(width, height);
  const context = pen(canvas);
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < words.length; i++) words[i] = allowed[i] ? 0 : 0x9e000000;
  context.putImageData(image, 0, 0);
  return canvas;
}
