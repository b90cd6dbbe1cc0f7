// Files sent in pieces: large ones piece by piece, small ones many in a request; gone on with where the server is.

import { ApiError, problemOf, wordsOf } from "../shared/api.js";
import { sleep } from "../shared/wait.js";
import { printOf, timeOf } from "./gather.js";

/** @import { Api } from "../shared/api.js" */
/** @import { UploadTold } from "../shared/types.js" */
/** @import { Found, Gathered } from "./gather.js" */

const PIECE = 940_000; // bytes of a request with its head: below the 1 MB that proxies allow as they come
const LEAST = 30_000; // that it is halved to, where a proxy allows less
const MOST_FILES = 400; // of a request
const HEAD = 60; // bytes that a file takes in the head beside its path
const LANES = 3; // requests at a time
const LISTED = 1_000; // files whose bytes are asked for at a time
const PATIENCE = 60_000; // ms for an answer
const LONGEST = 15_000; // ms between two tries
const LOOK = 500; // ms between two looks at what the server unpacks
const AGAIN = new Set([0, 408, 429, 502, 503, 504]); // answers that say nothing of the request itself

/** @typedef {Found & {have: number, still: number}} Mine `have` bytes are there, `still` answers in a row brought nothing */
/** @typedef {{bytes: number, files: number, waiting: string, unpacking: UploadTold | null}} Seen how far it is */

/** Thrown where somebody stopped it. */
export class Stopped extends Error {}

export class Sender {
  /**
   * @param {Api} api
   * @param {(seen: Seen) => void} told
   */
  constructor(api, told) {
    this.api = api;
    this.told = told;
    this.stopped = false;
    this.piece = PIECE;
    this.name = "";
    /** @type {Mine[]} */
    this.files = [];
    /** @type {Mine[]} */
    this.todo = [];
    /** @type {Seen} */
    this.seen = { bytes: 0, files: 0, waiting: "", unpacking: null };
    /** @type {() => void} */
    this.hurry = () => {};
    this.online = () => this.hurry();
  }

  stop() {
    this.stopped = true;
    this.hurry();
  }

  /**
   * Sends all, and waits until the server has unpacked what is to be unpacked.
   * @param {Gathered} gathered
   * @returns {Promise<UploadTold>} what there is then
   */
  async send({ name, found }) {
    window.addEventListener("online", this.online);
    try {
      const bytes = found.reduce((sum, { file }) => sum + file.size, 0);
      const began = await this.again(() => this.post(["uploads"], { name, print: printOf(found), files: found.length, bytes }));
      this.name = began.upload;
      if (began.state === "receiving") {
        this.files = found.map((each) => ({ ...each, have: 0, still: 0 }));
        await this.ask();
        await Promise.all(Array.from({ length: LANES }, () => this.lane()));
      }
      return began.state === "done" ? began : await this.finish();
    } finally {
      window.removeEventListener("online", this.online);
      this.stopped = true; // the other lanes of one that failed
    }
  }

  /** What of each file is there already. */
  async ask() {
    for (let at = 0; at < this.files.length; at += LISTED) {
      const part = this.files.slice(at, at + LISTED);
      const { have } = await this.again(() => this.post(["uploads", this.name, "files"], { files: part.map(described) }));
      part.forEach((file, i) => (file.have = have[i]));
    }
    this.todo = this.files.filter((file) => !file.file.size || file.have < file.file.size).reverse();
    const isTodo = new Set(this.todo);
    this.seen.files = this.files.filter((file) => !isTodo.has(file)).length;
    this.seen.bytes = this.files.reduce((sum, { have }) => sum + have, 0);
    this.told(this.seen);
  }

  /** Takes what is next, sends it, and so on. */
  async lane() {
    for (;;) {
      const batch = this.next();
      if (!batch.length) return;
      await this.deliver(batch);
    }
  }

  /** One file that fills a request, or as many as fit into one. */
  next() {
    /** @type {Mine[]} */
    const batch = [];
    let room = this.piece;
    while (this.todo.length && batch.length < MOST_FILES) {
      const file = this.todo[this.todo.length - 1];
      const takes = file.file.size - file.have + overhead(file);
      if (takes > room && batch.length) break;
      batch.push(file);
      this.todo.pop();
      room -= takes;
      if (room <= 0) break;
    }
    return batch;
  }

