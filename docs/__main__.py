"""`python -m docs [FOLDER]`: builds the site into FOLDER, by default `site`."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.build import ROOT, build

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
    pages = build(folder)
    print(f"{pages} pages: {folder / 'index.html'}")
