"""A process that writes a journal and says on standard output what it was told is kept, until it is killed.

Arguments: the journal's path, the room of its spool, how much may be written to one file (0: no limit), and the
seconds between turns.
"""

import queue
import resource
import sys
import time
from pathlib import Path

from marhaba.journal.events import Event
from marhaba.journal.journal import Journal, JournalWriter


def main() -> None:
    path, spool_bytes, file_max, pause_s = (
        Path(sys.argv[1]),
        int(sys.argv[2]),
        int(sys.argv[3]),
        float(sys.argv[4]),
    )
    loop: queue.SimpleQueue[tuple[object, ...]] = queue.SimpleQueue()
    journal = Journal(path, spool_bytes=spool_bytes)
    if file_max:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_max, resource.RLIM_INFINITY))
    writer = JournalWriter(
        journal,
        call_soon=lambda *call: loop.put(call),
        on_trouble=lambda trouble: print("trouble", trouble or "over", flush=True),
    )

    def kept(events: list[Event]) -> None:
        print("kept", *(f"{event.seq}:{event.call_id}" for event in events), flush=True)

    number = journal.last_seq
    while True:
        time.sleep(pause_s)
        for _ in range(3):
            number += 2
            turn = [
                Event(float(n), "call.offered", f"c{n}", data={"text": "x" * 300})
                for n in (number - 1, number)
            ]
            writer.submit(turn, kept)
        function, *args = loop.get()
        function(*args)  # type: ignore[operator]
        while not loop.empty():
            function, *args = loop.get()
            function(*args)  # type: ignore[operator]


if __name__ == "__main__":
    main()
