"""The house rules as tests: what import-linter, ruff and pyright cannot say."""
