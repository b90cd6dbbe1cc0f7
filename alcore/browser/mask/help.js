// What keys do in the mask editor, as its help tells it.

/** @type {[string, string][]} */
export const HELP = [
  ["1 … 0, letters", "the class to paint with; V is void (belongs to no class)"],
  ["B E P F S C D", "brush, eraser, polygon, fill, superpixels, clicks, areas of the model's draft"],
  ["[  ]", "smaller or larger brush"],
  ["G", "take the model's draft where nothing is painted; Shift+G everywhere"],
  ["Alt+click", "paint with the class under the pointer"],
  ["Ctrl+Z  Ctrl+Shift+Z", "undo, redo a stroke"],
  ["Enter", "save the mask and go on; closes an open polygon, takes what is clicked first"],
  ["Backspace  Esc", "take back a polygon's last corner or the last click, drop it"],
  ["Shift+← ↑ → ↓  .  ,", "with clicks: move a mark, click there, take away there"],
  ["N  X", "skip the image; flag it: something is wrong with it"],
  ["Z", "take back the last save, skip or flag"],
  ["← →", "earlier or later image; unsaved strokes are kept"],
  ["H  O  L", "mask on or off, outlines, next heat layer"],
  ["+  −  wheel", "zoom; Space and drag, or the middle button, moves; Esc shows all"],
  ["Tab", "next region, where only regions are asked for"],
  ["W", "why it was asked: formulas and numbers (unless a class has that key)"],
  ["/", "find a class by typing, Enter takes it"],
];
