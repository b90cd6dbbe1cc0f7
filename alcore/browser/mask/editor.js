// The mask editor: one large image with its mask, tools to paint it with, and the reasons it was asked for. Strokes are kept in the browser as
// they are made, a save goes to the outbox and the next picture shows at once; Streamlit hears of it once, when the query is used up. Here its
// parts are put together, and what concerns several of them is done; what it has in common with the labeler is its `Desk`.

import { element } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { short } from "../shared/numbers.js";
import { Desk } from "../label/desk.js";
import { MARKS, fileName, thinBar } from "../label/words.js";
import { ActionBar } from "./actions.js";
import { Answering } from "./answering.js";
import { MaskCanvas } from "./canvas.js";
import { Controls } from "./controls.js";
import { Caption, STATE_NAMES } from "./caption.js";
import { Clicks } from "./clicks.js";
import { MaskClasses } from "./classes.js";
import { MaskEasel } from "./easel.js";
import { HELP } from "./help.js";
import { isUnsaved, maskItemOf } from "./item.js";
import { MaskLoader } from "./loader.js";
import { Looks } from "./looks.js";
import { unpacked } from "./packing.js";
import { MaskPointer } from "./pointer.js";
import { VOID } from "./raster.js";
import { storedSettings } from "./settings.js";
import { MaskStage } from "./stage.js";
import { StrokeBox, maskOutbox } from "./store.js";
import { Strokes } from "./strokes.js";
import { Toolbar } from "./toolbar.js";
import { toolsOf } from "./tools.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ItemTold, MaskEditorData, Rgb } from "../shared/types.js" */
/** @import { Waiting, Who } from "../label/outbox.js" */
/** @import { MaskItem } from "./item.js" */

const AHEAD = 24; // open items below which more are fetched; twice as many are asked for

