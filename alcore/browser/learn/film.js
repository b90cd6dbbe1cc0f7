// A film of the server: what was learned, step by step, fetched in runs ahead of where it is watched.

/** @import { Api } from "../shared/api.js" */
/** @import { FilmTold } from "../shared/types.js" */
/**
 * What is drawn of a step.
 * @typedef {object} Frame
 * @property {number} step
 * @property {number} accuracy on all points, of the network that the step trained
 * @property {Float32Array} features x, y of each point's feature
 * @property {Map<string, Float32Array>} weights of each head, row by row
 * @property {Float32Array | null} pullFeatures where the game moves each feature
 * @property {Float32Array | null} pullPrototypes where the game moves each prototype
 * @property {Map<string, Int16Array[]>} heads 32767 tanh(m / 2) of margins: one plane for two classes, else one a class
 * @property {Map<string, {cells: Uint8Array, low: number, high: number}>} scores
 */
/** @typedef {{float32: typeof Float32Array, int16: typeof Int16Array, uint8: typeof Uint8Array}} Kinds */

const RUN = 10; // frames of a request
const AHEAD = 60; // frames that are asked for before they are watched

/** @type {Kinds} */
const KINDS = { float32: Float32Array, int16: Int16Array, uint8: Uint8Array };

/**
 * The frame that `bytes` from `at` hold.
 * @param {FilmTold} told
 * @param {ArrayBuffer} bytes
 * @param {number} at
 * @param {number} step
 * @returns {Frame}
 */
export function frameOf(told, bytes, at, step) {
  /** @type {Map<string, Float32Array | Int16Array | Uint8Array>} */
  const planes = new Map();
  for (const [name, kind, shape] of told.planes) {
    const count = shape.reduce((product, part) => product * part, 1);
    const Kind = KINDS[kind];
    planes.set(name, new Kind(bytes.slice(at, (at += count * Kind.BYTES_PER_ELEMENT)))); // a slice: a plane may begin where its kind may not
  }
  /** @param {string} name */
  const floats = (name) => /** @type {Float32Array | undefined} */ (planes.get(name));
  const weights = new Map();
  let from = 0;
  for (const [name, shape] of Object.entries(told.weights)) {
    weights.set(name, floats("weights")?.subarray(from, (from += shape[0] * shape[1])));
  }
  const heads = new Map();
  const scores = new Map();
  const cells = told.side * told.side;
  for (const [name, plane] of planes) {
    if (plane instanceof Int16Array) heads.set(name.slice(5), Array.from({ length: plane.length / cells }, (_, k) => plane.subarray(k * cells, (k + 1) * cells)));
    if (plane instanceof Uint8Array) {
      const n = 2 * scores.size;
      scores.set(name.slice(6), { cells: plane, low: floats("ranges")?.[n] ?? 0, high: floats("ranges")?.[n + 1] ?? 1 });
    }
  }
  return {
    step,
    accuracy: floats("accuracy")?.[0] ?? 0,
    features: floats("features") ?? new Float32Array(),
    weights,
    pullFeatures: floats("pull_features") ?? null,
    pullPrototypes: floats("pull_prototypes") ?? null,
    heads,
    scores,
  };
}

export class Film {
  /**
   * @param {Api} api
   * @param {FilmTold} told
   */
  constructor(api, told) {
    this.api = api;
    this.told = told;
    /** @type {Map<number, Frame>} */
    this.frames = new Map();
    /** @type {Map<number, Promise<void>>} the first step of a run -> its request */
    this.asked = new Map();
  }

  /** @param {number} step */
  at(step) {
    return this.frames.get(step);
  }

  /** Asks for the run a step is in, and for those after it. @param {number} step @returns {Promise<void>} when the step is there */
  need(step) {
    const first = step - (step % RUN);
    const there = this.run(first);
    for (let next = first + RUN; next <= Math.min(step + AHEAD, this.told.steps); next += RUN) {
      if (this.running < 2) this.run(next);
    }
    return there;
  }

  get running() {
    return [...this.asked.keys()].filter((first) => !this.frames.has(first)).length;
  }

  /** @param {number} first @returns {Promise<void>} */
  run(first) {
    const before = this.asked.get(first);
    if (before) return before;
    const asked = this.fetch(first).catch((error) => {
      this.asked.delete(first); // to be asked for again
      throw error;
    });
    asked.catch(() => {}); // who needs the step hears of it
    this.asked.set(first, asked);
    return asked;
  }

  /** @param {number} first */
  async fetch(first) {
    const { body } = await this.api.request(this.api.url(["learn", "films", this.told.film, "frames"], { first, count: RUN }));
    const each = this.told.frame_bytes;
    for (let i = 0; i * each < body.byteLength; i += 1) this.frames.set(first + i, frameOf(this.told, body, i * each, first + i));
  }
}
