// Pictures by URL, as object URLs. Four at a time, so that of the browser's six connections one is always free for labels.

import { problemOf } from "./api.js";
import { sleep } from "./wait.js";

/** @import { Api } from "./api.js" */
/**
 * A picture that waits for its turn, or is being fetched.
 * @typedef {object} Wanted
 * @property {string} url
 * @property {Promise<string>} promise
 * @property {(found: string) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/** Fetches pictures, keeps the ones used last, and tells the object URL of each. */
export class Pictures {
  /**
   * @param {Api} api
   * @param {number} [keep] how many are kept
   */
  constructor(api, keep = 600) {
    this.api = api;
    this.keep = keep;
    /** @type {Map<string, string>} URL -> object URL, least recently used first */
    this.found = new Map();
    /** @type {Map<string, Wanted>} */
    this.waiting = new Map();
    /** @type {Wanted[]} */
    this.line = [];
    this.active = 0;
    this.closed = false;
  }

  /** @param {string} url */
  ready(url) {
    const found = this.found.get(url);
    if (found) {
      this.found.delete(url);
      this.found.set(url, found);
    }
    return found;
  }

  /**
   * @param {string} url
   * @param {boolean} [urgent] before all that wait
   * @returns {Promise<string>}
   */
  load(url, urgent = false) {
    const found = this.ready(url);
    if (found) return Promise.resolve(found);
    const known = this.waiting.get(url);
    if (known) {
      const place = urgent ? this.line.indexOf(known) : -1;
      if (place > 0) this.line.unshift(...this.line.splice(place, 1));
      return known.promise;
    }
    const { promise, resolve, reject } = withResolvers();
    const job = { url, promise, resolve, reject };
    this.waiting.set(url, job);
    if (urgent) this.line.unshift(job);
    else this.line.push(job);
    this.next();
    return promise;
  }

  next() {
    while (this.active < 4) {
      const job = this.line.shift();
      if (!job) return;
      this.fetch(job);
    }
  }

  /** @param {Wanted} job */
  async fetch(job) {
    this.active += 1;
    try {
      const { answer, body } = await this.retrying(job.url);
      const found = URL.createObjectURL(new Blob([body], { type: answer.headers.get("content-type") || "" }));
      this.found.set(job.url, found);
      if (this.found.size > this.keep) {
        const [oldest] = this.found.keys();
        this.forget(oldest);
      }
      job.resolve(found);
    } catch (error) {
      job.reject(error);
    } finally {
      this.waiting.delete(job.url);
      this.active -= 1;
      this.next();
    }
  }

  /** @param {string} url of a picture that is kept nowhere else now, or by the browser's own cache */
  forget(url) {
    const found = this.found.get(url);
    this.found.delete(url);
    if (found) URL.revokeObjectURL(found);
  }

  /**
   * Asks until the server answers; what it refuses for good is an error.
   * @param {string} url
   */
  async retrying(url) {
    for (let wait = 400; ; wait = Math.min(wait * 2, 5000)) {
      try {
        return await this.api.request(url);
      } catch (error) {
        const { status } = problemOf(error);
        if (status >= 400 && status < 500 && status !== 401) throw error;
        if (this.closed) throw error;
        await sleep(wait);
      }
    }
  }

  /** Forgets everything; requests that are out finish unseen. */
  close() {
    this.closed = true;
    this.line = [];
    for (const found of this.found.values()) URL.revokeObjectURL(found);
    this.found.clear();
  }
}

/** A promise of an object URL and what settles it. */
function withResolvers() {
  /** @type {(found: string) => void} */
  let resolve = () => {};
  /** @type {(error: unknown) => void} */
  let reject = () => {};
  /** @type {Promise<string>} */
  const promise = new Promise((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}
