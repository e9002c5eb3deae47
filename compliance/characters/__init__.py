"""Character tables that normalisation reads: each a text file, made by ``build`` and shipped."""
