"""The eight demonstrations of the contract, shown in a real VM, judged, and written down."""
