"""Prints the time, so many times, so many seconds apart, each line as soon as it is printed."""
import sys
import time

for _ in range(int(sys.argv[1])):
    print("%.6f" % time.time(), flush=True)
    time.sleep(float(sys.argv[2]))
