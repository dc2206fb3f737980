"""The tensors of checkpoints and arrays on disk, read one at a time and trusting nothing."""

from numformats.tensor_files.opening import TensorEntry, TensorFileError, open_tensors

__all__ = ["TensorEntry", "TensorFileError", "open_tensors"]
