"""Files beside the page: CSV, LaTeX, Markdown, PDF, JSON, a poster."""
