// What the mask editor loads ahead of a person, item by item: the decoded picture, the mask to start from, the model's draft, superpixels.
// Items near the stage are ready to be shown; of those far away only runs of their mask stay. Tells the editor by `loaded(item)`.

import { problemOf, wordsOf } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { MaskDocument } from "./document.js";
import { fromRuns, inflated, packed, unpacked } from "./packing.js";
import { VOID } from "./raster.js";

/** @import { Api } from "../shared/api.js" */
/** @import { Pictures } from "../shared/pictures.js" */
/** @import { MaskItem, Superpixels } from "./item.js" */
/** @import { Mask } from "./raster.js" */
/** @import { Settings } from "./settings.js" */
/** @import { Strokes } from "./strokes.js" */
/** @import { Queue } from "../label/queue.js" */
/**
 * What a loader needs of the editor.
 * @typedef {object} LoaderOf
 * @property {Api} api
 * @property {Pictures} pictures
 * @property {Queue<MaskItem>} queue
 * @property {Settings} settings
 * @property {Strokes} strokes
 * @property {boolean} disposed
 * @property {(item: MaskItem, decoded?: boolean) => void} loaded something of an item is here; `decoded`: its picture
 * @property {(item: MaskItem) => void} guessed its draft is here, or cannot be had
 */

const HELD = 8; // masks kept with their undo besides those around the one on the stage

export class MaskLoader {
  /** @param {LoaderOf} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** Loads what is near the stage, lets go of what is far from it. */
  around() {
    const { items, cursor } = this.editor.queue;
    for (const item of items.slice(Math.max(0, cursor - 6), cursor + 24)) {
      if (item.asked) continue;
      item.asked = true;
      this.editor.pictures.load(item.small).then(
        () => this.editor.loaded(item),
        (error) => {
          const { status, message } = problemOf(error);
          if (status) this.broke(item, message);
        },
      );
    }
    const near = [0, 1, 2, -1].map((step) => items[cursor + step]).filter(Boolean);
    for (const item of near) this.prepare(item);
    const held = items.filter((item) => item.doc && !near.includes(item)).sort((a, b) => b.shown - a.shown);
    for (const item of held.slice(HELD)) this.putAway(item);
    for (const item of items) if (!near.includes(item)) this.forgetPicture(item);
  }

  /**
   * @param {MaskItem} item
   * @param {string} problem
   */
  broke(item, problem) {
    item.broken = problem;
    this.editor.loaded(item);
  }

  /** @param {MaskItem} item */
  prepare(item) {
    if (item.tooLarge || item.broken) return;
    if (!item.bitmap && !item.decoding) {
      item.decoding = true;
      this.decode(item).finally(() => (item.decoding = false));
    }
    if (!item.doc && !item.reading) {
      item.reading = true;
      this.readMask(item).finally(() => (item.reading = false));
    }
    if (item.draft_mask && item.guess === undefined) {
      item.guess = null;
      const got = (/** @type {Mask | null} */ guess, problem = "") => {
        Object.assign(item, { guess, guessProblem: problem });
        this.editor.guessed(item);
      };
      this.raw(item.draft_mask, item).then((mask) => got(mask), (error) => got(null, wordsOf(error)));
    }
    if (this.editor.settings.tool === "superpixel") this.needSuperpixels(item);
  }

  /** @param {MaskItem} item */
  async decode(item) {
    const { editor } = this;
    const { queue, pictures } = editor;
    try {
      const url = await pictures.load(item.full, item === queue.current);
      const image = element("img", { src: url });
      await image.decode();
      const bitmap = await createImageBitmap(image);
      pictures.forget(item.full); // megabytes that the browser's own cache has too
      if (editor.disposed || queue.byId.get(item.id) !== item) return bitmap.close();
      item.bitmap = bitmap;
      editor.loaded(item, true);
    } catch (error) {
      const { status, message } = problemOf(error);
      this.broke(item, status ? message : "the picture cannot be decoded");
    }
    return undefined;
  }

