// A student's answers on their way: kept in the browser until the server has them, sent one after the other, and again where that failed.

import { Api, problemOf } from "../shared/api.js";
import { measure, sleep } from "../shared/wait.js";

/** @import { ClassNext } from "../shared/types.js" */
/** @typedef {{id: string, item: number, label: number, era: number}} Given */
/**
 * @typedef {object} Listener
 * @property {(next: ClassNext) => void} acked the server has an answer; what comes next
 * @property {(sentence: string) => void} stuck why answers wait; "" once they move on
 * @property {() => void} unknown the server does not know this student any more
 */

const SOON = 700; // ms before another try
const LATE = 5000;

export class Outbox {
  /**
   * @param {Api} api
   * @param {string} code
   * @param {Listener} listener
   */
  constructor(api, code, listener) {
    this.api = api;
    this.code = code;
    this.listener = listener;
    this.place = `alcore:class:${code}:answers`;
    /** @type {(Given & {started?: number})[]} */
    this.waiting = restored(this.place);
    this.sending = false;
  }

  /** @param {Given} given */
  put(given) {
    this.waiting.push({ ...given, started: performance.now() });
    this.keep();
    this.send();
  }

  /** Whether an image was answered and the answer is still here. @param {number} item */
  has(item) {
    return this.waiting.some((given) => given.item === item);
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    let wait = SOON;
    while (this.waiting.length) {
      const [{ started, ...given }] = this.waiting;
      try {
        const next = await this.api.post(this.api.url(["room", this.code, "answers"]), given);
        if (started !== undefined) measure("alcore:ack", started);
        this.drop(given.id);
        this.listener.stuck("");
        this.listener.acked(next);
        wait = SOON;
      } catch (error) {
        const { status, message } = problemOf(error);
        if (status === 401 || status === 404) {
          this.listener.unknown();
          break;
        }
        if (status === 409 && message.endsWith("is over")) this.drop(given.id);
        else if (status >= 400 && status < 500 && status !== 409 && status !== 429 && status !== 408) {
          this.drop(given.id);
          this.listener.stuck(message);
        } else {
          if (status !== 409) this.listener.stuck("Your answers are kept and sent again: the server does not answer.");
          await sleep(wait);
          wait = Math.min(wait * 2, LATE);
        }
      }
    }
    this.sending = false;
  }

  /** @param {string} id */
  drop(id) {
    this.waiting = this.waiting.filter((given) => given.id !== id);
    this.keep();
  }

  keep() {
    try {
      localStorage.setItem(this.place, JSON.stringify(this.waiting.map(({ id, item, label, era }) => ({ id, item, label, era }))));
    } catch {
      // a private window keeps nothing: answers then last as long as the page
    }
  }
}

/**
 * @param {string} place
 * @returns {Given[]}
 */
function restored(place) {
  try {
    const kept = JSON.parse(localStorage.getItem(place) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}
