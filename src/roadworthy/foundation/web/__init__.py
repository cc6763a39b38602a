"""The web kit: routes with permissions, problems, views and their twins."""
