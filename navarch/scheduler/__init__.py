"""The scheduler: nodes and pods as columns, an ordered profile of vector plug-ins, a plan with reasons."""
