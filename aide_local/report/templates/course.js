// Metric over time, drawn as SVG.

const course = $("course");
const scored = nodes.filter((node) => node.complete && node.metric !== null);
const failed = nodes.filter((node) => node.state === "buggy" || node.state === "interrupted");
const marks = { draft: "circle", improve: "up", debug: "square", merge: "diamond", human: "down", tune: "wide" };
let where = new Map(); // node -> [x, y] in the drawing
let halo = null;

function shape(name, x, y, size, attributes) {
  const points = {
    up: [[0, -1.15], [1.05, 0.8], [-1.05, 0.8]], down: [[0, 1.15], [1.05, -0.8], [-1.05, -0.8]],
    square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]], diamond: [[0, -1.25], [1.1, 0], [0, 1.25], [-1.1, 0]],
    wide: [[0, -0.7], [1.35, 0], [0, 0.7], [-1.35, 0]],
  }[name];
  if (name === "cross") return svg("path", { d: `M${x - size},${y - size}l${2 * size},${2 * size}m0,${-2 * size}l${-2 * size},${2 * size}`, ...attributes });
  if (!points) return svg("circle", { cx: x, cy: y, r: size, ...attributes });
  return svg("polygon", { points: points.map(([a, b]) => `${(x + a * size).toFixed(1)},${(y + b * size).toFixed(1)}`).join(" "), ...attributes });
}
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(Number((at * step).toPrecision(12)));
  return found;
}
// Wide enough for what matters; a wild score is drawn at the edge, dashed, and says its value.
function range() {
  const sorted = scored.map((node) => node.metric).sort((a, b) => a - b);
  const quartile = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const spread = quartile(0.75) - quartile(0.25);
  const bests = scored.length ? [run.sign > 0 ? sorted.at(-1) : sorted[0]] : [];
  const inside = sorted.filter((one) => one >= quartile(0.25) - 2.5 * spread && one <= quartile(0.75) + 2.5 * spread);
  let low = Math.min(...inside, ...bests), high = Math.max(...inside, ...bests);
  if (run.constant !== null && Math.max(high, run.constant) - Math.min(low, run.constant) < 2.5 * (high - low || 1)) {
    low = Math.min(low, run.constant);
    high = Math.max(high, run.constant);
  }
  if (low === high) { low -= Math.abs(low) * 0.05 || 0.5; high += Math.abs(high) * 0.05 || 0.5; }
  const margin = (high - low) * 0.06;
  return [low - margin, high + margin];
}
function inRange(value) {
  const [low, high] = range();
  return value >= low && value <= high;
}
function draw() {
  where = new Map();
  halo = null;
  if (!scored.length) return course.replaceChildren(el("p", { class: "quiet empty" }, "No node has a score yet."));
  const byTime = document.querySelector("input[name=axis]:checked").value === "time";
  const width = Math.max(320, course.clientWidth - 14), height = width < 560 ? 230 : 290;
  const lane = failed.length ? 24 : 0;
  const box = { left: 62, right: width - 16, top: 14, bottom: height - 44 - lane };
  const [low, high] = range();
  const at = (node) => (byTime ? node.at : node.id);
  const last = Math.max(...nodes.map(at), 1), first = byTime ? 0 : Math.min(...nodes.map(at));
  const x = (value) => box.left + ((value - first) / (last - first || 1)) * (box.right - box.left);
  const y = (value) => box.bottom - ((Math.max(low, Math.min(high, value)) - low) / (high - low)) * (box.bottom - box.top);
  const better = run.sign > 0 ? "higher" : "lower";
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `${run.metric} of ${scored.length} nodes, ${better} is better; the best is ${number(byId.get(run.best)?.metric ?? null)}. ${failed.length} failed.` });
  for (const value of ticks(low, high, 5)) {
    chart.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
    chart.append(svg("text", { x: box.left - 9, y: y(value) + 4, "text-anchor": "end" }, number(value)));
  }
  const bottom = height - 26;
  for (const value of ticks(first, last, Math.max(3, Math.min(10, width / 110))).filter((one) => byTime || Number.isInteger(one)))
    chart.append(svg("text", { x: x(value), y: bottom + 3, "text-anchor": "middle" }, byTime ? seconds(value) : `#${value}`));
  chart.append(svg("text", { x: box.right, y: height - 6, "text-anchor": "end" }, byTime ? "time since the run began" : "node"));
  chart.append(svg("text", { x: box.left - 9, y: height - 6, "text-anchor": "start" }, `${run.metric}, ${better} is better ${run.sign > 0 ? "↑" : "↓"}`));
  if (run.constant !== null && inRange(run.constant))
    chart.append(svg("line", { class: "constant", x1: box.left, x2: box.right, y1: y(run.constant), y2: y(run.constant) }));
  const led = new Set();
  let path = "", best = null;
  for (const node of [...scored].sort((a, b) => at(a) - at(b))) {
    if (node.banned || (best !== null && run.sign * node.metric <= run.sign * best)) continue;
    path += best === null ? `M${x(at(node)).toFixed(1)},${y(node.metric).toFixed(1)}` : `H${x(at(node)).toFixed(1)}V${y(node.metric).toFixed(1)}`;
    best = node.metric;
    led.add(node.id);
  }
  if (path) chart.append(svg("path", { class: "best", d: `${path}H${box.right}` }));
  const size = nodes.length > 150 ? 3 : 4.4;
  const add = (node, mark, px, py, name) => {
    where.set(node.id, [px, py]);
    chart.append(shape(mark, px, py, size, { class: `mark ${name}` }));
    const hit = svg("circle", { class: "hit", cx: px, cy: py, r: Math.max(8, size + 3), "data-node": node.id });
    chart.append(hit);
  };
  for (const node of failed) add(node, "cross", x(at(node)), box.bottom + 16, "failed");
  if (lane) chart.append(svg("text", { x: box.left - 9, y: box.bottom + 20, "text-anchor": "end" }, "failed"));
  for (const node of scored) {
    const outside = node.metric < low || node.metric > high;
    add(node, marks[node.operator] || "circle", x(at(node)), y(node.metric), `${led.has(node.id) ? "led" : ""} ${outside ? "outside" : ""}`);
  }
  course.replaceChildren(chart);
  ring();
}
function ring() {
  halo?.remove();
  const place = where.get(chosen);
  if (!place) return;
  halo = svg("circle", { class: "chosen", cx: place[0], cy: place[1], r: 10 });
  course.firstChild.append(halo);
}
const tip = $("tip");
function point(id) {
  const node = byId.get(id), place = where.get(id);
  const gain = node.gain === null ? "" : ` (${signed(node.gain)})`;
  tip.replaceChildren(el("strong", {}, `${title(node)}: ${result(node)}${gain}`), el("span", {}, node.plan.slice(0, 140)));
  tip.hidden = false;
  const frame = course.firstChild.getBoundingClientRect();
  const scale = frame.width / course.firstChild.viewBox.baseVal.width;
  const left = frame.left + place[0] * scale + scrollX, top = frame.top + place[1] * scale + scrollY;
  tip.style.left = `${Math.max(8, Math.min(left + 14, scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${top - tip.offsetHeight - 12 < scrollY ? top + 16 : top - tip.offsetHeight - 12}px`;
}
const hovered = (event) => event.target.getAttribute?.("data-node") ?? null;
course.addEventListener("pointermove", (event) => (hovered(event) === null ? (tip.hidden = true) : point(Number(hovered(event)))));
course.addEventListener("pointerleave", () => (tip.hidden = true));
course.addEventListener("click", (event) => hovered(event) !== null && choose(Number(hovered(event)), false));
let pointed = null;
course.addEventListener("keydown", (event) => {
  const order = nodes.filter((node) => where.has(node.id)).map((node) => node.id);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step && order.length) {
    event.preventDefault();
    const now = order.indexOf(pointed ?? chosen);
    pointed = order[Math.max(0, Math.min(order.length - 1, now + step))];
    point(pointed);
    choose(pointed, false);
  } else if (event.key === "Enter" && chosen !== null) {
    event.preventDefault();
    tip.hidden = true;
    choose(chosen);
    rows.get(chosen).scrollIntoView({ block: "center" });
  } else if (event.key === "Escape") tip.hidden = true;
});
course.addEventListener("blur", () => { tip.hidden = true; pointed = null; });
for (const one of document.querySelectorAll("input[name=axis]")) one.addEventListener("change", draw);
let drawn = 0;
addEventListener("resize", () => { if (course.clientWidth !== drawn) { drawn = course.clientWidth; draw(); } });

function legend() {
  const used = new Set(scored.map((node) => node.operator));
  const sign = (made) => { const frame = svg("svg", { width: 18, height: 14, "aria-hidden": "true" }); frame.append(made); return frame; };
  const add = (made, text) => $("legend").append(el("span", {}, sign(made), text));
  add(svg("line", { class: "best", x1: 0, x2: 18, y1: 7, y2: 7 }), "best so far");
  if (run.constant !== null) add(svg("line", { class: "constant", x1: 0, x2: 18, y1: 7, y2: 7 }), `constant guess ${number(run.constant)}${scored.length && !inRange(run.constant) ? ", outside the chart" : ""}`);
  for (const [operator, mark] of Object.entries(marks)) if (used.has(operator)) add(shape(mark, 9, 7, 4.4, { class: "mark" }), operator);
  if (failed.length) add(shape("cross", 9, 7, 4, { class: "mark failed" }), "failed");
}
