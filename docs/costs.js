// What a set takes, by the figures of the page it stands on. A plain script, so that it also runs where the page is opened as a file.
"use strict";

const ROW = 155; // bytes of the database an image
const VECTOR = 2680; // bytes an image beside its vector: 1,280 numbers of 2 bytes, its keys, its place on the map, its group, its path
const KEPT = 80; // bytes an image of columns that are read quicker than rows
const SCORES = 68; // bytes of a round an image, beside its logits
const HEADS = 3; // of mcdal, which keeps the most of the methods that are recommended
const LOGIT = 4; // bytes

/**
 * @param {{images: number, pace: number, classes: number, rounds: number, labeling: number, machines: number, price: number}} given
 * @returns {{hours: number, gigabytes: number, dollars: number | null}} of reading; on the disk; of both reading and labeling, null without a
 *   price
 */
function costOf({ images, pace, classes, rounds, labeling, machines, price }) {
  const hours = images / pace / 3600;
  const gigabytes = (images * (ROW + VECTOR + KEPT + rounds * (SCORES + LOGIT * HEADS * classes))) / 1e9;
  const dollars = Number.isFinite(price) ? price * machines * (hours + labeling) : null;
  return { hours, gigabytes, dollars };
}

/** @param {number} value @returns {string} with three digits that count */
function short(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: value >= 1000 ? 4 : 3 });
}

/** @param {HTMLFormElement} form */
function tell(form) {
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).valueAsNumber;
  const given = Object.fromEntries(["images", "pace", "classes", "rounds", "labeling", "machines", "price"].map((name) => [name, field(name)]));
  const told = /** @type {HTMLOutputElement} */ (form.elements.namedItem("told"));
  const { hours, gigabytes, dollars } = costOf(/** @type {any} */ (given));
  if (!Number.isFinite(hours) || !Number.isFinite(gigabytes)) {
    told.textContent = "Fill in every field but the price.";
    return;
  }
  const paid = dollars === null ? "Fill in a price to see what it costs." : `In all ${short(dollars)} at your price.`;
  told.textContent = `${short(hours)} hours of reading, ${short(gigabytes)} GB beside the images. ${paid}`;
}

if (typeof document !== "undefined") {
  for (const form of document.querySelectorAll("form[data-costs]")) {
    form.addEventListener("input", () => tell(/** @type {HTMLFormElement} */ (form)));
    form.addEventListener("submit", (event) => event.preventDefault());
    tell(/** @type {HTMLFormElement} */ (form));
  }
} else if (typeof module !== "undefined") {
  module.exports = { costOf, short };
}
