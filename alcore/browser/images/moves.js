// Where the keys that move go in the grid.

/** @import { Grid } from "./grid.js" */

/** Where each key goes. @type {Record<string, (grid: Grid) => number>} */
export const MOVES = {
  ArrowLeft: (grid) => grid.at - 1,
  ArrowRight: (grid) => grid.at + 1,
  ArrowUp: (grid) => (grid.at < grid.columns ? grid.at : grid.at - grid.columns),
  ArrowDown: (grid) => (grid.at + grid.columns < (grid.listing?.count ?? 0) ? grid.at + grid.columns : grid.at),
  PageUp: (grid) => grid.at - grid.columns * Math.max(1, Math.floor(grid.root.clientHeight / grid.step)),
  PageDown: (grid) => grid.at + grid.columns * Math.max(1, Math.floor(grid.root.clientHeight / grid.step)),
  Home: () => 0,
  End: (grid) => (grid.listing?.count ?? 1) - 1,
};
