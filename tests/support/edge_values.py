"""Values at the edge of what the job accepts: each must come through every layer as it is."""

from datetime import datetime

FIRST = datetime(1, 1, 1, 0, 0, 0, 1)  # noqa: DTZ001 - the tables' timestamps have no zone
LAST = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001
LONG = "\U0001f40d" + "long text " * 99_999 + "the end: \u00fc"
# of each of the 17 planes a character in the middle and the last but two; controls, a byte order mark, what is no
# character in either direction of writing
PLANES = "".join(chr((plane << 16) + place) for plane in range(17) for place in (0x1234, 0xFFFD))
ODD = "\x01\t\r\n\x7f\x85\u00a0\u200b\u202e\u2028\ufeff\ufffe\uffff\U0010ffff e\u0301 \u00e9"
TEXTS = {"long": LONG, "planes": PLANES, "odd": ODD, "empty": "", "spaces": "  a  "}
