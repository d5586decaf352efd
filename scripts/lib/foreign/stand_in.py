"""A limiter that Debian has no program for, with a small platform behind it.

Usage: stand_in.py CASE PORT LEDGER

Speaks as much HTTP/1.1 as one client needs. Every request to a contact is one
line in LEDGER: end, whole time, time behind the limiter, status, connection,
Retry-After, path. Python's standard library alone.
"""

import asyncio
import json
import math
import sys
import time

PLATFORM_S = 0.05
TOKEN = json.dumps(
    {"access_token": "foreign", "token_type": "Bearer", "expires_in": 3600, "scope": "contact:write"}
).encode()


class Limiter:
    """Admits a request, or refuses it, perhaps with seconds to wait."""

    def admit(self, now):
        raise NotImplementedError

    def told(self):
        """Header lines that tell of the limit, after a call of `admit`."""
        return ""


class Bucket(Limiter):
    """Tokens that come back at a rate, up to a burst."""

    def __init__(self, rate_per_s, burst, wait=None):
        self.rate_per_s, self.burst, self.wait = rate_per_s, burst, wait
        self.tokens, self.at = burst, time.monotonic()

    def admit(self, now):
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate_per_s)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return True, None
        return False, self.wait


class FilledAtOnce(Limiter):
    """Tokens that are put in together, once an interval."""

    def __init__(self, count, interval_s):
        self.count, self.interval_s = count, interval_s
        self.tokens, self.filled_at = count, time.monotonic()

    def admit(self, now):
        intervals = int((now - self.filled_at) / self.interval_s)
        if intervals > 0:
            self.tokens, self.filled_at = self.count, self.filled_at + intervals * self.interval_s
        if self.tokens >= 1:
            self.tokens -= 1
            return True, None
        return False, None


class PenaltyBox(Limiter):
    """So many in a span; who asks for more gets nothing for as long again, and
    each request in that time starts it anew."""

    def __init__(self, count, span_s, says_wait):
        self.count, self.span_s, self.says_wait = count, span_s, says_wait
        self.start, self.used, self.boxed_until = None, 0, 0.0

    def admit(self, now):
        if now < self.boxed_until:
            return self.box(now)
        if self.start is None or now - self.start >= self.span_s:
            self.start, self.used = now, 0
        self.used += 1
        if self.used > self.count:
            self.start = None
            return self.box(now)
        return True, None

    def box(self, now):
        self.boxed_until = now + self.span_s
        return False, math.ceil(self.span_s) if self.says_wait else None


class ClockWindow(Limiter):
    """So many in each span of the clock; the wait reaches to its end."""

    def __init__(self, count, span_s, tells=False, says_wait=True):
        self.count, self.span_s, self.tells, self.says_wait = count, span_s, tells, says_wait
        self.window, self.used, self.left_s = None, 0, 0

    def admit(self, _now):
        wall = time.time()
        window = int(wall // self.span_s)
        if window != self.window:
            self.window, self.used = window, 0
        self.used += 1
        self.left_s = math.ceil((window + 1) * self.span_s - wall)
        if self.used <= self.count:
            return True, None
        return False, self.left_s if self.says_wait else None

    def told(self):
        if not self.tells:
            return ""
        left = max(self.count - self.used, 0)
        return f"RateLimit-Limit: {self.count}\r\nRateLimit-Remaining: {left}\r\nRateLimit-Reset: {self.left_s}\r\n"


class RoundRobin(Limiter):
    """Nodes that don't talk to each other, asked in turn."""

    def __init__(self, nodes):
        self.nodes, self.turn = nodes, 0

    def admit(self, now):
        self.turn += 1
        return self.node().admit(now)

    def node(self):
        return self.nodes[self.turn % len(self.nodes)]

    def told(self):
        return self.node().told()


LIMITERS = {
    "penalty-box": lambda: PenaltyBox(200, 10, False),
    "penalty-box-wait": lambda: PenaltyBox(200, 10, True),
    "four-nodes": lambda: RoundRobin([Bucket(15, 15) for _ in range(4)]),
    "wait-of-zero": lambda: Bucket(50, 21, 0),
    "clock-window": lambda: ClockWindow(200, 10),
    "fill-interval": lambda: FilledAtOnce(50, 1.0),
    "window-headers": lambda: ClockWindow(200, 10, tells=True),
    "second-headers": lambda: ClockWindow(50, 1, tells=True, says_wait=False),
    "four-nodes-headers": lambda: RoundRobin([ClockWindow(50, 10, tells=True) for _ in range(4)]),
}


class Server:
    def __init__(self, limiter, ledger):
        self.limiter, self.ledger, self.connections = limiter, ledger, 0

    async def converse(self, reader, writer):
        self.connections += 1
        connection = self.connections
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                arrived = time.time()
                path, length = read_head(head)
                if length:
                    await reader.readexactly(length)
                await self.answer(writer, path, arrived, connection)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, writer, path, arrived, connection):
        if path == "/oauth/token":
            writer.write(reply(200, TOKEN))
            return
        admitted, wait = self.limiter.admit(time.monotonic())
        told = self.limiter.told()
        if admitted:
            await asyncio.sleep(PLATFORM_S)
        status = 200 if admitted else 429
        writer.write(reply(status, b"{}", wait, told))
        ended = time.time()
        behind = f"{PLATFORM_S:.3f}" if admitted else "-"
        said = "-" if wait is None else wait
        self.ledger.write(
            f"{ended:.6f} {ended - arrived:.6f} {behind} {status} {connection} {said} {path}\n"
        )


def read_head(head):
    lines = head.decode("latin-1").split("\r\n")
    length = 0
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return lines[0].split(" ")[1], length


REASONS = {200: "OK", 429: "Too Many Requests"}


def reply(status, body, wait=None, told=""):
    asked = "" if wait is None else f"Retry-After: {wait}\r\n"
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n{asked}{told}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def main(case, port, ledger):
    with open(ledger, "w", buffering=1) as file:
        server = Server(LIMITERS[case](), file)
        listening = await asyncio.start_server(server.converse, "127.0.0.1", int(port), backlog=4096)
        async with listening:
            await listening.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in LIMITERS:
        sys.exit(__doc__)
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
