"""`python -m clients.parley` is the `parley` command."""

from clients.parley.cli import main

if __name__ == "__main__":
    main()
