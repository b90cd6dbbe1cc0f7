// The Learn page's playground: points in a plane, and the library's own strategies learning them in front of you.

import { Api, wordsOf } from "../shared/api.js";
import { button, element, pen } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { percent } from "../shared/numbers.js";
import { ramp } from "../shared/ramp.js";
import { colorsAt, isDark } from "../shared/theme.js";
import { Controls, PAINT } from "./controls.js";
import { Field, cleared, drawFeatures, drawPlane } from "./drawing.js";
import { Equations } from "./equations.js";
import { Film } from "./film.js";
import { Hands } from "./hands.js";
import { Player } from "./player.js";
import { Question } from "./question.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { LearnData, SwitchData } from "../shared/types.js" */
/** @import { Look, Theme } from "./drawing.js" */

/**
 * What is chosen; `labeled` null for the first labels, which the server draws.
 * @typedef {{kind: string, strategy: string, change: string, beside: string, seed: number, labeled: number[] | null}} Chosen
 */

const PATIENCE = 60_000; // ms, for what has to be learned first

export class Learn {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.disposed = false;
    this.api = new Api();
    /** @type {LearnData} */
    this.data = { token: "", api: "", kinds: [], strategies: [], strategy: "mcdal", switches: [] };
    /** @type {Chosen} */
    this.chosen = { kind: "moons", strategy: "mcdal", change: "", beside: "", seed: 0, labeled: null };
    /** @type {Film | null} */
    this.film = null;
    /** @type {Film | null} the same board learned in another way */
    this.other = null;
    this.turn = 0; // answers of an older one are dropped
    /** @type {Theme | null} */
    this.theme = null;
    /** @type {Look} */
    this.look = { shade: "prediction", labeled: new Set(), classes: false, pointed: -1, marks: new Map() };
    this.field = new Field();
    this.plane = element("canvas", { class: "plane", role: "img", tabindex: "0", "aria-label": "Points in a plane: the arrow keys go from point to point, Enter labels one" });
    this.planePen = pen(this.plane);
    this.second = element("canvas", { class: "second", role: "img", "aria-label": "Features" });
    this.secondPen = pen(this.second);
    this.secondTitle = element("span", { class: "title" });
    this.accuracy = element("output", { class: "accuracy" });
    this.otherAccuracy = element("output", { class: "accuracy" });
    this.why = element("p", { class: "why" });
    this.cover = element("div", { class: "cover", role: "status", hidden: true });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.root = element("div", { class: "learn" });
    this.player = new Player({ show: (step) => this.show(step) });
    this.equations = new Equations();
    this.question = new Question({ reveal: () => this.reveal(), label: (point) => this.label(point), changed: () => this.redraw() });
    this.controls = new Controls(this);
    this.hands = new Hands(this);
    this.build(parent);
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(this.plane);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    this.player.close();
    this.hands.close();
    this.resized.disconnect();
    this.root.remove();
  }

  /** @param {HTMLElement} parent */
  build(parent) {
    const { controls, hands, plane, second, player, equations, question } = this;
    this.root.append(
      controls.top,
      this.problem,
      element("div", { class: "views" },
        element("figure", {},
          element("figcaption", {}, element("span", { class: "title", text: "The plane" }), this.accuracy),
          element("div", { class: "canvas" }, plane, this.cover),
          controls.legend,
          controls.shades),
        element("figure", {},
          element("figcaption", {}, this.secondTitle, this.otherAccuracy, controls.beside),
          element("div", { class: "canvas" }, second),
          this.why)),
      element("div", { class: "tools" }, controls.tools, hands.brush.tools),
      player.root,
      element("div", { class: "panels" }, equations.root, question.root),
    );
    parent.append(this.root);
  }

  /** @param {Told<LearnData>} told */
  update({ data }) {
    const first = !this.data.kinds.length;
    this.data = data;
    this.api.connect(data.api, data.token);
    this.question.strategies = data.strategies;
    this.player.theme = this.theme = this.readTheme();
    if (first) this.choose({ strategy: data.strategy });
    else this.redraw();
  }

  /** @returns {Theme} */
  readTheme() {
    const theme = colorsAt(this.root, { ink: "--ink", paper: "--paper", accent: "--hot" });
    return { ...theme, ramp: ramp(isDark(theme.paper)) };
  }

  // ---- what is learned

  /** @param {Partial<Chosen>} changed */
  choose(changed) {
    const { kind, strategy, seed } = this.chosen;
    Object.assign(this.chosen, changed);
    if (this.chosen.kind !== kind || this.chosen.seed !== seed) this.chosen.labeled = null;
    if (this.chosen.strategy !== strategy) this.chosen.change = this.chosen.beside = "";
    if (!("beside" in changed)) this.question.clear();
    this.question.tell();
    this.controls.offer(this.data, this.chosen);
    if (this.chosen.kind === PAINT && !this.hands.brush.ready) return this.paintFirst();
    this.hands.brush.show(this.chosen.kind === PAINT);
    this.root.toggleAttribute("data-paints", this.chosen.kind === PAINT);
    this.open("beside" in changed && Object.keys(changed).length === 1);
  }

  /** The board as the server takes it. */
  board() {
    const { kind, seed, labeled } = this.chosen;
    return { ...(kind === PAINT ? this.hands.brush.told() : { kind, points_seed: 0 }), seed, labeled };
  }

  /** @param {string} strategy @param {string} change */
  asked(strategy, change) {
    const params = this.switchNamed(strategy, change)?.params ?? {};
    return { ...this.board(), strategy, params };
  }

  /** @param {string} strategy @param {string} change @returns {SwitchData | undefined} */
  switchNamed(strategy, change) {
    return this.data.switches.find((each) => each.strategy === strategy && each.name === change);
  }

  /** @param {boolean} besideOnly the film at hand stays */
  async open(besideOnly = false) {
    const turn = (this.turn += 1);
    const { strategy, change, beside } = this.chosen;
    const slow = setTimeout(() => this.coverWith("Learning …"), 250);
    this.problemText("");
    this.other = null;
    try {
      const film = besideOnly && this.film ? this.film : await this.learned(this.asked(strategy, change));
      const [what, name] = beside.split(" ");
      const other = beside ? await this.learned(what === "switch" ? this.asked(strategy, name) : this.asked(name, "")) : null;
      await Promise.all([film.need(0), other?.need(0)]);
      if (turn !== this.turn) return;
      const isNew = film !== this.film;
      this.film = film;
      this.other = other;
      const open = new Set(film.told.unlabeled);
      this.look.labeled = new Set(film.told.points.map((_, i) => i).filter((i) => !open.has(i)));
      this.look.pointed = -1;
      if (!film.told.planes.some(([plane]) => plane === `score ${this.look.shade}`)) this.look.shade = "prediction";
      this.equations.open(film.told);
      this.controls.offerShades(film);
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (isNew) this.player.open(film.told, !still);
      else this.player.show();
    } catch (error) {
      if (turn === this.turn) this.problemText(`${wordsOf(error)}.`, () => this.open());
    } finally {
      clearTimeout(slow);
      if (turn === this.turn) this.coverWith("");
    }
  }

  /** @param {object} asked @returns {Promise<Film>} */
  async learned(asked) {
    return new Film(this.api, await this.ask("films", asked));
  }

  /** @param {"films" | "questions"} what @param {object} asked */
  async ask(what, asked) {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) };
    const { body } = await this.api.request(this.api.url(["learn", what]), init, PATIENCE);
    return JSON.parse(new TextDecoder().decode(body));
  }

  async reveal() {
    const { asked } = await this.ask("questions", this.board());
    this.player.go(this.film?.told.steps ?? 0);
    return asked;
  }

  // ---- what is seen

  /** Draws a step; false where it is not here yet. @param {number} step */
  show(step) {
    const { film, other, theme } = this;
    if (!film || !theme) return false;
    const frame = film.at(step);
    const beside = other?.at(Math.min(step, other.told.steps));
    const asked = [film, ...(other ? [other] : [])].map((each) => each.need(Math.min(step, each.told.steps)));
    const here = frame && (!other || beside);
    Promise.all(asked).then(
      () => here || this.player.playing || (this.player.step === step && this.show(step)), // a player comes back by itself
      (error) => film === this.film && this.lost(error),
    );
    if (!here) return false;
    this.look.marks = this.question.marks();
    drawPlane(this.plane, this.planePen, this.field, film.told, frame, this.look, theme);
    if (other && beside) drawPlane(this.second, this.secondPen, this.field, other.told, beside, this.lookOf(other), theme);
    else drawFeatures(this.second, this.secondPen, film.told, frame, this.look, theme);
    this.tell(frame.accuracy, beside?.accuracy);
    this.equations.show(step);
    this.root.setAttribute("data-step", String(step));
    return true;
  }

  /** @param {Film} film @returns {Look} */
  lookOf(film) {
    const has = film.told.planes.some(([plane]) => plane === `score ${this.look.shade}`);
    return { ...this.look, shade: has ? this.look.shade : "prediction", marks: new Map() };
  }

  redraw() {
    if (this.chosen.kind === PAINT && !this.film) this.paintFirst();
    else if (this.film) this.show(this.player.step);
    this.player.drawChart();
  }

  /** @param {number} accuracy @param {number | undefined} beside */
  tell(accuracy, beside) {
    const { strategy, change, beside: chosen } = this.chosen;
    const right = (/** @type {number} */ share) => `${percent(share)} right`;
    this.accuracy.textContent = `${right(accuracy)} with ${this.look.labeled.size} labels`;
    this.otherAccuracy.textContent = beside === undefined ? "" : right(beside);
    const [what, name] = chosen.split(" ");
    const shown = chosen && what === "switch" ? this.switchNamed(strategy, name) : this.switchNamed(strategy, change);
    this.secondTitle.textContent = chosen ? "Beside it" : "Its features";
    this.why.textContent = shown ? `${shown.why} ${shown.measured}` : chosen ? "" : strategy === "mal" ? "Thick arrows: C’s prototypes, and where C moves them. Thin arrows: where F moves the points. Both are the same entropy’s gradient, with opposite signs." : "Two numbers a point, as the encoder sees it, and the heads’ borders there.";
  }

  /** @param {string} text */
  coverWith(text) {
    this.cover.hidden = !text;
    this.cover.textContent = text;
  }

  /** @param {string} text @param {() => void} [again] */
  problemText(text, again) {
    this.problem.hidden = !text;
    this.problem.replaceChildren(text, ...(again ? [" ", button({ text: "Try again", onclick: again })] : []));
  }

  /** Frames that do not come: the server forgot the film, or is away. @param {unknown} error */
  lost(error) {
    this.player.toggle(false);
    this.problemText(`${wordsOf(error)}.`, () => this.open());
  }

  /** @param {number} point */
  label(point) {
    this.choose({ labeled: [...this.look.labeled, point] });
  }

  // ---- painting

  /** Nothing is learned until there is something to learn. */
  paintFirst() {
    this.turn += 1;
    this.player.toggle(false);
    this.film = this.other = null;
    this.hands.brush.show(true);
    this.root.toggleAttribute("data-paints", true);
    this.coverWith("");
    cleared(this.second, this.secondPen); // what was learned of other points is over
    this.otherAccuracy.textContent = this.why.textContent = "";
    if (!this.theme) return;
    this.hands.brush.draw(this.planePen, cleared(this.plane, this.planePen), this.theme);
    this.accuracy.textContent = this.hands.brush.words;
  }

  painted() {
    this.chosen.labeled = null;
    this.film = null;
    if (this.hands.brush.ready && !this.hands.brush.down) this.choose({});
    else this.paintFirst();
  }
}

export default mounted(Learn);
