"""The command ``onscript``."""
