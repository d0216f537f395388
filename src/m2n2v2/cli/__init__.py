"""The command line: one module per verb; `main` turns errors into exit codes."""
