"""The tuner: better numbers in a script without the model.

Pure logic. :mod:`script` finds the hyperparameters of a script, :mod:`ranges` knows what they may become,
:mod:`render` writes the script anew, :mod:`propose` says what to try next in a family of scripts that differ in
hyperparameters alone, :mod:`choose` which family, :mod:`groups` shows what came of it.
"""
