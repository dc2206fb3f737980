"""What a format costs: error figures of tensors, and the files that tensors come from."""

from numformats.analysis.comparison import DEFAULT_FORMATS, Comparison, Row, compare
from numformats.analysis.errors import ErrorStats, measure

__all__ = ["DEFAULT_FORMATS", "Comparison", "ErrorStats", "Row", "compare", "measure"]
