"""The fake runtime: addresses, scripts, and copying it in the midst of things."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from navarch.node.host.memory import MemoryHost
from navarch.node.runtime.contract import ContainerConfig, ContainerPhase, SandboxConfig, SandboxState
from navarch.node.runtime.fake import FakeRuntime
from navarch.node.runtime.script import Script, Scripts
from navarch.seams.sim import SimSeams, sim_seams


def make(seams: SimSeams, scripts: Scripts | None = None, cidr: str = "10.1.0.0/24") -> FakeRuntime:
    return FakeRuntime("n", seams.clock, [cidr], scripts, MemoryHost())


def sandbox(name: str, attempt: int = 0, annotations: dict[str, str] | None = None) -> SandboxConfig:
    return SandboxConfig(name, "default", f"uid-{name}", attempt, name, f"/logs/{name}", annotations=annotations or {})


async def start(runtime: FakeRuntime, config: SandboxConfig, image: str = "app:1") -> tuple[str, str]:
    """(sandbox id, container id) of a running container."""
    sandbox_id = await runtime.run_pod_sandbox(config)
    image_id = await runtime.pull_image(image)
    made = ContainerConfig("c", 0, image_id, image, log_path="c/0.log")
    container_id = await runtime.create_container(sandbox_id, made, config)
    await runtime.start_container(container_id)
    return sandbox_id, container_id


def run(scenario: Callable[[SimSeams], Awaitable[None]]) -> None:
    seams = sim_seams()
    seams.loop.run_until_complete(scenario(seams))
    seams.loop.close()


def test_addresses_are_unique_and_come_back_last() -> None:
    async def scenario(seams: SimSeams) -> None:
        runtime = make(seams, cidr="10.1.0.0/29")
        made = [await runtime.run_pod_sandbox(sandbox(f"p{i}")) for i in range(5)]
        ips = [(await runtime.sandbox_status(s)).ips[0] for s in made]
        assert ips == [f"10.1.0.{i}" for i in range(2, 7)]
        await runtime.stop_pod_sandbox(made[1])
        again = await runtime.run_pod_sandbox(sandbox("again"))
        assert (await runtime.sandbox_status(again)).ips == (ips[1],)

    run(scenario)


def test_annotation_overrides_the_image_script() -> None:
    async def scenario(seams: SimSeams) -> None:
        scripts = Scripts()
        scripts.image("app:1", Script(exit_after_s=5, exit_code=3))
        runtime = make(seams, scripts)
        _, container = await start(runtime, sandbox("p", annotations={"navarch.dev/fake": '{"exit_code": 9}'}))
        await asyncio.sleep(6)
        status = await runtime.container_status(container)
        assert (status.phase, status.exit_code, status.reason) == (ContainerPhase.EXITED, 9, "Error")

    run(scenario)


def test_stopping_the_sandbox_ends_its_containers() -> None:
    async def scenario(seams: SimSeams) -> None:
        runtime = make(seams)
        sandbox_id, container = await start(runtime, sandbox("p"))
        await runtime.stop_pod_sandbox(sandbox_id)
        assert (await runtime.sandbox_status(sandbox_id)).state is SandboxState.NOT_READY
        assert (await runtime.container_status(container)).phase is ContainerPhase.EXITED
        await runtime.remove_pod_sandbox(sandbox_id)
        assert not await runtime.list_containers()

    run(scenario)


def test_a_copy_lives_on_alone() -> None:
    async def scenario(seams: SimSeams) -> None:
        scripts = Scripts()
        scripts.image("app:1", Script(exit_after_s=10))
        first = make(seams, scripts)
        _, container = await start(first, sandbox("p"))
        await asyncio.sleep(4)
        second = make(seams, scripts)
        second.restore(first.snapshot())
        await first.close()
        first.crash("default", "p", exit_code=5)
        assert (await second.container_status(container)).phase is ContainerPhase.RUNNING
        await asyncio.sleep(7)
        assert (await second.container_status(container)).exit_code == 0
        assert (await first.container_status(container)).exit_code == 5
        fresh = await second.run_pod_sandbox(sandbox("q"))
        assert fresh not in first.snapshot().sandboxes

    run(scenario)


def test_out_of_memory() -> None:
    async def scenario(seams: SimSeams) -> None:
        runtime = make(seams)
        _, container = await start(runtime, sandbox("p"))
        runtime.crash("default", "p", oom=True)
        status = await runtime.container_status(container)
        assert (status.exit_code, status.reason) == (137, "OOMKilled")

    run(scenario)
