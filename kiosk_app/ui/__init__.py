"""The screen: draws pages, takes touches and keys. The only importer of Kivy."""
