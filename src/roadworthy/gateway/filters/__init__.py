"""What reads requests and answers: recognisers, the guard compiled from policies, streams, appeals."""
