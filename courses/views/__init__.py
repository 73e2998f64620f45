"""Pages of courses, and what people do on them. Wagtail finds a page and calls the view its model names."""
