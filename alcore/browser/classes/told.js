// What the server tells of classes (web/classes.py), and how it is read.

/** @typedef {{name: string, color: string, key: string, about: string, labels: number, guesses: number | null}} ClassTold */
/** @typedef {{id: number, words: string, annotator: string, time: number, undoable: boolean}} ChangeTold */
/** @typedef {{way: string, round: number | null, words: string, of: number, right: number, low: number, high: number, cells: [number, number, number][]}} MeasuredTold cells are [label, guess, images] */
/** @typedef {{project: string, dense: boolean, classes: ClassTold[], changes: ChangeTold[], measured: MeasuredTold | null, problem: string | null}} ClassesTold */
/**
 * What the parts of the page ask for.
 * @typedef {object} Acts
 * @property {(name: string) => void} choose
 * @property {(view: string) => void} open a view of the Images page
 * @property {(label: string | null, guess: string | null) => void} cell opens the images with that label and guess
 * @property {(what: Record<string, unknown>, words: string) => void} change
 */
/** @typedef {{labeled: number, guessed: number, right: number, mixed: [number, number][]}} Seen of one class: mixed are [class it was taken for, images] */

/**
 * What the cells say of each class.
 * @param {number} n how many classes there are
 * @param {[number, number, number][]} cells
 * @returns {Seen[]}
 */
export function byClass(n, cells) {
  /** @type {Seen[]} */
  const seen = Array.from({ length: n }, () => ({ labeled: 0, guessed: 0, right: 0, mixed: [] }));
  for (const [label, guess, count] of cells) {
    seen[label].labeled += count;
    seen[guess].guessed += count;
    if (label === guess) seen[label].right += count;
    else seen[label].mixed.push([guess, count]);
  }
  for (const { mixed } of seen) mixed.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return seen;
}

/** The address of a view of the Images page. @param {Record<string, string>} filters */
export function viewOf(filters) {
  return new URLSearchParams(filters).toString();
}
