"""Everything that shows Ventanilla keeps its promises. Not part of the wheel."""
