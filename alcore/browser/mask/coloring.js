// The mask in its colors, on a canvas of the picture's size. A stroke colors only the rectangle it changed.

import { pen } from "../shared/dom.js";
import { packedColor } from "./drawing.js";
import { VOID } from "./raster.js";

/** @import { Rgb } from "../shared/types.js" */
/** @import { MaskDocument } from "./document.js" */
/** @import { Box, Mask } from "./raster.js" */
/**
 * How a mask is shown.
 * @typedef {object} Look
 * @property {Rgb[]} colors of the classes
 * @property {Set<number>} hidden classes that are not shown
 * @property {boolean} voidShown void is shown, in a color of its own
 * @property {number} opacity 0 to 1
 * @property {boolean} outlines
 * @property {boolean} shown the mask as a whole
 */

export const LINES_FROM = 3; // device pixels a picture pixel from which outlines are lines between pixels instead of colored pixels
/** @type {Rgb} */
const VOID_TINT = [236, 72, 153];

export class Coloring {
  /** @param {Look} look */
  constructor(look) {
    this.look = look;
    this.canvas = document.createElement("canvas");
    /** @type {CanvasRenderingContext2D | null} */
    this.context = null;
    /** @type {MaskDocument | null} */
    this.doc = null;
    /** @type {Mask | null} the model's draft, faint where the mask is void */
    this.ghost = null;
    this.heated = false; // a heat layer lies under the mask, which is outlines only then
    this.reach = 0; // of outlines, as `edgeReach` has it
    this.lut = new Uint32Array(256);
    this.faint = new Uint32Array(256);
    this.edges = new Uint32Array(256);
    this.group = new Uint8Array(256); // what counts as one area: classes that are hidden are void
  }

  clear() {
    Object.assign(this, { doc: null, ghost: null, heated: false });
    this.canvas.width = this.canvas.height = 1;
  }

  /** @param {MaskDocument} doc */
  show(doc) {
    Object.assign(this, { doc, ghost: null, heated: false });
    this.canvas.width = doc.width;
    this.canvas.height = doc.height;
    this.context = pen(this.canvas);
  }

  get outlined() {
    return this.look.shown && (this.look.outlines || this.heated);
  }

  /**
   * How many pixels wide outlines are on the colored canvas: about one on the screen; 0 where they are drawn as lines, or not at all.
   * @param {number} density device pixels a picture pixel
   */
  edgeReach(density) {
    return this.outlined && density < LINES_FROM ? Math.min(4, Math.max(1, Math.round(1 / density))) : 0;
  }

  /** Colors the whole mask anew. */
  fillAll() {
    const { doc, context } = this;
    if (!doc || !context) return;
    const { colors, hidden, opacity, shown } = this.look;
    const alpha = shown && !this.heated ? Math.round(255 * opacity) : 0; // under a heat layer the mask is outlines only
    for (let k = 0; k < 256; k++) {
      const color = k === VOID ? VOID_TINT : colors[k] || [128, 128, 128];
      const seen = shown && (k === VOID ? this.look.voidShown : !hidden.has(k));
      this.group[k] = seen && k !== VOID ? k : VOID;
      this.lut[k] = seen && alpha ? packedColor(color, k === VOID ? alpha >> 1 : alpha) : 0;
      this.faint[k] = k !== VOID ? packedColor(color, Math.round(110 * opacity)) : 0;
      this.edges[k] = seen && k !== VOID ? packedColor(color, 255) : 0;
    }
    const { width, height, counts } = doc;
    if (counts[VOID] === width * height && !this.lut[VOID] && !this.ghost) context.clearRect(0, 0, width, height);
    else this.fill({ left: 0, top: 0, right: width - 1, bottom: height - 1 });
  }

  /**
   * Writes a box of the mask onto the colored canvas.
   * @param {Box} box
   */
  fill(box) {
    const { doc, context, reach, lut, edges, group, faint } = this;
    if (!doc || !context) return;
    const { mask, width, height } = doc;
    const ghost = this.look.shown ? this.ghost : null;
    const left = Math.max(0, box.left - reach);
    const top = Math.max(0, box.top - reach);
    const right = Math.min(width - 1, box.right + reach);
    const bottom = Math.min(height - 1, box.bottom + reach);
    const image = context.createImageData(right - left + 1, bottom - top + 1);
    const words = new Uint32Array(image.data.buffer);
    for (let y = top, k = 0; y <= bottom; y++) {
      const up = y >= reach ? reach * width : 0;
      const down = y + reach < height ? reach * width : 0;
      for (let x = left, i = y * width + left; x <= right; x++, i++, k++) {
        const value = mask[i];
        if (ghost && value === VOID) words[k] = faint[ghost[i]];
        else if (!reach || group[value] === VOID) words[k] = lut[value];
        else {
          const own = group[value];
          const edge = group[mask[i - up]] !== own || group[mask[i + down]] !== own || (x >= reach && group[mask[i - reach]] !== own) || (x + reach < width && group[mask[i + reach]] !== own);
          words[k] = edge ? edges[value] : lut[value];
        }
      }
    }
    context.putImageData(image, left, top);
  }
}
