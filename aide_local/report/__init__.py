"""A run for people: one offline HTML file, Markdown, a notebook. Read from the published snapshot alone."""
