// The labeling part: one large image or a grid, keys, the panel that says why an image was asked.
// Shows the next image at once and hands events to the outbox; Streamlit hears of it once, when the query is used up. What it has in common
// with the mask editor is its `Desk` (desk.js).

import { button, element, targetOf } from "../shared/dom.js";
import { keyDrivesControl, keyIsOurs, keyName } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { UNANSWERED } from "./answers.js";
import { ClassButtons } from "./class_buttons.js";
import { Examples } from "./examples.js";
import { Desk, SMALL } from "./desk.js";
import { Grid, PAGE } from "./grid.js";
import { AHEAD, Near } from "./near.js";
import { labelOutbox } from "./outbox.js";
import { PictureStage, STATE_NAMES } from "./stage.js";
import { MARKS, fileName } from "./words.js";

/** @import { EventKind, ItemTold, LabelerData } from "../shared/types.js" */
/** @import { Told } from "../shared/mount.js" */
/** @import { Item } from "./answers.js" */
/** @import { DeskPart } from "./desk.js" */
/** @import { Who } from "./outbox.js" */
/** @typedef {Item & {full: string, picture?: HTMLImageElement}} LabelItem with the URL of its large picture, and that picture once it is asked for */
/** @typedef {{item: LabelItem, kind: EventKind, value?: string | null}} Act */

/** @type {[string, string][]} */
const HELP = [
  ["1 … 0, letters", "give the class that shows this key"],
  ["Enter", "accept the model's guess"],
  ["Z  or  Ctrl+Z", "undo"],
  ["S", "skip: ask nobody about this image"],
  ["F", "flag: something is wrong with it"],
  ["W", "why it was asked: formulas and numbers (unless a class has that key)"],
  ["← →", "earlier or later image; a class key there labels it anew"],
  ["+  −", "zoom in or out (wheel too, drag moves); in the grid: larger or smaller images"],
  ["Esc", "whole image again; clear the selection"],
  ["/", "find a class by typing, Enter gives it"],
];
/** @type {[string, string][]} */
const GRID_HELP = [
  ["click, Shift+click, Ctrl+click", "select one, a range, one more"],
  ["arrows, Space, Shift+arrows", "the same from the keyboard"],
  ["PageUp PageDown", "other pages"],
];