  /** Sends one request after the other until all of a batch is there. @param {Mine[]} batch */
  async deliver(batch) {
    let left = batch;
    while (left.length) {
      const now = left;
      const have = await this.again(() => this.put(now));
      left = [];
      now.forEach((file, i) => {
        this.seen.bytes += have[i] - file.have;
        file.still = have[i] > file.have ? 0 : file.still + 1;
        if (file.still > 5) throw new Error(`${file.path} does not arrive: the server keeps ${have[i]} of its ${file.file.size} bytes`);
        file.have = have[i];
        if (file.have < file.file.size) left.push(file);
        else this.seen.files += 1;
      });
      this.told(this.seen);
    }
  }

  /**
   * One request with the next bytes of some files, as many as there is room for.
   * @param {Mine[]} files
   * @returns {Promise<number[]>} bytes of each that are there
   */
  async put(files) {
    /** @type {[string, number, number, number, number][]} */
    const head = [];
    let room = this.piece;
    for (const { path, file, have } of files) {
      const length = Math.max(0, Math.min(file.size - have, room - overhead({ path })));
      head.push([path, file.size, timeOf(file), have, length]);
      room -= length + overhead({ path });
    }
    const contents = await Promise.all(files.map(({ path, file }, at) => bytesOf(file, path, head[at][3], head[at][4])));
    const text = new TextEncoder().encode(JSON.stringify({ pieces: head }));
    const length = new Uint8Array(new Uint32Array([text.length]).buffer); // every machine that runs a browser is little-endian
    const init = { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: new Blob([length, text, ...contents]) };
    const { body } = await this.api.request(this.api.url(["uploads", this.name, "pieces"]), init, PATIENCE);
    return JSON.parse(new TextDecoder().decode(body)).have;
  }

  /** Tells the server that all is there, and waits for what it unpacks. @returns {Promise<UploadTold>} */
  async finish() {
    let told = await this.again(() => this.post(["uploads", this.name, "actions"], { action: "finish" }));
    while (told.state === "unpacking") {
      this.seen.unpacking = told;
      this.told(this.seen);
      await sleep(LOOK);
      told = await this.again(() => this.api.json(this.api.url(["uploads", this.name])));
    }
    if (told.state === "refused" || told.state === "stopped") throw new ApiError(told.error, 400);
    return told;
  }

  /**
   * @param {string[]} place
   * @param {unknown} value
   */
  post(place, value) {
    return this.api.post(this.api.url(place), value);
  }

  /**
   * Tries until there is an answer; longer and longer between two tries, at once when the network is back.
   * @template Answer
   * @param {() => Promise<Answer>} ask
   * @returns {Promise<Answer>}
   */
  async again(ask) {
    for (let turn = 0; ; turn += 1) {
      if (this.stopped) throw new Stopped();
      try {
        const answer = await ask();
        this.seen.waiting = "";
        return answer;
      } catch (error) {
        const { status } = problemOf(error);
        if (status === 413 && this.piece > LEAST) {
          this.piece = Math.max(LEAST, this.piece / 2);
          continue;
        }
        if (!(error instanceof ApiError) || !AGAIN.has(status)) throw error;
        const pause = Math.min(LONGEST, 500 * 2 ** turn) * (0.75 + Math.random() / 2);
        const words = status >= 502 && !error.told ? "the server does not answer" : wordsOf(error);
        this.seen.waiting = words;
        this.told(this.seen);
        await Promise.race([sleep(pause), new Promise((resolve) => (this.hurry = () => resolve(undefined)))]);
      }
    }
  }
}

/** @param {{path: string}} file */
function overhead({ path }) {
  return HEAD + 6 * path.length; // a letter takes up to six bytes in JSON
}

/** @param {Mine} mine @returns {[string, number, number]} */
function described({ path, file }) {
  return [path, file.size, timeOf(file)];
}

/**
 * @param {File} file
 * @param {string} path
 * @param {number} at
 * @param {number} length
 */
async function bytesOf(file, path, at, length) {
  try {
    return await file.slice(at, at + length).arrayBuffer();
  } catch {
    throw new Error(`${path} cannot be read any more: it was changed or moved. Drop the files again`);
  }
}
