"""What the measurement scripts share: processes on chosen cores, origin servers, proxies, client, log sink.

Python 3 standard library only, so that a measurement needs nothing beyond Debian's packages.
"""
