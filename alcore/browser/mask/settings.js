// What a person has set in the mask editor; kept in this browser.

/** @typedef {"brush" | "eraser" | "polygon" | "flood" | "superpixel" | "click" | "draft" | "pan"} ToolName */
/**
 * @typedef {object} Settings
 * @property {ToolName} tool
 * @property {number} size of the brush
 * @property {number} opacity of the mask, 0 to 1
 * @property {boolean} outlines
 * @property {boolean} wheelZooms
 * @property {boolean} heads what each head of the model sees stands beside the picture
 * @property {string} heat name of the heat layer; "" for none
 * @property {number} superpixels how many an image
 */

export const MOST_SIZE = 200; // of the brush
/** @type {Record<string, number>} */
export const SUPERPIXELS = { Coarse: 60, Medium: 150, Fine: 400 };
const KEPT = "alcore:editor:settings";

/** @returns {Settings} */
export function storedSettings() {
  /** @type {Settings} */
  const usual = { tool: "brush", size: 12, opacity: 0.55, outlines: true, wheelZooms: true, heads: false, heat: "", superpixels: SUPERPIXELS.Medium };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(KEPT) ?? "null") };
  } catch {
    return usual;
  }
}

/** @param {Settings} settings */
export function keepSettings(settings) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch {
    // settings are only a convenience
  }
}
