// Masks at rest and on their way: runs, regions, zlib streams.

/** @typedef {Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>} Packed words of length << 8 | value, or the bytes themselves */

// Words of length << 8 | value, or the bytes themselves where runs would take more room. Quick enough for a closing page.
const LONGEST_RUN = 0xffffff;

/**
 * @param {Uint8Array<ArrayBuffer>} mask
 * @returns {Packed}
 */
export function packed(mask) {
  const room = mask.length >> 2;
  let words = new Uint32Array(Math.min(room, 4096));
  let n = 0;
  for (let i = 0; i < mask.length; ) {
    const value = mask[i];
    let end = i + 1;
    while (end < mask.length && mask[end] === value && end - i < LONGEST_RUN) end += 1;
    if (n === words.length) {
      if (n >= room) return mask.slice();
      const more = new Uint32Array(Math.min(room, 2 * n));
      more.set(words);
      words = more;
    }
    words[n++] = (((end - i) << 8) | value) >>> 0;
    i = end;
  }
  return words.slice(0, n);
}

/**
 * @param {Packed} stored
 * @param {number} length
 */
export function unpacked(stored, length) {
  if (stored instanceof Uint8Array) return stored.slice();
  const mask = new Uint8Array(length);
  let at = 0;
  for (const word of stored) mask.fill(word & 255, at, (at += word >>> 8));
  return mask;
}

/**
 * Regions as the queue gives them: run lengths over the whole picture, row by row, the first run being outside. 1 = may be painted.
 * @param {number[][]} regions
 * @param {number} length
 */
export function fromRuns(regions, length) {
  const allowed = new Uint8Array(length);
  for (const runs of regions) {
    let at = 0;
    runs.forEach((run, i) => {
      if (i % 2) allowed.fill(1, at, at + run);
      at += run;
    });
    if (at !== length) throw new Error(`a region has ${at} pixels, the image has ${length}`);
  }
  return allowed;
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
export async function deflated(bytes) {
  const stream = new CompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const feed = async () => {
    // In pieces, so that a stroke under way does not wait for a whole mask.
    for (let at = 0; at < bytes.length; at += 1 << 18) await writer.write(bytes.subarray(at, at + (1 << 18)));
    await writer.close();
  };
  const [body] = await Promise.all([new Response(stream.readable).arrayBuffer(), feed()]);
  return body;
}

/** @param {ArrayBuffer} body */
export function inflated(body) {
  return new Response(new Blob([body]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}
