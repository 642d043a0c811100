"""The lab's keeper: one detached process that starts the components as its children and restarts what crashes.

Run as `python -m tidemark_lab.keeper HOME` with HOME/plan.json in place. A component starts when those it needs are
ready; one that ends is started again after a pause that grows with each crash. lab.json always tells the present state.
SIGTERM ends everything, dependents first. Whatever happens to the keeper itself, its children die with it.

States: waiting, starting, ready, done (a process that ends, and has), pausing (crashed, about to be started again),
ended (crashed and not to be started again), stopped (by request).
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tidemark_lab import child, control, memory
from tidemark_lab.components import Component, is_ready
from tidemark_lab.home import Home, birth, read_json, write_json

ASK_EVERY_SECONDS = 0.1
SAMPLE_EVERY_SECONDS = 1.0
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_SECONDS = 30.0  # after this long without a crash the pauses begin anew
READY = ("ready", "done")


class Slot:
    """One component's place: its process and its state."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self.process: child.Process | None = None
        self.task: asyncio.Task[None] | None = None
        self.extra: dict[str, str] = {}
        self.shown: dict[str, Any] = {"state": "waiting", "pid": None, "restarts": 0, "ports": dict(component.ports)}

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Keeper:
    """All slots of one home."""

    def __init__(self, home: Home, components: list[Component]) -> None:
        self.home = home
        self.slots = {component.name: Slot(component) for component in components}
        self._peaks = memory.Peaks()
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Until SIGTERM."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        server = await control.listen(self.home.socket, self.handle)
        sampler = asyncio.create_task(self._sample())
        for slot in self.slots.values():
            self._begin(slot)
        await stop.wait()
        sampler.cancel()
        await asyncio.gather(*(self._stop_after_dependents(slot) for slot in self.slots.values()))
        server.close()
        self.home.socket.unlink(missing_ok=True)

    async def handle(self, request: dict[str, Any]) -> None:
        """One request of the control channel (control.py)."""
        if request["do"] == "ping":
            return
        slot = self.slots.get(request["name"])
        if slot is None:
            raise control.RefusedError(f"the lab has no component {request['name']}")
        match request["do"]:
            case "start":
                await self._start(slot, request.get("environment") or {})
            case "stop":
                await self._stop(slot)
            case "kill" if slot.running and slot.process:
                await self._kill(slot, slot.process)
            case "kill":
                raise control.RefusedError("it does not run")
            case unknown:
                raise control.RefusedError(f"no such request: {unknown}")

    async def _start(self, slot: Slot, extra: dict[str, str]) -> None:
        if slot.task and not slot.task.done() and slot.extra == extra:
            return
        await self._stop(slot)
        slot.extra = extra
        await self._show(slot, state="waiting", restarts=0, exit_code=None)
        self._begin(slot)

    async def _kill(self, slot: Slot, process: child.Process) -> None:
        child.kill(process)
        async with self._changed:
            await self._changed.wait_for(lambda: slot.shown["pid"] != process.pid)

    def _begin(self, slot: Slot) -> None:
        slot.task = asyncio.create_task(self._keep(slot))

    async def _stop(self, slot: Slot) -> None:
        if slot.task:
            slot.task.cancel()
            await asyncio.gather(slot.task, return_exceptions=True)
        if slot.process:
            await child.end(slot.process, slot.component.stop_seconds)
        await self._show(slot, state="stopped", pid=None)

    async def _stop_after_dependents(self, slot: Slot) -> None:
        if slot.task:
            slot.task.cancel()
        dependents = [other for other in self.slots.values() if slot.name in other.component.needs]
        async with self._changed:
            await self._changed.wait_for(lambda: all(other.shown["state"] == "stopped" for other in dependents))
        await self._stop(slot)

    async def _keep(self, slot: Slot) -> None:
        needs = [self.slots[name] for name in slot.component.needs]
        async with self._changed:
            await self._changed.wait_for(lambda: all(need.shown["state"] in READY for need in needs))
        crashes = 0
        while True:
            began = time.monotonic()
            code = await self._run_once(slot)
            if slot.component.ends and code == 0:
                return await self._show(slot, state="done", pid=None, exit_code=0)
            crashes = 1 if time.monotonic() - began > STEADY_SECONDS else crashes + 1
            await self._show(slot, state="pausing", pid=None, exit_code=code, restarts=slot.shown["restarts"] + 1)
            await asyncio.sleep(PAUSES[min(crashes, len(PAUSES)) - 1])

    async def _run_once(self, slot: Slot) -> int:
        """Starts the process, shows when it is ready, and returns its exit code (127: it cannot be started)."""
        began = time.monotonic()
        try:
            slot.process = child.start(slot.component, slot.extra, self.home.log(slot.name), self.home.path)
        except OSError as error:
            self.home.log(slot.name).write_text(f"{error}\n")
            return 127
        await self._show(slot, state="starting", pid=slot.process.pid, since=time.time())
        while slot.running and not slot.component.ends and not await asyncio.to_thread(is_ready, slot.component):
            await asyncio.sleep(ASK_EVERY_SECONDS)
        if slot.running and not slot.component.ends:
            await self._show(slot, state="ready", seconds=round(time.monotonic() - began, 2))
        code = await child.wait(slot.process)
        child.kill(slot.process)  # what it had started does not outlive it
        return code

    async def _show(self, slot: Slot, **changes: Any) -> None:
        slot.shown |= changes
        self._write()
        async with self._changed:
            self._changed.notify_all()

    def _write(self) -> None:
        said = {
            "keeper": {"pid": os.getpid(), "birth": birth(os.getpid())},
            "socket": str(self.home.socket),
            "ports": {name: dict(slot.component.ports) for name, slot in self.slots.items()},
            "components": {name: slot.shown for name, slot in self.slots.items()},
        }
        write_json(self.home.state, said)

    async def _sample(self) -> None:
        while True:
            sessions = {slot.name: slot.process.pid for slot in self.slots.values() if slot.running and slot.process}
            sample = await asyncio.to_thread(self._peaks.sample, sessions | {"keeper": os.getsid(0)})
            write_json(self.home.memory, sample)
            await asyncio.sleep(SAMPLE_EVERY_SECONDS)


def main() -> None:
    """The command line."""
    home = Home(Path(sys.argv[1]))
    components = [Component.from_dict(plain) for plain in read_json(home.plan)["components"]]
    asyncio.run(Keeper(home, components).run())


if __name__ == "__main__":
    main()
