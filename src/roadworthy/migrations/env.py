"""Runs migrations on the connection that `foundation.storage.migrate` hands in."""

from alembic import context

from roadworthy.foundation.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=False,  # the transaction is the caller's, around everything
)
context.run_migrations()
