"""The kubectl-compatible command line: `navarch.cli.main.main(argv) -> exit code`."""
