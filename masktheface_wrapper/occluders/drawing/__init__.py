"""What occluders are drawn with: a canvas in millimetres, rounded bodies, strokes of hair, and colours."""
