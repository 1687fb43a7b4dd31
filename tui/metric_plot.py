"""The plot below the tree: every node's metric and the best so far."""

from __future__ import annotations

from textual_plotext import PlotextPlot

from aide_local.search.tree import Tree
from aide_local.task import Direction

MOST_POINTS = 300  # that can be told apart


class MetricPlot(PlotextPlot):
    """Empty (a class of its style) until two nodes have a metric."""

    def show(self, tree: Tree) -> None:
        """Draw the tree as it is now."""
        scored = [(node.id, node.metric) for node in tree.complete if node.metric is not None]
        self.plt.clear_data()
        self.set_class(len(scored) < 2, "empty")
        if len(scored) > 1:
            self._draw(tree, [node for node, _ in scored], [metric for _, metric in scored])
        self.refresh()

    def _draw(self, tree: Tree, ids: list[int], metrics: list[float]) -> None:
        better = max if tree.direction is Direction.MAXIMIZE else min
        best = [metrics[0]]
        for metric in metrics[1:]:
            best.append(better(best[-1], metric))
        few = slice(None, None, -(-len(ids) // MOST_POINTS))
        self.plt.scatter(ids[few], metrics[few], marker="dot")
        self.plt.plot([*ids[few], ids[-1]], [*best[few], best[-1]], marker="braille")
        ticks = range(0, len(tree), max(1, len(tree) // 6))
        self.plt.xticks([float(tick) for tick in ticks], [str(tick) for tick in ticks])
        self.plt.title(f"metric by node, best so far; {tree.direction.value}")
