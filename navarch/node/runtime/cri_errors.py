"""From gRPC's errors to the runtime contract's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from navarch.node.runtime.contract import (
    ExecTimeout,
    ImagePullError,
    NotFoundInRuntime,
    RuntimeFault,
    RuntimeUnavailable,
)

_INVALID_NAME = ("invalid reference format", "failed to parse reference", "repository name must be lowercase")
#: containerd accepts connections a moment before its CRI part has read what runs.
_NOT_YET = "server is not initialized yet"


@contextmanager
def translated(otherwise: type[RuntimeFault] = RuntimeFault) -> Iterator[None]:
    """Raise a failed call's error as the contract has it; one that says nothing special becomes `otherwise`."""
    try:
        yield
    except grpc.RpcError as error:
        raise fault(error.code(), error.details() or "", otherwise) from error


def fault(code: grpc.StatusCode, details: str, otherwise: type[RuntimeFault] = RuntimeFault) -> RuntimeFault:
    """The contract's error for one gRPC status."""
    if otherwise is ImagePullError:
        invalid = any(text in details for text in _INVALID_NAME)
        return ImagePullError(status_text(code, details), "InvalidImageName" if invalid else "ErrImagePull")
    if code is grpc.StatusCode.UNAVAILABLE or _NOT_YET in details:
        return RuntimeUnavailable(details)
    if code is grpc.StatusCode.NOT_FOUND:
        return NotFoundInRuntime(details)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and otherwise is ExecTimeout:
        return ExecTimeout(details)
    return RuntimeFault(details) if otherwise is ExecTimeout else otherwise(details)


def status_text(code: grpc.StatusCode, details: str) -> str:
    """As a kubelet's events show an error: `rpc error: code = NotFound desc = …`."""
    name = "".join(word.capitalize() for word in code.name.split("_"))
    return f"rpc error: code = {name} desc = {details}"
