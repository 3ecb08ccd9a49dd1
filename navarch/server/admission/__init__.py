"""Admission: an explicit, ordered list of plug-ins that see every write before it is stored.

A plug-in is one file that builds one `Plugin`; `chain.py` holds the ordered tuple. `admit` may change
the object, `validate` may only refuse it. Both are plain functions of the attributes of one request
and of a read-only view of the cluster; those that must wait (webhooks) return an awaitable.

Source: Kubernetes' admission control reference; the order is the API server's own.
"""
