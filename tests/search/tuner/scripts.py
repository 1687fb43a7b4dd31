"""Scripts for tests of the tuner: written by hand, from the training corpus, and nodes with them."""

from __future__ import annotations

import itertools
import math
import re
from functools import cache
from random import Random

from aide_local.search.tree import Tree
from aide_local.search.tuner.script import hyperparameters
from aide_local.search.tuner.space import Domain, Scale, Value
from aide_local.task import Direction
from aide_local.types import FoldScore, Node, NodeState, Operator, Origin, Step, Usage
from models.training.corpus.examples import generate

BOOSTED = """\
import pandas as pd
from xgboost import XGBClassifier

train = pd.read_csv("input/train.csv")
# xgboost rate 0.05 rounds 300 depth 6
model = XGBClassifier(learning_rate=0.05, n_estimators=300, max_depth=6, subsample=0.8, random_state=0, n_jobs=2)
model.fit(train[["a"]], train["b"])
"""

FOREST = """\
from sklearn.ensemble import ExtraTreesClassifier

model = ExtraTreesClassifier(300, min_samples_leaf=3, max_features=0.5, n_jobs=-1, random_state=0)
"""

NATIVE = """\
import lightgbm as lgb

SEED = 7
rate = 0.1
base = {"objective": "binary", "learning_rate": rate, "num_leaves": 31, "seed": SEED}
params = {**base, "feature_fraction": 0.9, "lambda_l2": 0.0, "num_threads": 4, "verbosity": -1}
params["min_data_in_leaf"] = 20
model = lgb.train(params, lgb.Dataset(X, y), num_boost_round=500)
"""

CATBOOST = """\
from catboost import CatBoostRegressor

settings = dict(iterations=400, depth=6, l2_leaf_reg=3, bootstrap_type="Bernoulli", subsample=0.8, task_type="CPU")
model = CatBoostRegressor(**settings, random_seed=1, thread_count=2, allow_writing_files=False, verbose=0)
"""

LINEAR = """\
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

model = make_pipeline(
    TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=20_000, sublinear_tf=True),
    SplineTransformer(n_knots=5),
    Ridge(alpha=1e1),  # ridge alpha 1e1, with "é" before it
)
"""

BY_HAND = (BOOSTED, FOREST, NATIVE, CATBOOST, LINEAR)


@cache
def corpus(number: int = 200) -> tuple[str, ...]:
    """Return the scripts of the first replies of the training corpus."""
    replies = (example.reply for example in itertools.islice(generate(11), number))
    found = (re.search(r"```python\n(.*?)```", reply, re.DOTALL) for reply in replies)
    return tuple(match[1] for match in found if match is not None)


def drawn(domain: Domain, rng: Random) -> Value:
    """Return a random value of a domain, its ends included."""
    if domain.scale is Scale.CHOICE:
        return rng.choice(domain.choices)
    if rng.random() < 0.2:
        return domain.shorten(rng.choice((domain.low, domain.high)))
    if domain.scale in (Scale.LOG, Scale.LOG_INT):
        return domain.shorten(math.exp(rng.uniform(math.log(domain.low), math.log(domain.high))))
    return domain.shorten(rng.uniform(domain.low, domain.high))


def drawn_values(code: str, rng: Random) -> dict[str, Value]:
    return {one.key: drawn(one.domain, rng) for one in hyperparameters(code)}


def scored(node_id: int, code: str, metric: float, **more: object) -> Node:
    """Return a complete node with five folds around its metric."""
    folds = tuple(FoldScore(fold, metric + 0.01 * fold, Usage(wall=1.0)) for fold in range(-2, 3))
    values: dict[str, object] = {
        "operator": Operator.DRAFT,
        "plan": "p.",
        "folds": folds,
        "complete": True,
        **more,
    }
    return Node(id=node_id, code=code, metric=metric, state=NodeState.VALID, **values)  # type: ignore[arg-type]


def tree_of(*nodes: Node) -> Tree:
    return Tree.of(nodes, Direction.MAXIMIZE)


def tuned(tree: Tree, step: Step, metric: float | None, **more: object) -> Tree:
    """Return the tree with the node that ``step`` makes; pending without a metric."""
    node_id = len(tree)
    made = {
        "operator": Operator.TUNE,
        "origin": Origin.TUNER,
        "parent": step.parent,
        "plan": step.plan,
        **more,
    }
    if metric is None:
        return tree.tell(Node(id=node_id, code=step.code, **made))  # type: ignore[arg-type]
    return tree.tell(scored(node_id, step.code, metric, **made))
