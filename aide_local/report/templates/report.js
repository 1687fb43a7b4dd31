"use strict";
// Everything here that a model or a script wrote enters the page by `put`, as text. Nothing is parsed as markup.
(() => {
const run = JSON.parse(document.getElementById("data").textContent);
const nodes = run.nodes;
const byId = new Map(nodes.map((node) => [node.id, node]));
const children = new Map(nodes.map((node) => [node.id, []]));
const roots = [];
for (const node of nodes) (node.parent === null ? roots : children.get(node.parent)).push(node);
const onPath = new Set(run.path);
const words = { pending: "pending", valid: "valid", buggy: "failed", interrupted: "interrupted" };
const $ = (id) => document.getElementById(id);

// ---- text into the page ----

// Characters that hide text or turn its direction are shown by their number, so that a script looks like what it is.
const deceptive =
  /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff])/;
function put(parent, text) {
  String(text).split(deceptive).forEach((part, at) => {
    if (at % 2) {
      const shown = document.createElement("span");
      shown.className = "shown";
      shown.textContent = `U+${part.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
      parent.append(shown);
    } else if (part) parent.append(part);
  });
  return parent;
}
function el(name, attributes, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== null) made.setAttribute(key, String(value));
  for (const one of content)
    if (one instanceof Node) made.append(one);
    else if (one !== null) put(made, one);
  return made;
}
function svg(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// ---- words ----

const number = (value) => (value === null ? "–" : String(Number(value.toPrecision(5))));
const signed = (value) => (value < 0 ? "−" : "+") + String(Number(Math.abs(value).toPrecision(3)));
const way = (gain) => (gain > 0 ? "up" : gain < 0 ? "down" : "quiet");
function seconds(value) {
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  const minutes = Math.floor(value / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(value % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
const bytes = (value) =>
  value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(1)} GiB` : `${Math.round(value / 2 ** 20)} MiB`;
function result(node) {
  if (node.complete) return number(node.metric);
  if (node.state === "valid") return "behind, stopped early";
  return node.error ? node.error.type : words[node.state];
}
function title(node) {
  const parents = [node.parent, node.other].filter((id) => id !== null).map((id) => `#${id}`);
  return `#${node.id} ${node.operator}${parents.length ? ` of ${parents.join(" and ")}` : ""}`;
}
function spoken(node) {
  const gain = node.gain === null ? "" : `, ${signed(node.gain)} on its parent`;
  const best = node.id === run.best ? ", the best" : "";
  return `${title(node)}, ${words[node.state]}${best}, ${result(node)}${gain}. ${node.plan.slice(0, 160)}`;
}

// ---- the tree ----

const list = $("tree");
const rows = new Map();
const folded = new Set();
let visible = [];
let chosen = null;

function row(node, depth, at, size) {
  const below = children.get(node.id).length;
  const made = el(
    "li",
    {
      role: "treeitem", tabindex: "-1", id: `row-${node.id}`, class: node.state + (onPath.has(node.id) ? " on-path" : ""),
      "aria-level": depth + 1, "aria-posinset": at + 1, "aria-setsize": size, "aria-selected": "false",
      "aria-expanded": below ? "true" : null, "aria-label": spoken(node),
    },
    el("span", { class: "fold", "aria-hidden": "true" }, below ? "▾" : ""),
    el("span", { class: "glyph" }, node.glyph),
    el("span", { class: "id" }, `#${node.id}`),
    el("span", { class: "kind" }, node.operator),
    el("span", { class: "result" }, result(node)),
    node.gain === null ? null : el("span", { class: way(node.gain) }, signed(node.gain)),
    node.id === run.best ? el("span", { class: "tag best" }, "★ best") : null,
    node.pinned ? el("span", { class: "tag" }, "pinned") : null,
    node.banned ? el("span", { class: "tag" }, "banned") : null,
    depth > 12 ? el("span", { class: "quiet" }, `depth ${depth}`) : null,
    el("span", { class: "plan" }, node.plan.replace(/\s+/g, " ").slice(0, 240)),
  );
  made.style.setProperty("--depth", Math.min(depth, 12));
  made.addEventListener("click", (event) => {
    if (below && event.target.classList.contains("fold")) fold(node.id, !folded.has(node.id));
    choose(node.id);
  });
  return made;
}
// Depth first without recursion: a chain of improvements may be hundreds long.
const open = [];
const later = (siblings, depth) => {
  for (let at = siblings.length - 1; at >= 0; at--) open.push([siblings[at], depth, at, siblings.length]);
};
later(roots, 0);
while (open.length) {
  const [node, depth, at, size] = open.pop();
  rows.set(node.id, row(node, depth, at, size));
  later(children.get(node.id), depth + 1);
}
list.append(...rows.values());

const haystack = new Map(
  nodes.map((node) => [
    node.id,
    [title(node), words[node.state], node.plan, node.hint, node.error ? `${node.error.type} ${node.error.message}` : ""].join(" ").toLowerCase(),
  ]),
);
function refresh() {
  const sought = $("filter").value.trim().toLowerCase();
  const shown = new Set();
  for (const node of nodes) {
    if (!haystack.get(node.id).includes(sought)) continue;
    for (let id = node.id; id !== null && !shown.has(id); id = byId.get(id).parent) shown.add(id);
  }
  const closed = new Set(); // parents come before their children
  visible = [];
  for (const node of nodes)
    if (node.parent !== null && (closed.has(node.parent) || (!sought && folded.has(node.parent)))) closed.add(node.id);
  for (const [id, made] of rows) {
    made.hidden = !shown.has(id) || closed.has(id);
    if (!made.hidden) visible.push(id);
    if (!children.get(id).length) continue;
    const isOpen = !!sought || !folded.has(id);
    made.setAttribute("aria-expanded", isOpen);
    made.firstChild.textContent = isOpen ? "▾" : "▸";
  }
  $("none").hidden = visible.length > 0;
  tabStop();
}
// One row of the tree takes the Tab key: the chosen one while it is to be seen.
function tabStop() {
  const stop = visible.includes(chosen) ? chosen : visible[0];
  for (const [id, made] of rows) made.tabIndex = id === stop ? 0 : -1;
}
function fold(id, shut) {
  if (!children.get(id).length) return;
  if (shut) folded.add(id);
  else folded.delete(id);
  refresh();
}
function reveal(id) {
  for (let up = byId.get(id).parent; up !== null; up = byId.get(up).parent) folded.delete(up);
  if (!haystack.get(id).includes($("filter").value.trim().toLowerCase())) $("filter").value = "";
  refresh();
}
function choose(id, focus = true) {
  if (!byId.has(id)) return;
  if (chosen !== null) rows.get(chosen).setAttribute("aria-selected", "false");
  chosen = id;
  const made = rows.get(id);
  if (made.hidden) reveal(id);
  made.setAttribute("aria-selected", "true");
  tabStop();
  if (focus) made.focus({ preventScroll: true });
  const side = list.parentElement;
  const above = made.offsetTop - side.scrollTop;
  if (above < 0 || above + made.offsetHeight > side.clientHeight) side.scrollTop = made.offsetTop - side.clientHeight / 2;
  show(byId.get(id));
  ring();
}
list.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const id = Number((event.target.id || "").slice(4));
  const at = visible.indexOf(id);
  const go = (to) => visible.length && choose(visible[Math.max(0, Math.min(visible.length - 1, to))]);
  const below = children.get(id) || [];
  const act = {
    ArrowDown: () => go(at + 1), j: () => go(at + 1), ArrowUp: () => go(at - 1), k: () => go(at - 1),
    Home: () => go(0), g: () => go(0), End: () => go(visible.length), G: () => go(visible.length),
    PageDown: () => go(at + 15), PageUp: () => go(at - 15),
    ArrowLeft: () => below.length && !folded.has(id) ? fold(id, true) : byId.get(id).parent !== null && choose(byId.get(id).parent),
    ArrowRight: () => folded.has(id) ? fold(id, false) : below.length && choose(below[0].id),
    Enter: () => { choose(id); $("chosen-title").focus(); },
    " ": () => choose(id),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
  if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && rows.get(chosen)) rows.get(chosen).focus({ preventScroll: true });
});
$("filter").addEventListener("input", refresh);
$("filter").addEventListener("keydown", (event) => {
  if (event.key === "Escape") { $("filter").value = ""; refresh(); rows.get(chosen)?.focus(); }
  if ((event.key === "Enter" || event.key === "ArrowDown") && visible.length) { event.preventDefault(); choose(visible[0]); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input")) { event.preventDefault(); $("filter").focus(); }
});
$("details").addEventListener("keydown", (event) => {
  if (event.key === "Escape") rows.get(chosen).focus();
});

// ---- one node ----

const tabs = { script: "Script", diff: "Diff", output: "Output", error: "Error" };
let tab = "script";

function show(node) {
  const link = (id) => {
    const made = el("button", { type: "button", class: "link" }, `#${id} ${byId.get(id).operator}`);
    made.addEventListener("click", () => choose(id));
    return made;
  };
  const links = (label, ids) => (ids.length ? el("span", {}, `${label} `, ...ids.flatMap((id, at) => (at ? [", ", link(id)] : [link(id)]))) : null);
  const figures = el("dl", { class: "figures" });
  const figure = (label, value, name = "") => figures.append(el("div", { class: name }, el("dt", {}, label), el("dd", {}, value)));
  figure(run.metric, node.metric === null ? "–" : number(node.metric) + (node.complete ? "" : " (not all folds)"));
  if (node.gain !== null) figure("gain on its parent", signed(node.gain));
  figure("state", `${node.glyph} ${words[node.state]}`);
  if (node.weight !== null) figure("ensemble weight", node.weight.toFixed(2));
  figure("run time", seconds(node.wall));
  figure("processor time", seconds(node.cpu));
  figure("peak memory", bytes(node.memory));
  figure("writing it", `${seconds(node.writing)}, ${node.tokens} tokens`);
  figure("finished after", seconds(node.at));
  if (node.attempts > 1) figure("attempts", node.attempts);
  if (node.hint) figure("hint of the person", node.hint, "wide");
  if (node.dropped.length) figure("left out of the prompt", node.dropped.join("; "), "wide");
  const folds = el("div", { class: "folds", role: "list", "aria-label": "Scores of the folds" });
  for (const [at, score, wall] of node.folds)
    folds.append(el("span", { role: "listitem" }, `fold ${at + 1} `, el("b", {}, score === null ? "✗ failed" : number(score)), " ", el("i", {}, seconds(wall))));
  $("details").replaceChildren(
    el("h3", { class: "title", id: "chosen-title", tabindex: "-1" }, title(node), " ",
      node.id === run.best ? el("span", { class: "tag best" }, "★ best") : null,
      node.pinned ? el("span", { class: "tag" }, "pinned") : null,
      node.banned ? el("span", { class: "tag" }, "banned") : null),
    el("p", { class: "links" },
      links("from", [node.parent, node.other].filter((id) => id !== null)),
      links("led to", children.get(node.id).map((child) => child.id))),
    el("p", { class: "plan" }, node.plan || "(no plan)"),
    figures,
    node.folds.length ? folds : null,
    tabList(node),
    el("div", { id: "panel", role: "tabpanel", tabindex: "-1", "aria-labelledby": `tab-${current(node)}` }, content(node)),
  );
}
const has = {
  script: () => true,
  diff: (node) => node.parent !== null,
  output: () => true,
  error: (node) => node.error !== null,
};
const current = (node) => (has[tab](node) ? tab : "script");
function tabList(node) {
  const bar = el("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the node" });
  for (const [name, label] of Object.entries(tabs)) {
    if (!has[name](node)) continue;
    const on = name === current(node);
    const made = el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-selected": on, "aria-controls": "panel", tabindex: on ? 0 : -1 },
      name === "diff" ? `Diff to #${node.parent}` : label);
    made.addEventListener("click", () => pick(node, name));
    bar.append(made);
  }
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(tabs).filter((name) => has[name](node));
    pick(node, names[(names.indexOf(current(node)) + step + names.length) % names.length]);
  });
  return bar;
}
function pick(node, name) {
  tab = name;
  show(node);
  $(`tab-${name}`).focus();
}
function content(node) {
  const name = current(node);
  const empty = (text) => el("p", { class: "quiet empty" }, text);
  if (name === "script") return node.code ? script(node) : empty("The reply held no script.");
  if (name === "diff") return node.diff.length ? difference(node.diff) : empty("The scripts are the same.");
  if (name === "output") return node.output.trim() ? plain(node.output) : empty("It printed nothing.");
  const error = node.error;
  const where = error.line === null ? "" : ` (line ${error.line})`;
  return plain(`${error.kind}\n${error.type}: ${error.message}${where}${error.traceback ? `\n\n${error.traceback}` : ""}`);
}
function block(name, lines) {
  const made = el("pre", { class: name, tabindex: "0" });
  lines.forEach((line, at) => {
    line.classList.add("line");
    if (at < lines.length - 1) line.append("\n"); // a selection copies as it was
    made.append(line);
  });
  return made;
}
const plain = (text) => block("plain", text.replace(/\n$/, "").split("\n").map((line) => el("span", {}, line)));
function difference(lines) {
  const sorts = { "+": "add", "-": "del", "@": "hunk" };
  return block("diff", lines.map((line) => el("span", { class: sorts[line[0]] || "same" }, line)));
}
function script(node) {
  const lines = [el("span", {})];
  const add = (text, sort) =>
    text.split("\n").forEach((piece, at, all) => {
      if (at) lines.push(el("span", {}));
      const clean = at < all.length - 1 ? piece.replace(/\r$/, "") : piece;
      if (clean) lines.at(-1).append(el("span", { class: sort ? `t-${sort}` : null }, clean));
    });
  let from = 0;
  for (let at = 0; at < node.spans.length; at += 2) {
    add(node.code.slice(from, from + node.spans[at]), run.classes[node.spans[at + 1]]);
    from += node.spans[at];
  }
  add(node.code.slice(from), "");
  if (lines.length > 1 && !lines.at(-1).hasChildNodes()) lines.pop();
  const wrong = node.error && node.error.line;
  if (wrong && lines[wrong - 1]) lines[wrong - 1].classList.add("wrong");
  return block("code", lines);
}

