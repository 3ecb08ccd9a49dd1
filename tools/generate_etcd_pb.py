"""Regenerate `navarch/store/etcd_pb` from its etcd.proto. Needs grpcio-tools.

Run from the project's root: python tools/generate_etcd_pb.py
"""

from __future__ import annotations

import sys

from grpc_tools import protoc

HOME = "navarch/store/etcd_pb"

if __name__ == "__main__":
    sys.exit(protoc.main(["protoc", f"-I{HOME}", f"--python_out={HOME}", f"--pyi_out={HOME}", f"{HOME}/etcd.proto"]))
