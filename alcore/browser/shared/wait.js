// Time: pauses, and timings for benchmarks.

/** @type {(ms: number) => Promise<void>} */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A timing for benchmarks, read with performance.getEntriesByName; never more than a few thousand are kept.
 * @param {string} name
 * @param {number} start
 * @param {number} [end]
 */
export function measure(name, start, end = performance.now()) {
  if (performance.getEntriesByName(name).length > 2000) performance.clearMeasures(name);
  performance.measure(name, { start, end });
}
