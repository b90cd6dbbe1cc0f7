// The map of the pool: points from the columns of a round, colored by one of them; hover and lasso tell what is behind them.

import { Api, problemOf, wordsOf } from "../shared/api.js";
import { button, element, press, rootOf } from "../shared/dom.js";
import { keyDrivesControl, keysBelongElsewhere } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { short, whole } from "../shared/numbers.js";
import { Pictures } from "../shared/pictures.js";
import { ramp } from "../shared/ramp.js";
import { colorsAt, isDark } from "../shared/theme.js";
import { sleep } from "../shared/wait.js";
import { Board } from "./board.js";
import { paint } from "./colors.js";
import { insidePolygon } from "./geometry.js";
import { legendOf } from "./legend.js";
import { Pointer } from "./pointer.js";
import { Columns, Pool, titleOf } from "./pool.js";
import { Selection } from "./selection.js";
import { Tip } from "./tip.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ItemTold, MapData } from "../shared/types.js" */
/** @import { Theme } from "./colors.js" */
/** @import { Place, Values } from "./geometry.js" */

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
    /** @type {(name: string, value: unknown) => void} tells Python */
    this.tell = () => {};
    /** @type {(name: string, value: unknown) => void} tells Python once */
    this.trigger = () => {};
    /** @type {(() => void) | undefined} ends a pause */
    this.retryNow = undefined;
    this.legend = element("div", { class: "legend", role: "group", "aria-label": "Legend", tabindex: "0" }); // what may scroll can be reached by keyboard
    this.cover = element("div", { class: "cover", role: "status" });
    this.plot = element("div", { class: "plot" });
    this.root = element("div", { class: "map" });
    this.board = new Board(this.plot, this.root, () => this.recolor(false));
    this.selection = new Selection(this);
    this.tip = new Tip(this);
    this.pointer = new Pointer(this.plot, this.board, { ready: () => this.ready, hover: (at) => this.hover(at), choose: (members) => this.choose(members) });
    this.build(parent);
    this.resized = new ResizeObserver(() => this.board.resize());
    this.resized.observe(this.plot);
    this.onkey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    window.addEventListener("keydown", this.onkey, true);
  }

  dispose() {
    this.disposed = true;
    this.turn += 1;
    window.removeEventListener("keydown", this.onkey, true);
    this.resized.disconnect();
    this.pictures.close();
    this.board.close();
    this.root.remove();
  }

  /** @param {HTMLElement} parent */
  build(parent) {
    // a name begins with what stands on the button, for those who speak it; signs are read as what they do
    const name = (/** @type {string} */ text, /** @type {string} */ title) => (/^\w/.test(text) ? `${text}: ${title[0].toLowerCase()}${title.slice(1)}` : title);
    const tool = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ act) => button({ class: "tool", title, "aria-label": name(text, title), onclick: act }, element("span", { text }));
    this.panButton = tool("Pan", "Drag moves the map", () => this.setTool("pan"));
    this.lassoButton = tool("Lasso", "Drag around points to select them (L, or Shift and drag)", () => this.setTool("lasso"));
    this.lassoButton.dataset.key = "L"; // drawn by the style sheet: text would be a part of the button's name
    const { board } = this;
    const tools = element(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Map tools" },
      element("span", { class: "pair" }, this.panButton, this.lassoButton),
      tool("Select view", "Select every point in view (V)", () => this.selectView()),
      element("span", { class: "pair" }, tool("−", "Zoom out (−)", () => board.zoom(1 / 1.5)), tool("+", "Zoom in (+)", () => board.zoom(1.5)), tool("Fit", "Show all points (double click)", () => board.fit())),
    );
    this.plot.append(board.canvas, board.overlay, this.legend, tools, this.tip.node, this.cover);
    this.root.append(element("div", { class: "board" }, this.plot, this.selection.node));
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
    const theme = this.readTheme();
    const newTheme = JSON.stringify(theme) !== JSON.stringify(this.theme);
    this.theme = this.board.theme = theme;
    if (before.project !== data.project || before.round !== data.round) this.open();
    else if (before.color !== data.color) this.recolor(true).then(() => this.selection.chosen && this.selection.report());
    else if (before.order !== data.order) this.selection.reorder();
    else if (newTheme && this.values) this.recolor(false);
    if (before !== NOTHING && before.token !== data.token) this.retryNow?.();
  }

  /** @returns {Theme} */
  readTheme() {
    const theme = colorsAt(this.root, { paper: "--ground", ink: "--ink", accent: "--accent", gray: "--faint" });
    return { ...theme, ramp: ramp(isDark(theme.paper)) };
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

  async open() {
    this.turn += 1;
    this.pool = this.values = this.selection.chosen = null;
    this.board.clear();
    this.tip.about.clear();
    this.say("Loading the map…", true);
    this.selection.render();
    const { project, round } = this.data;
    const columns = new Columns(this.api, project, round);
    const listing = await this.trying(() => columns.list());
    if (!listing) return;
    if (!listing.count) return this.say("This round has no images to show.");
    const names = ["id", "x", "y", "selected", this.data.color];
    const parts = await this.trying(() => Promise.all(names.map((name) => columns.get(name))));
    if (!parts) return;
    this.pool = new Pool(columns, listing, parts);
    this.board.setPool(this.pool, this.data.renderer);
    await this.recolor(false);
  }

  /** @param {boolean} smoothly */
  async recolor(smoothly) {
    const { pool } = this;
    if (!pool) return;
    const name = this.data.color;
    const values = await this.trying(() => pool.columns.get(name));
    if (!values || name !== this.data.color || !this.theme) return;
    this.say("");
    this.values = values;
    const column = pool.describe(name);
    this.board.setColors(paint(values, column, this.theme, this.selection.chosen), smoothly);
    this.legend.replaceChildren(...legendOf(column, values, pool.ringed.length, pool.classes(this.data.classes), this.theme));
    this.selection.render();
    this.board.draw();
    this.board.canvas.setAttribute("aria-label", `Map of ${whole(pool.ids.length)} images colored by ${titleOf(column).toLowerCase()}; ${whole(pool.ringed.length)} queried images are ringed. Arrow keys move, plus and minus zoom, V selects what is in view.`);
  }

  // ---- what selection and tip ask

  /** @param {number} i */
  valueText(i) {
    const { pool, values } = this;
    if (!pool || !values) return "";
    const { kind } = pool.describe(this.data.color);
    if (kind === "number") return short(values[i]);
    if (kind === "flag") return values[i] ? "yes" : "no";
    return values[i] < 0 ? "unlabeled" : (pool.classes(this.data.classes)[values[i]] ?? String(values[i]));
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
    this.tell("selection", value);
  }

  /** Shows these images on the page of all images. @param {number[]} ids */
  async openAll(ids) {
    const { project } = this.data;
    try {
      const { among } = await this.api.post(this.api.url(["projects", project, "selections"]), { ids });
      this.trigger("opened", among);
    } catch (error) {
      this.selection.tell(`${wordsOf(error)}.`);
    }
  }

  // ---- what a person does

  /** @param {Place | null} at */
  hover(at) {
    this.tip.hover(at);
  }

  /** @param {number[]} members */
  choose(members) {
    const { selection } = this;
    if (!members.length && !selection.chosen) return;
    selection.chosen = members.length ? new Set(members) : null;
    this.recolor(true);
    selection.report();
  }

  selectView() {
    const { pool, values } = this;
    if (pool && values) this.choose(insidePolygon(pool.x, pool.y, this.board.corners()));
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
    if (this.panButton) press(this.panButton, name === "pan");
    if (this.lassoButton) press(this.lassoButton, name === "lasso");
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.values || event.ctrlKey || event.metaKey || event.altKey || keysBelongElsewhere(event, this.root)) return;
    const { board, root } = this;
    const focused = rootOf(root).activeElement;
    const mine = root.matches(":hover") || root.contains(focused);
    if (!mine || keyDrivesControl(event, root)) return;
    if (event.key === "Tab" || event.key.startsWith("Arrow")) delete this.plot.dataset.pointed;
    const move = (/** @type {number} */ x, /** @type {number} */ y) => () => board.move(x / 8, y / 8);
    /** @type {Record<string, () => void>} */
    const actions = {
      l: () => this.setTool(this.pointer.tool === "lasso" ? "pan" : "lasso"),
      v: () => this.selectView(),
      "+": () => board.zoom(1.5),
      "=": () => board.zoom(1.5),
      "-": () => board.zoom(1 / 1.5),
      Escape: () => this.choose([]),
      ...(focused === board.canvas ? { ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, 1), ArrowDown: move(0, -1) } : {}),
    };
    const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }
}

export default mounted(EmbeddingMap);
