"""The report's part on synthetic images: words, tables and what figures are drawn from."""
