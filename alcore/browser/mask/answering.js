// What a person decides about an image of the mask editor: saved, skipped, flagged, taken back.

import { spentOn } from "./item.js";
import { packed } from "./packing.js";
import { VOID } from "./raster.js";

/** @import { Desk } from "../label/desk.js" */
/** @import { Said } from "../label/answers.js" */
/** @import { EventKind } from "../shared/types.js" */
/** @import { MaskItem } from "./item.js" */
/** @import { Packed } from "./packing.js" */
/** @import { MaskStage } from "./stage.js" */
/** @import { Strokes } from "./strokes.js" */
/** @typedef {{packed: Packed, width: number, height: number, clicks: number}} MaskBytes */

const PAINTED = "painted here"; // stands for a mask whose name only the server knows yet

export class Answering {
  /**
   * @param {{desk: Desk<MaskItem>, stage: MaskStage, strokes: Strokes}} on
   * @param {() => boolean} endStroke ends what the pointer does; true when that closed a polygon, which is looked at first
   */
  constructor({ desk, stage, strokes }, endStroke) {
    this.desk = desk;
    this.stage = stage;
    this.strokes = strokes;
    this.endStroke = endStroke;
    /** @type {WeakSet<Said>} answers whose mask was painted on this page: taken back, its strokes are here */
    this.paintedHere = new WeakSet();
    /** @type {MaskItem | null} of which it was said that nothing is painted */
    this.emptyTold = null;
  }

  /** @param {Event} event */
  save(event) {
    const { desk } = this;
    const { doc } = this.stage;
    const item = desk.queue.current;
    if (!item || !desk.working) return;
    if (!doc) return desk.say("The image is still on its way.");
    if (!desk.mayAnswer(event)) return;
    if (this.endStroke()) return;
    if (item.state === "label" && !doc.unsaved) return this.leave(item, event);
    const painted = item.allowed ? item.allowed.some((on, i) => on && doc.mask[i] !== VOID) : doc.counts[VOID] < doc.mask.length;
    if (!painted && this.emptyTold !== item) {
      this.emptyTold = item;
      return desk.say(`Nothing is painted ${item.regions ? "in the bright part" : "here"}. Press Enter again to save it as void, or N to skip.`);
    }
    this.emptyTold = null;
    item.kept = packed(doc.mask);
    this.record(item, item.regions ? "region" : "mask", event, { packed: item.kept, width: doc.width, height: doc.height, clicks: item.clicks });
    doc.saved();
    item.unsaved = false;
    this.strokes.forgetTimer(item);
    this.leave(item, event);
  }

  /**
   * @param {"skip" | "flag"} kind
   * @param {Event} event
   */
  answer(kind, event) {
    const item = this.desk.queue.current;
    if (!item || !this.desk.working || !this.desk.mayAnswer(event)) return;
    this.record(item, kind, event);
    this.leave(item, event);
  }

  /**
   * @param {MaskItem} item
   * @param {EventKind} kind
   * @param {Event} event
   * @param {MaskBytes} [mask]
   */
  record(item, kind, event, mask) {
    const { queue, notice } = this.desk;
    if (!queue.outbox) return;
    const ms = Math.round(Math.min(spentOn(item), 3_600_000));
    const replaces = item.saw === PAINTED ? undefined : item.saw; // the server has not named an own mask yet: nothing is contradicted
    const seq = queue.outbox.push({ item: item.id, kind, ms, round: queue.asked, replaces, ...mask }, event.timeStamp);
    Object.assign(item, { ms: 0, clicks: 0, restored: null });
    if (item.shownAt) item.shownAt = performance.now();
    const step = queue.answers.answered(item, kind, mask ? PAINTED : null, seq);
    if (mask) this.paintedHere.add(step.event);
    queue.answers.history.push([step]);
    queue.touched = true;
    notice.message = null;
  }

  /**
   * To the next open image.
   * @param {MaskItem} item
   * @param {Event} event
   */
  leave(item, event) {
    const { queue, tiles } = this.desk;
    tiles.fill(item);
    queue.advance(1);
    queue.moved(event);
  }

  /** Takes back the last save, skip or flag. Its strokes are unsaved again. @param {Event} event */
  takeBack(event) {
    const { desk } = this;
    const { queue } = desk;
    const steps = queue.answers.lastSteps();
    if (!steps) return desk.say("You have no answer to take back in this query. Ctrl+Z undoes a stroke.");
    const [{ item, event: said }] = steps;
    const painted = this.paintedHere.has(said);
    queue.answers.unsay(item, said);
    queue.outbox?.push({ item: item.id, kind: "undo", ms: null, round: queue.asked }, event.timeStamp);
    if (painted) this.strokes.markUnsaved(item);
    desk.notice.message = null;
    queue.isFinished = false;
    queue.cursor = queue.items.indexOf(item);
    desk.tiles.fill(item);
    queue.moved(event);
  }
}
