// What the mask editor draws around the canvas: bar, tools, options, classes, view settings, scores. No requests and no queue here:
// `MaskEditor` (mask_editor.js) extends this. Strip, progress line, find field and score rows are those of the labeler (labeler_view.js).

const EDITOR_HELP = [
  ["1 … 0, letters", "the class to paint with; V is void (belongs to no class)"],
  ["B E P F S D", "brush, eraser, polygon, fill, superpixels, areas of the model's draft"],
  ["[  ]", "smaller or larger brush"],
  ["G", "take the model's draft where nothing is painted; Shift+G everywhere"],
  ["Alt+click", "paint with the class under the pointer"],
  ["Ctrl+Z  Ctrl+Shift+Z", "undo, redo a stroke"],
  ["Enter", "save the mask and go on; closes an open polygon first"],
  ["Backspace  Esc", "take back a polygon's last corner, drop it"],
  ["N  X", "skip the image; flag it: something is wrong with it"],
  ["Z", "take back the last save, skip or flag"],
  ["← →", "earlier or later image; unsaved strokes are kept"],
  ["H  O  L", "mask on or off, outlines, next heat layer"],
  ["+  −  wheel", "zoom; Space and drag, or the middle button, moves; Esc shows all"],
  ["Tab", "next region, where only regions are asked for"],
  ["/", "find a class by typing, Enter takes it"],
];
const ALL_KEYS = "All keys (?)";
const MARKS = { label: "✓", skip: "→", flag: "⚑" };
const STATE_NAMES = { label: "saved", skip: "skipped", flag: "flagged" }; // both also read by the strip's tiles
const EYE = `<svg viewBox="0 0 18 18" aria-hidden="true"><path d="M1.500 9s2.800-5 7.500-5 7.500 5 7.500 5-2.800 5-7.500 5S1.500 9 1.500 9z"/><circle cx="9" cy="9" r="2.200"/><path class="off" d="M3 15L15 3"/></svg>`;

class MaskView extends LabelerView {
  build(parent) {
    const act = (text, title, does, extra = {}) => button({ class: "tool", title, "aria-label": title, onclick: does, ...extra }, typeof text === "string" ? element("span", { text }) : text);
    const keyed = (text, key, title, does) => button({ class: "tool", "data-tool": text, title: `${title} (${key})`, onclick: does }, element("span", { text }), element("kbd", { text: key }));
    this.meter = element("i");
    this.count = element("span", { class: "count", role: "status" });
    this.save = element("span", { class: "save" });
    this.undoButton = act("↶", "Undo a stroke (Ctrl+Z)", () => this.undoStroke(), { class: "tool icon" });
    this.redoButton = act("↷", "Redo a stroke (Ctrl+Shift+Z)", () => this.redoStroke(), { class: "tool icon" });
    this.saveButton = button({ class: "tool primary", title: "Save the mask and go to the next image (Enter)", onclick: (event) => this.saveMask(event) }, element("span", { text: "Save" }), element("kbd", { text: "↵" }));
    this.tools = element(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Editing" },
      this.undoButton,
      this.redoButton,
      element("span", { class: "gap" }),
      act("−", "Zoom out (−)", () => this.canvas.zoom(1 / 1.4), { class: "tool icon" }),
      (this.zoomLabel = element("span", { class: "tool level", title: "Screen pixels for a pixel of the picture" }, element("span", { text: "100 %" }))),
      act("+", "Zoom in (+)", () => this.canvas.zoom(1.4), { class: "tool icon" }),
      act("1:1", "1:1, one pixel of the picture for one of the screen", () => this.canvas.actual()),
      act("Fit", "Fit: show the whole picture (Esc)", () => this.canvas.fit()),
      act("?", ALL_KEYS, () => this.toggleHelp(), { class: "tool icon" }),
      element("span", { class: "gap" }),
      keyed("Skip", "N", "Skip: ask nobody about this image", (event) => this.answer("skip", event)),
      keyed("Flag", "X", "Flag: something is wrong with this image", (event) => this.answer("flag", event)),
      this.saveButton,
    );
    const bar = element("header", { class: "bar" }, element("div", { class: "progress" }, this.count, this.save, (this.places = element("span", { class: "places" })), element("div", { class: "meter", "aria-hidden": "true" }, this.meter)), this.tools);
    this.notice = element("div", { class: "notice", role: "alert", hidden: true });
    this.buildStage();
    this.buildPanel();
    this.blank = element("div", { class: "blank" });
    this.help = element("div", { class: "help", role: "dialog", "aria-label": "Keys", hidden: true, onclick: () => this.toggleHelp(false) });
    this.body = element("div", { class: "body" }, this.rail, this.view, this.panel);
    this.root = element("div", { class: "labeler editor", role: "application", "aria-label": "Paint masks" }, bar, this.notice, this.body, this.blank, this.help);
    parent.append(this.root);
    this.leaveFocus(this.canvas.panes, this.strip);
  }

