// Points that a person paints, a class at a time.

import { button, element } from "../shared/dom.js";
import { CLASS_COLORS, css } from "./drawing.js";

/** @import { Theme } from "./drawing.js" */

const REACH = 1.25;
const SPREAD = 0.06; // of the points that one movement leaves
const APART = 0.035; // between two of them
const MOST = 600;
const LEAST = 12;
const CLASSES = 3;

export class Brush {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {[number, number][]} */
    this.xy = [];
    /** @type {number[]} */
    this.y = [];
    this.color = 0;
    this.down = false;
    this.painting = false;
    this.colors = Array.from({ length: CLASSES }, (_, k) => button({ class: "chip", "aria-pressed": String(k === 0), onclick: () => this.take(k) }, element("i", { style: `background: ${css(CLASS_COLORS[k])}` }), `class ${k + 1}`));
    this.pause = button({ class: "tool", text: "Label points", "aria-pressed": "false", title: "A click labels a point instead of painting one", onclick: () => this.take(this.painting ? -1 : this.color) });
    this.tools = element("span", { class: "brush", hidden: true }, ...this.colors, this.pause, button({ class: "tool", text: "Clear", onclick: () => this.clear() }));
  }

  get ready() {
    return this.xy.length >= LEAST && [...new Set(this.y)].filter((k) => this.y.filter((other) => other === k).length > 1).length > 1;
  }

  get words() {
    return this.xy.length ? `${this.xy.length} points: at least ${LEAST} of two classes` : "Paint points: choose a class and draw";
  }

  told() {
    return { xy: this.xy, y: this.y };
  }

  /** @param {boolean} on */
  show(on) {
    if (on === !this.tools.hidden) return;
    this.tools.hidden = !on;
    this.painting = on;
  }

  /** @param {number} color of the class to paint, or -1 to paint none */
  take(color) {
    this.painting = color >= 0;
    if (color >= 0) this.color = color;
    this.colors.forEach((node, k) => node.setAttribute("aria-pressed", String(k === color)));
    this.pause.setAttribute("aria-pressed", String(color < 0));
  }

  clear() {
    this.xy = [];
    this.y = [];
    this.take(Math.max(0, this.color));
    this.changed();
  }

  /** @param {HTMLCanvasElement} canvas @param {(event: MouseEvent) => [number, number]} placeOf */
  attach(canvas, placeOf) {
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.painting || event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.down = true;
      this.add(placeOf(event));
    });
    canvas.addEventListener("pointermove", (event) => this.down && this.add(placeOf(event)));
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
      canvas.addEventListener(name, () => {
        if (!this.down) return;
        this.down = false;
        this.changed();
      });
    }
  }

  /** @param {[number, number]} at */
  add([x, y]) {
    const last = this.xy.at(-1);
    if (this.xy.length >= MOST || (last && this.down && Math.hypot(last[0] - x, last[1] - y) < APART)) return;
    const near = () => (Math.random() + Math.random() - 1) * SPREAD;
    const within = (/** @type {number} */ value) => Math.round(1e5 * Math.min(REACH, Math.max(-REACH, value))) / 1e5;
    this.xy.push([within(x + near()), within(y + near())]);
    this.y.push(this.color);
    this.changed();
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} size @param {Theme} theme */
  draw(pen, size, theme) {
    this.xy.forEach(([x, y], i) => {
      pen.beginPath();
      pen.arc(((x + REACH) / (2 * REACH)) * size, ((REACH - y) / (2 * REACH)) * size, 4, 0, 7);
      pen.fillStyle = css(CLASS_COLORS[this.y[i]]);
      pen.fill();
    });
    if (this.xy.length) return;
    pen.fillStyle = css(theme.ink, 0.6);
    pen.font = "14px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText("Draw here: each stroke leaves points of one class.", size / 2, size / 2);
    pen.textAlign = "start";
  }
}
