// Small pictures of many images: many to a request, the ones that are on the screen first, the newest kept.

import { problemOf } from "../shared/api.js";
import { sleep } from "../shared/wait.js";

/** @import { Api } from "../shared/api.js" */

const TOGETHER = 60; // pictures of a request
const AT_ONCE = 2; // requests: of the browser's six connections the others are free for answers
const KEPT = 4000; // pictures; of 128 pixels some 20 MB

/**
 * The pictures of an answer: for each its length and its bytes.
 * @param {ArrayBuffer} body
 * @returns {Uint8Array<ArrayBuffer>[]}
 */
export function unpacked(body) {
  const view = new DataView(body);
  const parts = [];
  for (let at = 0; at < body.byteLength; ) {
    const length = view.getUint32(at, true);
    parts.push(new Uint8Array(body, at + 4, length));
    at += 4 + length;
  }
  return parts;
}

export class Thumbnails {
  /**
   * @param {Api} api
   * @param {(id: number) => void} came a picture that was wanted is there, or cannot be had
   * @param {string} [what] the route that gives them
   */
  constructor(api, came, what = "thumbnails") {
    this.api = api;
    this.what = what;
    this.came = came;
    this.project = "";
    this.size = 128;
    /** @type {Map<number, string>} id -> object URL, "" for a picture that cannot be read; least recently used first */
    this.found = new Map();
    /** @type {number[]} */
    this.wanted = [];
    /** @type {Set<number>} */
    this.asked = new Set();
    this.active = 0;
    this.turn = 0; // of another project or size: what comes of an older one is dropped
  }

  /**
   * @param {string} project
   * @param {number} size
   */
  of(project, size) {
    if (project === this.project && size === this.size) return;
    this.clear();
    this.project = project;
    this.size = size;
  }

  /** The object URL of a picture, "" where it cannot be read, undefined where it is not there yet. @param {number} id */
  ready(id) {
    const url = this.found.get(id);
    if (url !== undefined) {
      this.found.delete(id);
      this.found.set(id, url);
    }
    return url;
  }

  /** What is on the screen now, and only that. @param {number[]} ids */
  want(ids) {
    this.wanted = ids.filter((id) => !this.found.has(id) && !this.asked.has(id));
    this.next();
  }

  next() {
    while (this.active < AT_ONCE && this.wanted.length) {
      const some = this.wanted.splice(0, TOGETHER);
      for (const id of some) this.asked.add(id);
      this.fetch(some, this.turn);
    }
  }

  /**
   * @param {number[]} ids
   * @param {number} turn
   */
  async fetch(ids, turn) {
    this.active += 1;
    try {
      const url = this.api.url(["projects", this.project, this.what], { size: this.size, ids: ids.join(",") });
      const { body } = await this.api.request(url, {}, 60_000);
      if (turn !== this.turn) return;
      unpacked(body).forEach((bytes, at) => this.keep(ids[at], bytes));
    } catch (error) {
      const { status } = problemOf(error);
      if (status >= 400 && status < 500 && status !== 401) for (const id of ids) this.keep(id, new Uint8Array());
      else await sleep(1000); // whoever looks at them asks again
    } finally {
      if (turn === this.turn) {
        this.active -= 1;
        for (const id of ids) this.asked.delete(id);
        for (const id of ids) this.came(id);
        this.next();
      }
    }
  }

  /**
   * @param {number} id
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  keep(id, bytes) {
    this.found.set(id, bytes.length ? URL.createObjectURL(new Blob([bytes], { type: bytes[0] === 0x89 ? "image/png" : "image/jpeg" })) : "");
    while (this.found.size > KEPT) {
      const [[oldest, url]] = this.found;
      this.found.delete(oldest);
      if (url) URL.revokeObjectURL(url);
    }
  }

  clear() {
    this.turn += 1;
    this.active = 0;
    this.wanted = [];
    this.asked.clear();
    for (const url of this.found.values()) if (url) URL.revokeObjectURL(url);
    this.found.clear();
  }
}
