"""What every slice stands on; knows no business nouns."""
