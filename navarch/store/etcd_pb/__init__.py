"""Generated from etcd.proto; see there."""