  buildStage() {
    this.rail = element("div", { class: "rail", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" });
    this.toolButtons = new Map(
      TOOLS.map(([name, title, key]) => {
        const icon = element("span", { class: "glyph" });
        icon.innerHTML = `<svg viewBox="0 0 18 18" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
        return [name, button({ class: "tool", title: `${title} (${key})`, "aria-label": title, onclick: () => this.setTool(name) }, icon, element("kbd", { "aria-hidden": "true", "data-key": key.length > 1 ? key : key.toUpperCase() }))];
      }),
    );
    this.rail.append(...this.toolButtons.values());
    this.options = element("div", { class: "options" });
    this.buildOptions();
    this.canvas = new MaskCanvas();
    this.cover = element("div", { class: "cover", hidden: true });
    this.stage = element("div", { class: "stage" }, this.canvas.panes, this.cover);
    this.caption = element("div", { class: "caption" }, (this.pathText = element("span", { class: "path" })), (this.sizeText = element("span", { class: "size" })), (this.placeText = element("span", { class: "place" })), (this.givenText = element("span", { class: "given" })));
    this.strip = element("div", { class: "strip", role: "listbox", "aria-label": "Neighbours in the queue" });
    this.view = element("section", { class: "view" }, this.options, this.stage, this.caption, this.strip);
  }

  buildOptions() {
    const slide = () => this.setSize(Math.round(MOST_SIZE ** (Number(this.sizeSlider.value) / 100)));
    this.sizeSlider = element("input", { type: "range", min: "0", max: "100", "aria-label": "Brush size", oninput: slide, onpointerup: () => this.sizeSlider.blur() });
    this.sizeLabel = element("span", { class: "number" });
    const segment = ([name, n]) => button({ class: "tool", "data-n": n, text: name, title: `About ${n} superpixels an image`, onclick: () => this.setSuperpixels(n) });
    this.chip = element("span", { class: "chip" }, element("i", { class: "swatch" }), element("span", { class: "name" }));
    this.groups = {
      size: element("label", { class: "group" }, element("kbd", { text: "[" }), this.sizeSlider, element("kbd", { text: "]" }), this.sizeLabel),
      superpixel: element("span", { class: "group segments" }, ...Object.entries(SUPERPIXELS).map(segment)),
      draft: button({ class: "tool", title: "Take the model's draft where nothing is painted (G); Shift: everywhere", onclick: (event) => this.acceptDraft(event.shiftKey) }, element("span", { text: "Take the whole draft" }), element("kbd", { text: "G" })),
      hint: element("span", { class: "hint", role: "status" }),
    };
    this.options.append(this.chip, ...Object.values(this.groups));
  }

  buildPanel() {
    super.buildPanel();
    const toggle = (text, key, title, does) => button({ class: "tool", title: key ? `${title} (${key})` : title, "aria-pressed": "false", onclick: does }, element("span", { text }), key ? element("kbd", { text: key }) : null);
    this.opacity = element("input", { type: "range", min: "0", max: "100", "aria-label": "Opacity of the mask", oninput: () => this.setLook({ opacity: Number(this.opacity.value) / 100 }), onpointerup: () => this.opacity.blur() });
    this.opacityLabel = element("span", { class: "number" });
    this.maskToggle = toggle("Mask", "H", "Show the mask", () => this.toggleMask());
    this.outlineToggle = toggle("Outlines", "O", "Show the outlines of the areas", () => this.setLook({ outlines: !this.settings.outlines }));
    this.wheelToggle = toggle("Wheel", "", "The wheel zooms over the picture; when off, Ctrl or Alt and wheel do", () => this.setLook({ wheelZooms: !this.settings.wheelZooms }));
    this.headsToggle = toggle("Heads", "", "What each head of the model sees, side by side", () => this.setLook({ heads: !this.settings.heads }));
    this.layers = element("div", { class: "line layers", role: "group", "aria-label": "Heat layers" });
    this.ramp = element("canvas", { width: "256", height: "1", "aria-hidden": "true" });
    this.scale = element("div", { class: "scale" }, (this.lowText = element("span", {})), this.ramp, (this.highText = element("span", {})));
    const looks = element(
      "section",
      { class: "looks" },
      element("label", { class: "line" }, element("h4", { text: "Opacity" }), this.opacity, this.opacityLabel),
      element("div", { class: "line" }, this.maskToggle, this.outlineToggle, this.headsToggle, this.wheelToggle),
      this.layers,
      this.scale,
    );
    this.model.remove();
    this.choose.prepend((this.classHead = element("h4", {}, element("span", { text: "Classes" }), (this.sharesText = element("span", { class: "share" })))));
    this.numbers.before(looks);
  }

  setClasses(classes, colors) {
    this.classes = classes;
    this.look.colors = colors;
    this.keys = keysOf(classes, LETTERS);
    this.valueByKey = new Map([...this.keys].map(([name, key]) => [key, classes.indexOf(name)]));
    this.valueByKey.set("v", VOID);
    this.rows = new Map();
    const row = (name, value, key) => {
      const swatch = element("i", { class: "swatch" });
      if (value !== VOID) swatch.style.background = `rgb(${colors[value]})`;
      const share = element("span", { class: "share" });
      const choose = button({ class: "class", title: value === VOID ? "void: belongs to no class, trains nothing" : name, "aria-keyshortcuts": key, onclick: () => this.setValue(value) }, element("kbd", { text: key?.toUpperCase() || "", "data-none": !key }), swatch, nameOf(name), share);
      const eye = button({ class: "eye", "aria-label": `Hide ${name}`, title: value === VOID ? "Show where the mask is void" : "Hide this class", onclick: () => this.toggleClass(value) });
      eye.innerHTML = EYE;
      const made = element("div", { class: "row", "data-value": name }, choose, eye);
      this.rows.set(value, { row: made, choose, eye, share });
      return made;
    };
    const rows = classes.map((name, value) => row(name, value, this.keys.get(name)));
    this.classButtons = [...rows, row("void", VOID, "v")];
    this.buttonOf = new Map();
    this.classBox.replaceChildren(...this.classButtons);
    this.classBox.dataset.columns = "1";
    this.choose.toggleAttribute("data-many", classes.length > 4);
    this.find.hidden = this.keys.size === classes.length && classes.length <= 20;
    this.find.value = "";
    if (this.value !== VOID && this.value >= classes.length) this.value = 0;
    this.canvas.recolor();
  }

  // ---- drawing

  renderTools() {
    const { settings } = this;
    for (const [name, b] of this.toolButtons) b.setAttribute("aria-pressed", name === settings.tool ? "true" : "false");
    this.renderOptions();
    this.renderCursor();
  }

  renderOptions() {
    const { settings, groups } = this;
    const { tool } = settings;
    groups.size.hidden = tool !== "brush" && tool !== "eraser";
    groups.superpixel.hidden = tool !== "superpixel";
    groups.draft.hidden = tool !== "draft";
    this.sizeSlider.value = String(Math.round((100 * Math.log(settings.size)) / Math.log(MOST_SIZE)));
    this.sizeLabel.textContent = `${settings.size} px`;
    for (const b of groups.superpixel.children) b.setAttribute("aria-pressed", Number(b.dataset.n) === settings.superpixels ? "true" : "false");
    const corners = this.pointer?.tools.polygon.corners.length || 0;
    const item = this.current;
    const hints = {
      brush: "Alt+click takes the class under the pointer",
      polygon: corners ? `${corners} ${corners === 1 ? "corner" : "corners"}: Enter closes, Backspace takes one back, Esc drops` : "Click corner by corner",
      flood: "Click an area to fill it",
      superpixel: item?.superpixelProblem ? `No superpixels: ${item.superpixelProblem}` : item && !item.superpixels?.has(settings.superpixels) ? "Computing superpixels…" : "Click or drag over superpixels",
      draft: item?.guess ? "Click an area of the draft to take it" : item ? this.noDraft() : "",
      pan: "Drag to move; Esc shows the whole picture",
    };
    groups.hint.textContent = hints[tool] || "";
    groups.draft.disabled = !item?.guess;
    const value = tool === "eraser" ? VOID : this.value;
    this.chip.hidden = tool === "pan" || tool === "draft" || !this.classes;
    const [swatch, name] = this.chip.children;
    swatch.style.background = value === VOID ? "" : `rgb(${this.data?.colors?.[value]})`;
    name.textContent = value === VOID ? "void" : (this.classes?.[value] ?? "");
    this.chip.title = name.textContent;
  }

  renderCursor() {
    const { settings, canvas } = this;
    const moves = this.spaceHeld || settings.tool === "pan";
    const brush = settings.tool === "brush" || settings.tool === "eraser";
    canvas.panes.dataset.cursor = moves ? "move" : brush && settings.size * canvas.view.scale >= 9 ? "none" : "cross";
  }

  renderClasses() {
    if (!this.rows) return;
    const { doc } = this;
    const size = doc ? doc.width * doc.height : 0;
    for (const [value, { choose, eye, share, row }] of this.rows) {
      const part = doc ? doc.counts[value] / size : 0;
      share.textContent = part ? (part < 0.01 ? "<1 %" : `${Math.round(100 * part)} %`) : "";
      share.title = doc && part ? `${whole(doc.counts[value])} pixels` : "";
      choose.setAttribute("aria-pressed", value === this.value ? "true" : "false");
      const hidden = value === VOID ? !this.look.voidShown : this.look.hidden.has(value);
      row.toggleAttribute("data-hidden", hidden);
      eye.setAttribute("aria-pressed", hidden ? "true" : "false");
    }
    const painted = doc ? 1 - doc.counts[VOID] / size : 0;
    this.sharesText.textContent = doc ? `${painted && painted < 0.01 ? "<1" : Math.min(Math.round(100 * painted), painted < 1 ? 99 : 100)} % painted` : "";
  }

  renderLooks() {
    const { settings, current: item } = this;
    this.opacity.value = String(Math.round(100 * settings.opacity));
    this.opacityLabel.textContent = `${Math.round(100 * settings.opacity)} %`;
    const press = (b, on) => b.setAttribute("aria-pressed", on ? "true" : "false");
    press(this.maskToggle, this.look.shown);
    press(this.outlineToggle, settings.outlines);
    press(this.wheelToggle, settings.wheelZooms);
    press(this.headsToggle, settings.heads);
    this.headsToggle.hidden = !item?.heads?.length;
    const layers = item?.layers || [];
    this.layers.hidden = !layers.length;
    const chosen = layers.find(({ name }) => name === settings.heat);
    const choice = (name, title) => button({ class: "tool", text: title, title: name ? `Heat of ${title}` : "No heat layer", "aria-pressed": (chosen?.name || "") === name ? "true" : "false", onclick: () => this.setHeat(name) });
    this.layers.replaceChildren(element("h4", { text: "Heat" }), choice("", "off"), ...layers.map(({ name, title }) => choice(name, title)), element("kbd", { text: "L" }));
    this.scale.hidden = !chosen;
    if (!chosen) return;
    this.lowText.textContent = short(chosen.low);
    this.highText.textContent = `${short(chosen.high)}${chosen.unit ? ` ${chosen.unit}` : ""}`;
    const context = this.ramp.getContext("2d");
    HEAT.forEach((color, i) => {
      context.fillStyle = `rgb(${color})`;
      context.fillRect(i, 0, 1, 1);
    });
  }

  renderBar() {
    super.renderBar();
    const working = this.root.dataset.view === "work";
    for (const b of this.tools.querySelectorAll("button")) b.disabled = !working && b.getAttribute("aria-label") !== ALL_KEYS;
    if (!working) return;
    this.saveButton.disabled = !this.doc;
    this.undoButton.disabled = !this.doc?.done.length;
    this.redoButton.disabled = !this.doc?.undone.length;
  }

  // Scores of the pool's table, then the ones that are of this picture as a whole.
  renderPanel() {
    const fresh = this.current !== this.described;
    super.renderPanel();
    if (!fresh) return;
    const rows = (this.current.frame || []).map(({ title, value, low, high }) =>
      element("li", { title: `${title} ${short(value)} (from ${short(low)} to ${short(high)})` }, element("span", { class: "name", text: title }), element("span", { class: "value" }, element("b", { text: short(value) })), thinBar((value - low) / (high - low || 1)), element("span", { class: "rank", text: `${short(low)} to ${short(high)}` })),
    );
    this.scores.append(...rows);
    this.numbers.hidden = !this.scores.children.length;
  }

  renderCaption() {
    const item = this.current;
    const unit = { tiles: "tile", superpixels: "superpixel" }[this.data.unit] || "region";
    const asked = item.regions ? ` · ${item.regions.length > 1 ? `${unit} ${this.region + 1} of ${item.regions.length} (Tab)` : `one ${unit} is asked for`}` : "";
    this.pathText.textContent = this.pathText.title = fileName(item);
    this.sizeText.textContent = `${item.width} × ${item.height}${asked}`;
    const unsaved = item.doc ? item.doc.unsaved : item.unsaved;
    const by = this.givenBy(item);
    const given = item.state === "open" ? "" : `${MARKS[item.state]} ${STATE_NAMES[item.state]}${by && by !== this.me ? ` by ${by}` : ""}`;
    this.givenText.textContent = unsaved ? (item.state === "open" ? "not saved yet" : `${given}, then changed: not saved yet`) : given;
    this.givenText.dataset.state = unsaved ? "flag" : item.state;
  }

  // What is under the pointer.
  renderPlace() {
    const { doc, place, current: item } = this;
    const [x, y] = (place || [-1, -1]).map(Math.floor);
    let text = "";
    if (doc && x >= 0 && y >= 0 && x < doc.width && y < doc.height) {
      const value = doc.mask[y * doc.width + x];
      text = `${x}, ${y} · ${value === VOID ? "void" : (this.classes[value] ?? value)}`;
      const layer = this.heatShown;
      if (layer) {
        const { grey, low, high, title } = layer;
        const at = grey.values[Math.min(grey.height - 1, Math.floor(((y + 0.5) * grey.height) / doc.height)) * grey.width + Math.min(grey.width - 1, Math.floor(((x + 0.5) * grey.width) / doc.width))];
        text += ` · ${title} ${short(low + ((high - low) * at) / 255)}`;
      }
      if (this.settings.tool === "draft" && item.guess) text += ` · draft ${this.classes[item.guess[y * doc.width + x]] ?? "void"}`;
    }
    if (this.placeText.textContent !== text) this.placeText.textContent = text;
  }

  fillTile(item) {
    super.fillTile(item);
    const badge = item.tile.lastChild;
    const unsaved = item.doc ? item.doc.unsaved : item.unsaved;
    badge.textContent = item.state === "open" ? (item.problem ? "!" : unsaved ? "unsaved" : "") : item.state === "label" ? "saved" : MARKS[item.state];
    const state = item.state === "open" ? (unsaved ? "painted, not saved" : "not painted yet") : STATE_NAMES[item.state];
    item.tile.setAttribute("aria-label", `${fileName(item)}, ${state}`);
  }

  toggleHelp(show = this.help.hidden) {
    this.help.replaceChildren(element("div", { class: "sheet" }, element("h3", { text: "Keys" }), element("dl", {}, ...EDITOR_HELP.flatMap(([keys, does]) => [element("dt", {}, element("kbd", { text: keys })), element("dd", { text: does })])), element("p", { text: "? or Esc closes this" })));
    this.help.hidden = !show;
  }
}
