// The stage of the mask editor: the picture, mask and layers of the current item, once they are here.

import { element } from "../shared/dom.js";
import { whole } from "../shared/numbers.js";
import { wordsOf } from "../shared/api.js";
import { ramp } from "../shared/ramp.js";
import { fileName } from "../label/words.js";
import { greyOf, inColors, strokeTwice } from "./drawing.js";
import { MOST_PIXELS, MOST_SIDE } from "./item.js";
import { fromRuns } from "./packing.js";
import { boxOf, edgePath } from "./raster.js";

/** @import { Desk } from "../label/desk.js" */
/** @import { Rgb } from "../shared/types.js" */
/** @import { MaskCanvas } from "./canvas.js" */
/** @import { MaskDocument } from "./document.js" */
/** @import { Heat, MaskItem } from "./item.js" */
/** @import { Settings } from "./settings.js" */
/**
 * Who hears of what comes and goes.
 * @typedef {object} StageHears
 * @property {() => void} left a picture went, and nothing took its place yet
 * @property {(item: MaskItem) => void} arrived picture and mask are on the stage
 * @property {() => void} heatArrived a value of the heat layer can be told now
 * @property {() => void} regionChanged
 * @property {(context: CanvasRenderingContext2D, unit: number) => void} drawTool
 */

export const HEAT = ramp(false);

export class MaskStage {
  /**
   * @param {{desk: Desk<MaskItem>, canvas: MaskCanvas, settings: Settings}} on
   * @param {() => Rgb[]} colors of the classes
   * @param {StageHears} hears
   */
  constructor({ desk, canvas, settings }, colors, hears) {
    this.desk = desk;
    this.canvas = canvas;
    this.settings = settings;
    this.colors = colors;
    this.hears = hears;
    this.cover = element("div", { class: "cover", hidden: true });
    this.node = element("div", { class: "stage" }, canvas.panes, this.cover);
    /** @type {MaskItem | null} the item whose turn it is */
    this.staged = null;
    /** @type {MaskDocument | null} its mask, once it is on the stage */
    this.doc = null;
    this.region = 0; // of those that are asked for
    /** @type {Heat | null} */
    this.heatShown = null;
    /** @type {number | null} the key press that asked for the picture */
    this.paintStart = null;
    canvas.drawOver = (context, unit) => this.drawOver(context, unit);
  }

  /** Other items are on their way. */
  forget() {
    Object.assign(this, { staged: null, doc: null, heatShown: null, region: 0 });
    this.canvas.clear();
  }

  /**
   * @param {MaskItem} item
   * @param {Event} [event]
   */
  render(item, event) {
    const { root, exposure } = this.desk;
    if (item !== this.staged) this.unstage(item);
    if (event?.timeStamp) this.paintStart = event.timeStamp;
    const problem = problemWith(item);
    if (!problem && !this.doc && item.bitmap && item.doc) this.show(item, item.bitmap, item.doc);
    root.dataset.loading = this.doc || problem ? "0" : "1";
    this.cover.hidden = !problem;
    if (!problem) return;
    if (exposure.visible !== item) exposure.appears(item, Promise.resolve());
    this.cover.replaceChildren(element("div", { class: "broken", role: "alert" }, element("b", { text: item.tooLarge ? "This image is too large" : "This image cannot be painted" }), element("span", { text: problem })));
  }

  /** @param {MaskItem | null} item whose turn it is now */
  unstage(item) {
    const before = this.staged;
    if (before?.shownAt) before.ms += performance.now() - before.shownAt;
    if (before) before.shownAt = 0;
    Object.assign(this, { staged: item, doc: null, region: 0, heatShown: null });
    this.desk.exposure.forget();
    this.hears.left();
    this.canvas.clear();
    this.desk.notice.forgetHint();
  }

