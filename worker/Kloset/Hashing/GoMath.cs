namespace Kloset.Hashing;

/// <summary>
/// The base-2 logarithm as Go computes it on amd64, bit for bit: a fraction in [0.5, 1) and an exponent, and the natural logarithm of
/// the fraction by the classic fdlibm method (reduction to [√2/2, √2), then a polynomial in s = f / (2 + f)), without fused operations.
/// </summary>
internal static class GoMath
{
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double L1 = 6.666666666666735130e-01;
    private const double L2 = 3.999999999940941908e-01;
    private const double L3 = 2.857142874366239149e-01;
    private const double L4 = 2.222219843214978396e-01;
    private const double L5 = 1.818357216161805012e-01;
    private const double L6 = 1.531383769920937332e-01;
    private const double L7 = 1.479819860511658591e-01;
    private const double HalfSqrt2 = 0.70710678118654752440;
    private const double OneOverLn2 = 1 / 0.693147180559945309417232121458176568;

    /// <summary>log2 of a positive, normal number.</summary>
    public static double Log2(double x)
    {
        (double fraction, int exponent) = Split(x);
        // Exact for powers of two.
        return fraction == 0.5 ? exponent - 1 : (Log(fraction) * OneOverLn2) + exponent;
    }

    private static double Log(double x)
    {
        (double f, int exponent) = Split(x);
        if (f < HalfSqrt2)
        {
            f *= 2;
            exponent--;
        }

        f -= 1;
        double k = exponent;
        double s = f / (2 + f);
        double s2 = s * s;
        double s4 = s2 * s2;
        double odd = s2 * (L1 + (s4 * (L3 + (s4 * (L5 + (s4 * L7))))));
        double even = s4 * (L2 + (s4 * (L4 + (s4 * L6))));
        double r = odd + even;
        double halfSquare = 0.5 * f * f;
        return (k * Ln2High) - ((halfSquare - ((s * (halfSquare + r)) + (k * Ln2Low))) - f);
    }

    private static (double Fraction, int Exponent) Split(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)((bits >> 52) & 0x7FF) - 1022;
        return (BitConverter.Int64BitsToDouble((bits & ~(0x7FFL << 52)) | (1022L << 52)), exponent);
    }
}
