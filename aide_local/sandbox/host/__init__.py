"""The sandbox in the main process: start the servers, send them candidates, read how each execution ended."""
