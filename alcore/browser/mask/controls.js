// What a person sets in the mask editor, and what its keys do: the tool and its size, the class, how the mask is shown.

import { MaskKeys } from "./keys.js";
import { VOID } from "./raster.js";
import { MOST_SIZE, keepSettings } from "./settings.js";
import { TOOLS } from "./toolbar.js";

/** @import { Desk } from "../label/desk.js" */
/** @import { Answering } from "./answering.js" */
/** @import { MaskCanvas } from "./canvas.js" */
/** @import { MaskClasses } from "./classes.js" */
/** @import { Clicks } from "./clicks.js" */
/** @import { Look } from "./coloring.js" */
/** @import { MaskEasel } from "./easel.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { MaskLoader } from "./loader.js" */
/** @import { MaskPointer } from "./pointer.js" */
/** @import { Settings, ToolName } from "./settings.js" */
/** @import { MaskStage } from "./stage.js" */
/** @import { Tools } from "./tools.js" */
/**
 * What can be set.
 * @typedef {object} ControlsOf
 * @property {Desk<MaskItem>} desk
 * @property {Settings} settings
 * @property {Look} look
 * @property {MaskCanvas} canvas
 * @property {MaskStage} stage
 * @property {MaskEasel} easel
 * @property {Tools} tools
 * @property {MaskPointer} pointer
 * @property {MaskLoader} loader
 * @property {Clicks} clicks
 * @property {MaskClasses} classes
 * @property {Answering} answering
 */
/**
 * Draws what was set.
 * @typedef {object} Draws
 * @property {() => void} renderTools
 * @property {() => void} renderOptions
 * @property {() => void} renderCursor
 * @property {() => void} renderClasses
 * @property {() => void} renderLooks
 */

export class Controls {
  /**
   * @param {ControlsOf} of
   * @param {Draws} draws
   */
  constructor({ desk, settings, look, canvas, stage, easel, tools, pointer, loader, clicks, classes, answering }, draws) {
    this.desk = desk;
    this.settings = settings;
    this.look = look;
    this.canvas = canvas;
    this.stage = stage;
    this.easel = easel;
    this.tools = tools;
    this.pointer = pointer;
    this.loader = loader;
    this.clicks = clicks;
    this.classes = classes;
    this.answering = answering;
    this.draws = draws;
    this.root = desk.root;
    this.list = desk.classes;
    /** @type {ToolName} the tool at hand before eraser or pan */
    this.painter = "brush";
    this.keyboard = this.keys();
  }

  // ---- what keys ask (KeysOf)

  get valueByKey() {
    return this.classes.valueByKey;
  }

  get working() {
    return this.desk.working;
  }

  get hasRegions() {
    return this.stage.doc !== null && Boolean(this.desk.queue.current?.regions);
  }

  get pointed() {
    return this.easel.place !== null;
  }

  /** @param {number} step */
  showRegion(step) {
    this.stage.showRegion(step);
  }

  /** @param {KeyboardEvent} event */
  clickKey(event) {
    return this.settings.tool === "click" && this.easel.ready && this.tools.click.key(event);
  }

  keys() {
    const { canvas, settings, answering, desk, tools } = this;
    const grow = (/** @type {number} */ step) => this.setSize(settings.size + step * Math.max(1, Math.round(0.12 * settings.size)));
    const back = () => {
      if (!tools.polygon.back()) tools.click.back();
      canvas.want();
    };
    const { find } = desk.classes;
    return new MaskKeys(
      this,
      {
        ArrowLeft: (event) => desk.queue.go(-1, event),
        ArrowRight: (event) => desk.queue.go(1, event),
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
        w: () => desk.reasons.toggle(),
        "?": () => desk.help.toggle(),
        "/": () => find.hidden || find.focus(),
        Escape: () => this.escape(),
        ...Object.fromEntries(TOOLS.filter(([, , key]) => key.length === 1).map(([name, , key]) => [key, () => this.setTool(name)])),
      },
    );
  }

  // ---- strokes

  /** Nobody paints blind. */
  uncover() {
    if (!this.look.shown) this.toggleMask();
    if (this.settings.tool !== "eraser" && this.look.hidden.has(this.easel.value)) this.toggleClass(this.easel.value);
  }

  /** @param {"undo" | "redo"} way */
  step(way) {
    if (way === "undo" && (this.tools.polygon.back() || this.tools.click.back())) return this.canvas.want();
    this.pointer.letGo();
    this.easel.step(way);
  }

  takeClicks() {
    this.pointer.letGo();
    this.tools.click.finish();
    this.canvas.want();
  }

  /** @param {boolean} everything */
  acceptDraft(everything) {
    const { item, ready } = this.easel;
    if (!item || !ready) return;
    item.clicks += 1;
    this.tools.draft.accept(everything);
  }

  // ---- what is set

  /** @param {number} value */
  setValue(value) {
    this.easel.value = value;
    if (["eraser", "pan"].includes(this.settings.tool)) this.setTool(this.painter);
    this.draws.renderOptions();
    this.draws.renderClasses();
    this.classes.reveal(value);
    this.canvas.want();
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
    if (name === "superpixel" && this.desk.queue.told) this.loader.around();
    if (name === "click" && this.desk.queue.told) this.clicks.around();
    if (this.stage.doc) this.stage.showGhost();
    this.draws.renderTools();
    this.canvas.want();
  }

  /** @param {boolean} held */
  holdSpace(held) {
    if (this.easel.spaceHeld === held) return;
    this.easel.spaceHeld = held;
    this.draws.renderCursor();
  }

  /** @param {number} size */
  setSize(size) {
    this.configure({ size: Math.min(MOST_SIZE, Math.max(1, size)) });
    this.draws.renderOptions();
    this.draws.renderCursor();
    this.canvas.want();
  }

  /** @param {number} n */
  setSuperpixels(n) {
    this.configure({ superpixels: n });
    this.loader.around();
    this.draws.renderOptions();
    this.canvas.want();
  }

  /** @param {Partial<Settings>} change */
  setLook(change) {
    this.configure(change);
    Object.assign(this.look, { opacity: this.settings.opacity, outlines: this.settings.outlines });
    this.canvas.recolor();
    if ("heads" in change && this.stage.doc) this.stage.showLayers();
    this.draws.renderLooks();
  }

  toggleMask() {
    this.look.shown = !this.look.shown;
    this.canvas.recolor();
    this.draws.renderLooks();
  }

  /** @param {number} value */
  toggleClass(value) {
    if (value === VOID) this.look.voidShown = !this.look.voidShown;
    else if (!this.look.hidden.delete(value)) this.look.hidden.add(value);
    this.canvas.recolor();
    this.draws.renderClasses();
  }

  /** @param {string} name */
  setHeat(name) {
    this.configure({ heat: name });
    if (this.stage.doc) this.stage.showLayers();
    this.draws.renderLooks();
  }

  nextHeat() {
    if (!this.stage.doc) return;
    const names = ["", ...(this.desk.queue.current?.layers || []).map(({ name }) => name)];
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
    if (!this.tools.polygon.cancel() && !this.tools.click.cancel()) return this.canvas.fit();
    this.draws.renderOptions();
    this.canvas.want();
  }
}
