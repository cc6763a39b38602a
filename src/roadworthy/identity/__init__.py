"""Who is asking, and what may they do: people, service accounts, roles on units, and their credentials."""
