"""Names of the classes, as folders and columns have them, and their labels: places in a list of the names."""

UNMASKED, MASKED = 0, 1

UNMASKED_CLASS = "not_wearing_mask"
MASKED_CLASS = "wearing_mask"
INCORRECT_CLASS = "mask_worn_incorrectly"
CLASSES = (UNMASKED_CLASS, MASKED_CLASS)  # of a data set that does not name its own, by label
