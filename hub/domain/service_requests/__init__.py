"""What citizens report of the street, and under which reference they find it again."""
