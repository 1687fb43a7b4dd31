// The node that the page opens at.

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
