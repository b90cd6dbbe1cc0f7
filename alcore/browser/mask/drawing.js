// Drawing that knows no mask editor: lines seen on every picture, grey pictures as numbers, numbers in colors.

import { element, pen } from "../shared/dom.js";

/** @import { Rgb } from "../shared/types.js" */
/** @typedef {{width: number, height: number, values: Uint8Array<ArrayBuffer>}} Grey a picture of bytes */

/** @type {(color: Rgb, alpha: number) => number} a word of an image's data */
export const packedColor = ([r, g, b], alpha) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;

/**
 * A dark and a light line on one another: seen on every picture.
 * @param {CanvasRenderingContext2D} context
 * @param {Path2D} path
 * @param {number} unit
 * @param {boolean} [dashed]
 */
export function strokeTwice(context, path, unit, dashed = false) {
  context.lineJoin = "round";
  context.setLineDash([]);
  context.lineWidth = 3 * unit;
  context.strokeStyle = "rgb(0 0 0 / 62%)";
  context.stroke(path);
  if (dashed) context.setLineDash([5 * unit, 4 * unit]);
  context.lineWidth = 1.25 * unit;
  context.strokeStyle = "#fff";
  context.stroke(path);
  context.setLineDash([]);
}

/**
 * Index pictures and heat maps arrive as grey PNG of the model's size; their values, one byte a pixel.
 * @param {string} url
 * @returns {Promise<Grey>}
 */
export async function greyOf(url) {
  const image = element("img", { src: url });
  await image.decode();
  const bitmap = await createImageBitmap(image, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = pen(canvas, { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width, height, values: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]) };
}

/**
 * Bytes in the colors of a table of 256 [r, g, b]; null there is transparent.
 * @param {Grey} grey
 * @param {(Rgb | null)[]} table
 */
export function inColors({ width, height, values }, table) {
  const canvas = new OffscreenCanvas(width, height);
  const context = pen(canvas);
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const lut = Uint32Array.from(table.map((color) => (color ? packedColor(color, 255) : 0)));
  for (let i = 0; i < words.length; i++) words[i] = lut[values[i]];
  context.putImageData(image, 0, 0);
  return canvas;
}