class MaskEditor {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    /** @type {"single"} */
    this.mode = "single";
    this.help = HELP;
    this.units = "frames"; // what is asked for: whole images or parts of them
    this.settings = storedSettings();
    this.strokes = new Strokes((items) => (this.desk.root.dataset.keeping = String(items)));
    this.canvas = new MaskCanvas();
    this.look = this.canvas.look;
    Object.assign(this.look, { opacity: this.settings.opacity, outlines: this.settings.outlines });
    /** @type {Desk<MaskItem>} */
    this.desk = new Desk(this, { ahead: AHEAD, linger: 4500, pictures: 240, words: { answer: "answer", back: ", with what you painted", unkept: "strokes that are not saved are lost when the page closes." } });
    this.queue = this.desk.queue;
    this.classes = new MaskClasses(this.desk.classes, { choose: (value) => this.controls.setValue(value), toggle: (value) => this.controls.toggleClass(value) });
    this.stage = new MaskStage(this, () => this.classes.colors, {
      left: () => this.pointer.dropAll(),
      arrived: (item) => this.arrived(item),
      heatArrived: () => this.renderPlace(),
      regionChanged: () => this.renderCaption(),
      drawTool: (context, unit) => this.pointer.tool.draw?.(context, unit),
    });
    this.easel = new MaskEasel(this, {
      strokeBegins: () => this.controls.uncover(),
      strokeDone: (item) => this.strokeDone(item),
      optionsChanged: () => this.renderOptions(),
      placeChanged: () => this.renderPlace(),
      picked: (value) => this.controls.setValue(value),
    });
    this.clicks = new Clicks(this);
    this.tools = toolsOf(this.easel, this.clicks);
    this.pointer = new MaskPointer(this.easel, this.tools);
    this.answering = new Answering(this, () => this.endStroke());
    this.loader = new MaskLoader(this);
    this.controls = new Controls(this, this);
    this.toolbar = new Toolbar(this.controls);
    this.looks = new Looks(this.settings, this.controls);
    this.caption = new Caption();
    this.actions = new ActionBar(this.canvas, {
      step: (way) => this.controls.step(way),
      answer: (kind, event) => this.answering.answer(kind, event),
      save: (event) => this.answering.save(event),
      toggleHelp: () => this.desk.help.toggle(),
    });
    this.canvas.onmoved = () => this.viewMoved();
    this.build(parent);
  }

  /** @param {HTMLElement} parent */
  build(parent) {
    const { reasons, strip, classes, root } = this.desk;
    const view = element("section", { class: "view" }, this.toolbar.options, this.stage.node, this.caption.node, strip.node);
    const panel = element("aside", { class: "panel" }, reasons.why, classes.node, this.looks.node, reasons.numbers);
    root.classList.add("editor");
    this.desk.build(parent, { name: "Paint masks", tools: this.actions.node, columns: [this.toolbar.rail, view, panel, reasons.sheet], pictures: [this.canvas.panes] });
    const { strokes, queue } = this;
    this.desk.listen(
      [
        [window, "keydown", (event) => this.controls.keyboard.down(event)],
        [window, "keyup", (event) => this.controls.keyboard.up(event)],
        [window, "blur", () => this.controls.holdSpace(false)],
        [window, "pagehide", () => strokes.keepAll(queue.items)],
        [document, "visibilitychange", () => document.hidden && strokes.keepAll(queue.items)],
        [window, "beforeunload", (event) => queue.outbox?.inMemoryOnly && queue.items.some(isUnsaved) && event.preventDefault()],
      ],
      [root, this.canvas.panes],
    );
  }

  get disposed() {
    return this.desk.disposed;
  }

  dispose() {
    this.pointer.letGo();
    this.strokes.keepAll(this.queue.items);
    for (const item of this.queue.items) this.loader.forgetPicture(item);
    this.canvas.close();
    this.desk.dispose();
  }

  /** @param {Told<MaskEditorData>} told */
  update(told) {
    this.units = told.data.unit;
    this.desk.update(told);
  }

  // ---- what the desk asks

  /** @param {Who} who */
  outboxOf(who) {
    return maskOutbox(who);
  }

  /** @param {ItemTold} told */
  itemOf(told) {
    return maskItemOf(told, this.desk.api);
  }

  leaving() {
    this.strokes.keepAll(this.queue.items);
  }

  opening() {
    this.pointer.letGo();
    this.strokes.keepAll(this.queue.items);
    this.strokes.box = new StrokeBox(this.queue.who);
    for (const item of this.queue.items) this.loader.forgetPicture(item);
    this.stage.forget();
    this.easel.place = null;
    this.desk.reasons.forget();
  }

  choose() {
    return undefined;
  }

  advanced() {}

  moving() {
    this.pointer.letGo();
  }

  settled() {
    return this.queue.items.length; // nothing is ordered anew here
  }

  prefetch() {
    this.loader.around();
    this.clicks.around();
  }

  staging() {
    return this.queue.current;
  }

  inPanel() {
    return this.queue.current;
  }

  /** @param {MaskItem} item */
  tileWords(item) {
    const { state } = item;
    const unsaved = isUnsaved(item);
    const badge = state === "open" ? (item.problem ? "!" : unsaved ? "unsaved" : "") : state === "label" ? "saved" : MARKS[state];
    return { badge, name: `${fileName(item)}, ${state === "open" ? (unsaved ? "painted, not saved" : "not painted yet") : STATE_NAMES[state]}` };
  }

  /**
   * @param {MaskItem} item
   * @param {MouseEvent} event
   */
  clickTile(item, event) {
    this.queue.go(this.queue.items.indexOf(item) - this.queue.cursor, event);
  }

  hoverTile() {}

  /**
   * @param {string[]} names
   * @param {Rgb[]} [colors]
   */
  setClasses(names, colors = []) {
    this.look.colors = colors;
    this.classes.set(names, colors);
    if (this.easel.value !== VOID && this.easel.value >= names.length) this.easel.value = 0;
    this.canvas.recolor();
  }

  /** @param {HTMLElement} row */
  give(row) {
    const value = this.classes.valueOf(row);
    if (value !== undefined) this.controls.setValue(value);
  }

  /** @param {Event} [event] */
  renderWork(event) {
    const item = this.queue.current;
    if (!item) return;
    this.stage.render(item, event);
    this.renderCaption();
    this.desk.strip.render();
  }

  /**
   * Scores of the pool's table, then the ones of this picture as a whole that are not among them.
   * @param {MaskItem} item
   * @param {boolean} fresh
   */
  renderPanel(item, fresh) {
    if (!fresh) return;
    const known = new Set((item.details || []).map(({ name }) => name));
    const rows = (item.frame || []).filter(({ name }) => !known.has(name)).map(({ title, value, low, high }) =>
      element("li", { title: `${title} ${short(value)} (from ${short(low)} to ${short(high)})` }, element("span", { class: "name", text: title }), element("span", { class: "value" }, element("b", { text: short(value) })), thinBar((value - low) / (high - low || 1)), element("span", { class: "rank", text: `${short(low)} to ${short(high)}` })),
    );
    this.desk.reasons.add(rows);
  }

  /** @param {boolean} working */
  renderBar(working) {
    this.actions.render(working, this.stage.doc);
  }

  /** @param {boolean} working */
  rendered(working) {
    if (working) this.renderLooks();
    else if (this.stage.staged) this.stage.unstage(null);
  }

  resized() {
    this.canvas.resize();
  }

  /**
   * @param {MaskItem} item
   * @param {Waiting} event
   */
  reopened(item, event) {
    if (event.packed) this.strokes.markUnsaved(item);
  }

  // ---- what the loader asks

  get api() {
    return this.desk.api;
  }

  get pictures() {
    return this.desk.pictures;
  }

  /**
   * @param {MaskItem} item
   * @param {boolean} [decoded]
   */
  loaded(item, decoded = false) {
    const { desk, queue } = this;
    if (queue.byId.get(item.id) !== item) return;
    if (decoded && !item.seen) {
      item.seen = true;
      desk.pictureReady();
    }
    desk.tiles.fill(item);
    if (item !== queue.current) return;
    if (!this.stage.doc) return desk.render();
    this.renderOptions();
    this.canvas.want();
  }

  clickable() {
    this.tools.click.ready();
    this.renderOptions();
  }

  /** @param {MaskItem} item */
  guessed(item) {
    if (item !== this.queue.current || !this.stage.doc) return;
    this.renderTools();
    this.stage.showGhost();
  }

  // ---- strokes

  /** Picture and mask are on the stage. @param {MaskItem} item */
  arrived(item) {
    this.renderTools();
    this.renderClasses();
    if (item.restored) this.desk.notice.offer({ text: "Restored unsaved strokes of an earlier visit.", action: { text: "Drop them", does: () => this.dropRestored(item) } });
  }

  /** @param {MaskItem} item */
  strokeDone(item) {
    this.canvas.want();
    this.renderClasses();
    this.renderCaption();
    this.renderPlace();
    this.desk.renderBar();
    this.desk.tiles.fill(item);
    this.strokes.keepSoon(item);
  }

  /** Ends what the pointer does; true when that closed a polygon or took what is clicked. */
  endStroke() {
    this.pointer.letGo();
    if (!this.tools.polygon.finish() && !this.tools.click.finish()) return false;
    this.canvas.want();
    return true;
  }

  /** Back to the mask before the strokes an earlier visit left; Ctrl+Z brings them back. @param {MaskItem} item */
  dropRestored(item) {
    const { doc, restored } = item;
    if (!doc || !restored) return;
    const base = unpacked(restored, item.width * item.height);
    item.restored = null;
    this.desk.notice.message = null;
    doc.begin();
    for (let y = 0; y < doc.height; y++) doc.copy(y, 0, doc.width - 1, base, false);
    doc.end();
    doc.saved();
    this.strokes.keep(item);
    this.strokeDone(item);
  }

  // ---- drawing

  renderTools() {
    this.toolbar.renderTools(this.settings.tool);
    this.renderOptions();
    this.renderCursor();
  }

  renderOptions() {
    this.toolbar.renderOptions(this.easel, this.tools, this.classes);
  }

  renderCursor() {
    const { settings, canvas } = this;
    const moves = this.easel.spaceHeld || settings.tool === "pan";
    const brush = settings.tool === "brush" || settings.tool === "eraser";
    canvas.panes.dataset.cursor = moves ? "move" : brush && settings.size * canvas.view.scale >= 9 ? "none" : "cross";
  }

  viewMoved() {
    const { scale, left, top } = this.canvas.view;
    this.actions.zoom.textContent = `${Math.round(100 * scale * devicePixelRatio)} %`;
    this.desk.root.dataset.at = `${scale},${left},${top}`;
    this.renderCursor();
  }

  renderClasses() {
    this.classes.render(this.stage.doc, this.easel.value, this.look);
  }

  renderLooks() {
    this.looks.render(this.queue.current, this.look);
  }

  renderCaption() {
    const item = this.queue.current;
    if (item) this.caption.render(item, this.stage.region, this.units, this.queue.answers);
  }

  renderPlace() {
    const { place, draft } = this.easel;
    this.caption.renderPlace(place, this.stage.doc, this.classes.names, this.stage.heatShown, this.settings.tool === "draft" ? draft : null);
  }
}

export default mounted(MaskEditor);
