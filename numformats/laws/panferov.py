"""Panferov et al. 2025: the capacity of any format, from its error on Gaussian data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from numpy.typing import ArrayLike

from numformats.formats.format import Format
from numformats.laws.arguments import Answer, answer, positive
from numformats.laws.forms import Capacity
from numformats.laws.gaussian import GaussianError, gaussian_error
from numformats.laws.records import Law, Range, Source
from numformats.scaled import ScaledFormat


@dataclass(frozen=True)
class CapacityLaw(Law):
    """How much of its parameters a model keeps that is trained with weights in a format.

    >>> from numformats import laws
    >>> for fmt in ("int2", "int4", "nvfp4", "e4m3fn"):
    ...     print(fmt, round(laws.panferov.capacity(fmt), 2))
    int2 0.43
    int4 0.87
    nvfp4 0.89
    e4m3fn 0.98
    """

    representation: Capacity
    form: ClassVar[str] = (
        "L = A / (N rho)^alpha + B / D^beta + E; rho = limit tanh(slope log_(1/4) error)^power"
    )

    def capacity(self, fmt: str | Format | ScaledFormat | GaussianError) -> float:
        """rho of a format: its effective parameters for each parameter, from 0 to 1.

        `fmt` is any format of this library or its name, or the `gaussian_error` of one.
        """
        found = fmt if isinstance(fmt, GaussianError) else gaussian_error(fmt)
        return float(self.capacity_of_error(found.error))

    def capacity_of_error(self, error: ArrayLike) -> Answer:
        """rho of a mean squared error on standard normal data; 0 for an error of 1 or more."""
        read = positive("error", error)
        self.warn_outside(error=read)
        return answer(self.representation.share(read))

    def effective_parameters(
        self, parameters: ArrayLike, fmt: str | Format | ScaledFormat | GaussianError
    ) -> Answer:
        """How many parameters in full precision make as good a model.

        >>> from numformats import laws
        >>> round(laws.panferov.effective_parameters(1e8, "int4") / 1e8, 2)
        0.87
        """
        return answer(positive("parameters", parameters) * self.capacity(fmt))


panferov: Final = CapacityLaw(
    name="panferov",
    source=Source(
        "Panferov et al. 2025",
        "2506.01863",
        "equation 3; figure 6, its column of weights alone",
        secondary=("representation.slope", "representation.power"),
        inferred=(
            "The paper gives the form, with a limit of 1 for QuEST, and no constants. The limit is "
            "the capacity of 16 bits in figure 6, whose error is next to nothing. Slope and "
            "power were fitted here by least squares to the capacities of figure 6 for weights of "
            "1, 2, 3 and 4 bits (0.21, 0.45, 0.74, 0.90) at the errors of the best evenly spaced "
            "2, 4, 8 and 16 values (0.3634, 0.1188, 0.0374, 0.0115), which they meet within 0.04. "
            "A, B and E are not given, so there is no loss."
        ),
    ),
    fitted_on=(Range("error", 1e-9, 0.364),),
    representation=Capacity(limit=1.0, slope=0.4930, power=1.6035),
)


def capacity(fmt: str | Format | ScaledFormat | GaussianError) -> float:
    """The share of its parameters that a model keeps whose weights are trained in a format, by the
    law of Panferov et al.: see `panferov` for what was read into it.

    >>> from numformats import laws
    >>> round(laws.capacity("mxfp4"), 2)
    0.86
    """
    return panferov.capacity(fmt)
