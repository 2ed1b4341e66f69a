"""Names of the classes, as folders and columns have them, and their labels: places in a list of the names."""

UNMASKED, MASKED, INCORRECT = 0, 1, 2

UNMASKED_CLASS = "not_wearing_mask"
MASKED_CLASS = "wearing_mask"
INCORRECT_CLASS = "mask_worn_incorrectly"
# Of a data set that does not name its own, by label; the third where it has pictures of it.
CLASSES = (UNMASKED_CLASS, MASKED_CLASS)
THREE_CLASSES = (*CLASSES, INCORRECT_CLASS)