  /**
   * @param {MaskItem} item
   * @param {ImageBitmap} bitmap
   * @param {MaskDocument} doc
   */
  show(item, bitmap, doc) {
    const { desk } = this;
    this.doc = doc;
    item.shown = item.shownAt = performance.now();
    this.canvas.show(doc, bitmap);
    item.regionPath = null;
    if (item.regions) this.showRegion(0);
    this.showLayers();
    this.showGhost();
    desk.root.dataset.item = String(item.id);
    this.hears.arrived(item);
    const started = this.paintStart;
    this.paintStart = null;
    requestAnimationFrame(() => desk.exposure.appears(item, Promise.resolve(), started)); // the canvas draws with the next frame
  }

  /** To another region that is asked for. @param {number} step */
  showRegion(step) {
    const { staged: item, doc, canvas } = this;
    if (!item?.regions || !doc || !canvas.box) return;
    const { regions } = item;
    this.region = (this.region + step + regions.length) % regions.length;
    const { width, height } = doc;
    const box = boxOf(fromRuns([regions[this.region]], width * height), width, height);
    if (box) canvas.showBox(box, 0.14 * Math.min(canvas.box.width, canvas.box.height));
    this.hears.regionChanged();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   */
  drawOver(context, unit) {
    const { staged: item, doc } = this;
    if (item?.allowed && doc) {
      const { width, height } = doc;
      const { allowed } = item;
      const of = (/** @type {number} */ x, /** @type {number} */ y) => x >= 0 && y >= 0 && x < width && y < height && allowed[y * width + x] === 1;
      item.regionPath ||= edgePath(of, { left: 0, top: 0, right: width - 1, bottom: height - 1 });
      strokeTwice(context, item.regionPath, unit, true);
    }
    this.hears.drawTool(context, unit);
  }

  /** The chosen heat layer and the heads of the picture on the stage. */
  showLayers() {
    const { staged: item, settings, canvas, desk } = this;
    if (!item) return;
    const layer = item.layers?.find(({ name }) => name === settings.heat);
    const stale = () => item !== desk.queue.current || !this.doc;
    const picture = (/** @type {string} */ address) => desk.pictures.load(desk.api.url(address), true).then(greyOf);
    const failed = (/** @type {unknown} */ error) => stale() || desk.say(`A layer cannot be shown: ${wordsOf(error)}.`, true);
    this.heatShown = layer ? item.heat.get(layer.name) || null : null;
    canvas.setHeat(this.heatShown?.canvas || null);
    if (layer && !this.heatShown) {
      picture(layer.address).then((grey) => {
        item.heat.set(layer.name, { ...layer, grey, canvas: inColors(grey, HEAT) });
        if (stale()) return;
        this.showLayers();
        this.hears.heatArrived(); // the pointer may rest where a value of the layer can be told now
      }, failed);
    }
    const heads = settings.heads && item.heads?.length ? item.heads : [];
    if (!heads.length) return canvas.setHeads([]);
    if (item.headPictures) return canvas.setHeads(item.headPictures);
    const colors = this.colors();
    const table = Array.from({ length: 256 }, (_, k) => colors[k] || null);
    Promise.all(heads.map(({ title, address }) => picture(address).then((grey) => ({ title, picture: inColors(grey, table) })))).then((pictures) => {
      item.headPictures = pictures;
      if (!stale()) this.showLayers();
    }, failed);
  }

  /** The model's draft, faint, while it can be taken. */
  showGhost() {
    this.canvas.setGhost(this.doc && this.settings.tool === "draft" ? this.staged?.guess || null : null);
  }
}

/**
 * Why an item cannot be painted; "" where it can.
 * @param {MaskItem} item
 */
function problemWith(item) {
  if (item.tooLarge) return `${fileName(item)} is ${whole(item.width)} × ${whole(item.height)} pixels, too large to paint in a browser (the limit is ${whole(MOST_PIXELS / 1e6)} megapixels and ${whole(MOST_SIDE)} a side). Import it in tiles or reduced; N skips it.`;
  return item.broken || (item.maskProblem && `The mask of this image cannot be loaded: ${item.maskProblem}. N skips it.`);
}
