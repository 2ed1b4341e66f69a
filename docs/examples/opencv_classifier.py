"""A file of `maskaug export` in OpenCV alone, 5.0 and later: python opencv_classifier.py FILE.onnx CROP...

Each picture is a crop of one face, from above the eyebrows to the chin and from cheek to cheek. The bundled network is
for 112 x 112 pixels; a mask is what has at least its threshold's probability, which `maskaug predict --json` tells.
"""

import sys

import cv2

SIZE = 112
network = cv2.dnn.readNetFromONNX(sys.argv[1])
for path in sys.argv[2:]:
    bgr = cv2.imread(path)
    if bgr is None:
        sys.exit(f"{path} holds no picture that OpenCV reads")
    rgb = cv2.cvtColor(cv2.resize(bgr, (SIZE, SIZE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    network.setInput(rgb.transpose(2, 0, 1)[None].copy())  # 1 x 3 x 112 x 112, bytes: no blobFromImage, no scaling
    print(f"{float(network.forward()[0]):.4f} {path}")
