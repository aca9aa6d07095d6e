"""What citizens read and hear, in the languages of the town: catalogues, and who speaks from them."""
