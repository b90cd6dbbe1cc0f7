// The stage of the mask editor: the picture, mask and layers that are on it, and what an item of the queue (queue.js) has for them.
// What stands around the stage is MaskView's (mask_view.js), what is painted and pressed MaskEditor's.

const SMALL = 192; // pictures of the strip
const LARGE = 4096; // and of the stage
const AHEAD = 24; // open items below which more are fetched; twice as many are asked for
const MOST_PIXELS = 40e6; // larger pictures are not painted in a browser
const MOST_SIDE = 16384; // the longest side of a canvas

class MaskStage extends MaskView {
  // ---- queue

  reset() {
    this.pointer.letGo();
    this.keepAll();
    for (const item of this.items || []) this.loader.forgetPicture(item);
    Object.assign(this, { staged: null, doc: null, place: null, heatShown: null, region: 0, described: null });
    this.canvas.clear();
  }

  leaveRound() {
    this.keepAll();
  }

  itemOf(told) {
    const tooLarge = told.width * told.height > MOST_PIXELS || Math.max(told.width, told.height) > MOST_SIDE;
    return { full: picturePath(told.image, LARGE), tooLarge, ms: 0, clicks: 0, superpixels: new Map(), heat: new Map() };
  }

  prefetch() {
    this.loader.around(this.cursor);
  }

  // The loader got something for an item.
  loaded(item, decoded = false) {
    if (this.byId.get(item.id) !== item) return;
    if (decoded && !item.seen) {
      item.seen = true;
      this.root.dataset.ready = this.ready += 1; // pictures that can be shown at once
    }
    if (item.tile) this.fillTile(item);
    if (item !== this.current) return;
    if (this.doc) this.renderOptions(), this.canvas.want();
    else this.render();
  }

  guessed(item) {
    if (item !== this.current || !this.doc) return;
    this.renderTools();
    this.showGhost();
  }

  noDraft() {
    const item = this.current;
    if (!item.draft_mask) return "There is no draft: the model has not seen this image yet.";
    return item.guessProblem ? `No draft: ${item.guessProblem}` : "The draft of this image is still on its way.";
  }

  unsaved(item) {
    return item.doc ? item.doc.unsaved : Boolean(item.unsaved);
  }

  moved(event) {
    this.pointer.letGo();
    super.moved(event);
  }

  // ---- the stage

  renderStage(event) {
    const item = this.current;
    if (item !== this.staged) this.unstage(item);
    if (event?.timeStamp) this.paintStart = event.timeStamp;
    const problem = item.tooLarge ? `${fileName(item)} is ${whole(item.width)} × ${whole(item.height)} pixels, too large to paint in a browser (the limit is ${whole(MOST_PIXELS / 1e6)} megapixels and ${whole(MOST_SIDE)} a side). Import it in tiles or reduced; N skips it.` : item.broken || (item.maskProblem && `The mask of this image cannot be loaded: ${item.maskProblem}. N skips it.`);
    if (!problem && !this.doc && item.bitmap && item.doc) this.stageDocument(item);
    this.root.dataset.loading = this.doc || problem ? "0" : "1";
    this.cover.hidden = !problem;
    if (problem && this.visible !== item) this.appears(item, Promise.resolve());
    if (problem) this.cover.replaceChildren(element("div", { class: "broken", role: "alert" }, element("b", { text: item.tooLarge ? "This image is too large" : "This image cannot be painted" }), element("span", { text: problem })));
    this.renderCaption();
  }

  unstage(item) {
    const before = this.staged;
    if (before?.shownAt) before.ms += performance.now() - before.shownAt;
    if (before) before.shownAt = 0;
    Object.assign(this, { staged: item, visible: null, placed: null, doc: null, region: 0, heatShown: null });
    for (const tool of Object.values(this.pointer.tools)) tool.cancel?.(), tool.leave?.();
    this.canvas.clear();
    if (this.message && !this.message.stays) this.message = null;
  }

