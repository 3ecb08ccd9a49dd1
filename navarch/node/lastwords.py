"""What a container left to say when it ended: its termination message file, or the end of its log.

Source: the kubelet's `getTerminationMessage` (limits of 4096 and 2048 bytes, 80 lines).
"""

from __future__ import annotations

from navarch.api.views.pod import Pod
from navarch.node.host.contract import Host
from navarch.node.labels import AnyContainer, restart_count
from navarch.node.logline import parse_line
from navarch.node.runtime.contract import ContainerStatus
from navarch.node.starting import last_words_path
from navarch.node.volumes.setup import pod_dir

MESSAGE_BYTES = 4096
LOG_BYTES, LOG_LINES = 2048, 80
#: Enough of the log's end to hold LOG_BYTES of text with CRI's line heads.
_TAIL_BYTES = 16384


def last_words(host: Host, root_dir: str, pod: Pod, container: AnyContainer, status: ContainerStatus) -> str:
    """The message for the container's terminated state, empty without one."""
    attempt = restart_count(status.annotations, status.attempt)
    path = last_words_path(pod_dir(root_dir, pod.metadata.uid), container.name, attempt)
    try:
        text = host.read_file(path, 0, MESSAGE_BYTES).decode("utf-8", "replace")
    except OSError:
        text = ""
    if text or container.terminationMessagePolicy != "FallbackToLogsOnError" or status.exit_code == 0:
        return text
    return _log_end(host, status.log_path)


def _log_end(host: Host, path: str) -> str:
    try:
        size = host.file_size(path)
        data = host.read_file(path, max(size - _TAIL_BYTES, 0))
    except OSError:
        return ""
    lines = [parsed.text for raw in data.split(b"\n") if (parsed := parse_line(raw)) is not None]
    text = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines[-LOG_LINES:])
    return text[-LOG_BYTES:].decode("utf-8", "replace")
