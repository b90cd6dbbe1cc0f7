// The curves' hover and the legend's switches. Reads the numbers from the JSON beside it; writes text only with textContent.
"use strict";
(() => {
  const given = document.getElementById("numbers");
  const chart = document.querySelector(".chart[data-curves]");
  if (!given || !chart) return;
  const { labeled, series, unit, left, right, width } = JSON.parse(given.textContent);
  const svg = chart.querySelector("svg"), rule = svg.querySelector(".rule"), tip = chart.querySelector(".tip");
  const off = new Set();

  document.querySelectorAll(".legend button").forEach((button) => {
    button.addEventListener("click", () => {
      const at = Number(button.dataset.s);
      off.has(at) ? off.delete(at) : off.add(at);
      button.setAttribute("aria-pressed", String(!off.has(at)));
      svg.querySelector(`.series[data-s="${at}"]`).classList.toggle("off", off.has(at));
    });
  });

  const span = labeled[labeled.length - 1] - labeled[0];
  const place = (count) => (span ? left + ((count - labeled[0]) / span) * (right - left) : (left + right) / 2);
  const hide = () => { tip.style.visibility = rule.style.visibility = "hidden"; };

  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), scale = box.width / width;
    const x = (event.clientX - box.left) / scale;
    const count = labeled.reduce((best, c) => (Math.abs(place(c) - x) < Math.abs(place(best) - x) ? c : best));
    const rows = series
      .map((s, at) => ({ ...s, at, point: s.points[String(count)] }))
      .filter((s) => s.point && !off.has(s.at))
      .sort((a, b) => b.point[0] - a.point[0]);
    if (!rows.length) return hide();
    tip.replaceChildren();
    const head = document.createElement("strong");
    head.textContent = `${count.toLocaleString("en")} labels`;
    tip.append(head);
    for (const s of rows) {
      const line = document.createElement("div"), dot = document.createElement("i");
      const name = document.createElement("em"), value = document.createElement("span");
      line.className = `c${s.color}`;
      name.textContent = s.name;
      value.textContent = `${s.point[1]}${unit}  n = ${s.point[2]}`;
      line.append(dot, name, value);
      tip.append(line);
    }
    rule.setAttribute("x1", place(count));
    rule.setAttribute("x2", place(count));
    const at = place(count) * scale, wide = tip.offsetWidth;
    const beside = at + 14 + wide > box.width ? at - 14 - wide : at + 14;
    tip.style.transform = `translate(${Math.max(0, beside)}px, ${Math.max(0, (box.height * 0.86) - tip.offsetHeight)}px)`;
    tip.style.visibility = rule.style.visibility = "visible";
  });
})();
