// Bytes and times as people read them, and how fast something goes.

import { whole } from "../shared/numbers.js";

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** 20.0 kB, 1.2 GB. @param {number} bytes */
export function amount(bytes) {
  let [size, unit] = [bytes, 0];
  while (size >= 999.5 && unit < UNITS.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${unit === 0 || size >= 99.95 ? whole(size) : size.toFixed(1)} ${UNITS[unit]}`;
}

/** How long something takes: 40 s, 3 min, 2 h 10 min. @param {number} seconds */
export function span(seconds) {
  if (seconds < 90) return `${whole(Math.max(1, seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 1 file, 2,000 files. @param {number} count @param {string} one */
export function several(count, one) {
  return `${whole(count)} ${one}${count === 1 ? "" : "s"}`;
}

/** What went wrong as a sentence: with a capital, unless it begins with the name of a file. @param {string} words */
export function sentence(words) {
  const bare = words.replace(/\.$/, "");
  return `${/^[a-z]+ /.test(bare) ? bare.charAt(0).toUpperCase() + bare.slice(1) : bare}.`;
}

/** Bytes a second over the last seconds. */
export class Pace {
  /** @param {number} window ms that are looked back on */
  constructor(window = 6000) {
    this.window = window;
    /** @type {[number, number][]} */
    this.seen = [];
  }

  /**
   * @param {number} bytes that are done
   * @param {number} now ms
   */
  note(bytes, now) {
    this.seen.push([now, bytes]);
    while (this.seen.length > 2 && this.seen[0][0] < now - this.window) this.seen.shift();
  }

  /** Null until it can be told. */
  get rate() {
    const [first, last] = [this.seen[0], this.seen[this.seen.length - 1]];
    return first && last[0] - first[0] > 300 ? (1000 * (last[1] - first[1])) / (last[0] - first[0]) : null;
  }
}
