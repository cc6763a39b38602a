"""What answers: providers, models and the routes between them."""
