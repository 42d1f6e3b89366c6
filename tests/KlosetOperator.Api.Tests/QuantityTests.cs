namespace KlosetOperator.Api.Tests;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1500", 1500)]
    [InlineData("50Gi", 53687091200)]
    [InlineData("1.5Ki", 1536)]
    [InlineData("20M", 20000000)]
    [InlineData("2k", 2000)]
    public void Bytes_are_read_as_Kubernetes_writes_them(string text, long bytes)
    {
        Assert.Equal(bytes, ByteQuantity.Parse(text).Bytes);
        Assert.Equal(text, ByteQuantity.Parse(text).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1,5Gi")]
    [InlineData("12Qi")]
    [InlineData("900E")]
    public void What_is_no_number_of_bytes_is_refused(string text) => Assert.Throws<FormatException>(() => ByteQuantity.Parse(text));

    [Theory]
    [InlineData("30m", 1800)]
    [InlineData("1800h", 6480000)]
    [InlineData("1h30m", 5400)]
    [InlineData("90s", 90)]
    [InlineData("0s", 0)]
    public void Durations_are_read_as_Kubernetes_writes_them(string text, int seconds) =>
        Assert.Equal(seconds, GoDuration.Parse(text).TotalSeconds);

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("m")]
    [InlineData("1m1h")]
    [InlineData("1h2h")]
    [InlineData("-5m")]
    public void What_is_no_duration_is_refused(string text) => Assert.Throws<FormatException>(() => GoDuration.Parse(text));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(61, "1m1s")]
    [InlineData(3600, "1h")]
    [InlineData(90061, "25h1m1s")]
    public void Durations_are_written_short(int seconds, string text) => Assert.Equal(text, GoDuration.Format(TimeSpan.FromSeconds(seconds)));
}
