"""The hub over HTTPS: thin routers and pages. HTTP codes live here alone."""
