// Rows of pictures; see gallery.py.
const galleries = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const host = parentElement.querySelector(".alcore-gallery") || parentElement.appendChild(element("div", { class: "alcore-gallery" }));
  let state = galleries.get(host);
  if (!state) {
    const api = new Api();
    state = { api, pictures: new Pictures(api), shown: "" };
    galleries.set(host, state);
  }
  state.api.base = data.api;
  state.api.token = data.token;
  const shown = JSON.stringify([data.rows, data.size]);
  if (shown !== state.shown) {
    state.shown = shown;
    host.style.setProperty("--side", `${data.size}px`);
    host.replaceChildren(...data.rows.map((row) => galleryRow(row, data.size, state.pictures)));
  }
  return () => {
    if (!host.isConnected) {
      state.pictures.close();
      galleries.delete(host);
    }
  };
}

function galleryRow(row, side, pictures) {
  const strip = element("div", { class: "strip" });
  for (const { image, title } of row.images) {
    const picture = element("img", { alt: title, title });
    strip.append(element("span", { class: "cell" }, picture));
    pictures.load(picturePath(image, side * 2)).then(
      (url) => {
        picture.onload = () => {
          if (Math.max(picture.naturalWidth, picture.naturalHeight) < side / 1.5) picture.classList.add("tiny");
        };
        picture.src = url;
      },
      () => picture.parentElement.classList.add("gone"),
    );
  }
  const words = element("div", { class: "words" }, element("b", { text: row.title, title: row.title }), element("small", { text: row.text }));
  return element("div", { class: "row" }, words, strip);
}
