"""`python -m alcore VERB`."""

from alcore.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
