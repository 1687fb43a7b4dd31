"""The import lines that a script needs, from the names that it uses."""

from __future__ import annotations

import re

_MODULES: dict[str, tuple[str, ...]] = {
    "sklearn.base": ("clone",),
    "sklearn.calibration": ("CalibratedClassifierCV",),
    "sklearn.cluster": ("KMeans",),
    "sklearn.compose": ("TransformedTargetRegressor", "make_column_transformer"),
    "sklearn.decomposition": ("PCA", "TruncatedSVD"),
    "sklearn.discriminant_analysis": ("LinearDiscriminantAnalysis",),
    "sklearn.ensemble": (
        "BaggingClassifier", "BaggingRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
        "GradientBoostingClassifier", "GradientBoostingRegressor", "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor", "RandomForestClassifier", "RandomForestRegressor", "StackingClassifier",
        "StackingRegressor", "VotingClassifier", "VotingRegressor",
    ),
    "sklearn.feature_extraction": ("FeatureHasher",),
    "sklearn.feature_extraction.text": ("HashingVectorizer",),
    "sklearn.feature_selection": ("SelectPercentile", "f_classif", "f_regression"),
    "sklearn.gaussian_process": ("GaussianProcessClassifier", "GaussianProcessRegressor"),
    "sklearn.gaussian_process.kernels": ("RBF", "WhiteKernel"),
    "sklearn.impute": ("SimpleImputer",),
    "sklearn.kernel_approximation": ("Nystroem",),
    "sklearn.linear_model": ("ElasticNetCV", "HuberRegressor", "Lasso", "LinearRegression", "LogisticRegression", "Ridge"),
    "sklearn.model_selection": ("RandomizedSearchCV", "TunedThresholdClassifierCV", "train_test_split"),
    "sklearn.multioutput": ("MultiOutputClassifier", "MultiOutputRegressor"),
    "sklearn.naive_bayes": ("GaussianNB",),
    "sklearn.neighbors": ("KNeighborsClassifier", "KNeighborsRegressor"),
    "sklearn.neural_network": ("MLPClassifier", "MLPRegressor"),
    "sklearn.pipeline": ("make_pipeline", "make_union"),
    "sklearn.preprocessing": (
        "FunctionTransformer", "KBinsDiscretizer", "OneHotEncoder", "OrdinalEncoder", "PolynomialFeatures",
        "PowerTransformer", "QuantileTransformer", "RobustScaler", "SplineTransformer", "StandardScaler", "TargetEncoder",
    ),
    "sklearn.svm": ("SVC", "SVR"),
    "xgboost": ("XGBClassifier", "XGBRegressor"),
}  # fmt: skip


def imports(body: str) -> list[str]:
    """Return the import lines that ``body`` needs."""
    lines = ["import json", ""]
    if "np." in body:
        lines.append("import numpy as np")
    lines.append("import pandas as pd")
    for module, names in _MODULES.items():
        used = [name for name in names if re.search(rf"\b{name}[(,]", body)]
        if used:
            lines.append(f"from {module} import {', '.join(used)}")
    return lines
