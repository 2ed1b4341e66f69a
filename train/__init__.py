"""Classifiers: trained on the data sets that `maskaug.augment` makes, judged, used and exported. Needs PyTorch."""
