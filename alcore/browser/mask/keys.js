// Keys of the mask editor: which key means what, and when a key belongs to something else on the page.

const LETTERS = "acijkmqrtuwy"; // of classes; the other letters are tools

class MaskKeys {
  constructor(editor) {
    this.editor = editor;
    const { canvas, pointer, settings } = editor;
    const { polygon } = pointer.tools;
    const grow = (step) => editor.setSize(settings.size + step * Math.max(1, Math.round(0.12 * settings.size)));
    this.again = {
      // these go on while the key is held
      ArrowLeft: (event) => editor.go(-1, event),
      ArrowRight: (event) => editor.go(1, event),
      "+": () => canvas.zoom(1.4),
      "=": () => canvas.zoom(1.4),
      "-": () => canvas.zoom(1 / 1.4),
      "[": () => grow(-1),
      "]": () => grow(1),
      Backspace: () => (polygon.back(), canvas.want()),
    };
    this.once = {
      Enter: (event) => editor.saveMask(event),
      n: (event) => editor.answer("skip", event),
      x: (event) => editor.answer("flag", event),
      z: (event) => editor.takeBack(event),
      g: (event) => editor.acceptDraft(event.shiftKey),
      h: () => editor.toggleMask(),
      o: () => editor.setLook({ outlines: !settings.outlines }),
      l: () => editor.nextHeat(),
      " ": () => editor.holdSpace(true),
      "?": () => editor.toggleHelp(),
      "/": () => editor.find.hidden || editor.find.focus(),
      Escape: () => this.escape(),
      ...Object.fromEntries(TOOLS.filter(([, , key]) => key.length === 1).map(([name, , key]) => [key, () => editor.setTool(name)])),
    };
  }

  down(event) {
    const { editor } = this;
    if (!keyIsOurs(event, editor.root)) return;
    const target = event.composedPath()[0];
    if (target === editor.find) return editor.findKey(event);
    if (target.matches?.("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    const written = event.getModifierState?.("AltGraph"); // brackets on many keyboards
    const command = (event.ctrlKey || event.metaKey) && !written;
    if (command ? !this.command(event) : !this.plain(event, written)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit's own shortcuts (C, R) must not fire while masks are painted
  }

  up(event) {
    if (event.key === " ") this.editor.holdSpace(false);
    if (event.key === "Alt" && this.editor.place) event.preventDefault();
  }

  command(event) {
    const key = event.key.toLowerCase();
    if (event.altKey || !["z", "y"].includes(key) || (key === "y" && event.shiftKey)) return false;
    if (this.editor.root.dataset.view !== "work") return true;
    if (key === "y" || event.shiftKey) this.editor.redoStroke();
    else this.editor.undoStroke();
    return true;
  }

  plain(event, written) {
    if (event.key === "Alt") return Boolean(this.editor.place); // else the browser's menu takes the focus from painting
    if ((event.altKey && !written) || keyDrivesControl(event, this.editor.root)) return false;
    if (event.key === "Tab") return this.tab(event);
    const key = keyName(event, written);
    return this.act(key, event) || /^[a-z0-9]$/.test(key);
  }

  // Acts on a key; true when it means something here.
  act(key, event) {
    if (Object.hasOwn(this.again, key)) return this.again[key](event), true;
    const value = this.editor.valueByKey.get(key);
    if (value === undefined && !Object.hasOwn(this.once, key)) return false;
    if (event.repeat) return true; // a held key is one key press
    if (value === undefined) this.once[key](event);
    else this.editor.setValue(value);
    return true;
  }

  // The way to the next region; where a button or field has the focus, Tab stays what it is.
  tab(event) {
    if (!this.editor.doc || !this.editor.current.regions || event.composedPath()[0].closest?.("button, a[href], input, [tabindex]")) return false;
    this.editor.showRegion(event.shiftKey ? -1 : 1);
    return true;
  }

  escape() {
    const { editor } = this;
    if (!editor.help.hidden) return editor.toggleHelp(false);
    if (editor.pointer.tools.polygon.cancel()) return editor.renderOptions(), editor.canvas.want();
    editor.canvas.fit();
  }
}
