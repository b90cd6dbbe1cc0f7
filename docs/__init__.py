"""The site: the README's sections as pages, and a page for each method, made from its class. `python -m docs` builds it."""
