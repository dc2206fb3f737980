"""What a format costs: error figures of tensors, and the files that tensors come from."""

from numformats.analysis.comparison import DEFAULT_FORMATS, compare
from numformats.analysis.errors import ErrorStats, measure
from numformats.analysis.histograms import LogHistogram
from numformats.analysis.rows import Comparison, Row

__all__ = [
    "DEFAULT_FORMATS",
    "Comparison",
    "ErrorStats",
    "LogHistogram",
    "Row",
    "compare",
    "measure",
]
