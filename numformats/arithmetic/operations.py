"""The operations whose results are projected, as functions of arrays.

All are one function, `apply`, under the names of `numformats.exact.OPERATIONS`, which says how many
operands each takes and which clause defines it. What differs is said here: what each one is, with
an example. Their names are NumPy's where that has them, and P3109's otherwise.
"""

from __future__ import annotations

from numformats.arithmetic.functions import binary, ternary, unary

# Signs

absolute = unary(
    "absolute",
    "abs(x), its sign taken away; that of NaN, too.",
    """>>> nf.arithmetic.absolute(-0.3, nf.float8_e5m2)
np.float64(0.3125)""",
)
negative = unary(
    "negative",
    """-x; of zero and NaN, too, where these have a sign.""",
    """>>> nf.arithmetic.negative(0.3, nf.float8_e5m2)
np.float64(-0.3125)""",
)
copysign = binary(
    "copysign",
    "x with the sign of y.",
    """>>> nf.arithmetic.copysign(0.3, -0.0, nf.float8_e5m2)
np.float64(-0.3125)""",
)
# Rational operations

add = binary(
    "add",
    "x + y.",
    """>>> nf.arithmetic.add(0.1, 0.2, nf.float8_e4m3fn)
np.float64(0.3125)""",
)
subtract = binary(
    "subtract",
    "x - y.",
    """>>> nf.arithmetic.subtract(1.0, 2.0**-60, nf.float8_e4m3fn, 'rtz')
np.float64(0.9375)""",
)
multiply = binary(
    "multiply",
    "x y.",
    """>>> nf.arithmetic.multiply(0.1, 3, nf.float8_e4m3fn)
np.float64(0.3125)""",
)
divide = binary(
    "divide",
    "x / y.",
    """>>> nf.arithmetic.divide(1.0, [3.0, 0.0], nf.float8_e5m2)
array([0.3125,    inf])""",
)
reciprocal = unary(
    "reciprocal",
    "1 / x.",
    """>>> nf.arithmetic.reciprocal([3.0, 0.0], nf.binary8p3se)
array([0.3125,    nan])""",
)
fma = ternary(
    "fma",
    "x y + z, rounded once (fused multiply-add).",
    """>>> nf.arithmetic.fma(4097.0, 4097.0, 2.0**-30, nf.float32)
np.float64(16785410.0)""",
)
faa = ternary(
    "faa",
    """x + y + z, rounded once (fused addition of three numbers).""",
    """>>> nf.arithmetic.faa(1.0, 2.0**-60, -1.0, nf.float32)
np.float64(8.673617379884035e-19)""",
)
remainder = binary(
    "remainder",
    """x - n y, n being the integer nearest to x / y, ties to even.""",
    """>>> nf.arithmetic.remainder(5.0, 3.0, nf.float16)
np.float64(-1.0)""",
)
# Roots

sqrt = unary(
    "sqrt",
    "The square root of x.",
    """>>> nf.arithmetic.sqrt(2.0, nf.float16)
np.float64(1.4140625)""",
)
rsqrt = unary(
    "rsqrt",
    "1 / sqrt(x).",
    """>>> nf.arithmetic.rsqrt(2.0, nf.float16)
np.float64(0.70703125)""",
)
cbrt = unary(
    "cbrt",
    "The cube root of x.",
    """>>> nf.arithmetic.cbrt(27.0, nf.float16)
np.float64(3.0)""",
)
hypot = binary(
    "hypot",
    "sqrt(x**2 + y**2).",
    """>>> nf.arithmetic.hypot(3.0, 4.0, nf.float16)
np.float64(5.0)""",
)
# Exponentials and logarithms

