"""Kumar et al. 2024, Scaling Laws for Precision: the constants."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from numformats.laws.forms import Chinchilla, ExponentialHarm, Saturation
from numformats.laws.precision_law import PrecisionLaw
from numformats.laws.records import Range, Source

_READING: Final = (
    "Appendix K says that e^(x / gamma) was computed as e^(x / gamma + n). Read here as "
    "e^(-P / gamma + n): so the best training width is 7.00 bits and N_eff / N at 4 bits 0.19, "
    "as section 4.3 has it (7 to 8 bits; below 4 bits a model more than 4 times as large); keys "
    "and values are sensitive at 4 to 5 bits, and activations more so than weights (appendices L "
    "and M). With the other sign the best width is below 3.3 bits, and activations would be less "
    "sensitive than weights. The offset b of the harm is read alike. The text does not list the "
    "widths that were rounded to after training; 3 to 6 bits are assumed."
)

precision: Final = PrecisionLaw(
    name="precision",
    source=Source(
        "Kumar et al. 2024",
        "2411.04330",
        "equations 2 to 4, 13; appendix K, table 2",
        inferred=_READING,
    ),
    fitted_on=(
        Range("parameters", 30e6, 220e6),
        Range("tokens", 1.5e9, 26e9),
        Range("bits", 3, 6),
        Range("weight_bits", 3, 12),
        Range("activation_bits", 4, 12),
        Range("cache_bits", 4, 12),
    ),
    chinchilla=Chinchilla(A=4.299e3, alpha=0.4965, B=1.806e4, beta=0.4965, E=2.7648),
    after=ExponentialHarm(0.0598, 0.5068, 0.3439, 0.5907, offset=1.1277),
    weights=Saturation(2.6745, 0.3037),
    activations=Saturation(2.2102, 1.4072),
    cache=Saturation(0.9578, 2.4185),
)

precision_without_offsets: Final = replace(
    precision,
    name="precision_without_offsets",
    source=Source(
        "Kumar et al. 2024",
        "2411.04330",
        "the formulas of the main text with the numbers of table 2",
        inferred=(
            "Not what was fitted: the numbers of table 2 belong with offsets, which the main text "
            "leaves out to be read more easily. For comparison with what others compute."
        ),
    ),
    after=ExponentialHarm(0.0598, 0.5068, 0.3439, 0.5907),
    weights=Saturation(2.6745),
    activations=Saturation(2.2102),
    cache=Saturation(0.9578),
)

precision_float_weights: Final = replace(
    precision,
    name="precision_float_weights",
    source=replace(precision.source, place="appendix N; the other constants from appendix K"),
    weights=Saturation(2.8111, 0.1240),
    activations=None,
    cache=None,
)
