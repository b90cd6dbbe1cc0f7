// Filters on columns of the metadata: a camera, a date, a patient. In an address: meta.camera=x, meta.age.from=30, meta.note.has=blur.

import { element } from "../shared/dom.js";
import { plain } from "../shared/keys.js";
import { dayOf, short, whole } from "../shared/numbers.js";

/** @import { MetaColumn } from "./pages.js" */
/** @typedef {(how: (view: URLSearchParams) => void) => void} Change */

const MANY = 12; // values among which one is found by typing
const WITHOUT = "no value";

/** @param {string} name of a column */
const key = (name) => `meta.${name}`;

/**
 * What a view says of the columns: a text for each chip, and how the view is without it.
 * @param {MetaColumn[]} columns
 * @param {URLSearchParams} view
 * @returns {[string, (view: URLSearchParams) => void][]}
 */
export function saidOf(columns, view) {
  /** @type {[string, (view: URLSearchParams) => void][]} */
  const said = [];
  const left = new Set([...view.keys()].filter((name) => name.startsWith("meta.")));
  for (const column of columns) {
    const own = key(column.name);
    const [from, to, has] = ["from", "to", "has"].map((how) => `${own}.${how}`);
    if (left.delete(own)) said.push([`${column.name}: ${view.getAll(own).map((value) => value || WITHOUT).join(" or ")}`, (other) => other.delete(own)]);
    const bounds = [from, to].map((name) => left.delete(name));
    if (bounds[0] || bounds[1]) said.push([`${column.name} ${[bounds[0] && `from ${view.get(from)}`, bounds[1] && `to ${view.get(to)}`].filter(Boolean).join(" ")}`, (other) => (other.delete(from), other.delete(to))]);
    if (left.delete(has)) said.push([`${column.name} has “${view.getAll(has).join("” and “")}”`, (other) => other.delete(has)]);
  }
  for (const name of left) said.push([`${name.slice(5)}: ${view.getAll(name).join(" or ")}`, (other) => other.delete(name)]); // of a column that is gone
  return said;
}

/**
 * The orders by columns, as [value, text].
 * @param {MetaColumn[]} columns
 */
export const ordersOf = (columns) => columns.map(({ name }) => [`meta:${name}`, `Metadata: ${name}`]);

/**
 * A part of the menu for each column.
 * @param {MetaColumn[]} columns
 * @param {URLSearchParams} view
 * @param {Change} change
 */
export const sectionsOf = (columns, view, change) => columns.map((column) => (column.values ? valuesOf(column, view, change) : boundsOf(column, view, change)));

/**
 * @param {MetaColumn} column
 * @param {URLSearchParams} view
 * @param {Change} change
 */
function valuesOf(column, view, change) {
  const own = key(column.name);
  const said = new Set(view.getAll(own));
  /** @type {[string, number][]} */
  const values = [...(column.values ?? []), ...(column.without ? [/** @type {[string, number]} */ (["", column.without])] : [])];
  for (const value of said) if (!values.some(([one]) => one === value)) values.push([value, 0]);
  const rows = values.map(([value, count]) => {
    const text = value || WITHOUT;
    const tick = element("input", { type: "checkbox", checked: said.has(value), onchange: () => change((other) => (tick.checked ? other.append(own, value) : other.delete(own, value))) });
    return element("label", { "data-name": plain(text), class: value ? "" : "without" }, tick, element("span", { text, title: text }), element("small", { text: whole(count) }));
  });
  const more = column.more ?? 0;
  const find = element("input", { type: "text", class: "find", placeholder: more ? "Find, Enter for all that have it" : "Find", "aria-label": `Find in ${column.name}`, maxlength: "200" });
  find.addEventListener("input", () => rows.forEach((row) => (row.hidden = !(row.dataset.name ?? "").includes(plain(find.value)))));
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !find.value.trim()) return;
    event.preventDefault();
    change((other) => other.set(`${own}.has`, find.value.trim()));
  });
  const rest = more > 0 && element("small", { class: "more", text: `and ${whole(more)} more values` });
  return element("fieldset", { "data-filter": own }, element("legend", { text: column.name, title: column.name }), values.length > MANY && find, element("div", { class: "values" }, ...rows), rest);
}

/**
 * Two fields for the ends of numbers or dates.
 * @param {MetaColumn} column
 * @param {URLSearchParams} view
 * @param {Change} change
 */
function boundsOf(column, view, change) {
  const isDate = column.kind === "date";
  const field = (/** @type {"from" | "to"} */ how) => {
    const name = `${key(column.name)}.${how}`;
    const end = how === "from" ? column.low : column.high;
    const shown = end === null || end === undefined ? "" : isDate ? dayOf(end) : short(end);
    const node = element("input", { type: isDate ? "date" : "number", step: isDate ? "1" : "any", "aria-label": `${column.name} ${how}`, placeholder: shown, title: `${how === "from" ? "Lowest" : "Highest"}: ${shown || "none"}`, value: (view.get(name) ?? "").slice(0, isDate ? 10 : 40) });
    node.addEventListener("change", () => change((other) => (node.value ? other.set(name, node.value) : other.delete(name))));
    return node;
  };
  const own = key(column.name);
  const none = column.without > 0 && element("label", {}, element("input", { type: "checkbox", checked: view.getAll(own).includes(""), onchange: () => change((other) => (view.getAll(own).includes("") ? other.delete(own, "") : other.append(own, ""))) }), element("span", { text: WITHOUT }), element("small", { text: whole(column.without) }));
  return element("fieldset", { "data-filter": own }, element("legend", { text: column.name, title: column.name }), isDate ? element("div", { class: "days" }, "from", field("from"), "to", field("to")) : element("div", { class: "between" }, field("from"), "to", field("to")), none);
}

/**
 * What is known of one image, as a list of names and values.
 * @param {[string, string][]} facts
 */
export function factsOf(facts) {
  return element("dl", { class: "known", "aria-label": "Metadata" }, ...facts.flatMap(([name, value]) => [element("dt", { text: name, title: name }), element("dd", { text: value, title: value })]));
}
