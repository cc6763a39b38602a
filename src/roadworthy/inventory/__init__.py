"""Lists of AI use cases that were made elsewhere: taken in whole, judged, and carried on from here."""