// ---- metric over time ----

const course = $("course");
const scored = nodes.filter((node) => node.complete && node.metric !== null);
const failed = nodes.filter((node) => node.state === "buggy" || node.state === "interrupted");
const marks = { draft: "circle", improve: "up", debug: "square", merge: "diamond", human: "down" };
let where = new Map(); // node -> [x, y] in the drawing
let halo = null;

function shape(name, x, y, size, attributes) {
  const points = {
    up: [[0, -1.15], [1.05, 0.8], [-1.05, 0.8]], down: [[0, 1.15], [1.05, -0.8], [-1.05, -0.8]],
    square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]], diamond: [[0, -1.25], [1.1, 0], [0, 1.25], [-1.1, 0]],
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

// ---- begin ----

function fromAddress(focus) {
  const found = /^#node-(\d+)$/.exec(location.hash);
  if (!found || !byId.has(Number(found[1]))) return false;
  choose(Number(found[1]), focus);
  if (focus) $("tree-title").scrollIntoView();
  return true;
}
addEventListener("hashchange", () => fromAddress(true));
legend();
refresh();
draw();
if (!fromAddress(false)) {
  if (run.best !== null) choose(run.best, false);
  else if (nodes.length) choose(nodes[0].id, false);
  else $("details").append(el("p", { class: "quiet" }, "No node has been made yet."));
}
})();