exp = unary(
    "exp",
    "e**x.",
    """>>> nf.arithmetic.exp(1.0, nf.float8_e4m3fn)
np.float64(2.75)""",
)
exp2 = unary(
    "exp2",
    "2**x.",
    """>>> nf.arithmetic.exp2(0.5, nf.float16)
np.float64(1.4140625)""",
)
exp10 = unary(
    "exp10",
    "10**x.",
    """>>> nf.arithmetic.exp10(2.0, nf.float16)
np.float64(100.0)""",
)
expm1 = unary(
    "expm1",
    "e**x - 1.",
    """>>> nf.arithmetic.expm1(2.0**-20, nf.bfloat16)
np.float64(9.5367431640625e-07)""",
)
log = unary(
    "log",
    "The natural logarithm of x.",
    """>>> nf.arithmetic.log(10.0, nf.float16)
np.float64(2.302734375)""",
)
log2 = unary(
    "log2",
    "The logarithm of x to base 2.",
    """>>> nf.arithmetic.log2(10.0, nf.float16)
np.float64(3.322265625)""",
)
log10 = unary(
    "log10",
    "The logarithm of x to base 10.",
    """>>> nf.arithmetic.log10(1000.0, nf.float16)
np.float64(3.0)""",
)
log1p = unary(
    "log1p",
    "log(1 + x).",
    """>>> nf.arithmetic.log1p(2.0**-20, nf.bfloat16)
np.float64(9.5367431640625e-07)""",
)
softplus = unary(
    "softplus",
    "log(1 + e**x).",
    """>>> nf.arithmetic.softplus(0.0, nf.float16)
np.float64(0.693359375)""",
)
# Trigonometric functions, of angles in radians

sin = unary(
    "sin",
    "The sine of x.",
    """>>> nf.arithmetic.sin(1.0, nf.float16)
np.float64(0.84130859375)""",
)
cos = unary(
    "cos",
    "The cosine of x.",
    """>>> nf.arithmetic.cos(1.0, nf.float16)
np.float64(0.54052734375)""",
)
tan = unary(
    "tan",
    "The tangent of x.",
    """>>> nf.arithmetic.tan(1.0, nf.float16)
np.float64(1.5576171875)""",
)
arcsin = unary(
    "arcsin",
    "The angle from -pi/2 to pi/2 whose sine is x.",
    """>>> nf.arithmetic.arcsin(1.0, nf.float16)
np.float64(1.5703125)""",
)
arccos = unary(
    "arccos",
    "The angle from 0 to pi whose cosine is x.",
    """>>> nf.arithmetic.arccos(-1.0, nf.float16)
np.float64(3.140625)""",
)
arctan = unary(
    "arctan",
    "The angle from -pi/2 to pi/2 whose tangent is x.",
    """>>> nf.arithmetic.arctan(1.0, nf.float16)
np.float64(0.78515625)""",
)
arctan2 = binary(
    "arctan2",
    """The angle from the positive axis to the point whose coordinates are y and x: that of
    `numpy.arctan2`, whose first operand is called y. Here it is x.""",
    """>>> nf.arithmetic.arctan2(1.0, -1.0, nf.float16)
np.float64(2.35546875)""",
)
# The same of multiples of pi

sinpi = unary(
    "sinpi",
    "sin(pi x).",
    """>>> nf.arithmetic.sinpi(0.25, nf.float16)
np.float64(0.70703125)""",
)
cospi = unary(
    "cospi",
    "cos(pi x).",
    """>>> nf.arithmetic.cospi(0.5, nf.float16)
np.float64(0.0)""",
)
tanpi = unary(
    "tanpi",
    "tan(pi x).",
    """>>> nf.arithmetic.tanpi(0.25, nf.float16)
np.float64(1.0)""",
)
arcsinpi = unary(
    "arcsinpi",
    "arcsin(x) / pi.",
    """>>> nf.arithmetic.arcsinpi(0.5, nf.float16)
np.float64(0.1666259765625)""",
)
arccospi = unary(
    "arccospi",
    "arccos(x) / pi.",
    """>>> nf.arithmetic.arccospi(-1.0, nf.float16)
np.float64(1.0)""",
)
arctanpi = unary(
    "arctanpi",
    "arctan(x) / pi.",
    """>>> nf.arithmetic.arctanpi(1.0, nf.float16)
np.float64(0.25)""",
)
arctan2pi = binary(
    "arctan2pi",
    "arctan2(x, y) / pi.",
    """>>> nf.arithmetic.arctan2pi(1.0, -1.0, nf.float16)
np.float64(0.75)""",
)
# Hyperbolic functions

