// One node: plan, figures, script, changes, output, error.

const tabs = { script: "Script", diff: "Diff", output: "Output", error: "Error" };
const origins = { playbook: "the playbook", person: "the person", history: "an earlier run", tuner: "the tuner" };
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
  if (node.origin !== "model") figure("comes from", origins[node.origin]);
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
