// What a person did to images, to be undone and done again; kept by the browser, so that a reload forgets nothing. All tabs of a browser
// have one list of it: what was done in any of them is taken back in any of them, the newest first.

import { problemOf, wordsOf } from "../shared/api.js";
import { newName } from "../shared/names.js";
import { whole } from "../shared/numbers.js";
import { measure, sleep } from "../shared/wait.js";

/** @import { Api } from "../shared/api.js" */
/**
 * One answer for many images.
 * @typedef {object} Doing
 * @property {string} client its name with the server
 * @property {string} kind label, skip, flag or ask (for these next)
 * @property {string | null} value
 * @property {number[]} ids
 */
/** @typedef {{stored: number, refused: number, reason: string, conflicts: number}} Done */

const KEPT = 30; // doings; with 50,000 images one takes 400 kB
const LONGEST = 8000; // ms between two tries
const ROOM = 2_000_000; // characters of what is kept

export class Doings {
  /**
   * @param {Api} api
   * @param {() => void} changed another tab did something, or took something back
   */
  constructor(api, changed) {
    this.api = api;
    this.apart = false; // the browser keeps nothing: this tab has a list of its own
    this.onStorage = (/** @type {StorageEvent} */ event) => {
      if (event.key !== this.place) return;
      this.read();
      changed();
    };
    window.addEventListener("storage", this.onStorage);
    this.project = "";
    this.place = "";
    /** @type {Doing[]} oldest first */
    this.done = [];
    /** @type {Doing[]} newest last */
    this.undone = [];
  }

  /**
   * Whose doings these are, and to what.
   * @param {string} project
   * @param {string} identity
   * @param {string} annotator
   */
  of(project, identity, annotator) {
    const place = `alcore:doings:${JSON.stringify([identity, project, annotator])}`;
    if (place === this.place) return;
    this.project = project;
    this.place = place;
    this.done = [];
    this.undone = [];
    this.read();
  }

  dispose() {
    window.removeEventListener("storage", this.onStorage);
  }

  /** What all tabs have done by now. */
  read() {
    if (this.apart) return;
    try {
      const kept = localStorage.getItem(this.place);
      if (kept) ({ done: this.done = [], undone: this.undone = [] } = /** @type {{done?: Doing[], undone?: Doing[]}} */ (JSON.parse(kept)));
    } catch {
      // damaged, or a private window: what this tab knows is all there is
    }
  }

  keep() {
    this.done = this.done.slice(-KEPT);
    let text = JSON.stringify({ done: this.done, undone: this.undone });
    while (text.length > ROOM && this.done.length > 1) {
      this.done.shift();
      text = JSON.stringify({ done: this.done, undone: this.undone });
    }
    try {
      localStorage.setItem(this.place, text);
    } catch {
      this.apart = true; // a private window, or no room: what was done can be undone until the page is left
    }
  }

  /**
   * What is found right stays so: a label that is given anew is doubted anew.
   * @param {{kind: string, value: string | null, ids: number[], saw: number[], classes?: string[]}} doing saw are places among the classes
   * @returns {Promise<Done>}
   */
  async give({ kind, value, ids, saw, classes }) {
    const client = newName();
    const started = performance.now();
    const done = await this.post({ client, kind, value, ids, saw, classes });
    measure("alcore:batch", started);
    if (kind !== "sure") {
      this.read();
      this.done.push({ client, kind, value, ids });
      this.undone = [];
      this.keep();
    }
    return done;
  }

  /**
   * Puts an image at the head of the queue and goes to where it is painted; why not, in a sentence.
   * @param {number} id
   */
  async paintNext(id) {
    try {
      const { stored, reason } = await this.give({ kind: "ask", value: null, ids: [id], saw: [-1] });
      if (!stored) return `It is not asked for: it is ${reason} already.`;
      location.assign(this.api.page("label", this.project));
      return "At the head of the queue.";
    } catch (error) {
      return `${wordsOf(error)}.`;
    }
  }

  /** Takes the newest back; null where there is none. */
  async undo() {
    this.read();
    const doing = this.done.at(-1);
    if (!doing) return null;
    const told = await this.post({ client: newName(), kind: doing.kind, undo: doing.client });
    this.read();
    if (without(this.done, doing)) this.undone.push(doing);
    this.keep();
    return { doing, told };
  }

  /** Gives the answer again that was taken back last; null where there is none. */
  async redo() {
    this.read();
    const doing = this.undone.at(-1);
    if (!doing) return null;
    const client = newName();
    const told = await this.post({ client, kind: doing.kind, value: doing.value, ids: doing.ids });
    this.read();
    without(this.undone, doing);
    this.done.push({ ...doing, client });
    this.keep();
    return { doing, told };
  }

  /**
   * Sent again under the same name while no answer comes: it is stored once.
   * @param {Record<string, unknown>} body
   * @returns {Promise<Done>}
   */
  async post(body) {
    for (let wait = 500; ; wait *= 2) {
      try {
        return await this.api.post(this.api.url(["projects", this.project, "batches"]), body);
      } catch (error) {
        const { status } = problemOf(error);
        if ((status >= 400 && status < 500) || wait > LONGEST) throw error;
        await sleep(wait);
      }
    }
  }
}

/**
 * Takes a doing out of a list; whether it was there, and no other tab was quicker.
 * @param {Doing[]} list
 * @param {Doing} doing
 */
function without(list, doing) {
  const at = list.findIndex(({ client }) => client === doing.client);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

/**
 * What came of an answer, in words.
 * @param {Done} done
 */
export function told({ stored, refused, reason, conflicts }) {
  const parts = [`${whole(stored)} ${stored === 1 ? "image" : "images"}`];
  if (refused) parts.push(`${whole(refused)} not (${reason})`);
  if (conflicts) parts.push(`${whole(conflicts)} contradict another person and wait for a review`);
  return `${parts.join(", ")}.`;
}