class Labeler {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    /** @type {"single" | "grid"} */
    this.mode = "single";
    /** @type {Desk<LabelItem>} */
    this.desk = new Desk(this, { ahead: AHEAD, linger: 3500, words: { answer: "label", back: "", unkept: "" } });
    this.queue = this.desk.queue;
    this.near = new Near(this.desk, () => this.mode);
    this.zoomLabel = button({ class: "tool level", title: "Reset zoom (Esc)", text: "100 %", onclick: () => this.resetZoom() });
    this.stage = new PictureStage(this.desk.exposure, this.zoomLabel);
    this.stage.node.addEventListener("dblclick", () => this.resetZoom());
    this.grid = new Grid(this.desk, this.zoomLabel);
    this.buttons = new ClassButtons(this.desk.classes, (name, event) => this.label(name, event));
    this.desk.reasons.opinions.give = (value, event) => this.label(value, event);
    this.desk.reasons.opinions.keyOf = (value) => this.buttons.keyOf(value);
    this.build(parent);
    this.examples = new Examples(this.desk.api, this.desk.pictures, this.desk.root);
    for (const box of [this.desk.classes.box, this.buttons.again]) this.examples.listen(box);
    this.desk.listen([[window, "keydown", (event) => this.key(event)]], [this.desk.root]);
  }

  get disposed() {
    return this.desk.disposed;
  }

  dispose() {
    this.examples.close();
    this.desk.dispose();
  }

  /** @param {HTMLElement} parent */
  build(parent) {
    const { reasons, strip, classes } = this.desk;
    const tool = (/** @type {string} */ name, /** @type {string} */ key, /** @type {(event: Event) => unknown} */ act) => button({ class: "tool", "data-tool": name, title: `${name} (${key})`, onclick: act }, element("span", { text: name }), element("kbd", { text: key }));
    const tools = element(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Labeling tools" },
      tool("Undo", "Z", (event) => this.undo(event)),
      tool("Skip", "S", (event) => this.mark("skip", event)),
      tool("Flag", "F", (event) => this.mark("flag", event)),
      element("span", { class: "gap" }),
      button({ class: "tool icon", "aria-label": "Zoom out", title: "Zoom out (−)", text: "−", onclick: () => this.zoomBy(-1) }),
      this.zoomLabel,
      button({ class: "tool icon", "aria-label": "Zoom in", title: "Zoom in (+)", text: "+", onclick: () => this.zoomBy(1) }),
      button({ class: "tool icon", "aria-label": "Keys", title: "All keys (?)", text: "?", onclick: () => this.desk.help.toggle() }),
    );
    const view = element("section", { class: "view" }, this.stage.node, this.stage.caption, strip.node, this.grid.cells, this.grid.pager);
    const panel = element("aside", { class: "panel" }, reasons.why, classes.node, reasons.model, reasons.numbers);
    this.desk.build(parent, { name: "Label images", tools, columns: [view, panel, reasons.sheet], pictures: [this.stage.node] });
  }

  /** @param {Told<LabelerData>} told */
  update(told) {
    const { mode } = told.data;
    if (this.desk.data && this.mode !== mode) {
      this.desk.strip.room = null;
      this.grid.enter();
    }
    this.mode = mode;
    this.examples.of(told.data.project);
    this.desk.update(told);
  }

  // ---- what the desk asks

  /** @param {Who} who */
  outboxOf(who) {
    return labelOutbox(who);
  }

  /**
   * @param {ItemTold} told
   * @returns {LabelItem}
   */
  itemOf(told) {
    const { api } = this.desk;
    const side = Math.max(told.width || 0, told.height || 0);
    const urls = { small: api.url(told.image, { size: SMALL }), full: api.url(told.image, { size: side > SMALL ? 1280 : SMALL }) };
    return { ...told, ...urls, ...UNANSWERED };
  }

  leaving() {}

  opening() {
    this.grid.forget();
  }

  prefetch() {
    this.near.load();
  }

  /** @param {number[]} places */
  choose(places) {
    return this.mode === "grid" ? this.grid.choose(places) : undefined;
  }

  advanced() {
    this.grid.turnPage();
  }

  /** What was shown stays, and the five images after it, which are decoded already; of a grid whole pages stay. */
  settled() {
    const { items, cursor } = this.queue;
    if (this.mode === "single") return Math.max(cursor + 5, items.findLastIndex(({ picture }) => picture));
    const shown = Math.max(cursor, items.findLastIndex(({ shownAt }) => shownAt !== undefined));
    return (Math.floor(shown / PAGE) + 1) * PAGE - 1;
  }

  moving() {
    this.stage.resetZoom();
    this.grid.turnPage();
  }

  staging() {
    return this.mode === "grid" ? this.grid.shown : this.queue.current;
  }

  inPanel() {
    return (this.mode === "grid" && this.grid.hovered) || this.queue.current;
  }

  /** @param {LabelItem} item */
  tileWords(item) {
    const { state, label, draft } = item;
    const said = state === "open" ? "not labeled" : state === "label" ? `labeled ${label}` : STATE_NAMES[state];
    return {
      badge: state === "open" ? (item.problem ? "!" : "") : state === "label" ? (label ?? "") : MARKS[state],
      name: `${fileName(item)}, ${said}${draft ? `, the model says ${draft}` : ""}`,
    };
  }

  /**
   * @param {LabelItem} item
   * @param {MouseEvent} event
   */
  clickTile(item, event) {
    if (this.mode === "grid") this.grid.pick(item, event);
    else this.go(this.queue.items.indexOf(item) - this.queue.cursor, event);
  }

  /** @param {LabelItem | null} item */
  hoverTile(item) {
    if (this.mode === "grid") this.grid.hover(item);
  }

  /** @type {DeskPart<LabelItem>["setClasses"]} */
  setClasses(classes, _, looks) {
    this.buttons.set(classes, looks);
  }

  /**
   * @param {HTMLElement} row
   * @param {Event} event
   */
  give(row, event) {
    this.label(row.dataset.value ?? "", event);
  }

  get help() {
    return this.mode === "grid" ? [...HELP, ...GRID_HELP] : HELP;
  }

  /** @param {Event} [event] */
  renderWork(event) {
    if (this.mode === "grid") return this.grid.render(event);
    const item = this.queue.current;
    if (!item) return;
    const picture = this.near.big(item);
    const { root } = this.desk;
    root.dataset.loading = item.seen ? "0" : "1";
    root.dataset.item = String(item.id);
    this.stage.beside = this.desk.others.lookingAt(item);
    this.stage.render(item, picture, this.queue.answers, event);
    this.desk.strip.render();
  }

  /** @param {LabelItem} item */
  renderPanel(item) {
    this.buttons.mark(item, this.mode === "single");
  }

  renderBar() {}

  rendered() {}

  resized() {}

  reopened() {}

  // ---- what a person does

  targets() {
    if (this.mode === "grid") return this.grid.targets();
    return this.queue.current ? [this.queue.current] : [];
  }

  /**
   * @param {string} value
   * @param {Event} event
   */
  label(value, event) {
    this.act(this.targets().map((item) => ({ item, kind: "label", value })), event);
  }

  /**
   * @param {"skip" | "flag"} kind
   * @param {Event} event
   */
  mark(kind, event) {
    this.act(this.targets().map((item) => ({ item, kind })), event);
  }

  /** @param {Event} event */
  acceptDraft(event) {
    const drafted = this.targets().filter((item) => item.draft !== null && item.draft !== undefined);
    if (!drafted.length) this.desk.say("There is no draft to accept here: the model has not seen these images yet.");
    else this.act(drafted.map((item) => ({ item, kind: "label", value: item.draft })), event);
  }

  /**
   * @param {Act[]} steps
   * @param {Event} event
   */
  act(steps, event) {
    const { queue, desk } = this;
    const ready = steps.filter(({ item }) => item.seen); // nobody labels what is not on the screen yet
    if (!ready.length || !desk.mayAnswer(event) || !queue.outbox) return;
    const now = performance.now();
    const { outbox, answers } = queue;
    const done = ready.map(({ item, kind, value = null }) => {
      const ms = Math.round(Math.min(Math.max(now - (item.shownAt ?? now), 0), 3_600_000));
      const seq = outbox.push({ ...answers.sent(item, kind, value), ms, round: queue.asked }, event.timeStamp);
      const step = answers.answered(item, kind, value, seq);
      item.shownAt = now;
      desk.tiles.fill(item);
      return step;
    });
    answers.history.push(done);
    queue.touched = true;
    desk.notice.message = null;
    const [only] = ready;
    if (ready.length === 1 && only.kind === "label" && only.value) this.buttons.flash(only.value);
    this.grid.selected.clear();
    queue.cursor = queue.items.indexOf(ready[ready.length - 1].item);
    queue.advance(1);
    queue.moved(event);
  }

  /** @param {Event} event */
  undo(event) {
    const { queue, desk } = this;
    const steps = queue.answers.lastSteps();
    if (!steps) return desk.say("You have nothing to undo in this query.");
    for (const { item, event: said } of steps.reverse()) {
      queue.answers.unsay(item, said);
      queue.outbox?.push({ ...queue.answers.sentBack(item, said), ms: null, round: queue.asked }, event.timeStamp);
      desk.tiles.fill(item);
    }
    desk.notice.message = null;
    queue.isFinished = false;
    queue.cursor = queue.items.indexOf(steps[steps.length - 1].item);
    queue.moved(event);
  }

  /**
   * @param {number} step
   * @param {Event} [event]
   */
  go(step, event) {
    this.grid.hovered = null;
    this.queue.go(step, event);
  }

  /** @param {number} step */
  zoomBy(step) {
    if (this.mode === "grid") this.grid.zoomBy(step);
    else this.stage.zoomBy(step);
  }

  resetZoom() {
    if (this.mode === "grid") this.grid.tileSize = null;
    this.stage.resetZoom();
    this.desk.render();
  }

  // ---- keys

  /** @param {KeyboardEvent} event */
  key(event) {
    const { root, classes } = this.desk;
    if (!keyIsOurs(event, root)) return;
    if (targetOf(event) === classes.find) return classes.key(event);
    const key = keyName(event);
    const isUndo = key === "z" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if ((event.ctrlKey || event.metaKey || event.altKey) && !isUndo) return;
    if (!isUndo && keyDrivesControl(event, root)) return;
    const known = this.handle(key, event);
    if (!known && !/^[a-z0-9]$/.test(key)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit's own shortcuts (C, R) must not fire while labels are given
  }

  /**
   * Acts on a key; true when it means something here.
   * @param {string} key
   * @param {KeyboardEvent} event
   */
  handle(key, event) {
    const { grid } = this;
    const inGrid = this.mode === "grid";
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: -1, ArrowRight: 1, ...(inGrid ? { ArrowUp: -grid.columns(), ArrowDown: grid.columns() } : {}) };
    if (key in moves) {
      if (inGrid && event.shiftKey) grid.extend(moves[key]);
      this.go(moves[key], event);
      return true;
    }
    /** @type {Record<string, number>} */
    const zooms = { "+": 1, "=": 1, "-": -1 };
    if (key in zooms) {
      this.zoomBy(zooms[key]);
      return true;
    }
    const value = this.buttons.classByKey.get(key);
    const { find } = this.desk.classes;
    /** @type {Record<string, () => void>} */
    const actions = {
      z: () => this.undo(event),
      s: () => this.mark("skip", event),
      f: () => this.mark("flag", event),
      Enter: () => this.acceptDraft(event),
      w: () => this.desk.reasons.toggle(),
      "?": () => this.desk.help.toggle(),
      "/": () => find.hidden || find.focus(),
      Escape: () => this.escape(),
      ...(inGrid ? { " ": () => grid.toggle(this.queue.current), PageDown: () => grid.showPage(grid.page + 1), PageUp: () => grid.showPage(grid.page - 1) } : {}),
    };
    if (value === undefined && !Object.hasOwn(actions, key)) return false;
    if (event.repeat) return true; // a held key is one key press
    if (value !== undefined && !event.ctrlKey && !event.metaKey) this.label(value, event);
    else actions[key]?.();
    return true;
  }

  escape() {
    if (this.desk.help.isOpen) return this.desk.help.toggle(false);
    this.grid.selected.clear();
    this.stage.resetZoom();
    this.desk.render();
  }
}

export default mounted(Labeler);
