"""Prints so many numbered lines of 80 bytes, the line end included, as fast as it can."""
import sys

BATCH = 1000
count = int(sys.argv[1])
filler = "." * 80
for first in range(0, count, BATCH):
    numbers = range(first, min(count, first + BATCH))
    sys.stdout.write("".join(("%09d %s" % (number, filler))[:79] + "\n" for number in numbers))
