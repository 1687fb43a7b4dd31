"""The sandbox as the main process sees it: it starts servers, gives them candidates, and reads how each ended."""
