"""How providers speak: a module for each dialect, all of them in `table`."""
