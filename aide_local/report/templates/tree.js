// The solution tree: rows, folding, the filter, keys.

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
    [title(node), words[node.state], node.origin, node.plan, node.hint, node.error ? `${node.error.type} ${node.error.message}` : ""].join(" ").toLowerCase(),
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
