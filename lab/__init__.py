"""The host side of Boxwright: images, machines, deployment and the demonstration."""
