// How keys are read, by the labeler, the mask editor and the map alike: whose a key press is, what a key is called, which class it gives.

import { targetOf } from "./dom.js";

const TAKES_TEXT = "input, textarea, select, [contenteditable=''], [contenteditable=true], [role=textbox], [role=combobox], [role=listbox], [role=menu], [role=spinbutton], [data-testid=stDataFrame]";
const FOCUSED = "[data-keys=focused]"; // a part of a page with other parts: it has the keys while the focus is in it
const TAKES_ARROWS = "[role=tab], [role=slider], [role=radio], [role=switch], input";

/**
 * True when keys belong to something else on the page: a field, an open menu or dialog, a table that is edited.
 * @param {Event} event
 * @param {Element} own the part that asks
 */
export function keysBelongElsewhere(event, own) {
  const alone = own.closest(FOCUSED);
  if (alone && !event.composedPath().includes(alone)) return true;
  for (const node of event.composedPath()) {
    if (!(node instanceof Element) || own.contains(node)) continue;
    if (node.matches("input[type=checkbox], input[type=radio], input[type=button]")) continue;
    if (node.matches(TAKES_TEXT)) return true;
  }
  const dialog = document.querySelector("[role=dialog][aria-modal=true], [data-testid=stDialog]");
  const root = own.getRootNode();
  return Boolean(dialog) && !dialog?.contains(root instanceof ShadowRoot ? root.host : own);
}

/**
 * True for what the focused thing needs of its own: Enter and space on buttons and links, arrows on tabs, sliders and radios.
 * @param {KeyboardEvent} event
 * @param {Element} own
 */
export function keyDrivesControl(event, own) {
  const isArrow = /^Arrow(Left|Right|Up|Down)$/.test(event.key);
  if (!isArrow && !["Enter", " "].includes(event.key)) return false;
  const target = targetOf(event);
  if (!target || (isArrow && own.contains(target))) return false;
  return Boolean(target.closest(isArrow ? TAKES_ARROWS : `${TAKES_ARROWS}, button, a[href], summary, [role=button]`));
}

export const LABELING = "abcdeghijklmnopqrtuvwxy"; // letters that give a class: Z, S and F are undo, skip and flag

/**
 * Class -> key. Those that were chosen for a class, where they are free here; then ten digits, then letters. A set whose names are all single
 * digits keeps each name as its own key.
 * @param {string[]} classes
 * @param {string} letters
 * @param {Record<string, string>} [chosen] class -> key
 * @param {string} [digits] that are for classes
 * @returns {Map<string, string>}
 */
export function keysOf(classes, letters, chosen = {}, digits = "1234567890") {
  const keys = [...digits, ...letters];
  const own = classes.every((name) => /^[0-9]$/.test(name)) ? Object.fromEntries(classes.map((name) => [name, name])) : {};
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const name of classes) {
    const key = chosen[name] || own[name];
    if (key && keys.includes(key) && ![...found.values()].includes(key)) found.set(name, key);
  }
  const taken = new Set(found.values());
  const free = keys.filter((key) => !taken.has(key));
  return new Map(classes.map((name) => [name, found.get(name) ?? free.shift() ?? ""]).filter(([, key]) => key).map(([name, key]) => [name, key]));
}

/**
 * True when a key press is for the part at `root`: it can be seen, and nothing else on the page takes the key.
 * @param {KeyboardEvent} event
 * @param {Element} root
 */
export function keyIsOurs(event, root) {
  return root.isConnected && !event.isComposing && root.getClientRects().length > 0 && !keysBelongElsewhere(event, root);
}

/**
 * What a key is called. Digits go by their place, so that keyboards with shifted digits work, unless the key writes something with AltGr or
 * the number pad moves instead (NumLock is off). Letters of other scripts go by their place too: Я is the Z of a Latin keyboard.
 * @param {KeyboardEvent} event
 * @param {boolean} [written] AltGr is held
 */
export function keyName(event, written = false) {
  const { key, code } = event;
  const digit = /^(Digit|Numpad)([0-9])$/.exec(code);
  if (digit && !written && (digit[1] === "Numpad" ? key === digit[2] : !(event.shiftKey && !/^[0-9]$/.test(key)))) return digit[2];
  const letter = /^Key([A-Z])$/.exec(code);
  if (letter && key.length === 1 && key.charCodeAt(0) > 127 && !written) return letter[1].toLowerCase();
  return key.length === 1 ? key.toLowerCase() : key;
}

/**
 * How well a name fits what somebody types: 0 where it begins so, 1 where it has that in it, 2 where it has every word of it, 3 where its
 * letters come in that order; -1 where it does not.
 * @param {string} name
 * @param {string} typed
 * @returns {number}
 */
export function fit(name, typed) {
  const [text, wanted] = [plain(name), plain(typed)];
  if (text.startsWith(wanted)) return 0;
  if (text.includes(wanted)) return 1;
  if (wanted.split(" ").every((word) => text.includes(word))) return 2;
  let at = -1;
  return [...wanted.replaceAll(" ", "")].every((letter) => (at = text.indexOf(letter, at + 1)) >= 0) ? 3 : -1;
}

/**
 * How class names are compared with what somebody types: without case, marks and separators.
 * @param {string} text
 */
export function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_\-./]+/g, " ").trim();
}
