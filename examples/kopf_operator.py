"""An operator written with kopf: for every Greeting it keeps a ConfigMap with the text.

    kubectl apply -f examples/kopf_operator.yaml
    kopf run examples/kopf_operator.py --namespace default
    kubectl get greetings
    kubectl get configmap greeting-world -o jsonpath='{.data.text}'

Nothing in it is about Navarch: it runs against any Kubernetes. The ConfigMap belongs to its Greeting and
is deleted with it by the garbage collector.
"""

from __future__ import annotations

from typing import Any

import kopf
import lightkube
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.core_v1 import ConfigMap

FORMS = {"plain": "Hello, {}!", "formal": "Good day to you, {}."}


@kopf.on.create("greetings")
@kopf.on.update("greetings", field="spec")
async def greet(spec: kopf.Spec, body: kopf.Body, name: str, namespace: str, **_: Any) -> dict[str, str]:
    """What is returned shows in the object's status."""
    text = FORMS[spec["politeness"]].format(spec["whom"])
    owner = OwnerReference(
        apiVersion="example.com/v1", kind="Greeting", name=name, uid=body.metadata["uid"], controller=True
    )
    metadata = ObjectMeta(name=f"greeting-{name}", namespace=namespace, ownerReferences=[owner])
    client = lightkube.AsyncClient(field_manager="greetings")
    await client.apply(ConfigMap(metadata=metadata, data={"text": text}), force=True)
    return {"text": text}


@kopf.on.delete("greetings")
async def part(spec: kopf.Spec, logger: kopf.Logger, **_: Any) -> None:
    """That there is this handler makes kopf hold the object with a finalizer until it has run."""
    logger.info("goodbye, %s", spec["whom"])
