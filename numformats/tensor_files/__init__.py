"""The tensors of files: .safetensors, .npy and .npz, read one at a time and trusting nothing."""

from numformats.tensor_files.opening import TensorEntry, TensorFileError, open_tensors

__all__ = ["TensorEntry", "TensorFileError", "open_tensors"]
