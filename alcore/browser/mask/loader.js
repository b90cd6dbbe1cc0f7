// What the mask editor loads ahead of a person, item by item: the decoded picture, the mask to start from, the model's draft, superpixels.
// Items near the stage are ready to be shown; of those far away only runs of their mask stay. Tells the editor by `loaded(item)`.

const HELD = 8; // masks kept with their undo besides those around the one on the stage

class MaskLoader {
  constructor(editor) {
    this.editor = editor;
  }

  get pictures() {
    return this.editor.pictures;
  }

  // Loads what is near the stage, lets go of what is far from it.
  around(cursor) {
    const { items } = this.editor;
    for (const item of items.slice(Math.max(0, cursor - 6), cursor + 24)) {
      if (item.asked) continue;
      item.asked = true;
      this.pictures.load(item.small).then(() => this.editor.loaded(item), (error) => error.status && this.broke(item, error.message));
    }
    const near = [0, 1, 2, -1].map((step) => items[cursor + step]).filter(Boolean);
    for (const item of near) this.prepare(item);
    const held = items.filter((item) => item.doc && !near.includes(item)).sort((a, b) => (b.shown || 0) - (a.shown || 0));
    for (const item of held.slice(HELD)) this.putAway(item);
    for (const item of items) if (!near.includes(item)) this.forgetPicture(item);
  }

  broke(item, problem) {
    item.broken = problem;
    this.editor.loaded(item);
  }

  prepare(item) {
    if (item.tooLarge || item.broken) return;
    if (!item.bitmap && !item.decoding) item.decoding = this.decode(item).finally(() => (item.decoding = null));
    if (!item.doc && !item.reading) item.reading = this.readMask(item).finally(() => (item.reading = null));
    if (item.draft_mask && item.guess === undefined) {
      item.guess = null;
      const got = (guess, problem = "") => (Object.assign(item, { guess, guessProblem: problem }), this.editor.guessed(item));
      this.raw(item.draft_mask, item).then((mask) => got(mask), (error) => got(null, error.message));
    }
    if (this.editor.settings.tool === "superpixel") this.needSuperpixels(item);
  }

  async decode(item) {
    const { editor } = this;
    try {
      const url = await this.pictures.load(item.full, item === editor.current);
      const image = element("img", { src: url });
      await image.decode();
      const bitmap = await createImageBitmap(image);
      this.pictures.urls.delete(item.full); // megabytes that the browser's own cache has too
      URL.revokeObjectURL(url);
      if (editor.disposed || editor.byId.get(item.id) !== item) return bitmap.close();
      item.bitmap = bitmap;
      editor.loaded(item, true);
    } catch (error) {
      this.broke(item, error.status ? error.message : "the picture cannot be decoded");
    }
    return undefined;
  }

  forgetPicture(item) {
    item.bitmap?.close();
    item.bitmap = item.headPictures = null;
    item.heat?.clear();
  }

  // The base of an item: its unsaved strokes, else the mask it has, else void.
  async readMask(item) {
    const { width, height } = item;
    const size = width * height;
    try {
      if (item.regions && !item.allowed) item.allowed = fromRuns(item.regions, size);
      const kept = item.kept ? null : await this.editor.store.strokes(this.editor.outbox.key, item.id);
      let mask = item.kept ? unpacked(item.kept, size) : item.mask ? await this.raw(item.mask, item) : new Uint8Array(size).fill(VOID);
      let unsaved = Boolean(item.kept && item.unsaved);
      if (kept?.width === width && kept.height === height) {
        const now = mask;
        mask = unpacked(kept.packed, size);
        // Of strokes from an earlier query only those count that are asked for now.
        if (item.allowed) for (let i = 0; i < size; i++) if (!item.allowed[i]) mask[i] = now[i];
        unsaved = mask.some((value, i) => value !== now[i]);
        if (unsaved) Object.assign(item, { ms: kept.ms || 0, clicks: kept.clicks || 0, restored: packed(now) });
      }
      item.doc = new MaskDocument(width, height, mask, { allowed: item.allowed || null, unsaved });
      item.maskProblem = "";
    } catch (error) {
      item.maskProblem = error.message;
    }
    if (!this.editor.disposed) this.editor.loaded(item);
  }

  // A mask of the server at full size.
  async raw(address, item) {
    const path = apiPath(address);
    const { answer, body } = await this.pictures.retrying(`${path}${path.includes("?") ? "&" : "?"}raw=1`);
    const mask = new Uint8Array(await inflated(body));
    const [width, height] = ["x-width", "x-height"].map((name) => Number(answer.headers.get(name)));
    if (mask.length !== item.width * item.height || width !== item.width || height !== item.height) throw new Error(`the server's mask is ${width} × ${height}, the image is ${item.width} × ${item.height}`);
    return mask;
  }

  needSuperpixels(item) {
    const n = this.editor.settings.superpixels;
    if (item.superpixels.has(n) || item.superpixelsAsked === n || item.tooLarge) return;
    item.superpixelsAsked = n;
    this.superpixels(item, n)
      .then(
        (found) => (item.superpixels.set(n, found), (item.superpixelProblem = "")),
        (error) => (item.superpixelProblem = error.message),
      )
      .finally(() => {
        if (item.superpixelsAsked === n) item.superpixelsAsked = null;
        this.editor.loaded(item);
      });
  }

  // {labels, boxes}: a label a pixel, and for each label left, top, right, bottom of its pixels.
  async superpixels(item, n) {
    const { answer, body } = await this.pictures.retrying(`/projects/${encodeURIComponent(this.editor.data.project)}/items/${item.id}/superpixels?n=${n}`);
    const labels = new Uint16Array(await inflated(body));
    const { width, height } = item;
    if (labels.length !== width * height) throw new Error("the server's superpixels are not of this size");
    const boxes = new Int32Array(4 * Number(answer.headers.get("x-count")));
    for (let at = 0; at < boxes.length; at += 4) boxes.set([width, height, -1, -1], at);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const at = 4 * labels[i];
        if (x < boxes[at]) boxes[at] = x;
        if (y < boxes[at + 1]) boxes[at + 1] = y;
        if (x > boxes[at + 2]) boxes[at + 2] = x;
        boxes[at + 3] = y;
      }
    }
    return { labels, boxes };
  }

  // A mask far from the stage becomes runs; its undo is given up.
  putAway(item) {
    if (item.keepTimer) this.editor.keep(item);
    Object.assign(item, { unsaved: item.doc.unsaved, kept: packed(item.doc.mask), doc: null, guess: undefined });
    item.superpixels.clear();
  }
}

// An address of the queue as the api knows it; see picturePath.
function apiPath(address) {
  return address.replace(/^\/api\/v1/, "");
}
