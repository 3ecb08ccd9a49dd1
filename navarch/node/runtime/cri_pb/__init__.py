"""Message classes generated from `cri.proto` and `events.proto`; see the first for the command."""
