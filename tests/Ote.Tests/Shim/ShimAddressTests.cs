using Ote.Shim;

namespace Ote.Tests.Shim;

public sealed class ShimAddressTests
{
    [Theory]
    [InlineData("unix:/run/ote/shim.sock", "unix:/run/ote/shim.sock")]
    [InlineData("unix:///run/ote/shim.sock", "unix:/run/ote/shim.sock")]
    [InlineData("https://10.0.0.1:8443", "https://10.0.0.1:8443")]
    [InlineData("https://[::1]:8443/", "https://[::1]:8443")]
    public void Address_in_either_form_is_read_and_written_back(string text, string written) => Assert.Equal(written, ShimAddress.Parse(text).ToString());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("unix:shim.sock")]
    [InlineData("unix:/")]
    [InlineData("http://10.0.0.1:80")]
    [InlineData("https://10.0.0.1/path")]
    [InlineData("https://me@10.0.0.1")]
    [InlineData("/run/shim.sock")]
    public void Address_in_any_other_form_is_refused_with_its_text(string? text)
    {
        Assert.False(ShimAddress.TryParse(text, out _, out string? error));
        Assert.Contains($"'{text}'", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Socket_path_longer_than_the_kernel_takes_says_so()
    {
        Assert.False(ShimAddress.TryParse("unix:/" + new string('x', 107), out _, out string? error));
        Assert.Contains("107 bytes", error, StringComparison.Ordinal);
    }
}
