"""Reports of a run: one offline HTML file, Markdown, a notebook. All are made from the published snapshot."""
