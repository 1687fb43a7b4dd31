"""Which arguments of which estimators are hyperparameters, between which ends, on which scale.

The ends are those within which practitioners and the literature search: Probst, Boulesteix and Bischl, "Tunability"
(JMLR 2019), the search spaces of FLAML and AutoGluon, and the parameter pages of each library. They are meant for
tables of hundreds to some ten thousand rows.

Left alone on purpose: seeds, threads, verbosity, devices, sizes of data, cross-validation inside a script, tolerances,
the number of trees of forests and bags (more is never worse, only slower), losses and class weights (they are ideas, which
a script's comments name), and what hardly matters for the score but widens the search (bins, how gaps are filled).

Longer than other files: it is one table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from aide_local.search.tuner.space import Domain, Scale, Value, is_number

Alternatives: TypeAlias = tuple[Domain, ...]
Table: TypeAlias = Mapping[str, Alternatives]


def _log(low: float, high: float) -> Alternatives:
    return (Domain(Scale.LOG, low, high),)


def _linear(low: float, high: float) -> Alternatives:
    return (Domain(Scale.LINEAR, low, high),)


def _int(low: int, high: int) -> Alternatives:
    return (Domain(Scale.INT, low, high),)


def _log_int(low: int, high: int) -> Alternatives:
    return (Domain(Scale.LOG_INT, low, high),)


def _choice(*values: Value) -> Alternatives:
    return (Domain(Scale.CHOICE, choices=values),)


def _share(low: float, high: float = 1.0) -> Alternatives:
    """A float is a share of the rows or columns; a whole number would be a count."""
    return (Domain(Scale.LINEAR, low, high, real=True),)


def _count_or_share(low: int, high: int, least: float, most: float) -> Alternatives:
    """A whole number counts rows; a float is a share of them."""
    return (*_log_int(low, high), Domain(Scale.LOG, least, most, real=True))


_MAX_FEATURES = (*_share(0.1), *_choice("sqrt", "log2", None, 0.3, 0.5, 0.8))
_DEPTH_OR_NONE = (*_int(3, 30), *_choice(None, 6, 10, 16))

_XGBOOST: Table = {
    "learning_rate": _log(0.01, 0.3),
    "eta": _log(0.01, 0.3),
    "n_estimators": _log_int(50, 3000),
    "num_boost_round": _log_int(50, 3000),
    "max_depth": _int(2, 12),
    "max_leaves": _log_int(4, 256),
    "min_child_weight": _log(0.5, 50),
    "subsample": _linear(0.4, 1.0),
    "colsample_bytree": _linear(0.2, 1.0),
    "colsample_bylevel": _linear(0.2, 1.0),
    "colsample_bynode": _linear(0.2, 1.0),
    "reg_lambda": _log(0.01, 100),
    "lambda": _log(0.01, 100),
    "reg_alpha": _log(0.001, 20),
    "alpha": _log(0.001, 20),
    "gamma": _log(0.001, 10),
    "min_split_loss": _log(0.001, 10),
    "grow_policy": _choice("depthwise", "lossguide"),
    "num_parallel_tree": (),
}

_LIGHTGBM: Table = {
    "learning_rate": _log(0.01, 0.3),
    "eta": _log(0.01, 0.3),
    "n_estimators": _log_int(50, 3000),
    "num_boost_round": _log_int(50, 3000),
    "num_iterations": _log_int(50, 3000),
    "num_leaves": _log_int(4, 256),
    "max_depth": _int(2, 16),
    "min_child_samples": _log_int(2, 200),
    "min_data_in_leaf": _log_int(2, 200),
    "min_child_weight": _log(0.0001, 20),
    "min_sum_hessian_in_leaf": _log(0.0001, 20),
    "subsample": _linear(0.4, 1.0),
    "bagging_fraction": _linear(0.4, 1.0),
    "colsample_bytree": _linear(0.2, 1.0),
    "feature_fraction": _linear(0.2, 1.0),
    "feature_fraction_bynode": _linear(0.2, 1.0),
    "reg_alpha": _log(0.001, 20),
    "lambda_l1": _log(0.001, 20),
    "reg_lambda": _log(0.001, 100),
    "lambda_l2": _log(0.001, 100),
    "min_split_gain": _log(0.001, 10),
    "min_gain_to_split": _log(0.001, 10),
    "cat_smooth": _log(1, 200),
    "cat_l2": _log(0.1, 200),
    "path_smooth": _log(0.01, 200),
    "extra_trees": _choice(True, False),
    "alpha": (),  # of a loss
}

_CATBOOST: Table = {
    "learning_rate": _log(0.01, 0.3),
    "eta": _log(0.01, 0.3),
    "iterations": _log_int(50, 3000),
    "n_estimators": _log_int(50, 3000),
    "num_boost_round": _log_int(50, 3000),
    "num_trees": _log_int(50, 3000),
    "depth": _int(2, 10),
    "max_depth": _int(2, 10),
    "l2_leaf_reg": _log(0.1, 50),
    "reg_lambda": _log(0.1, 50),
    "random_strength": _log(0.05, 20),
    "bagging_temperature": _linear(0.0, 3.0),
    "rsm": _linear(0.2, 1.0),
    "colsample_bylevel": _linear(0.2, 1.0),
    "subsample": _linear(0.4, 1.0),
    "one_hot_max_size": _log_int(2, 64),
    "min_data_in_leaf": _log_int(1, 100),
    "bootstrap_type": _choice("Bayesian", "Bernoulli", "MVS"),
    "grow_policy": _choice("SymmetricTree", "Depthwise"),
}

_FOREST: Table = {
    "n_estimators": (),
    "max_features": _MAX_FEATURES,
    "max_depth": _DEPTH_OR_NONE,
    "min_samples_leaf": _count_or_share(1, 50, 0.0005, 0.1),
    "min_samples_split": _count_or_share(2, 60, 0.001, 0.2),
    "max_samples": _share(0.3),
    "max_leaf_nodes": _log_int(8, 2000),
    "min_impurity_decrease": _log(1e-7, 0.01),
    "ccp_alpha": _log(1e-7, 0.01),
    "bootstrap": _choice(True, False),
}
_TREE: Table = {**_FOREST, "bootstrap": ()}

_GRADIENT_BOOSTING: Table = {
    "learning_rate": _log(0.01, 0.3),
    "n_estimators": _log_int(30, 1000),
    "max_depth": _int(1, 8),
    "subsample": _linear(0.4, 1.0),
    "max_features": _MAX_FEATURES,
    "min_samples_leaf": _count_or_share(1, 100, 0.0005, 0.1),
    "min_samples_split": _count_or_share(2, 100, 0.001, 0.2),
    "max_leaf_nodes": _log_int(4, 64),
    "alpha": (),  # of a loss
    "ccp_alpha": _log(1e-7, 0.01),
}

_HIST_BOOSTING: Table = {
    "learning_rate": _log(0.01, 0.3),
    "max_iter": _log_int(30, 2000),
    "max_leaf_nodes": _log_int(4, 128),
    "max_depth": _int(2, 12),
    "min_samples_leaf": _log_int(2, 200),
    "l2_regularization": _log(0.001, 100),
    "max_features": _share(0.2),
}

_LINEAR: Table = {
    "alpha": _log(1e-5, 10),
    "l1_ratio": _linear(0.02, 1.0),
    "C": _log(0.001, 1000),
    "epsilon": _linear(1.01, 3.0),
    "eta0": _log(1e-4, 1),
    "power_t": _linear(0.1, 0.6),
    "tol": (),
}

_SUPPORT_VECTORS: Table = {
    "C": _log(0.01, 1000),
    "epsilon": _log(0.001, 2),
    "gamma": (*_log(1e-4, 10), *_choice("scale", "auto", 0.003, 0.01, 0.03, 0.1, 0.3)),
    "nu": _linear(0.05, 0.95),
}

_NEIGHBORS: Table = {
    "n_neighbors": _log_int(2, 100),
    "weights": _choice("uniform", "distance"),
    "p": _choice(1, 2),
    "metric": _choice("euclidean", "manhattan"),
}

_PERCEPTRON: Table = {
    "alpha": _log(1e-6, 30),
    "learning_rate_init": _log(1e-4, 0.05),
    "batch_size": _log_int(16, 512),
    "activation": _choice("relu", "tanh"),
    **{f"hidden_layer_sizes[{place}]": _log_int(8, 512) for place in range(4)},
}

_BAGGING: Table = {"n_estimators": (), "max_samples": _share(0.3), "max_features": _share(0.3)}

_TEXT: Table = {
    "max_features": _log_int(300, 50_000),
    "min_df": _count_or_share(1, 30, 0.0001, 0.05),
    "max_df": _share(0.4),
    "ngram_range[1]": _int(1, 5),
    "sublinear_tf": _choice(True, False),
    "binary": _choice(True, False),
    "norm": (),
}

TABLES: Mapping[str, Table] = {
    **dict.fromkeys(("XGB", "XGBRF", "xgboost"), _XGBOOST),
    **dict.fromkeys(("LGBM", "lightgbm"), _LIGHTGBM),
    **dict.fromkeys(("CatBoost", "catboost"), _CATBOOST),
    **dict.fromkeys(("RandomForest", "ExtraTrees", "RandomTreesEmbedding"), _FOREST),
    **dict.fromkeys(("DecisionTree", "ExtraTree"), _TREE),
    "GradientBoosting": _GRADIENT_BOOSTING,
    "HistGradientBoosting": _HIST_BOOSTING,
    "AdaBoost": {"learning_rate": _log(0.01, 2), "n_estimators": _log_int(20, 500)},
    **{key: {**_LINEAR, "alpha": _log(0.001, 10000)} for key in ("Ridge", "RidgeCV")},
    **dict.fromkeys(
        (
            "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "LassoLars", "MultiTaskLasso", "MultiTaskElasticNet",
            "Huber", "Quantile", "Tweedie", "Poisson", "Gamma", "LogisticRegression", "LogisticRegressionCV",
        ),
        _LINEAR,
    ),
    **{key: {**_LINEAR, "alpha": _log(1e-07, 0.1), "epsilon": _log(0.001, 2)} for key in ("SGD", "Perceptron")},
    "PassiveAggressive": {"C": _log(0.001, 100), "epsilon": _log(0.001, 2)},
    **dict.fromkeys(("SVC", "SVR", "NuSVC", "NuSVR", "LinearSVC", "LinearSVR"), _SUPPORT_VECTORS),
    "KernelRidge": {"alpha": _log(1e-4, 100), "gamma": _log(1e-4, 10), "degree": ()},
    "KNeighbors": _NEIGHBORS,
    "MLP": _PERCEPTRON,
    "GaussianNB": {"var_smoothing": _log(1e-12, 0.3)},
    **{key: {"alpha": _log(0.001, 10)} for key in ("MultinomialNB", "ComplementNB", "BernoulliNB", "CategoricalNB")},
    "LinearDiscriminantAnalysis": {"shrinkage": (*_linear(0.01, 0.99), *_choice("auto", 0.1, 0.5))},
    "QuadraticDiscriminantAnalysis": {"reg_param": _linear(0.0, 0.95)},
    "GaussianProcess": {"alpha": _log(1e-10, 3)},
    **{key: {"length_scale": _log(0.1, 50)} for key in ("RBF", "Matern", "RationalQuadratic")},
    "Matern": {"length_scale": _log(0.1, 50), "nu": _choice(0.5, 1.5, 2.5)},
    "WhiteKernel": {"noise_level": _log(0.001, 10)},
    "Bagging": _BAGGING,
    "CalibratedClassifierCV": {"method": _choice("sigmoid", "isotonic")},
    # preprocessing
    "PCA": {"n_components": _share(0.5, 0.999)},
    "SplineTransformer": {
        "n_knots": _int(3, 20),
        "degree": _int(1, 4),
        "knots": _choice("uniform", "quantile"),
    },
    "KBinsDiscretizer": {"n_bins": _int(3, 50), "strategy": _choice("uniform", "quantile"), "subsample": ()},
    "QuantileTransformer": {"n_quantiles": (), "subsample": ()},
    "PolynomialFeatures": {"degree": ()},
    "SimpleImputer": {"fill_value": ()},
    "KNNImputer": {"n_neighbors": _int(2, 40), "weights": _choice("uniform", "distance")},
    "OneHotEncoder": {"min_frequency": _count_or_share(1, 100, 0.001, 0.1), "max_categories": _log_int(3, 200)},
    "OrdinalEncoder": {"min_frequency": _count_or_share(1, 100, 0.001, 0.1), "max_categories": _log_int(3, 250)},
    "TargetEncoder": {"smooth": (*_log(0.1, 1000), *_choice("auto", 5.0, 30.0, 200.0))},
    "KMeans": {"n_clusters": _log_int(2, 100)},
    "MiniBatchKMeans": {"n_clusters": _log_int(2, 100)},
    "GaussianMixture": {"n_components": _int(1, 30), "reg_covar": _log(1e-7, 0.1)},
    "Nystroem": {"n_components": _log_int(20, 1000), "gamma": _log(1e-4, 10)},
    "RBFSampler": {"n_components": _log_int(20, 2000), "gamma": (*_log(1e-4, 10), *_choice("scale", 0.01, 0.1))},
    "SelectPercentile": {"percentile": _int(5, 100)},
    "VarianceThreshold": {"threshold": _log(1e-6, 1)},
    **dict.fromkeys(("TfidfVectorizer", "CountVectorizer"), _TEXT),
    "TfidfTransformer": {"sublinear_tf": _choice(True, False), "norm": ()},
    "HashingVectorizer": {"ngram_range[1]": _int(1, 5), "n_features": (), "norm": ()},
}  # fmt: skip

PREPROCESSING = frozenset(
    {
        "PCA", "TruncatedSVD", "NMF", "SplineTransformer", "KBinsDiscretizer", "QuantileTransformer", "PowerTransformer",
        "PolynomialFeatures", "SimpleImputer", "KNNImputer", "IterativeImputer", "OneHotEncoder", "OrdinalEncoder",
        "TargetEncoder", "KMeans", "MiniBatchKMeans", "Nystroem", "RBFSampler", "SelectPercentile", "SelectKBest",
        "VarianceThreshold", "TfidfVectorizer", "CountVectorizer", "TfidfTransformer", "HashingVectorizer",
        "FeatureHasher", "StandardScaler", "RobustScaler", "MinMaxScaler",
    }
)  # fmt: skip
"""Steps before the model: two scripts that differ in them alone have the same kind of model."""

POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "RandomForest": ("n_estimators",),
    "ExtraTrees": ("n_estimators",),
    "KNeighbors": ("n_neighbors",),
    "Ridge": ("alpha",),
    "Lasso": ("alpha",),
    "ElasticNet": ("alpha",),
    "PCA": ("n_components",),
    "TruncatedSVD": ("n_components",),
    "NMF": ("n_components",),
    "KMeans": ("n_clusters",),
    "MiniBatchKMeans": ("n_clusters",),
    "SplineTransformer": ("n_knots", "degree"),
    "KBinsDiscretizer": ("n_bins",),
    "SelectPercentile": ("score_func", "percentile"),
    "SelectKBest": ("score_func", "k"),
    "RBF": ("length_scale",),
    "Matern": ("length_scale",),
    "WhiteKernel": ("noise_level",),
    "MLP": ("hidden_layer_sizes",),
}

ROUNDS = frozenset(
    {"n_estimators", "num_boost_round", "num_iterations", "iterations", "num_trees", "max_iter"}
)
"""Numbers of boosting rounds. With early stopping in the script they are a ceiling, which is only ever raised."""

MOST_ROUNDS = 3
"""Rounds are multiplied or divided by this at most: they cost their number, and a script's writer knew the time."""

