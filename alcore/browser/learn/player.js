// The time line: play, pause, step, speed, scrub back; and the losses above it.

import { button, element, pen } from "../shared/dom.js";
import { CLASS_COLORS, css } from "./drawing.js";

/** @import { FilmTold, Rgb } from "../shared/types.js" */
/** @import { Theme } from "./drawing.js" */

const SPEEDS = [5, 20, 60]; // steps a second
const CHART = 56; // pixels of the losses' height
/** @type {Record<string, string>} */
const TITLES = { cross_entropy: "cross-entropy", auxiliary_cross_entropy: "cross-entropy of F1, F2", discrepancy: "discrepancy", unlabeled_entropy: "entropy H", discriminator: "discriminator" };

export class Player {
  /** @param {{show: (step: number) => boolean}} film `show` draws a step; false where it is not here yet */
  constructor(film) {
    this.film = film;
    /** @type {FilmTold | null} */
    this.told = null;
    /** @type {Theme | null} */
    this.theme = null;
    this.step = 0;
    this.place = 0; // between steps, while it plays
    this.speed = 20;
    this.playing = false;
    this.frame = 0;
    this.before = 0;
    this.play = button({ class: "play", onclick: () => this.toggle() });
    this.slider = element("input", { type: "range", min: "0", max: "0", step: "1", "aria-label": "Step" });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.slider.addEventListener("pointerup", () => this.slider.blur()); // the keys are the page's again
    this.said = element("output", { class: "said" });
    this.chart = element("canvas", { class: "chart", role: "img", "aria-label": "Losses over the steps" });
    this.chartPen = pen(this.chart);
    this.key = element("div", { class: "key" });
    this.speeds = SPEEDS.map((speed) => button({ class: "speed", text: `${speed}/s`, title: `${speed} steps a second`, "aria-pressed": String(speed === this.speed), onclick: () => this.setSpeed(speed) }));
    this.root = element(
      "section",
      { class: "player", "aria-label": "Time line" },
      element("div", { class: "buttons" },
        button({ class: "step", text: "«", title: "To the start (Home)", "aria-label": "To the start", onclick: () => this.go(0) }),
        button({ class: "step", text: "‹", title: "A step back (←)", "aria-label": "A step back", onclick: () => this.go(this.step - 1) }),
        this.play,
        button({ class: "step", text: "›", title: "A step on (→)", "aria-label": "A step on", onclick: () => this.go(this.step + 1) }),
        button({ class: "step", text: "»", title: "To the end (End)", "aria-label": "To the end", onclick: () => this.go(this.told?.steps ?? 0) }),
        element("span", { class: "speeds", role: "group", "aria-label": "Speed" }, ...this.speeds),
        this.said,
      ),
      this.slider,
      this.chart,
      this.key,
    );
    this.tell();
  }

  close() {
    cancelAnimationFrame(this.frame);
  }

  /** A new film: from its start where it is to be played, else at its end. @param {FilmTold} told @param {boolean} plays */
  open(told, plays) {
    this.told = told;
    this.slider.max = String(told.steps);
    this.go(plays ? 0 : told.steps);
    if (plays) this.toggle(true);
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this.speed = speed;
    for (const node of this.speeds) node.setAttribute("aria-pressed", String(node.textContent === `${speed}/s`));
  }

  toggle(on = !this.playing) {
    if (!this.told) return;
    if (on && this.step >= this.told.steps) this.place = this.step = 0;
    this.playing = on;
    this.before = performance.now();
    cancelAnimationFrame(this.frame);
    if (on) this.frame = requestAnimationFrame((now) => this.tick(now));
    this.tell();
  }

  /** @param {number} step */
  go(step) {
    if (!this.told) return;
    this.toggle(false);
    this.place = this.step = Math.max(0, Math.min(this.told.steps, step));
    this.show();
  }

  show() {
    const drawn = this.film.show(this.step);
    this.tell();
    return drawn;
  }

  /** @param {number} now */
  tick(now) {
    if (!this.playing || !this.told) return;
    const next = Math.min(this.told.steps, this.place + ((now - this.before) / 1000) * this.speed);
    this.before = now;
    const step = Math.floor(next);
    const was = this.step;
    this.step = step;
    if (step === was || this.show()) this.place = next; // one that is not here yet is waited for, and none is left out
    else this.step = was;
    if (this.step >= this.told.steps) return this.toggle(false);
    this.frame = requestAnimationFrame((later) => this.tick(later));
  }

  tell() {
    this.play.textContent = this.playing ? "Pause" : "Play";
    this.play.title = `${this.playing ? "Pause" : "Play"} (space)`;
    this.slider.value = String(this.step);
    const { told } = this;
    if (!told) return;
    const stage = told.stages.find(({ from, to }) => this.step >= from && this.step <= to);
    this.slider.setAttribute("aria-valuetext", `step ${this.step} of ${told.steps}, ${stage?.name ?? "before training"}`);
    this.said.textContent = `step ${this.step} of ${told.steps} · ${stage?.name ?? "before training"}`;
    this.drawChart();
  }

  /** Each loss on a scale of its own, as what counts is which way it goes. */
  drawChart() {
    const { told, theme, chartPen: context } = this;
    const width = this.chart.clientWidth;
    if (!told || !theme || !width) return;
    const density = window.devicePixelRatio || 1;
    this.chart.width = Math.round(width * density);
    this.chart.height = Math.round(CHART * density);
    context.scale(density, density);
    const names = [...new Set(told.stages.flatMap(({ losses }) => Object.keys(losses)))];
    /** @type {(step: number) => number} */
    const x = (step) => (step / told.steps) * (width - 2) + 1;
    for (const { from } of told.stages.slice(1)) {
      context.fillStyle = css(theme.ink, 0.14);
      context.fillRect(x(from), 0, 1, CHART);
    }
    names.forEach((name, n) => {
      const top = Math.max(...told.stages.flatMap(({ losses }) => losses[name] ?? []), 1e-9);
      context.strokeStyle = css(colorOf(n));
      context.lineWidth = 1.5;
      for (const { from, losses } of told.stages) {
        context.beginPath();
        losses[name]?.forEach((value, i) => context.lineTo(x(from + i), CHART - 3 - (Math.max(0, value) / top) * (CHART - 8)));
        context.stroke();
      }
    });
    context.fillStyle = css(theme.accent);
    context.fillRect(x(this.step) - 1, 0, 2, CHART);
    if (this.key.dataset.of === names.join()) return;
    this.key.dataset.of = names.join();
    this.key.replaceChildren(...names.map((name, n) => element("span", {}, element("i", { style: `background: ${css(colorOf(n))}` }), TITLES[name] ?? name.replaceAll("_", " "))));
  }
}

/** @param {number} n @returns {Rgb} */
function colorOf(n) {
  return CLASS_COLORS[n % CLASS_COLORS.length];
}
