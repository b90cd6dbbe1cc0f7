// The map of the pool: points from the columns of a round, colored by one of them; hover and lasso tell what is behind them.

import { Api, problemOf } from "../shared/api.js";
import { element, rootOf } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { dayOf, short, whole } from "../shared/numbers.js";
import { Pictures } from "../shared/pictures.js";
import { sleep } from "../shared/wait.js";
import { Board } from "./board.js";
import { paint, paletteOf, placing, themeAt } from "./colors.js";
import { Controls } from "./controls.js";
import { insidePolygon } from "./geometry.js";
import { Kept } from "./kept.js";
import { keyed } from "./keyboard.js";
import { Layers } from "./layers.js";
import { legendOf, wordOfNone } from "./legend.js";
import { Pointer } from "./pointer.js";
import { carried, Columns, Pool, titleOf, where } from "./pool.js";
import { Selection } from "./selection.js";
import { Timeline } from "./timeline.js";
import { Tip } from "./tip.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ItemTold, MapData } from "../shared/types.js" */
/** @import { Theme } from "./colors.js" */
/** @import { Place, Values } from "./geometry.js" */
/** @import { Classes } from "./layers.js" */

/** @type {MapData} what stands here until the first update */
const NOTHING = { project: "", token: "", round: -1, color: "", order: "most", classes: [], api: "", height: 0, renderer: "auto" };

