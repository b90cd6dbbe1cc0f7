// An item of the queue as the mask editor has it.

import { UNANSWERED } from "../label/answers.js";
import { SMALL } from "../label/desk.js";

/** @import { Api } from "../shared/api.js" */
/** @import { ItemTold, Layer } from "../shared/types.js" */
/** @import { Item } from "../label/answers.js" */
/** @import { HeadPicture } from "./canvas.js" */
/** @import { MaskDocument } from "./document.js" */
/** @import { Grey } from "./drawing.js" */
/** @import { Packed } from "./packing.js" */
/** @import { Mask } from "./raster.js" */
/** @typedef {{labels: Uint16Array, boxes: Int32Array}} Superpixels a label a pixel; of each label left, top, right, bottom of its pixels */
/** @typedef {Layer & {grey: Grey, canvas: OffscreenCanvas}} Heat a heat layer that is here */
/**
 * @typedef {object} MaskHere
 * @property {string} full URL of the picture
 * @property {boolean} tooLarge it is not painted in a browser
 * @property {number} ms how long it was worked at, before it came to the stage this time
 * @property {number} clicks how often the pointer went down on it since its last answer
 * @property {ImageBitmap | null} bitmap its picture, decoded
 * @property {boolean} decoding
 * @property {MaskDocument | null} doc its mask, while it is near the stage
 * @property {boolean} reading
 * @property {string} maskProblem
 * @property {Packed | null} kept its mask, while it is far from the stage or being saved
 * @property {boolean} unsaved of a mask that is kept: it holds strokes that no save has
 * @property {Packed | null} restored the mask before the strokes that an earlier visit left
 * @property {number | undefined} keepTimer until its strokes are kept
 * @property {Mask | null} allowed 1 where painting is asked for; null: everywhere
 * @property {Path2D | null} regionPath the outline of that
 * @property {Mask | null | undefined} guess the model's draft; undefined: nobody has asked
 * @property {string} guessProblem
 * @property {Map<number, Superpixels>} superpixels by how many
 * @property {number | null} superpixelsAsked how many are on their way
 * @property {string} superpixelProblem
 * @property {Map<string, Heat>} heat by name
 * @property {HeadPicture[] | null} headPictures
 * @property {number} shown when it last came to the stage
 */
/** @typedef {Item & MaskHere} MaskItem */

const LARGE = 4096; // side of the pictures on the stage
export const MOST_PIXELS = 40e6; // larger pictures are not painted in a browser
export const MOST_SIDE = 16384; // the longest side of a canvas

/**
 * @param {ItemTold} told
 * @param {Api} api
 * @returns {MaskItem}
 */
export function maskItemOf(told, api) {
  return {
    ...told,
    ...UNANSWERED,
    small: api.url(told.image, { size: SMALL }),
    full: api.url(told.image, { size: LARGE }),
    tooLarge: told.width * told.height > MOST_PIXELS || Math.max(told.width, told.height) > MOST_SIDE,
    ms: 0,
    clicks: 0,
    bitmap: null,
    decoding: false,
    doc: null,
    reading: false,
    maskProblem: "",
    kept: null,
    unsaved: false,
    restored: null,
    keepTimer: undefined,
    allowed: null,
    regionPath: null,
    guess: undefined,
    guessProblem: "",
    superpixels: new Map(),
    superpixelsAsked: null,
    superpixelProblem: "",
    heat: new Map(),
    headPictures: null,
    shown: 0,
  };
}

/**
 * True when an item holds strokes that no save has.
 * @param {MaskItem} item
 */
export function isUnsaved(item) {
  return item.doc ? item.doc.unsaved : item.unsaved;
}

/**
 * How long an item was worked at, in milliseconds.
 * @param {MaskItem} item
 */
export function spentOn(item) {
  return item.ms + (item.shownAt ? performance.now() - item.shownAt : 0);
}
