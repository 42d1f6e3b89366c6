using GooglePhotosEmulator.Http;

namespace GooglePhotosEmulator.Tests.Control;

public sealed class ListenAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:8900", "127.0.0.1:8900")]
    [InlineData("localhost:8900", "127.0.0.1:8900")]
    [InlineData("http://localhost:8900/", "127.0.0.1:8900")]
    [InlineData(":8900", "127.0.0.1:8900")]
    [InlineData("8900", "127.0.0.1:8900")]
    [InlineData("0.0.0.0:80", "0.0.0.0:80")]
    [InlineData("[::1]:8900", "[::1]:8900")]
    [InlineData("127.0.0.1", "127.0.0.1:0")]
    [InlineData("somewhere:80", null)]
    [InlineData("", null)]
    public void It_is_written_in_many_ways(string text, string? expected) => Assert.Equal(expected, ListenAddress.TryParse(text)?.ToString());
}
