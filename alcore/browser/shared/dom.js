// Elements: made with their attributes and children in one expression.

/** @typedef {string | number | boolean | null | undefined} Attribute */
/**
 * A listener by its name, such as `onclick`; only one whose event is of the kind that the name says may be given.
 * @typedef {{[Name in keyof HTMLElementEventMap as `on${Name}`]?: (event: HTMLElementEventMap[Name]) => unknown}} Listeners
 */
/** @typedef {Listeners & {[name: string]: Attribute | ((event: never) => unknown)}} Attributes */
/** @typedef {Node | string | false | null | undefined | ""} Child */

/**
 * element("button", {class: "key", text: "A", onclick: f}, child, …); attributes by name, `text` as textContent.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = String(value);
    else if (typeof value === "function") node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) node.append(child);
  return node;
}

/**
 * A button that leaves the keyboard focus where it was when clicked with the pointer, so that keys go on labeling.
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export function button(attributes, ...children) {
  const stay = (/** @type {Event} */ event) => event.preventDefault();
  return element("button", { type: "button", onpointerdown: stay, onmousedown: stay, ...attributes }, ...children);
}

/**
 * A slider from 0 to 100; it lets go of the keyboard with the pointer.
 * @param {string} name
 * @param {(value: number) => void} moved
 */
export function slider(name, moved) {
  const node = element("input", { type: "range", min: "0", max: "100", "aria-label": name });
  node.addEventListener("input", () => moved(Number(node.value)));
  node.addEventListener("pointerup", () => node.blur());
  return node;
}

/**
 * Says of a button whether it is pressed.
 * @param {Element} node
 * @param {boolean} on
 */
export function press(node, on) {
  node.setAttribute("aria-pressed", on ? "true" : "false");
}

/**
 * The 2-D context of a canvas; a browser without one cannot show anything here.
 * @template {HTMLCanvasElement | OffscreenCanvas} Canvas
 * @param {Canvas} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {Canvas extends HTMLCanvasElement ? CanvasRenderingContext2D : OffscreenCanvasRenderingContext2D}
 */
export function pen(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("this browser has no 2-D canvas");
  return /** @type {any} any: a conditional type is not followed into the function that has it */ (context);
}

/**
 * The element an event began at, also inside a shadow root; null where that is no element.
 * @param {Event} event
 */
export function targetOf(event) {
  const target = event.composedPath()[0];
  return target instanceof Element ? target : null;
}

/** Takes the keyboard's focus from whatever has it. */
export function blur(/** @type {Element | null | undefined} */ node) {
  if (node instanceof HTMLElement || node instanceof SVGElement) node.blur();
}

/**
 * The document, or the shadow root, that an element stands in.
 * @param {Node} node
 */
export function rootOf(node) {
  const root = node.getRootNode();
  return root instanceof ShadowRoot ? root : document;
}
