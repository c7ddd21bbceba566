"""`python -m vitbench` is `vitbench`."""

from vitbench.cli.main import run

if __name__ == "__main__":
    run()
