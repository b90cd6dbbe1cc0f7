// What the server tells of classes (web/classes.py), and how it is read.

/** @typedef {{name: string, color: string, key: string, about: string, labels: number, guesses: number | null}} ClassTold */
/** @typedef {{id: number, words: string, annotator: string, time: number, undoable: boolean}} ChangeTold */
/** @typedef {{way: string, round: number | null, words: string, of: number, right: number, low: number, high: number, cells: [number, number, number][], rows: Seen[]}} MeasuredTold cells are [label, guess, images] */
/** @typedef {{project: string, dense: boolean, classes: ClassTold[], hidden: string, changes: ChangeTold[], measured: MeasuredTold | null, problem: string | null}} ClassesTold hidden says what is not counted, empty for nothing */
/**
 * What the parts of the page ask for.
 * @typedef {object} Acts
 * @property {(name: string) => void} choose
 * @property {(view: string) => void} open a view of the Images page
 * @property {(label: string | null, guess: string | null) => void} cell opens the images with that label and guess
 * @property {(what: Record<string, unknown>, words: string) => void} change
 */
/** @typedef {{labeled: number, guessed: number, right: number, mixed: [number, number][]}} Seen of one class: mixed are [class it was taken for, images] */

/** The address of a view of the Images page. @param {Record<string, string>} filters */
export function viewOf(filters) {
  return new URLSearchParams(filters).toString();
}
