// What the mask editor shows: the picture, the mask over it, heat, outlines, other heads beside it, and the view they share (place and zoom).
// The mask's colors lie on a canvas of the picture's size; a stroke redraws only the rectangle it changed. Knows no tools and no queue.

const MOST_SCALE = 64; // CSS pixels a picture pixel
const PIXELS_FROM = 2; // device pixels a picture pixel from which pixels keep hard edges
const LINES_FROM = 3; // and from which outlines are lines between pixels instead of colored pixels
const VOID_TINT = [236, 72, 153];

const packedColor = ([r, g, b], alpha) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;

// A dark and a light line on one another: seen on every picture.
function strokeTwice(context, path, unit, dashed = false) {
  context.lineJoin = "round";
  context.setLineDash([]);
  context.lineWidth = 3 * unit;
  context.strokeStyle = "rgb(0 0 0 / 62%)";
  context.stroke(path);
  if (dashed) context.setLineDash([5 * unit, 4 * unit]);
  context.lineWidth = 1.25 * unit;
  context.strokeStyle = "#fff";
  context.stroke(path);
  context.setLineDash([]);
}

class MaskCanvas {
  constructor() {
    this.base = element("canvas", { class: "painting", role: "img", "aria-label": "Picture and mask" });
    this.over = element("canvas", { class: "over", "aria-hidden": "true" });
    this.main = element("div", { class: "pane main" }, this.base, this.over, element("span", { class: "title", text: "your mask" }));
    this.panes = element("div", { class: "panes" }, this.main);
    this.context = this.base.getContext("2d", { alpha: true });
    this.overContext = this.over.getContext("2d");
    this.colored = document.createElement("canvas"); // the mask in its colors, at the picture's size
    this.look = { colors: [], hidden: new Set(), opacity: 0.55, outlines: true, shown: true };
    this.lut = new Uint32Array(256);
    this.faint = new Uint32Array(256);
    this.edges = new Uint32Array(256);
    this.group = new Uint8Array(256);
    this.view = { scale: 1, left: 0, top: 0 };
    this.fitted = true;
    this.heads = [];
    this.drawOver = () => {};
    this.painted = () => {};
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
    Object.assign(this, { doc: null, bitmap: null, heat: null, ghost: null, dim: null, inputs: [] });
    this.colored.width = this.colored.height = 1;
    this.setHeads([]);
    this.wantAll();
  }

  show(doc, bitmap) {
    Object.assign(this, { doc, bitmap, heat: null, ghost: null, dim: null, inputs: [] });
    this.colored.width = doc.width;
    this.colored.height = doc.height;
    this.coloredContext = this.colored.getContext("2d");
    this.setHeads([]);
    if (doc.allowed) this.makeDim();
    if (!this.box) this.resize();
    this.fit();
    doc.takeDirty();
    this.recolor();
  }

