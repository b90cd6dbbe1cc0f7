// What is painted on, and with what: the mask on the stage, the class at hand, the place under the pointer. Tools and pointer act on it.

import { VOID } from "./raster.js";

/** @import { Desk } from "../label/desk.js" */
/** @import { Rgb } from "../shared/types.js" */
/** @import { MaskCanvas } from "./canvas.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { Place } from "./raster.js" */
/** @import { Settings } from "./settings.js" */
/** @import { MaskStage } from "./stage.js" */
/** @type {Rgb} what void is shown in */
const GREY = [128, 128, 128];

/**
 * Who hears of what is painted.
 * @typedef {object} Hears
 * @property {() => void} strokeBegins
 * @property {(item: MaskItem) => void} strokeDone a stroke changed the mask
 * @property {() => void} optionsChanged
 * @property {() => void} placeChanged
 * @property {(value: number) => void} picked a class was taken from the mask
 */

export class MaskEasel {
  /**
   * @param {{desk: Desk<MaskItem>, canvas: MaskCanvas, stage: MaskStage, settings: Settings}} on
   * @param {Hears} hears
   */
  constructor({ desk, canvas, stage, settings }, hears) {
    this.desk = desk;
    this.canvas = canvas;
    this.stage = stage;
    this.settings = settings;
    this.hears = hears;
    this.value = 0;
    /** @type {Place | null} under the pointer */
    this.place = null;
    this.spaceHeld = false;
  }

  get ready() {
    return this.stage.doc !== null;
  }

  get doc() {
    if (!this.stage.doc) throw new Error("a tool is used while no mask is on the stage");
    return this.stage.doc;
  }

  get item() {
    return this.desk.queue.current;
  }

  /** Of the class at hand. */
  get color() {
    return this.canvas.look.colors[this.value] ?? GREY;
  }

  want() {
    this.canvas.want();
  }

  get scale() {
    return this.canvas.view.scale;
  }

  get superpixels() {
    return this.item?.superpixels.get(this.settings.superpixels);
  }

  get draft() {
    return this.item?.guess || null;
  }

  get noDraft() {
    const { item } = this;
    if (!item?.draft_mask) return "There is no draft: the model has not seen this image yet.";
    return item.guessProblem ? `No draft: ${item.guessProblem}` : "The draft of this image is still on its way.";
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {boolean} [quiet] it is not said why not
   */
  mayPaint(x, y, quiet = false) {
    const { doc } = this.stage;
    if (!doc || x < 0 || y < 0 || x >= doc.width || y >= doc.height) return false;
    if (!doc.allowed || doc.allowed[y * doc.width + x]) return true;
    if (!quiet) this.desk.say("Only the bright part of this image is asked for.");
    return false;
  }

  beforeStroke() {
    const { item, desk } = this;
    if (!item) return;
    item.clicks += 1;
    this.hears.strokeBegins();
    desk.notice.forgetHint();
    item.restored = null;
    desk.notice.render();
  }

  /** True when the stroke changed anything. */
  strokeEnded() {
    const changed = this.stage.doc?.end() || false;
    if (changed && this.item) this.hears.strokeDone(this.item);
    return changed;
  }

  /** Takes a stroke back, or paints it again. @param {"undo" | "redo"} way */
  step(way) {
    if (this.item && this.stage.doc?.[way]()) this.hears.strokeDone(this.item);
    else this.desk.say(`There is no stroke to ${way}.`);
  }

  /** Paints on with the class at a place. @param {Place} place */
  pick([x, y]) {
    const { doc } = this;
    if (x < 0 || y < 0 || x >= doc.width || y >= doc.height) return;
    this.hears.picked(doc.mask[Math.floor(y) * doc.width + Math.floor(x)]);
  }

  optionsChanged() {
    this.hears.optionsChanged();
  }

  placeChanged() {
    this.hears.placeChanged();
  }

  /** @param {string} text */
  say(text) {
    this.desk.say(text);
  }

  /** The class that the tool at hand paints with. */
  get paints() {
    return this.settings.tool === "eraser" ? VOID : this.value;
  }
}
