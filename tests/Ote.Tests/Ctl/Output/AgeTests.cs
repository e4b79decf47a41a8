using Ote.Ctl.Output;

namespace Ote.Tests.Ctl.Output;

public sealed class AgeTests
{
    [Theory]
    [InlineData(-5, "0s")]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(599, "9m59s")]
    [InlineData(600, "10m")]
    [InlineData(10799, "179m")]
    [InlineData(10800, "3h")]
    [InlineData(11400, "3h10m")]
    [InlineData(86400, "24h")]
    [InlineData(176400, "2d1h")]
    [InlineData(864000, "10d")]
    [InlineData(63072000, "2y")]
    public void Ages_round_as_kubectl_rounds_them(int seconds, string expected) => Assert.Equal(expected, Age.Format(TimeSpan.FromSeconds(seconds)));
}