  // Outside what may be painted the picture is dark.
  makeDim() {
    const { width, height, allowed } = this.doc;
    this.dim = new OffscreenCanvas(width, height);
    const context = this.dim.getContext("2d");
    const image = context.createImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0; i < words.length; i++) words[i] = allowed[i] ? 0 : 0x9e000000;
    context.putImageData(image, 0, 0);
  }

  // Colors, hidden classes, opacity, another mask: all that changes every pixel. Done once, with the next frame.
  recolor() {
    this.stale = true;
    this.reach = this.edgeReach();
    this.wantAll();
  }

  fillAll() {
    this.stale = false;
    const { colors, hidden, opacity, shown } = this.look;
    const alpha = shown && !this.heat ? Math.round(255 * opacity) : 0; // under a heat layer the mask is outlines only
    for (let k = 0; k < 256; k++) {
      const color = k === VOID ? VOID_TINT : colors[k] || [128, 128, 128];
      const seen = shown && (k === VOID ? this.look.voidShown : !hidden.has(k));
      this.group[k] = seen && k !== VOID ? k : VOID;
      this.lut[k] = seen && alpha ? packedColor(color, k === VOID ? alpha >> 1 : alpha) : 0;
      this.faint[k] = k !== VOID ? packedColor(color, Math.round(110 * opacity)) : 0;
      this.edges[k] = seen && k !== VOID ? packedColor(color, 255) : 0;
    }
    const { width, height, counts } = this.doc;
    if (counts[VOID] === width * height && !this.lut[VOID] && !this.ghost) this.coloredContext.clearRect(0, 0, width, height);
    else this.fill({ left: 0, top: 0, right: width - 1, bottom: height - 1 });
  }

  // How many pixels wide outlines are on the colored canvas: about one on the screen; 0 where they are drawn as lines, or not at all.
  edgeReach() {
    const density = this.view.scale * devicePixelRatio;
    const wanted = this.look.shown && (this.look.outlines || this.heat);
    return wanted && density < LINES_FROM ? Math.min(4, Math.max(1, Math.round(1 / density))) : 0;
  }

  // Writes a box of the mask onto the colored canvas.
  fill(box) {
    const { doc, reach, lut, edges, group, faint } = this;
    const { mask, width, height } = doc;
    const ghost = this.look.shown ? this.ghost : null;
    const left = Math.max(0, box.left - reach);
    const top = Math.max(0, box.top - reach);
    const right = Math.min(width - 1, box.right + reach);
    const bottom = Math.min(height - 1, box.bottom + reach);
    const image = this.coloredContext.createImageData(right - left + 1, bottom - top + 1);
    const words = new Uint32Array(image.data.buffer);
    for (let y = top, k = 0; y <= bottom; y++) {
      const up = y >= reach ? reach * width : 0;
      const down = y + reach < height ? reach * width : 0;
      for (let x = left, i = y * width + left; x <= right; x++, i++, k++) {
        const value = mask[i];
        if (ghost && value === VOID) words[k] = faint[ghost[i]];
        else if (!reach || group[value] === VOID) words[k] = lut[value];
        else {
          const own = group[value];
          const edge = group[mask[i - up]] !== own || group[mask[i + down]] !== own || (x >= reach && group[mask[i - reach]] !== own) || (x + reach < width && group[mask[i + reach]] !== own);
          words[k] = edge ? edges[value] : lut[value];
        }
      }
    }
    this.coloredContext.putImageData(image, left, top);
  }

  setHeat(canvas) {
    if (this.heat === canvas) return;
    this.heat = canvas;
    this.recolor();
  }

  // The model's draft, faint, where the mask is still void.
  setGhost(guess) {
    if (this.ghost === guess) return;
    this.ghost = guess;
    this.recolor();
  }

  // [{title, picture}]: other pictures of the same place, beside this one and moving with it.
  setHeads(heads) {
    if (heads === this.headsFrom || (!heads.length && !this.heads.length)) return;
    this.headsFrom = heads;
    this.heads = heads.map(({ title, picture }) => {
      const canvas = element("canvas", { "aria-label": title, role: "img" });
      return { picture, context: canvas.getContext("2d"), pane: element("div", { class: "pane" }, canvas, element("span", { class: "title", text: title })) };
    });
    this.panes.replaceChildren(this.main, ...this.heads.map(({ pane }) => pane));
    this.resize();
    this.fit();
  }

  // ---- the view

  resize() {
    const n = 1 + this.heads.length;
    const { clientWidth, clientHeight } = this.panes;
    if (!clientWidth || !clientHeight) return;
    const { width = 1, height = 1 } = this.doc || {};
    const scale = (columns) => Math.min(clientWidth / columns / width, clientHeight / Math.ceil(n / columns) / height);
    const columns = Array.from({ length: n }, (_, i) => i + 1).reduce((best, c) => (scale(c) > scale(best) ? c : best), 1);
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
    this.view.left += (this.box.width - before.width) / 2;
    this.view.top += (this.box.height - before.height) / 2;
    this.moved();
  }

  fit() {
    if (!this.doc || !this.box) return;
    this.showBox({ left: 0, top: 0, right: this.doc.width - 1, bottom: this.doc.height - 1 }, 8);
    this.fitted = true;
  }

  // Brings a box of the picture to the middle, as large as it goes with a margin in CSS pixels.
  showBox({ left, top, right, bottom }, margin) {
    const { width, height } = this.box;
    const [wide, high] = [right + 1 - left, bottom + 1 - top];
    const scale = Math.min(MOST_SCALE, Math.max(1, width - 2 * margin) / wide, Math.max(1, height - 2 * margin) / high);
    this.view = { scale, left: (width - wide * scale) / 2 - left * scale, top: (height - high * scale) / 2 - top * scale };
    this.fitted = false;
    this.moved();
  }

  // Zooms by a factor and keeps the place (CSS pixels of the pane) where it is.
  zoom(factor, x = this.box?.width / 2, y = this.box?.height / 2) {
    if (!this.doc || !this.box) return;
    const least = Math.min(1 / devicePixelRatio, this.box.width / this.doc.width, this.box.height / this.doc.height) / 2;
    const scale = Math.min(MOST_SCALE, Math.max(least, this.view.scale * factor));
    const ratio = scale / this.view.scale;
    this.view = { scale, left: x - (x - this.view.left) * ratio, top: y - (y - this.view.top) * ratio };
    this.fitted = false;
    this.moved();
  }

  actual() {
    if (this.doc) this.zoom(1 / devicePixelRatio / this.view.scale);
  }

  pan(dx, dy) {
    if (!this.doc) return;
    this.view.left += dx;
    this.view.top += dy;
    this.fitted = false;
    this.moved();
  }

  moved() {
    const { view, doc, box } = this;
    const rest = 48; // so much of the picture stays in sight
    view.left = Math.min(box.width - rest, Math.max(rest - doc.width * view.scale, view.left));
    view.top = Math.min(box.height - rest, Math.max(rest - doc.height * view.scale, view.top));
    if (this.edgeReach() !== this.reach) this.recolor();
    this.wantAll();
    this.onmoved?.();
  }

  // The place of the picture under a place of the window, in picture pixels with fractions.
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

  // A stroke went on: what it changed is in the document. `event` is measured from its time stamp to the painted frame.
  stroked(event) {
    if (event) this.inputs.push({ at: event.timeStamp, seen: performance.now() });
    this.want();
  }

  draw() {
    this.frame = 0;
    const dirty = this.doc?.takeDirty();
    if (this.doc && this.stale) this.fillAll();
    else if (dirty) this.fill(dirty);
    if (this.all) this.compose(null);
    else if (dirty) this.compose(dirty);
    this.all = false;
    this.composeOver();
    if (this.inputs?.length) this.port.port2.postMessage(0); // answered after this frame is painted
    this.painted();
  }

  measured() {
    const now = performance.now();
    for (const { at, seen } of this.inputs.splice(0)) {
      measure("alcore:stroke", at, now);
      measure("alcore:stroke-work", seen, now);
    }
  }

  compose(box) {
    const { context, view, doc } = this;
    const ratio = devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.save();
    if (box) {
      const place = (pixel, start) => ratio * (start + view.scale * pixel);
      const spare = 4 + ratio * view.scale * (this.reach || 1);
      const [x, y] = [Math.floor(place(box.left, view.left) - spare), Math.floor(place(box.top, view.top) - spare)];
      const [right, bottom] = [Math.ceil(place(box.right + 1, view.left) + spare), Math.ceil(place(box.bottom + 1, view.top) + spare)];
      context.beginPath();
      context.rect(x, y, right - x, bottom - y);
      context.clip();
    }
    context.clearRect(0, 0, this.base.width, this.base.height);
    if (doc) {
      this.place(context);
      this.drawPicture(context);
      const density = view.scale * ratio;
      if (this.heat) {
        context.globalAlpha = this.look.opacity;
        context.imageSmoothingEnabled = true;
        context.drawImage(this.heat, 0, 0, doc.width, doc.height);
      }
      context.globalAlpha = 1;
      context.imageSmoothingEnabled = density < 1;
      if (this.look.shown) context.drawImage(this.colored, 0, 0);
      if (this.dim) context.drawImage(this.dim, 0, 0);
      if (this.look.shown && (this.look.outlines || this.heat) && density >= LINES_FROM) this.drawLines(context, box);
    }
    context.restore();
    if (!box) this.composeHeads();
  }

  place(context) {
    const ratio = devicePixelRatio;
    context.setTransform(ratio * this.view.scale, 0, 0, ratio * this.view.scale, ratio * this.view.left, ratio * this.view.top);
  }

  drawPicture(context) {
    context.globalAlpha = 1;
    context.imageSmoothingEnabled = this.view.scale * devicePixelRatio < PIXELS_FROM;
    context.drawImage(this.bitmap, 0, 0, this.doc.width, this.doc.height);
  }

  // Outlines between pixels, of what is in sight or of a box.
  drawLines(context, box) {
    const { view, doc, group } = this;
    const { mask, width, height } = doc;
    const seen = {
      left: Math.max(0, Math.floor(-view.left / view.scale), box ? box.left - 1 : 0),
      top: Math.max(0, Math.floor(-view.top / view.scale), box ? box.top - 1 : 0),
      right: Math.min(width - 1, Math.ceil((this.box.width - view.left) / view.scale), box ? box.right + 1 : width),
      bottom: Math.min(height - 1, Math.ceil((this.box.height - view.top) / view.scale), box ? box.bottom + 1 : height),
    };
    const of = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? VOID : group[mask[y * width + x]]);
    strokeTwice(context, edgePath(of, seen), 1 / view.scale);
  }

  composeHeads() {
    for (const { context, picture } of this.heads) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      if (!this.doc) continue;
      this.place(context);
      this.drawPicture(context);
      context.globalAlpha = Math.max(0.35, this.look.opacity);
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, 0, 0, this.doc.width, this.doc.height);
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

// Index pictures and heat maps arrive as grey PNG of the model's size; their values, one byte a pixel.
async function greyOf(url) {
  const image = element("img", { src: url });
  await image.decode();
  const bitmap = await createImageBitmap(image, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width, height, values: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]) };
}

// Bytes in the colors of a table of 256 [r, g, b]; null there is transparent.
function inColors({ width, height, values }, table) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const lut = Uint32Array.from(table, (color) => (color ? packedColor(color, 255) : 0));
  for (let i = 0; i < words.length; i++) words[i] = lut[values[i]];
  context.putImageData(image, 0, 0);
  return canvas;
}
