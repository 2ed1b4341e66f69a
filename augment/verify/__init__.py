"""Whether the files of an output still are what it recorded of them."""
