// The data, and its way into the page: all that a model or a script wrote enters by `put`, as text. Nothing is parsed
// as markup. These files are one script: the page joins them in the order text, tree, node, course, begin.

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
