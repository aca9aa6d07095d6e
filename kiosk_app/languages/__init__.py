"""Spanish, Catalan and English: the catalogues, and how dates and codes are said."""
