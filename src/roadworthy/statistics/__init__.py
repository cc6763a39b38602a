"""Pure maths on numpy: no business nouns, no input or output."""