_NEVER = re.compile(
    r"seed|random|n_jobs|nthread|thread|verb|silent|log_|period|cv$|n_splits|n_iter|max_iter|max_fun|tol$|early|stopping|"
    r"od_|patience|validation|valid_|test_size|train_size|size$|cache|device|gpu|ram|memory|missing|num_class|"
    r"n_features|n_quantiles|unknown_value|fill_value|base_score|copy|warm_start|verbosity|leaf_size|subsample_for_bin|"
    r"max_bin|border_count|_freq$|ctr_complexity|_estimation_|cat_threshold|per_group|model_size|n_init|trials|total_|label|quantile|power|degree|eps$|priors|sample_weight|n_estimators|iterations|num_boost_round|snapshot|limit|dim"
)


def domain_of(estimator: str, name: str, value: Value, beside: frozenset[str]) -> Domain | None:
    """Return what ``value``, the argument ``name`` of ``estimator``, may become; None if it is to be left alone.

    Known arguments have known ends, widened to contain the value. Any other number is moved by a factor of four at
    most; the elements of a tuple or list only where they are known. ``beside`` are the names of the other arguments of the call.
    """
    stem = stem_of(estimator)
    table = TABLES.get(stem, {})
    if _clashes(stem, name, beside):
        return None
    if name in table:
        if not table[name]:
            return None
        found = next((domain for domain in table[name] if domain.accepts(value)), None)
        if found is not None:
            return found.widen(value)
    if name.endswith("]") and not name.startswith("weights["):
        return None
    return _around(name, value)


