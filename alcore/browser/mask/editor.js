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
import { Caption, STATE_NAMES } from "./caption.js";
import { MaskClasses } from "./classes.js";
import { MaskEasel } from "./easel.js";
import { isUnsaved, maskItemOf } from "./item.js";
import { MaskKeys } from "./keys.js";
import { MaskLoader } from "./loader.js";
import { Looks } from "./looks.js";
import { unpacked } from "./packing.js";
import { MaskPointer } from "./pointer.js";
import { VOID } from "./raster.js";
import { MOST_SIZE, keepSettings, storedSettings } from "./settings.js";
import { MaskStage } from "./stage.js";
import { StrokeBox, maskOutbox } from "./store.js";
import { Strokes } from "./strokes.js";
import { TOOLS, Toolbar } from "./toolbar.js";
import { toolsOf } from "./tools.js";

/** @import { Told } from "../shared/mount.js" */
/** @import { ItemTold, MaskEditorData, Rgb } from "../shared/types.js" */
/** @import { Waiting, Who } from "../label/outbox.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { Settings, ToolName } from "./settings.js" */

const AHEAD = 24; // open items below which more are fetched; twice as many are asked for
/** @type {[string, string][]} */
const HELP = [
  ["1 … 0, letters", "the class to paint with; V is void (belongs to no class)"],
  ["B E P F S D", "brush, eraser, polygon, fill, superpixels, areas of the model's draft"],
  ["[  ]", "smaller or larger brush"],
  ["G", "take the model's draft where nothing is painted; Shift+G everywhere"],
  ["Alt+click", "paint with the class under the pointer"],
  ["Ctrl+Z  Ctrl+Shift+Z", "undo, redo a stroke"],
  ["Enter", "save the mask and go on; closes an open polygon first"],
  ["Backspace  Esc", "take back a polygon's last corner, drop it"],
  ["N  X", "skip the image; flag it: something is wrong with it"],
  ["Z", "take back the last save, skip or flag"],
  ["← →", "earlier or later image; unsaved strokes are kept"],
  ["H  O  L", "mask on or off, outlines, next heat layer"],
  ["+  −  wheel", "zoom; Space and drag, or the middle button, moves; Esc shows all"],
  ["Tab", "next region, where only regions are asked for"],
  ["/", "find a class by typing, Enter takes it"],
];

