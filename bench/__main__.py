"""`python -m bench` measures the running platform."""

from bench.cli import app

if __name__ == "__main__":
    app(prog_name="bench")