sinh = unary(
    "sinh",
    "The hyperbolic sine of x.",
    """>>> nf.arithmetic.sinh(1.0, nf.float16)
np.float64(1.1748046875)""",
)
cosh = unary(
    "cosh",
    "The hyperbolic cosine of x.",
    """>>> nf.arithmetic.cosh(1.0, nf.float16)
np.float64(1.54296875)""",
)
tanh = unary(
    "tanh",
    "The hyperbolic tangent of x.",
    """>>> nf.arithmetic.tanh(20.0, nf.float16, 'rtz')
np.float64(0.99951171875)""",
)
arcsinh = unary(
    "arcsinh",
    "The number whose hyperbolic sine is x.",
    """>>> nf.arithmetic.arcsinh(1.0, nf.float16)
np.float64(0.88134765625)""",
)
arccosh = unary(
    "arccosh",
    "The positive number whose hyperbolic cosine is x.",
    """>>> nf.arithmetic.arccosh(2.0, nf.float16)
np.float64(1.3173828125)""",
)
arctanh = unary(
    "arctanh",
    "The number whose hyperbolic tangent is x.",
    """>>> nf.arithmetic.arctanh(0.5, nf.float16)
np.float64(0.54931640625)""",
)
# Extrema. IEEE 754-2019 9.6 has most of them, too; -0 is less than 0.

minimum = binary(
    "minimum",
    "The smaller of x and y; NaN if one is.",
    """>>> import numpy as np
>>> nf.arithmetic.minimum([1.0, np.nan], 2.0, nf.float16)
array([ 1., nan])""",
)
maximum = binary(
    "maximum",
    "The larger of x and y; NaN if one is.",
    """>>> import numpy as np
>>> nf.arithmetic.maximum([1.0, np.nan], 2.0, nf.float16)
array([ 2., nan])""",
)
minimum_number = binary(
    "minimum_number",
    """The smaller of x and y; the number, if the other is NaN.""",
    """>>> import numpy as np
>>> nf.arithmetic.minimum_number([1.0, np.nan], 2.0, nf.float16)
array([1., 2.])""",
)
maximum_number = binary(
    "maximum_number",
    """The larger of x and y; the number, if the other is NaN.""",
    """>>> import numpy as np
>>> nf.arithmetic.maximum_number([1.0, np.nan], 2.0, nf.float16)
array([2., 2.])""",
)
minimum_magnitude = binary(
    "minimum_magnitude",
    """The one of the smaller magnitude, the smaller one of equals; NaN if one is.""",
    """>>> nf.arithmetic.minimum_magnitude([-3.0, -2.0], 2.0, nf.float16)
array([ 2., -2.])""",
)
maximum_magnitude = binary(
    "maximum_magnitude",
    """The one of the larger magnitude, the larger one of equals; NaN if one is.""",
    """>>> nf.arithmetic.maximum_magnitude([-3.0, -2.0], 2.0, nf.float16)
array([-3.,  2.])""",
)
minimum_magnitude_number = binary(
    "minimum_magnitude_number",
    """As `minimum_magnitude`; the number, if the other is NaN.""",
    """>>> import numpy as np
>>> nf.arithmetic.minimum_magnitude_number(np.nan, 2.0, nf.float16)
np.float64(2.0)""",
)
maximum_magnitude_number = binary(
    "maximum_magnitude_number",
    """As `maximum_magnitude`; the number, if the other is NaN.""",
    """>>> import numpy as np
>>> nf.arithmetic.maximum_magnitude_number(np.nan, 2.0, nf.float16)
np.float64(2.0)""",
)
minimum_finite = binary(
    "minimum_finite",
    """The smaller of x and y; the finite one, if the other is infinite or NaN.""",
    """>>> import numpy as np
>>> nf.arithmetic.minimum_finite(-np.inf, 2.0, nf.float16)
np.float64(2.0)""",
)
maximum_finite = binary(
    "maximum_finite",
    """The larger of x and y; the finite one, if the other is infinite or NaN.""",
    """>>> import numpy as np
>>> nf.arithmetic.maximum_finite(np.inf, 2.0, nf.float16)
np.float64(2.0)""",
)
clamp = ternary(
    "clamp",
    """x, but no less than y and no more than z; NaN if y > z, or if one is NaN.""",
    """>>> nf.arithmetic.clamp([-3.0, 0.1], -1.0, 1.0, nf.float16)
array([-1.        ,  0.09997559])""",
)
