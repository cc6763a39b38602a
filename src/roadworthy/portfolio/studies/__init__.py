"""Studies: a table of figures and a design file in, an effect with its grade and verdict out. Pure."""
