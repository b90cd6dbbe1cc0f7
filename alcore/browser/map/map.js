// The map of the pool: fetches columns as raw arrays, draws points, answers hover and lasso. Points and colours are in map_points.js.
// Past 400 lines because inline modules cannot import one another; what is pure arithmetic or drawing is already apart.

const SHOWN = 60; // images beside the map
const REPORTED = 2000; // ids handed to Python
const ARRAYS = { float32: Float32Array, int32: Int32Array, int16: Int16Array, uint8: Uint8Array };

class EmbeddingMap {
  constructor(parent) {
    this.api = new Api();
    this.pictures = new Pictures(this.api);
    this.turn = 0;
    this.view = { scale: 1, cx: 0, cy: 0 };
    this.tool = "pan";
    this.hovered = -1;
    this.chosen = null; // Set of indices of the last lasso
    this.about = new Map(); // id -> {path}
    this.build(parent);
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.plot);
    this.onkey = (event) => this.key(event);
    window.addEventListener("keydown", this.onkey, true);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    cancelAnimationFrame(this.frame);
    window.removeEventListener("keydown", this.onkey, true);
    this.resized.disconnect();
    this.pictures.close();
    this.points?.close();
    this.root.remove();
  }

  build(parent) {
    // a name begins with what stands on the button, for those who speak it; signs are read as what they do
    const name = (text, title) => (/^\w/.test(text) ? `${text}: ${title[0].toLowerCase()}${title.slice(1)}` : title);
    const tool = (text, title, act) => button({ class: "tool", title, "aria-label": name(text, title), onclick: act }, element("span", { text }));
    this.canvas = element("canvas", { class: "points", role: "img", tabindex: "0", "aria-label": "Map" });
    this.overlay = element("canvas", { class: "overlay", "aria-hidden": "true" });
    // what may scroll can be reached by keyboard
    this.legend = element("div", { class: "legend", role: "group", "aria-label": "Legend", tabindex: "0" });
    this.tip = element("div", { class: "tip", role: "tooltip", hidden: true });
    this.cover = element("div", { class: "cover", role: "status" });
    this.panButton = tool("Pan", "Drag moves the map", () => this.setTool("pan"));
    this.lassoButton = tool("Lasso", "Drag around points to select them (L, or Shift and drag)", () => this.setTool("lasso"));
    this.lassoButton.dataset.key = "L"; // drawn by the style sheet: text would be a part of the button's name
    const tools = element(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Map tools" },
      element("span", { class: "pair" }, this.panButton, this.lassoButton),
      tool("Select view", "Select every point in view (V)", () => this.selectView()),
      element("span", { class: "pair" }, tool("−", "Zoom out (−)", () => this.zoom(1 / 1.5)), tool("+", "Zoom in (+)", () => this.zoom(1.5)), tool("Fit", "Show all points (double click)", () => this.fit(true))),
    );
    this.plot = element("div", { class: "plot" }, this.canvas, this.overlay, this.legend, tools, this.tip, this.cover);
    this.head = element("div", { class: "head" });
    this.grid = element("ul", { class: "grid", tabindex: "0", "aria-label": "Images of the selection" });
    this.root = element("div", { class: "map" }, element("div", { class: "board" }, this.plot, element("section", { class: "side", "aria-label": "Selection" }, this.head, this.grid)));
    parent.append(this.root);
    this.setTool("pan");
    this.listen();
  }

  // ---- columns

  update({ data, setStateValue }) {
    this.report = setStateValue;
    const before = this.data;
    this.data = data;
    this.api.base = data.api;
    this.api.token = data.token;
    this.root.style.setProperty("--height", `${data.height}px`);
    const theme = this.readTheme();
    const newTheme = JSON.stringify(theme) !== JSON.stringify(this.theme);
    this.theme = theme;
    if (!before || before.project !== data.project || before.round !== data.round) this.open();
    else if (before.color !== data.color) this.recolor(true).then(() => this.chosen && this.reportChosen());
    else if (before.order !== data.order) this.reorder();
    else if (newTheme && this.values) this.recolor(false);
    if (before && before.token !== data.token) this.retryNow?.();
  }

  readTheme() {
    const probe = element("i", { style: "display:none" });
    this.root.append(probe);
    const read = (name) => {
      probe.style.color = `var(${name})`;
      // color-mix resolves to `color(srgb r g b)`, plain colours to `rgb(r, g, b)`
      const text = getComputedStyle(probe).color;
      const parts = text.match(/[\d.]+/g).slice(0, 3).map(Number);
      return text.startsWith("color(") ? parts.map((p) => Math.round(p * 255)) : parts;
    };
    const theme = { paper: read("--ground"), ink: read("--ink"), accent: read("--accent"), gray: read("--faint") };
    probe.remove();
    theme.dark = theme.paper[0] * 0.3 + theme.paper[1] * 0.59 + theme.paper[2] * 0.11 < 128;
    theme.ramp = ramp(theme.dark);
    return theme;
  }

  // One column as a typed array; fetched once.
  column(name) {
    const { project, round } = this.data;
    const columns = this.columns;
    if (!columns.has(name)) {
      const path = `/projects/${encodeURIComponent(project)}/rounds/${round}/columns/${encodeURIComponent(name)}`;
      const got = this.api.request(path).then(({ answer, body }) => {
        const kind = ARRAYS[answer.headers.get("x-dtype")];
        if (!kind) throw new ApiError("the server gave no column");
        return new kind(body);
      });
      columns.set(name, got);
      got.catch(() => columns.delete(name));
    }
    return columns.get(name);
  }

  async trying(work) {
    const turn = this.turn;
    for (let wait = 500; ; wait = Math.min(2 * wait, 5000)) {
      try {
        const result = await work();
        return turn === this.turn ? result : null;
      } catch (error) {
        if (turn !== this.turn) return null;
        const lost = { 401: "Session expired: reload the page.", 404: `There is no map yet: ${error.message}.` };
        this.say(lost[error.status] || `The map cannot be loaded (${error.message}). Trying again.`);
        await Promise.race([sleep(wait), new Promise((resolve) => (this.retryNow = resolve))]);
      }
    }
  }

  async open() {
    this.turn += 1;
    Object.assign(this, { columns: new Map(), listing: null, values: null, chosen: null, hovered: -1, shownColors: null });
    this.about.clear();
    this.say("Loading the map…", true);
    this.renderSide();
    const { project, round } = this.data;
    const listing = await this.trying(() => this.api.json(`/projects/${encodeURIComponent(project)}/rounds/${round}/columns`));
    if (!listing) return;
    this.listing = listing;
    if (!listing.count) return this.say("This round has no images to show.");
    const names = ["id", "x", "y", "selected", this.data.color];
    const parts = await this.trying(() => Promise.all(names.map((name) => this.column(name))));
    if (!parts) return;
    [this.ids, this.x, this.y] = parts;
    this.ringed = [];
    parts[3].forEach((on, i) => on && this.ringed.push(i));
    this.measureBox();
    this.nearby = new Nearby(this.x, this.y, this.box);
    this.makePoints();
    this.points.setPoints(this.x, this.y);
    this.resize();
    this.fit(false);
    await this.recolor(false);
  }

  measureBox() {
    const box = { left: Infinity, right: -Infinity, low: Infinity, high: -Infinity };
    for (let i = 0; i < this.x.length; i++) {
      box.left = Math.min(box.left, this.x[i]);
      box.right = Math.max(box.right, this.x[i]);
      box.low = Math.min(box.low, this.y[i]);
      box.high = Math.max(box.high, this.y[i]);
    }
    this.box = box;
  }

  makePoints() {
    if (this.points) return;
    const how = this.data.renderer;
    this.points = how === "canvas" ? null : WebglPoints.on(this.canvas, how === "webgl");
    if (!this.points) {
      // A canvas that gave a WebGL context gives no other: start from a new one.
      const fresh = this.canvas.cloneNode();
      this.canvas.replaceWith(fresh);
      this.canvas = fresh;
      this.points = new CanvasPoints(fresh);
    }
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this.disposed) return;
      this.data = { ...this.data, renderer: "canvas" };
      this.points = null;
      this.makePoints();
      this.points.setPoints(this.x, this.y);
      this.resize();
      this.recolor(false);
    });
    this.root.dataset.renderer = this.points.name;
  }

  describe(name) {
    return this.listing.columns.find((column) => column.name === name) || { name, kind: "number", low: 0, high: 1 };
  }

  titleOf(column) {
    return column.title ?? column.name.replaceAll("_", " ");
  }

  async recolor(smoothly) {
    if (!this.listing || !this.ids) return;
    const name = this.data.color;
    const values = await this.trying(() => this.column(name));
    if (!values || name !== this.data.color) return;
    this.say("");
    this.values = values;
    const { colors, order } = paint(values, this.describe(name), this.theme, this.chosen);
    const before = smoothly && this.shownColors && !matchMedia("(prefers-reduced-motion: reduce)").matches ? this.shownColors : colors;
    this.points.setColors(before, colors, order);
    this.shownColors = colors;
    this.fade = before === colors ? null : performance.now();
    this.renderLegend();
    this.renderSide();
    this.draw();
    const column = this.titleOf(this.describe(name)).toLowerCase();
    this.canvas.setAttribute("aria-label", `Map of ${whole(this.ids.length)} images colored by ${column}; ${whole(this.ringed.length)} queried images are ringed. Arrow keys move, plus and minus zoom, V selects what is in view.`);
  }

  // ---- drawing

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
    if (first) this.fit(false);
    this.drawNow(); // a resized canvas is empty; waiting a frame would flash
  }

  draw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => ((this.frame = 0), this.drawNow()));
  }

  get radius() {
    const base = Math.min(5, Math.max(1.3, 22 / Math.sqrt(Math.sqrt(this.x.length)) - 0.6));
    return base * Math.min(2.5, Math.max(0.8, (this.view.scale / this.fitted.scale) ** 0.35));
  }

  drawNow() {
    if (!this.size || !this.shownColors || !this.fitted) return;
    const started = performance.now();
    const share = this.fade === null ? 1 : Math.min(1, (started - this.fade) / 260);
    this.points.draw({ ...this.view, ...this.size, radius: this.radius, share, paper: this.theme.paper });
    this.drawOverlay();
    const { scale, cx, cy } = this.view;
    this.root.dataset.at = [scale, cx, cy].join(" ");
    measure("alcore:map", started);
    if (share < 1) this.draw();
    else this.fade = null;
  }

  toScreen(i) {
    const { scale, cx, cy } = this.view;
    return [(this.x[i] - cx) * scale + this.size.width / 2, this.size.height / 2 - (this.y[i] - cy) * scale];
  }

  toData(px, py) {
    const { scale, cx, cy } = this.view;
    return [(px - this.size.width / 2) / scale + cx, (this.size.height / 2 - py) / scale + cy];
  }

  drawOverlay() {
    const pen = this.overlay.getContext("2d");
    const { width, height, density } = this.size;
    const { paper, ink, accent } = this.theme;
    const css = (color, alpha = 1) => `rgb(${color.join(" ")} / ${alpha})`;
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, width, height);
    const rings = (members, radius) => {
      pen.beginPath();
      for (const i of members) {
        const [px, py] = this.toScreen(i);
        if (px < -9 || py < -9 || px > width + 9 || py > height + 9) continue;
        pen.moveTo(px + radius, py);
        pen.arc(px, py, radius, 0, 2 * Math.PI);
      }
    };
    const stroke = (color, thick) => Object.assign(pen, { strokeStyle: color, lineWidth: thick }) && pen.stroke();
    rings(this.ringed, this.radius + 2.2);
    stroke(css(paper), 3.2);
    stroke(css(ink), 1.5);
    if (this.hovered >= 0) {
      rings([this.hovered], this.radius + 4);
      stroke(css(paper), 4);
      stroke(css(accent), 2);
    }
    if (!this.path?.length) return;
    pen.beginPath();
    this.path.forEach(([px, py], i) => (i ? pen.lineTo(px, py) : pen.moveTo(px, py)));
    pen.closePath();
    pen.fillStyle = css(accent, 0.1);
    pen.fill();
    pen.setLineDash([5, 3]);
    stroke(css(accent), 1.5);
    pen.setLineDash([]);
  }

  renderLegend() {
    const column = this.describe(this.data.color);
    const title = element("b", { text: this.titleOf(column) });
    const ring = element("li", {}, element("i", { class: "ringed" }), element("span", { text: `queried (${whole(this.ringed.length)})` }));
    const entry = (color, text, n) => {
      const dot = element("i");
      dot.style.background = `rgb(${color.join(" ")})`;
      return element("li", { title: text }, dot, element("span", { text }), element("em", { text: n === undefined ? "" : whole(n) }));
    };
    if (column.kind === "number") {
      const bar = element("div", { class: "ramp" });
      bar.style.background = `linear-gradient(to right, ${[0, 51, 102, 153, 204, 255].map((i) => `rgb(${this.theme.ramp[i].join(" ")})`).join(", ")})`;
      const rows = [ring];
      const end = (name) => element("span", {}, `${short(column[name])}${name === "high" && column.unit ? ` ${column.unit}` : ""}`, column.wanted === name ? element("em", { text: " wanted" }) : null);
      if (this.values.some((v) => !Number.isFinite(v))) rows.unshift(entry(this.theme.gray, "no value (labeled)"));
      this.legend.replaceChildren(title, bar, element("div", { class: "ends" }, end("low"), end("high")), element("ul", {}, ...rows));
      return;
    }
    const counts = new Map();
    for (const v of this.values) counts.set(v, (counts.get(v) || 0) + 1);
    const names = this.listing.classes?.length ? this.listing.classes : this.data.classes;
    const rows = [];
    if (column.kind === "flag") rows.push(entry(this.theme.accent, "yes", counts.get(1) || 0), entry(this.theme.gray, "no", counts.get(0) || 0));
    else {
      const colors = CLASS_COLORS.map(rgb);
      names.forEach((name, i) => counts.has(i) && rows.push(entry(colors[i % colors.length], name, counts.get(i))));
      if (counts.has(-1)) rows.push(entry(this.theme.gray, column.name === "label" ? "unlabeled" : "none", counts.get(-1)));
    }
    this.legend.replaceChildren(title, element("ul", {}, ...rows, ring));
  }

  // ---- side: the images of the selection

  valueText(i) {
    const column = this.describe(this.data.color);
    if (column.kind === "number") return short(this.values[i]);
    if (column.kind === "flag") return this.values[i] ? "yes" : "no";
    const names = this.listing.classes?.length ? this.listing.classes : this.data.classes;
    return this.values[i] < 0 ? "unlabeled" : (names[this.values[i]] ?? String(this.values[i]));
  }

  // What the selection is sorted by: the score shown; where classes are shown, what the strategy ranks by; or the names.
  get sorting() {
    if (this.data.order === "name") return { name: "place_by_name", title: "name", wanted: "low" };
    const shown = this.describe(this.data.color);
    return shown.kind === "number" ? shown : this.describe("total");
  }

  // The wanted end first, or last when it is asked for; no value last; equal values by id, so that the order never wavers.
  async ranked() {
    const by = this.sorting;
    const values = await this.trying(() => this.column(by.name));
    if (!values || !this.chosen) return null;
    const sign = (by.wanted === "low") === (this.data.order !== "least") ? 1 : -1;
    const key = (i) => (Number.isFinite(values[i]) ? sign * values[i] : Infinity);
    return [...this.chosen].sort((a, b) => key(a) - key(b) || this.ids[a] - this.ids[b]); // Infinity - Infinity is NaN, which is falsy
  }

  get orderWords() {
    if (this.data.order === "name") return "by name";
    return `${this.data.order === "least" ? "least" : "most"} wanted first, by ${this.titleOf(this.sorting).toLowerCase()}`;
  }

  async reorder() {
    await this.renderSide();
    if (this.chosen) await this.reportChosen();
  }

  imagePath(id) {
    return `/projects/${encodeURIComponent(this.data.project)}/items/${id}/image?size=96`;
  }

  async renderSide() {
    if (!this.chosen || !this.values) {
      this.head.replaceChildren(element("b", { text: "Selection" }));
      this.grid.replaceChildren(element("li", { class: "none" }, "Draw around points to see their images here: press ", element("kbd", { text: "L" }), " or hold ", element("kbd", { text: "Shift" }), " and drag."));
      return;
    }
    const asked = (this.sideAsked = {});
    const order = await this.ranked();
    if (!order || this.sideAsked !== asked) return; // something newer is on its way
    const note = order.length > SHOWN ? `first ${SHOWN}, ${this.orderWords}` : this.orderWords;
    this.head.replaceChildren(element("b", { text: `${whole(order.length)} selected` }), button({ class: "tool", text: "Clear", title: "Clear the selection (Esc)", onclick: () => this.choose([]) }), element("span", { text: note }));
    this.grid.replaceChildren(...order.slice(0, SHOWN).map((i) => this.card(i)));
  }

  card(i) {
    const image = element("img", { alt: `image ${this.ids[i]}`, draggable: "false" });
    this.pictures.load(this.imagePath(this.ids[i])).then((url) => this.setPicture(image, url), () => image.replaceWith(element("span", { class: "gone", text: "no picture" })));
    const point = (on) => () => {
      this.hovered = on ? i : -1;
      this.draw();
    };
    return element("li", { onmouseenter: point(true), onmouseleave: point(false), title: `${this.valueText(i)}` }, image, element("span", { text: this.valueText(i) }));
  }

  setPicture(image, url) {
    image.src = url;
    image.decode().catch(() => {}).then(() => image.classList.toggle("pixels", image.naturalWidth <= 64));
  }

  choose(members) {
    if (!members.length && !this.chosen) return;
    this.chosen = members.length ? new Set(members) : null;
    this.recolor(true);
    this.reportChosen();
  }

  async reportChosen() {
    const chosen = this.chosen;
    const order = chosen ? await this.ranked() : [];
    if (order && chosen === this.chosen) this.report("selection", { ids: order.slice(0, REPORTED).map((i) => this.ids[i]), count: order.length });
  }

  selectView() {
    if (!this.values) return;
    const { width, height } = this.size;
    const corners = [[0, 0], [width, 0], [width, height], [0, height]].map(([px, py]) => this.toData(px, py));
    this.choose(insidePolygon(this.x, this.y, corners));
  }

  say(text, busy = false) {
    this.cover.hidden = !text;
    this.cover.replaceChildren(...(busy ? [element("div", { class: "spinner" })] : []), element("span", { text }));
  }

  // ---- pointer and keys

  fit() {
    if (!this.box || !this.size) return;
    const { width, height } = this.size;
    const { left, right, low, high } = this.box;
    const scale = Math.min((width - 56) / (right - left || 1), (height - 72) / (high - low || 1));
    this.fitted = { scale, cx: (left + right) / 2, cy: (low + high) / 2 };
    this.view = { ...this.fitted };
    this.draw();
  }

  zoom(factor, at = [this.size.width / 2, this.size.height / 2]) {
    const before = this.toData(...at);
    this.view.scale = Math.min(Math.max(this.view.scale * factor, this.fitted.scale * 0.4), this.fitted.scale * 400);
    const after = this.toData(...at);
    this.view.cx += before[0] - after[0];
    this.view.cy += before[1] - after[1];
    this.draw();
  }

  setTool(name) {
    this.tool = name;
    this.plot.dataset.tool = name;
    this.panButton.setAttribute("aria-pressed", String(name === "pan"));
    this.lassoButton.setAttribute("aria-pressed", String(name === "lasso"));
  }

  place(event) {
    const box = this.plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  listen() {
    const { plot } = this;
    const onMap = (event) => this.values && (event.target === this.canvas || event.target === this.overlay || event.target === plot);
    plot.addEventListener("wheel", (event) => {
      if (!onMap(event)) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), this.place(event));
    }, { passive: false });
    plot.addEventListener("dblclick", (event) => onMap(event) && this.fit());
    plot.addEventListener("pointerleave", () => this.hover(null));
    plot.addEventListener("pointermove", (event) => !this.dragging && this.hover(onMap(event) ? this.place(event) : null));
    plot.addEventListener("pointerdown", (event) => {
      if (!onMap(event) || event.button) return;
      event.preventDefault();
      plot.dataset.pointed = ""; // a ring around the whole map is for those who came by keyboard
      this.canvas.focus({ preventScroll: true });
      plot.setPointerCapture(event.pointerId);
      this.hover(null);
      this.drag(event, this.tool === "lasso" || event.shiftKey);
    });
  }

  drag(start, lasso) {
    this.dragging = true;
    const from = this.place(start);
    const view = { ...this.view };
    if (lasso) this.path = [from];
    const move = (event) => {
      const at = this.place(event);
      if (lasso) {
        const last = this.path[this.path.length - 1];
        if (Math.hypot(at[0] - last[0], at[1] - last[1]) >= 2) this.path.push(at);
      } else Object.assign(this.view, { cx: view.cx - (at[0] - from[0]) / view.scale, cy: view.cy + (at[1] - from[1]) / view.scale });
      this.draw();
    };
    const end = () => {
      this.dragging = false;
      for (const kind of ["pointerup", "pointercancel"]) this.plot.removeEventListener(kind, end);
      this.plot.removeEventListener("pointermove", move);
      if (!lasso) return;
      const polygon = this.path.map(([px, py]) => this.toData(px, py));
      this.path = null;
      this.choose(polygon.length > 2 ? insidePolygon(this.x, this.y, polygon) : []);
      this.draw();
    };
    this.plot.addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) this.plot.addEventListener(kind, end);
  }

  hover(at) {
    const found = at && this.nearby ? this.nearby.find(...this.toData(...at), (this.radius + 5) / this.view.scale) : -1;
    if (found === this.hovered) return;
    this.hovered = found;
    this.draw();
    clearTimeout(this.tipSoon);
    if (found < 0) this.tip.hidden = true;
    else this.tipSoon = setTimeout(() => this.showTip(found), this.tip.hidden ? 60 : 0);
  }

  showTip(i) {
    const id = this.ids[i];
    const column = this.describe(this.data.color);
    const image = element("img", { alt: "" });
    const path = element("span", { class: "path", text: this.about.get(id)?.name ?? `image ${id}` });
    const rows = element("span", {}, `${this.titleOf(column)} `, element("b", { text: this.valueText(i) }));
    this.tip.replaceChildren(image, element("div", {}, rows, path, this.ringed.includes(i) ? element("span", { class: "asked", text: "queried" }) : null));
    this.tip.hidden = false;
    const [px, py] = this.toScreen(i);
    const { width, height } = this.size;
    this.tip.style.left = `${px + 16 + 220 > width ? Math.max(4, px - 16 - 216) : px + 16}px`;
    this.tip.style.top = `${Math.min(Math.max(4, py - 50), height - 116)}px`;
    this.pictures.load(this.imagePath(id), true).then((url) => this.setPicture(image, url), () => {});
    if (this.about.has(id)) return;
    this.api.json(`/projects/${encodeURIComponent(this.data.project)}/items/${id}`).then(
      (told) => {
        this.about.set(id, told);
        path.textContent = told.name;
      },
      () => {}, // the number stands there already
    );
  }

  key(event) {
    if (!this.values || event.ctrlKey || event.metaKey || event.altKey || keysBelongElsewhere(event, this.root)) return;
    const mine = this.root.matches(":hover") || this.root.contains(this.root.getRootNode().activeElement);
    if (!mine || keyDrivesControl(event, this.root)) return;
    if (event.key === "Tab" || event.key.startsWith("Arrow")) delete this.plot.dataset.pointed;
    const { width, height } = this.size;
    const move = (x, y) => () => {
      this.view.cx += (x * width) / 8 / this.view.scale;
      this.view.cy += (y * height) / 8 / this.view.scale;
      this.draw();
    };
    const focused = this.root.getRootNode().activeElement === this.canvas;
    const actions = {
      l: () => this.setTool(this.tool === "lasso" ? "pan" : "lasso"),
      v: () => this.selectView(),
      "+": () => this.zoom(1.5),
      "=": () => this.zoom(1.5),
      "-": () => this.zoom(1 / 1.5),
      Escape: () => this.choose([]),
      ...(focused ? { ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, 1), ArrowDown: move(0, -1) } : {}),
    };
    const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }
}

export default mounted(EmbeddingMap);
