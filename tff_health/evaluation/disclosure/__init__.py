"""What a synthetic table gives away about the patients behind it, always beside patients whom it never saw."""