class EmbeddingMap {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.api = new Api();
    this.pictures = new Pictures(this.api);
    this.disposed = false;
    this.turn = 0; // grows with each change of project or round; answers of an older turn are dropped
    this.data = NOTHING;
    /** @type {Theme | null} */
    this.theme = null;
    /** @type {Pool | null} */
    this.pool = null;
    /** @type {Values | null} of the column that is shown */
    this.values = null;
    /** @type {Classes} of the round that is shown */
    this.classes = { label: null, prediction: null, labeled: null };
    /** @type {Uint8Array<ArrayBuffer> | null} the colors that the points of a new round had before */
    this.colors = null;
    /** @type {Set<number | string> | null} the entries of the legend that are pressed: only their points are shown */
    this.only = null;
    this.round = -1; // that is shown, or on its way; the page hears of it a little later
    /** @type {Set<number>} rounds that the page was told and has not come back with yet */
    this.told = new Set();
    /** @type {(name: string, value: unknown) => void} tells Python */
    this.tell = () => {};
    /** @type {(name: string, value: unknown) => void} tells Python once */
    this.trigger = () => {};
    /** @type {(() => void) | undefined} ends a pause */
    this.retryNow = undefined;
    this.legend = element("div", { class: "legend", role: "group", "aria-label": "Legend" });
    this.cover = element("div", { class: "cover", role: "status" });
    this.plot = element("div", { class: "plot" });
    this.root = element("div", { class: "map" });
    this.board = new Board(this.plot, this.root, { lost: () => this.recolor(false), drawn: () => this.layers.draw(this.round) });
    this.layers = new Layers(this.api, this.board);
    this.timeline = new Timeline({ go: (number) => this.go(number), settled: (number) => this.settled(number) });
    this.controls = new Controls({
      board: this.board,
      setTool: (name) => this.setTool(name),
      selectView: () => this.selectView(),
      shown: [
        { name: "Names", title: "Names of classes where their points lie close together", what: this.layers.centers },
        { name: "Pictures", title: "Pictures on the points, when few are in view", what: this.layers.faces },
        { name: "Trails", title: "Where the selected points came from, else those that are asked for", what: this.layers.trails },
      ],
      changed: () => this.follow(),
    });
    this.selection = new Selection(this);
    this.kept = new Kept(this);
    this.tip = new Tip(this);
    this.pointer = new Pointer(this.plot, this.board, { ready: () => this.ready, hover: (at) => this.hover(at), choose: (members) => this.choose(members) });
    this.build(parent);
    this.resized = new ResizeObserver(() => this.board.resize());
    this.resized.observe(this.plot);
    this.onkey = keyed(this);
    window.addEventListener("keydown", this.onkey, true);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    window.removeEventListener("keydown", this.onkey, true);
    this.resized.disconnect();
    this.pictures.close();
    this.layers.close();
    this.timeline.close();
    this.board.close();
    this.root.remove();
  }

  /** @param {HTMLElement} parent */
  build(parent) {
    const { board, layers, controls } = this;
    this.plot.append(board.canvas, board.ground, board.overlay, ...layers.nodes, controls.tools, this.tip.node, this.cover);
    const below = element("div", { class: "below" }, this.timeline.node, controls.stays, controls.shown);
    this.root.append(element("div", { class: "board" }, element("div", { class: "stage" }, this.plot, this.legend, below), this.selection.node));
    parent.append(this.root);
    this.setTool("pan");
  }

  /** True when points and colors are there. */
  get ready() {
    return this.values !== null;
  }

  // ---- data

  /** @param {Told<MapData>} told */
  update({ data, setStateValue, setTriggerValue, carry }) {
    this.tell = setStateValue;
    this.trigger = setTriggerValue;
    const before = this.data;
    this.data = data;
    this.api.connect(data.api, data.token, carry);
    this.root.style.setProperty("--height", `${data.height}px`);
    const theme = themeAt(this.root);
    const newTheme = JSON.stringify(theme) !== JSON.stringify(this.theme);
    this.theme = this.board.theme = theme;
    const mine = this.told.delete(data.round); // the page comes back with what the slider told it, maybe when that has moved on
    if (before.color !== data.color) this.only = null;
    if (before.project !== data.project) this.open(data.round);
    else if (before.round !== data.round && !mine && data.round !== this.round) this.go(data.round);
    else if (before.color !== data.color) this.recolor(true).then(() => this.selection.chosen && this.selection.report());
    else if (before.order !== data.order) this.selection.reorder();
    else if (newTheme && this.values) this.recolor(false);
    if (this.values) this.kept.take();
    this.timeline.set(data.rounds ?? [], this.round);
    this.controls.setMoves(data.moves ?? false, data.rounds?.length ?? 0);
    if (before !== NOTHING && before.token !== data.token) this.retryNow?.();
  }

  /**
   * Asks until there is an answer; null when it is not wanted any more.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T | null>}
   */
  async trying(work) {
    const turn = this.turn;
    for (let wait = 500; ; wait = Math.min(2 * wait, 5000)) {
      try {
        const result = await work();
        return turn === this.turn ? result : null;
      } catch (error) {
        if (turn !== this.turn) return null;
        const { status, message } = problemOf(error);
        /** @type {Record<number, string>} */
        const lost = { 401: "Session expired: reload the page.", 404: `There is no map yet: ${message}.` };
        this.say(lost[status] || `The map cannot be loaded (${message}). Trying again.`);
        await Promise.race([sleep(wait), /** @type {Promise<void>} */ (new Promise((resolve) => (this.retryNow = resolve)))]);
      }
    }
  }

  /** Another project: nothing of what is shown stays. @param {number} round */
  async open(round) {
    this.pool = this.values = this.only = null;
    this.selection.set([]);
    this.told.clear();
    this.board.clear();
    this.tip.about.clear();
    this.layers.open(this.data.project);
    this.say("Loading the map…", true);
    this.selection.render();
    await this.go(round);
  }

  /**
   * Shows a round: at once what there is is on the way to it.
   * @param {number} round
   * @returns {Promise<boolean>} false where something else is wanted by now
   */
  async go(round) {
    this.turn += 1;
    this.round = round;
    const { project, color } = this.data;
    const columns = new Columns(this.api, project, round);
    const names = ["id", "x", "y", "selected"];
    for (const name of names) columns.get(name).catch(() => {}); // at the same time as the listing, which says what else there is
    const listing = await this.trying(() => columns.list());
    if (!listing) return false;
    if (!listing.count) {
      this.say("This round has no images to show.");
      return true;
    }
    const parts = await this.trying(() => Promise.all(names.map((name) => columns.get(name))));
    const pool = parts && new Pool(columns, listing, parts);
    if (!pool || !(await this.trying(() => pool.values(color)))) return false;
    this.enter(pool);
    await this.recolor(true);
    if (this.selection.chosen) this.selection.report();
    this.kept.take();
    return this.round === round;
  }

  /** Puts the points of another round in the place of those that are shown. @param {Pool} pool */
  enter(pool) {
    const { pool: old, board, selection } = this;
    const chosen = selection.chosen && old ? selection.chosen.map((i) => old.ids[i]) : [];
    const from = old && board.painted ? pool.placesIn(old) : null;
    const painted = board.painted?.colors;
    this.pool = pool;
    this.values = null;
    this.classes = { label: null, prediction: null, labeled: null };
    this.tip.hover(null);
    selection.set(Array.from(pool.places(chosen).filter((i) => i >= 0)).sort((a, b) => a - b));
    board.trails = [];
    board.setPool(pool, this.data.renderer, from && old && pool.movedFrom(old, from));
    this.colors = from && painted ? carried(painted, from) : null;
    this.loadClasses(pool);
  }

  /** What everybody is asked for: who is labeled, and the classes whose names stand on the map. @param {Pool} pool */
  async loadClasses(pool) {
    const names = /** @type {const} */ (["label", "prediction"]);
    const [label, prediction] = (await this.trying(() => Promise.all(names.map((name) => (pool.has(name) ? pool.columns.get(name) : null))))) ?? [];
    if (pool !== this.pool || label === undefined) return;
    this.classes = { label, prediction: prediction ?? null, labeled: label && where(label) };
    if (this.values) await this.recolor(false);
  }

  /** @param {boolean} smoothly */
  async recolor(smoothly) {
    const { pool } = this;
    if (!pool) return;
    const name = this.data.color;
    const values = await this.trying(() => pool.values(name));
    if (!values || name !== this.data.color || pool !== this.pool || !this.theme) return;
    this.say("");
    this.values = values;
    const column = pool.describe(name);
    this.repaint(pool, values, { smoothly, anew: true });
    const names = pool.names(column, this.data.classes);
    this.legend.replaceChildren(...legendOf({ column, values, ringed: pool.ringed.length, names, theme: this.theme, only: this.only, press: (key) => this.filter(key), all: () => this.filter(null) }));
    this.layers.name(pool, column, values, this.classes, pool.classes(this.data.classes));
    this.follow();
    this.selection.render();
    this.board.canvas.setAttribute("aria-label", `Map of ${whole(pool.ids.length)} images colored by ${titleOf(column).toLowerCase()}; ${whole(pool.ringed.length)} queried images are ringed. Arrow keys move, plus and minus zoom, V selects what is in view.`);
  }

  /**
   * @param {Pool} pool
   * @param {Values} values
   * @param {{smoothly: boolean, anew: boolean}} how not anew: the same points by the same values, of which others are selected
   */
  repaint(pool, values, { smoothly, anew }) {
    const { theme, board } = this;
    if (!theme) return;
    const column = pool.describe(this.data.color);
    const palette = paletteOf(column, theme);
    const { mask } = this.selection;
    const painted = paint(values, column, theme, { chosen: mask, labeled: this.classes.labeled, only: this.only, queried: pool.queried });
    const before = smoothly ? (this.colors ?? board.painted?.colors ?? null) : null;
    this.colors = null;
    board.setColors(painted, anew ? { values, column, palette, place: placing(column, palette.length), gray: theme.gray, box: pool.box } : null, { before, aside: mask !== null });
    board.draw();
  }

  /** Shows only the points of an entry of the legend, or no longer only them; all with null. @param {number | string | null} key */
  filter(key) {
    const only = new Set(key === null ? [] : this.only);
    if (key !== null && !only.delete(key)) only.add(key);
    this.only = only.size ? only : null;
    const focused = rootOf(this.root).activeElement;
    const had = focused instanceof HTMLElement && this.legend.contains(focused) ? focused.dataset.key : null;
    this.recolor(false).then(() => {
      /** @type {HTMLElement | null} */
      const again = had === null ? null : this.legend.querySelector(`[data-key="${had}"]`);
      again?.focus();
    });
  }

  /** Trails of what is looked at now. */
  follow() {
    this.layers.follow(this.data, this.selection.chosen);
    this.board.draw();
  }

  /** Tells the page which round is looked at. @param {number} number */
  settled(number) {
    if (number === this.data.round || number !== this.round) return;
    this.told.add(number);
    this.trigger("round", number);
  }

  // ---- what selection and tip ask

  /** @param {number} i */
  valueText(i) {
    const { pool, values } = this;
    if (!pool || !values) return "";
    const { kind, unit } = pool.describe(this.data.color);
    if (kind === "number") return unit === "date" ? dayOf(values[i]).slice(0, 10) : short(values[i]);
    if (kind === "flag") return values[i] ? "yes" : "no";
    const column = pool.describe(this.data.color);
    return values[i] >= 0 ? (pool.names(column, this.data.classes)[values[i]] ?? String(values[i])) : wordOfNone(column);
  }

  /**
   * @param {number} id
   * @param {boolean} [urgent]
   */
  picture(id, urgent = false) {
    return this.pictures.load(this.api.url(["projects", this.data.project, "items", id, "image"], { size: 96 }), urgent);
  }

  /**
   * @param {number} id
   * @returns {Promise<ItemTold>}
   */
  item(id) {
    return this.api.json(this.api.url(["projects", this.data.project, "items", id]));
  }

  /** @param {number} i */
  point(i) {
    this.board.hovered = i;
    this.board.draw();
  }

  /** @param {{ids: number[], count: number}} value */
  report(value) {
    this.tell("selection", { ...value, left: this.kept.left });
  }

  // ---- what a person does

  /** @param {Place | null} at */
  hover(at) {
    this.tip.hover(at);
  }

  /**
   * @param {number[]} members
   * @param {string} [among] the kept selection that they are
   */
  choose(members, among = "") {
    const { selection } = this;
    this.kept.left = among ? "" : this.kept.taken;
    selection.note = "";
    if (!members.length && !selection.chosen && !among) return;
    selection.set(members);
    selection.render().then(() => selection.report()); // how many there are is said before the points are painted
    requestAnimationFrame(() => {
      if (this.pool && this.values) this.repaint(this.pool, this.values, { smoothly: true, anew: false });
      this.follow();
    });
  }

  selectView() {
    const { pool, values } = this;
    if (pool && values) this.choose(insidePolygon(pool.x, pool.y, this.board.corners(), this.board.shown));
  }

  /**
   * @param {string} text
   * @param {boolean} [busy]
   */
  say(text, busy = false) {
    this.cover.hidden = !text;
    this.cover.replaceChildren(...(busy ? [element("div", { class: "spinner" })] : []), element("span", { text }));
  }

  /** @param {"pan" | "lasso"} name */
  setTool(name) {
    this.pointer.tool = name;
    this.plot.dataset.tool = name;
    this.controls.setTool(name);
  }
}

export default mounted(EmbeddingMap);