  /** @param {MaskItem} item */
  forgetPicture(item) {
    item.bitmap?.close();
    item.bitmap = item.headPictures = null;
    item.heat.clear();
  }

  /** The base of an item: its unsaved strokes, else the mask it has, else void. @param {MaskItem} item */
  async readMask(item) {
    const { width, height } = item;
    const size = width * height;
    try {
      if (item.regions && !item.allowed) item.allowed = fromRuns(item.regions, size);
      const { allowed } = item;
      const kept = item.kept ? undefined : await this.editor.strokes.box?.get(item.id);
      let mask = item.kept ? unpacked(item.kept, size) : item.mask ? await this.raw(item.mask, item) : new Uint8Array(size).fill(VOID);
      let unsaved = Boolean(item.kept && item.unsaved);
      if (kept?.width === width && kept.height === height) {
        const now = mask;
        mask = unpacked(kept.packed, size);
        // Of strokes from an earlier query only those count that are asked for now.
        if (allowed) for (let i = 0; i < size; i++) if (!allowed[i]) mask[i] = now[i];
        unsaved = mask.some((value, i) => value !== now[i]);
        if (unsaved) Object.assign(item, { ms: kept.ms || 0, clicks: kept.clicks || 0, restored: packed(now) });
      }
      item.doc = new MaskDocument(width, height, mask, { allowed, unsaved });
      item.maskProblem = "";
    } catch (error) {
      item.maskProblem = wordsOf(error);
    }
    if (!this.editor.disposed) this.editor.loaded(item);
  }

  /**
   * A mask of the server at full size.
   * @param {string} address
   * @param {MaskItem} item
   */
  async raw(address, item) {
    const { api, pictures } = this.editor;
    const { answer, body } = await pictures.retrying(api.url(address, { raw: 1 }));
    const mask = new Uint8Array(await inflated(body));
    const [width, height] = ["x-width", "x-height"].map((name) => Number(answer.headers.get(name)));
    if (mask.length !== item.width * item.height || width !== item.width || height !== item.height) throw new Error(`the server's mask is ${width} × ${height}, the image is ${item.width} × ${item.height}`);
    return mask;
  }

  /** @param {MaskItem} item */
  needSuperpixels(item) {
    const n = this.editor.settings.superpixels;
    if (item.superpixels.has(n) || item.superpixelsAsked === n || item.tooLarge) return;
    item.superpixelsAsked = n;
    this.superpixels(item, n)
      .then(
        (found) => {
          item.superpixels.set(n, found);
          item.superpixelProblem = "";
        },
        (error) => (item.superpixelProblem = wordsOf(error)),
      )
      .finally(() => {
        if (item.superpixelsAsked === n) item.superpixelsAsked = null;
        this.editor.loaded(item);
      });
  }

  /**
   * @param {MaskItem} item
   * @param {number} n
   * @returns {Promise<Superpixels>}
   */
  async superpixels(item, n) {
    const { api, pictures, queue } = this.editor;
    const { answer, body } = await pictures.retrying(api.url(["projects", queue.who.project, "items", item.id, "superpixels"], { n }));
    const labels = new Uint16Array(await inflated(body));
    const { width, height } = item;
    if (labels.length !== width * height) throw new Error("the server's superpixels are not of this size");
    const boxes = new Int32Array(4 * Number(answer.headers.get("x-count")));
    for (let at = 0; at < boxes.length; at += 4) boxes.set([width, height, -1, -1], at);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const at = 4 * labels[i];
        if (x < boxes[at]) boxes[at] = x;
        if (y < boxes[at + 1]) boxes[at + 1] = y;
        if (x > boxes[at + 2]) boxes[at + 2] = x;
        boxes[at + 3] = y;
      }
    }
    return { labels, boxes };
  }

  /** A mask far from the stage becomes runs; its undo is given up. @param {MaskItem} item */
  putAway(item) {
    if (!item.doc) return;
    if (item.keepTimer !== undefined) this.editor.strokes.keep(item);
    Object.assign(item, { unsaved: item.doc.unsaved, kept: packed(item.doc.mask), doc: null, guess: undefined });
    item.superpixels.clear();
  }
}
