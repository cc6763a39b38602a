"""A gateway that runs from a folder of declarations alone: no database, no control plane."""
