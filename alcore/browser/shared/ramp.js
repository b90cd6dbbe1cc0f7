// The colors of numbers.

/** @import { Rgb } from "./types.js" */

// plasma as a polynomial; its ends are cut where they would vanish into the page (dark violet on dark, pale yellow on light).
const PLASMA = [
  [0.05873, 0.02334, 0.54334], [2.17651, 0.23838, 0.75396], [-2.68946, -7.45585, 3.1108], [6.13035, 42.34619, -28.51885],
  [-11.10744, -82.66631, 60.13985], [10.02307, 71.41362, -54.07219], [-3.65871, -22.93153, 18.19191],
];

/**
 * 256 colors, from low to high.
 * @param {boolean} dark for a dark page
 * @returns {Rgb[]}
 */
export function ramp(dark) {
  const [from, to] = dark ? [0.27, 1] : [0, 0.84];
  return Array.from({ length: 256 }, (_, i) => {
    const t = from + ((to - from) * i) / 255;
    const part = (/** @type {number} */ c) => Math.round(255 * Math.min(1, Math.max(0, PLASMA.reduceRight((sum, k) => sum * t + k[c], 0))));
    return [part(0), part(1), part(2)];
  });
}
