"""What a kubelet does when its node runs out of memory, disk, inodes or processes."""
