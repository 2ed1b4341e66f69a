"""What one annotator sees and has decided; without any picture."""
