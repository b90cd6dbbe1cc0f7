// What a closing page was still writing. A browser may drop a database's writes when their page goes, even committed ones, so they are left in
// localStorage, which is written at once, and brought in by the next page.

/** @import { Kept } from "../label/outbox.js" */
/** @import { Packed } from "./packing.js" */
/** @import { Key, Shelf, StrokesKept } from "./store.js" */
/** @typedef {(StrokesKept | Kept) & Key} Kind of record a shelf holds */

const LEFT = "alcore:leaving:";
const PART = 0x8000; // arguments of one call

/** @param {Packed} packed */
function textOf(packed) {
  const bytes = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += PART) text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(text);
}

/** @param {string} text @param {boolean} words @returns {Packed} */
function packedOf(text, words) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return words ? new Uint32Array(bytes.buffer) : bytes;
}

/**
 * The place of a record: one of a later moment takes that of an earlier one.
 * @param {Shelf} shelf
 * @param {Kind} record
 */
function placeOf(shelf, record) {
  return LEFT + JSON.stringify([shelf, record.where, record.annotator, record.item, ..."seq" in record ? [record.client, record.seq] : []]);
}

/** @param {Shelf} shelf @param {Kind} record */
export function leave(shelf, record) {
  const { packed, ...rest } = record;
  const words = packed instanceof Uint32Array;
  try {
    localStorage.setItem(placeOf(shelf, record), JSON.stringify({ ...rest, ...(packed && { text: textOf(packed), words }) }));
  } catch (error) {
    console.warn("this browser keeps nothing for a closing page:", error); // full, or private; the database is still asked
  }
}

/**
 * What pages left, with what forgets it again.
 * @returns {{shelf: Shelf, record: Kind, forget: () => void}[]}
 */
export function left() {
  const found = [];
  for (const place of places()) {
    try {
      const { text, words, ...rest } = JSON.parse(localStorage.getItem(place) ?? "");
      const [shelf] = JSON.parse(place.slice(LEFT.length));
      found.push({ shelf, record: text === undefined ? rest : { ...rest, packed: packedOf(text, words) }, forget: () => localStorage.removeItem(place) });
    } catch (error) {
      console.warn(`${place} is damaged and is left where it is:`, error);
    }
  }
  return found;
}

function places() {
  try {
    return Object.keys(localStorage).filter((place) => place.startsWith(LEFT));
  } catch {
    return []; // a browser that keeps nothing
  }
}
