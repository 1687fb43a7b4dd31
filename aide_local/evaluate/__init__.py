"""How a script gets its number: the harness cuts the folds, runs it, and scores what it predicted."""
