"""What a format costs: error figures of tensors, and how they are told."""

# Before modules of it: a thread that loads a package and one that begins with a module of it would
# each wait for the other.
from numformats import scaled, tensor_files  # noqa: F401
from numformats.analysis.allocating import allocate
from numformats.analysis.allocation import Allocation, TensorChoice, UniformChoice
from numformats.analysis.beside import beside_expected
from numformats.analysis.best import BestScale, best_format, best_scale
from numformats.analysis.checkpoints import (
    CheckpointComparison,
    TensorComparison,
    compare_checkpoint,
)
from numformats.analysis.codebooks import Codebook, lloyd_max
from numformats.analysis.comparison import DEFAULT_FORMATS, compare
from numformats.analysis.digits import DigitsAccuracy, digits_accuracy
from numformats.analysis.distributions import (
    Distribution,
    Histogram,
    Laplace,
    Normal,
    StudentT,
    Uniform,
)
from numformats.analysis.errors import ErrorStats, measure
from numformats.analysis.expected import ExpectedError, expected_error
from numformats.analysis.histograms import LogHistogram
from numformats.analysis.lazy_arrays import compare_lazily
from numformats.analysis.outliers import OutlierChannel, outlier_channel
from numformats.analysis.results import Comparison, Row
from numformats.analysis.streaming import StreamedArray
from numformats.analysis.verdicts import Answer, Avoided, TensorFigures, Verdict, verdict_on

__all__ = [
    "DEFAULT_FORMATS",
    "Allocation",
    "Answer",
    "Avoided",
    "BestScale",
    "CheckpointComparison",
    "Codebook",
    "Comparison",
    "DigitsAccuracy",
    "Distribution",
    "ErrorStats",
    "ExpectedError",
    "Histogram",
    "Laplace",
    "LogHistogram",
    "Normal",
    "OutlierChannel",
    "Row",
    "StreamedArray",
    "StudentT",
    "TensorChoice",
    "TensorComparison",
    "TensorFigures",
    "Uniform",
    "UniformChoice",
    "Verdict",
    "allocate",
    "beside_expected",
    "best_format",
    "best_scale",
    "compare",
    "compare_checkpoint",
    "compare_lazily",
    "digits_accuracy",
    "expected_error",
    "lloyd_max",
    "measure",
    "outlier_channel",
    "verdict_on",
]
