"""From a task and a tree to the exact text that the model reads, and back from its reply to code."""
