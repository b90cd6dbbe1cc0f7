// The line to whoever answers clicks: whether the picture on the stage is ready for them, and what clicks in it mean. Pictures are made ready on
// the server while somebody has the tool at hand, those that come next too.

import { problemOf, wordsOf } from "../shared/api.js";
import { unpacked } from "./packing.js";

/** @import { Api } from "../shared/api.js" */
/** @import { Queue } from "../label/queue.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { Mask } from "./raster.js" */
/** @import { Settings } from "./settings.js" */
/** @typedef {[number, number, 0 | 1]} Click x and y in picture pixels, and whether what is there is meant */
/** @typedef {[number, number, number, number]} ClickBox left, top, right, bottom */
/**
 * What it needs of the editor.
 * @typedef {object} ClicksOf
 * @property {Api} api
 * @property {Queue<MaskItem>} queue
 * @property {Settings} settings
 * @property {boolean} disposed
 * @property {() => void} clickable the picture on the stage is ready now, or it is known why it cannot be
 */

const AHEAD = 6; // pictures that are made ready besides the one on the stage
const AGAIN = 300; // milliseconds from one question to the next, while a picture is made ready
const LATER = 2000; // and while the server does not answer
const PATIENCE = 30000;

export class Clicks {
  /** @param {ClicksOf} editor */
  constructor(editor) {
    this.editor = editor;
    /** @type {MaskItem | null} that is asked about */
    this.asking = null;
    /** @type {MaskItem | null} that `ready` and `reason` are of */
    this.of = null;
    this.isReady = false;
    this.why = "";
  }

  /** True when the picture on the stage can be clicked. */
  get ready() {
    return this.of === this.editor.queue.current && this.isReady;
  }

  /** Why it cannot be; "" while it is made ready. */
  get reason() {
    return this.of === this.editor.queue.current ? this.why : "";
  }

  /** Asks about the picture on the stage, where clicks are at hand. */
  around() {
    const { queue, settings, disposed } = this.editor;
    const item = queue.current;
    if (disposed || settings.tool !== "click" || !item || item.tooLarge || item.broken || this.asking === item) return;
    if (this.of !== item) Object.assign(this, { of: item, isReady: false, why: "" });
    this.asking = item;
    this.ask(item);
  }

  /** The server let go of the picture meanwhile. */
  lost() {
    this.isReady = false;
    setTimeout(() => this.around(), AGAIN);
  }

  /** @param {MaskItem} item */
  place(item) {
    return ["projects", this.editor.queue.who.project, "items", item.id, "clicks"];
  }

  /** @param {MaskItem} item */
  async ask(item) {
    const { api, queue } = this.editor;
    const ahead = queue.items.slice(queue.items.indexOf(item) + 1).filter((one) => one.state === "open" && !one.tooLarge);
    let state = { ready: false, reason: "" };
    let wait = AGAIN;
    try {
      state = await api.json(api.url(this.place(item), { next: ahead.slice(0, AHEAD).map(({ id }) => id).join(",") || null }));
    } catch (error) {
      const { status, told } = problemOf(error);
      if (status && !told) state.reason = wordsOf(error);
      else wait = LATER;
    }
    if (this.asking !== item) return;
    const { settings, disposed } = this.editor;
    if (disposed || item !== queue.current || settings.tool !== "click") {
      this.asking = null;
      return this.around();
    }
    const changed = this.isReady !== state.ready || this.why !== state.reason;
    Object.assign(this, { isReady: state.ready, why: state.reason });
    if (changed) this.editor.clickable();
    if (!state.ready && !state.reason) return void setTimeout(() => this.ask(item), wait);
    this.asking = null;
  }

  /**
   * What clicks in a picture mean: 1 a pixel that is meant.
   * @param {MaskItem} item
   * @param {Click[]} points
   * @param {ClickBox | null} box
   * @returns {Promise<Mask>}
   */
  async find(item, points, box) {
    const { api } = this.editor;
    const asked = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ points, box }) };
    const { answer, body } = await api.request(api.url(this.place(item)), asked, PATIENCE);
    const [width, height] = ["x-width", "x-height"].map((name) => Number(answer.headers.get(name)));
    if (width !== item.width || height !== item.height) throw new Error("the server's answer is of another size than the image");
    return unpacked(new Uint32Array(body), width * height);
  }
}
