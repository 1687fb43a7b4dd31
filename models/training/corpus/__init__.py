"""The corpus: tasks, scripts and moments of a search, composed by code, in the product's own prompts."""