def table_with(name: str) -> Table:
    """Return a table that knows the argument ``name``, for calls whose estimator is not known; empty if none does."""
    return next((table for table in TABLES.values() if table.get(name)), {})


def stem_of(estimator: str) -> str:
    """Return the name that the classifier and the regressor of one kind share: ``XGB`` of ``XGBClassifier``."""
    if estimator in TABLES:
        return estimator
    return re.sub(r"(Classifier|Regressor|Ranker)$", "", estimator)


def kind_of(estimator: str) -> str:
    """Return the name that all interfaces to one model share: ``XGB`` of ``XGBRegressor`` and of ``xgboost.train``."""
    stem = stem_of(estimator)
    return {"xgboost": "XGB", "lightgbm": "LGBM", "catboost": "CatBoost"}.get(stem, stem)


def twin_of(estimator: str) -> str:
    """Return the regressor of a classifier and the classifier of a regressor; empty if it has none."""
    for one, other in (("Classifier", "Regressor"), ("SVC", "SVR")):
        for end, instead in ((one, other), (other, one)):
            if estimator.endswith(end):
                return estimator.removesuffix(end) + instead
    return ""


def _clashes(stem: str, name: str, beside: frozenset[str]) -> bool:
    """Return whether some values of a choice would be refused because of another argument of the call."""
    if stem in ("CatBoost", "catboost"):
        sampling = name == "bootstrap_type" and beside & {"subsample", "bagging_temperature"}
        growing = name == "grow_policy" and beside & {
            "boosting_type",
            "max_leaves",
            "num_leaves",
            "score_function",
        }
        return bool(sampling or growing)
    if name == "grow_policy":
        return bool(beside & {"tree_method", "booster"})
    if name == "bootstrap":
        return bool(beside & {"oob_score", "max_samples"})
    return False


def _around(name: str, value: Value, factor: float = 4.0) -> Domain | None:
    """Return a domain around a number about which nothing is known; None for flags and for what is never touched."""
    if _NEVER.search(name) or not is_number(value) or not 0 < value < float("inf"):
        return None
    if isinstance(value, int):
        most = 2 if "components" in name else factor  # more components than columns would fail
        ends = max(2, round(value / factor)), round(value * most)
        return Domain(Scale.LOG_INT, *ends) if value >= 2 else None
    high = min(1.0, value * factor) if value <= 1 else value * factor
    return Domain(Scale.LOG, value / factor, high, real=True)
