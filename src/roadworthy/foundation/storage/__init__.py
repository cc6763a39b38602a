"""Tables, engines and transactions on SQLite and PostgreSQL."""
