"""Kill switches: what is stopped at once, by whom, why, until when, and who let it run again."""
