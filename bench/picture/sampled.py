"""`python -m bench.picture.sampled FOLDER MODULE` runs a service that can be sampled: SIGUSR1 begins, SIGUSR2 writes.

A timer that counts CPU interrupts it each 4 ms of work, so a stack is taken as often as it costs; waiting for a socket,
a lock or a processor is not seen. (A sampler from outside counts the wait for a processor too, and that falls mostly on
writes to sockets: they wake another process, which takes the processor.)"""

import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

EVERY_S = 0.004  # finer is not counted by a kernel of 250 Hz

Stack = tuple[CodeType, ...]


class Samples:
    """How often each stack was seen."""

    def __init__(self) -> None:
        self._seen: Counter[Stack] = Counter()

    def begin(self, number: int = 0, frame: FrameType | None = None) -> None:
        self._seen.clear()
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def end(self) -> list[str]:
        """One line a stack, outermost function first, and how often it was seen."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        return [f"{';'.join(map(_words, reversed(stack)))} {count}" for stack, count in self._seen.items()]

    def take(self, number: int, frame: FrameType | None) -> None:
        stack: list[CodeType] = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._seen[tuple(stack)] += 1


def _words(code: CodeType) -> str:
    return f"{getattr(code, 'co_qualname', code.co_name)} ({code.co_filename})".replace(";", ",")


def main(folder: Path, module: str) -> None:
    samples = Samples()

    def write(number: int, frame: FrameType | None) -> None:
        lines = samples.end()
        part = folder / f"{module}.part"
        part.write_text("\n".join(lines) + "\n")
        part.rename(folder / f"{module}.txt")

    signal.signal(signal.SIGPROF, samples.take)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.signal(signal.SIGUSR1, samples.begin)
    signal.signal(signal.SIGUSR2, write)
    sys.argv[:] = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
