"""How the starter is trained, exported and examined; the README shows the way through."""
