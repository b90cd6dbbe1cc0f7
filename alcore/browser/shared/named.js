// How classes are named wherever they stand.

import { element } from "./dom.js";

const LONG = 18; // letters of a name from which on its end is kept
const END = 8;

/**
 * A class's name, of a long one the end too where there is no room: names of many classes often begin alike.
 * @param {string} name
 */
export function nameOf(name) {
  const letters = [...name]; // an emoji is one, though it takes two places of a string
  const end = letters.length > LONG ? letters.slice(-END).join("") : "";
  return element("span", { class: "name named" }, element("span", { class: "begins", text: name.slice(0, name.length - end.length) }), end && element("span", { text: end }));
}
