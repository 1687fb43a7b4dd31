"""The search, pure: a tree of nodes, the policies that choose the next step, and the journal digest."""
