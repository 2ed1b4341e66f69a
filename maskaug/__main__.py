"""``python -m maskaug`` and the console script ``maskaug``."""

from maskaug.cli import main

if __name__ == "__main__":
    main()
