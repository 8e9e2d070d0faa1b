"""The control plane: accounts and keys."""
