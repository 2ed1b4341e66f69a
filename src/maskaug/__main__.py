"""``python -m maskaug``."""

from maskaug.cli import main

if __name__ == "__main__":
    main()