class MaskEditor {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    /** @type {"single"} */
    this.mode = "single";
    this.help = HELP;
    this.units = "frames"; // what is asked for: whole images or parts of them
    this.settings = storedSettings();
    /** @type {ToolName} the tool at hand before eraser or pan */
    this.painter = "brush";
    this.strokes = new Strokes();
    this.canvas = new MaskCanvas();
    this.look = this.canvas.look;
    Object.assign(this.look, { opacity: this.settings.opacity, outlines: this.settings.outlines });
    /** @type {Desk<MaskItem>} */
    this.desk = new Desk(this, { ahead: AHEAD, linger: 4500, pictures: 240, words: { answer: "answer", back: ", with what you painted", unkept: "strokes that are not saved are lost when the page closes." } });
    this.queue = this.desk.queue;
    this.classes = new MaskClasses(this.desk.classes, { choose: (value) => this.setValue(value), toggle: (value) => this.toggleClass(value) });
    this.stage = new MaskStage(this, () => this.classes.colors, {
      left: () => this.pointer.dropAll(),
      arrived: (item) => this.arrived(item),
      heatArrived: () => this.renderPlace(),
      regionChanged: () => this.renderCaption(),
      drawTool: (context, unit) => this.pointer.tool.draw?.(context, unit),
    });
    this.easel = new MaskEasel(this, {
      strokeBegins: () => this.uncover(),
      strokeDone: (item) => this.strokeDone(item),
      optionsChanged: () => this.renderOptions(),
      placeChanged: () => this.renderPlace(),
      picked: (value) => this.setValue(value),
    });
    this.tools = toolsOf(this.easel);
    this.pointer = new MaskPointer(this.easel, this.tools);
    this.answering = new Answering(this, () => this.endStroke());
    this.loader = new MaskLoader(this);
    this.toolbar = new Toolbar({
      setTool: (name) => this.setTool(name),
      setSize: (size) => this.setSize(size),
      setSuperpixels: (n) => this.setSuperpixels(n),
      acceptDraft: (everything) => this.acceptDraft(everything),
    });
    this.looks = new Looks(this.settings, { setLook: (change) => this.setLook(change), toggleMask: () => this.toggleMask(), setHeat: (name) => this.setHeat(name) });
    this.caption = new Caption();
    this.actions = new ActionBar(this.canvas, {
      step: (way) => this.step(way),
      answer: (kind, event) => this.answering.answer(kind, event),
      save: (event) => this.answering.save(event),
      toggleHelp: () => this.desk.help.toggle(),
    });
    this.keyboard = this.keys();
    this.canvas.onmoved = () => this.viewMoved();
    this.build(parent);
  }

  /** @param {HTMLElement} parent */
  build(parent) {
    const { reasons, strip, classes, root } = this.desk;
    const view = element("section", { class: "view" }, this.toolbar.options, this.stage.node, this.caption.node, strip.node);
    const panel = element("aside", { class: "panel" }, reasons.why, classes.node, this.looks.node, reasons.numbers);
    root.classList.add("editor");
    this.desk.build(parent, { name: "Paint masks", tools: this.actions.node, columns: [this.toolbar.rail, view, panel], pictures: [this.canvas.panes] });
    const { strokes, queue } = this;
    this.desk.listen(
      [
        [window, "keydown", (event) => this.keyboard.down(event)],
        [window, "keyup", (event) => this.keyboard.up(event)],
        [window, "blur", () => this.holdSpace(false)],
        [window, "pagehide", () => strokes.keepAll(queue.items)],
        [document, "visibilitychange", () => document.hidden && strokes.keepAll(queue.items)],
        [window, "beforeunload", (event) => queue.outbox?.inMemoryOnly && queue.items.some(isUnsaved) && event.preventDefault()],
      ],
      [root, this.canvas.panes],
    );
  }

  keys() {
    const { canvas, settings, answering, desk, tools } = this;
    const grow = (/** @type {number} */ step) => this.setSize(settings.size + step * Math.max(1, Math.round(0.12 * settings.size)));
    const back = () => {
      tools.polygon.back();
      canvas.want();
    };
    const { find } = desk.classes;
    return new MaskKeys(
      new KeysUse(this),
      {
        ArrowLeft: (event) => this.queue.go(-1, event),
        ArrowRight: (event) => this.queue.go(1, event),
        "+": () => canvas.zoom(1.4),
        "=": () => canvas.zoom(1.4),
        "-": () => canvas.zoom(1 / 1.4),
        "[": () => grow(-1),
        "]": () => grow(1),
        Backspace: back,
      },
      {
        Enter: (event) => answering.save(event),
        n: (event) => answering.answer("skip", event),
        x: (event) => answering.answer("flag", event),
        z: (event) => answering.takeBack(event),
        g: (event) => this.acceptDraft(event.shiftKey),
        h: () => this.toggleMask(),
        o: () => this.setLook({ outlines: !settings.outlines }),
        l: () => this.nextHeat(),
        " ": () => this.holdSpace(true),
        "?": () => desk.help.toggle(),
        "/": () => find.hidden || find.focus(),
        Escape: () => this.escape(),
        ...Object.fromEntries(TOOLS.filter(([, , key]) => key.length === 1).map(([name, , key]) => [key, () => this.setTool(name)])),
      },
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

  prefetch() {
    this.loader.around();
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
    if (value !== undefined) this.setValue(value);
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
   * Scores of the pool's table, then the ones that are of this picture as a whole.
   * @param {MaskItem} item
   * @param {boolean} fresh
   */
  renderPanel(item, fresh) {
    if (!fresh) return;
    const rows = (item.frame || []).map(({ title, value, low, high }) =>
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

  /** Nobody paints blind. */
  uncover() {
    if (!this.look.shown) this.toggleMask();
    if (this.settings.tool !== "eraser" && this.look.hidden.has(this.easel.value)) this.toggleClass(this.easel.value);
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

  /** Ends what the pointer does; true when that closed a polygon. */
  endStroke() {
    this.pointer.letGo();
    if (!this.tools.polygon.finish()) return false;
    this.canvas.want();
    return true;
  }

  /** @param {"undo" | "redo"} way */
  step(way) {
    if (way === "undo" && this.tools.polygon.back()) return this.canvas.want();
    this.pointer.letGo();
    this.easel.step(way);
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

  /** @param {boolean} everything */
  acceptDraft(everything) {
    const { item, ready } = this.easel;
    if (!item || !ready) return;
    item.clicks += 1;
    this.tools.draft.accept(everything);
  }

  // ---- what a person sets

  /** @param {number} value */
  setValue(value) {
    this.easel.value = value;
    if (["eraser", "pan"].includes(this.settings.tool)) this.setTool(this.painter);
    this.renderOptions();
    this.renderClasses();
    this.classes.reveal(value);
  }

  /** @param {ToolName} name */
  setTool(name) {
    this.pointer.letGo();
    if (this.settings.tool !== name) {
      this.pointer.tool.cancel?.();
      this.pointer.tool.leave?.();
    }
    if (!["eraser", "pan"].includes(name)) this.painter = name;
    this.configure({ tool: name });
    if (name === "superpixel" && this.queue.told) this.loader.around();
    if (this.stage.doc) this.stage.showGhost();
    this.renderTools();
    this.canvas.want();
  }

  /** @param {boolean} held */
  holdSpace(held) {
    if (this.easel.spaceHeld === held) return;
    this.easel.spaceHeld = held;
    this.renderCursor();
  }

  /** @param {number} size */
  setSize(size) {
    this.configure({ size: Math.min(MOST_SIZE, Math.max(1, size)) });
    this.renderOptions();
    this.renderCursor();
    this.canvas.want();
  }

  /** @param {number} n */
  setSuperpixels(n) {
    this.configure({ superpixels: n });
    this.loader.around();
    this.renderOptions();
    this.canvas.want();
  }

  /** @param {Partial<Settings>} change */
  setLook(change) {
    this.configure(change);
    Object.assign(this.look, { opacity: this.settings.opacity, outlines: this.settings.outlines });
    this.canvas.recolor();
    if ("heads" in change && this.stage.doc) this.stage.showLayers();
    this.renderLooks();
  }

  toggleMask() {
    this.look.shown = !this.look.shown;
    this.canvas.recolor();
    this.renderLooks();
  }

  /** @param {number} value */
  toggleClass(value) {
    if (value === VOID) this.look.voidShown = !this.look.voidShown;
    else if (!this.look.hidden.delete(value)) this.look.hidden.add(value);
    this.canvas.recolor();
    this.renderClasses();
  }

  /** @param {string} name */
  setHeat(name) {
    this.configure({ heat: name });
    if (this.stage.doc) this.stage.showLayers();
    this.renderLooks();
  }

  nextHeat() {
    if (!this.stage.doc) return;
    const names = ["", ...(this.queue.current?.layers || []).map(({ name }) => name)];
    if (names.length === 1) return this.desk.say("There is no heat layer: the model has not seen this image yet.");
    this.setHeat(names[(Math.max(0, names.indexOf(this.settings.heat)) + 1) % names.length]);
  }

  /** @param {Partial<Settings>} change */
  configure(change) {
    Object.assign(this.settings, change);
    keepSettings(this.settings);
  }

  escape() {
    if (this.desk.help.isOpen) return this.desk.help.toggle(false);
    if (!this.tools.polygon.cancel()) return this.canvas.fit();
    this.renderOptions();
    this.canvas.want();
  }

  // ---- drawing

  renderTools() {
    this.toolbar.renderTools(this.settings.tool);
    this.renderOptions();
    this.renderCursor();
  }

  renderOptions() {
    this.toolbar.renderOptions(this.easel, this.tools.polygon.corners.length, this.classes);
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

/** What keys need of the editor (KeysOf). */
class KeysUse {
  /** @param {MaskEditor} editor */
  constructor(editor) {
    this.editor = editor;
    this.root = editor.desk.root;
    this.list = editor.desk.classes;
  }

  get valueByKey() {
    return this.editor.classes.valueByKey;
  }

  get working() {
    return this.editor.desk.working;
  }

  get hasRegions() {
    return this.editor.stage.doc !== null && Boolean(this.editor.queue.current?.regions);
  }

  get pointed() {
    return this.editor.easel.place !== null;
  }

  /** @param {number} value */
  setValue(value) {
    this.editor.setValue(value);
  }

  /** @param {"undo" | "redo"} way */
  step(way) {
    this.editor.step(way);
  }

  /** @param {boolean} held */
  holdSpace(held) {
    this.editor.holdSpace(held);
  }

  /** @param {number} step */
  showRegion(step) {
    this.editor.stage.showRegion(step);
  }
}

export default mounted(MaskEditor);