  stageDocument(item) {
    this.doc = item.doc;
    item.shown = item.shownAt = performance.now();
    this.canvas.show(item.doc, item.bitmap);
    item.regionPath = null;
    if (item.regions) this.showRegion(0);
    this.showLayers();
    this.showGhost();
    this.renderTools();
    this.renderClasses();
    this.root.dataset.item = item.id;
    if (item.restored) {
      clearTimeout(this.quiet);
      this.message = { text: "Restored unsaved strokes of an earlier visit.", action: { text: "Drop them", does: () => this.dropRestored(item) } };
    }
    const started = this.paintStart;
    this.paintStart = null;
    requestAnimationFrame(() => this.appears(item, Promise.resolve(), started)); // the canvas draws with the next frame
  }

  // What has to have been on the screen before a key counts.
  staging() {
    return this.current;
  }

  // Back to the mask before the strokes an earlier visit left; Ctrl+Z brings them back.
  dropRestored(item) {
    const { doc } = item;
    const base = unpacked(item.restored, item.width * item.height);
    item.restored = null;
    this.message = null;
    doc.begin();
    for (let y = 0; y < doc.height; y++) doc.copy(y, 0, doc.width - 1, base, false);
    doc.end();
    doc.saved();
    this.keep(item);
    this.strokeDone(item);
  }

  render(event) {
    super.render(event);
    if (this.root.dataset.view !== "work" && this.staged) this.unstage(null);
    if (this.root.dataset.view === "work") this.renderLooks();
  }

  layout() {
    this.canvas.resize();
    super.layout();
  }

  viewMoved() {
    this.zoomLabel.firstChild.textContent = `${Math.round(100 * this.canvas.view.scale * devicePixelRatio)} %`;
    const { scale, left, top } = this.canvas.view;
    this.root.dataset.at = `${scale},${left},${top}`;
    this.renderCursor();
  }

  showRegion(step) {
    const { regions } = this.current;
    this.region = (this.region + step + regions.length) % regions.length;
    const { width, height } = this.doc;
    const box = boxOf(fromRuns([regions[this.region]], width * height), width, height);
    if (box) this.canvas.showBox(box, 0.14 * Math.min(this.canvas.box.width, this.canvas.box.height));
    this.renderCaption();
  }

  drawOver(context, unit) {
    const item = this.current;
    if (item?.allowed) {
      const { width, height, allowed } = this.doc;
      const of = (x, y) => x >= 0 && y >= 0 && x < width && y < height && allowed[y * width + x] === 1;
      item.regionPath ||= edgePath(of, { left: 0, top: 0, right: width - 1, bottom: height - 1 });
      strokeTwice(context, item.regionPath, unit, true);
    }
    this.pointer.tool.draw?.(context, unit);
  }

  // The chosen heat layer and the heads of the picture on the stage.
  showLayers() {
    const item = this.current;
    const { settings, canvas } = this;
    const layer = item.layers?.find(({ name }) => name === settings.heat);
    const stale = () => item !== this.current || !this.doc;
    const picture = (address) => this.pictures.load(apiPath(address), true).then(greyOf);
    const failed = (error) => stale() || this.say(`A layer cannot be shown: ${error.message}.`, true);
    this.heatShown = layer ? item.heat.get(layer.name) || null : null;
    canvas.setHeat(this.heatShown?.canvas || null);
    if (layer && !this.heatShown) {
      picture(layer.address).then((grey) => {
        item.heat.set(layer.name, { ...layer, grey, canvas: inColors(grey, HEAT) });
        if (!stale()) this.showLayers(), this.renderPlace(); // the pointer may rest where a value of the layer can be told now
      }, failed);
    }
    const heads = settings.heads && item.heads?.length ? item.heads : [];
    if (!heads.length) return canvas.setHeads([]);
    if (item.headPictures) return canvas.setHeads(item.headPictures);
    const table = Array.from({ length: 256 }, (_, k) => this.data.colors[k] || null);
    Promise.all(heads.map(({ title, address }) => picture(address).then((grey) => ({ title, picture: inColors(grey, table) })))).then((pictures) => {
      item.headPictures = pictures;
      if (!stale()) this.showLayers();
    }, failed);
  }

  showGhost() {
    this.canvas.setGhost(this.doc && this.settings.tool === "draft" ? this.current.guess || null : null);
  }

  // ---- what the outbox tells

  reopened(item, event) {
    if (event.packed) this.markUnsaved(item);
  }
}
