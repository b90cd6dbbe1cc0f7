// The rounds below the map: a slider, play and pause.

import { button, element } from "../shared/dom.js";

/** @typedef {{number: number, title: string}} Stop */
/**
 * @typedef {object} TimeUse
 * @property {(number: number) => Promise<boolean>} go shows a round; false where another one is wanted by now
 * @property {(number: number) => void} settled somebody stays with a round
 */

const REST = 900; // milliseconds a round is shown for while all are played, beside the way to it
const STAY = 400; // milliseconds after which the page is told

export class Timeline {
  /** @param {TimeUse} use */
  constructor(use) {
    this.use = use;
    /** @type {Stop[]} */
    this.stops = [];
    this.at = 0;
    this.playing = false;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.play = button({ class: "tool play", onclick: () => this.toggle() });
    this.slider = element("input", { type: "range", min: "0", max: "0", step: "1", "aria-label": "Round" });
    this.slider.addEventListener("input", () => {
      this.toggle(false);
      this.move(Number(this.slider.value));
    });
    this.slider.addEventListener("pointerup", () => this.slider.blur()); // the keys are the map's again
    this.said = element("output", { class: "said" });
    this.node = element("div", { class: "time", role: "group", "aria-label": "Rounds" }, this.play, this.slider, this.said);
    this.tell();
  }

  close() {
    clearTimeout(this.timer);
    this.playing = false;
  }

  /**
   * @param {Stop[]} stops
   * @param {number} number of the round that is shown
   */
  set(stops, number) {
    this.stops = stops;
    this.slider.max = String(Math.max(0, stops.length - 1));
    const at = stops.findIndex((stop) => stop.number === number);
    if (at >= 0 && !this.playing) this.at = at;
    this.node.hidden = stops.length < 2;
    this.tell();
  }

  /** @param {number} at */
  async move(at) {
    this.at = at;
    this.tell();
    clearTimeout(this.timer);
    const { number } = this.stops[at];
    if (!(await this.use.go(number)) || this.at !== at) return;
    clearTimeout(this.timer);
    if (!this.playing) this.timer = setTimeout(() => this.use.settled(number), STAY);
    else if (at + 1 < this.stops.length) this.timer = setTimeout(() => this.move(at + 1), REST);
    else this.toggle(false);
  }

  toggle(on = !this.playing) {
    if (on === this.playing) return;
    this.playing = on;
    clearTimeout(this.timer);
    if (on) this.move(this.at + 1 < this.stops.length ? this.at + 1 : 0);
    else if (this.stops[this.at]) this.timer = setTimeout(() => this.use.settled(this.stops[this.at].number), STAY);
    this.tell();
  }

  tell() {
    this.play.textContent = this.playing ? "Pause" : "Play";
    this.play.title = this.playing ? "Stay with this round" : "Play through the rounds";
    this.slider.value = String(this.at);
    const title = this.stops[this.at]?.title ?? "";
    this.slider.setAttribute("aria-valuetext", title);
    this.said.textContent = title;
    this.said.title = title;
  }
}
