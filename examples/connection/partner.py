"""The partner of main.mjs: connects, adds up the numbers it is sent, and answers. Arguments: host, port, key."""

import json
import sys
from multiprocessing.connection import Client

host, port, key = sys.argv[1:4]
with Client((host, int(port)), authkey=key.encode()) as conn:
    numbers = json.loads(conn.recv_bytes())["numbers"]
    conn.send_bytes(json.dumps({"sum": sum(numbers)}).encode())
