using System.Net;

namespace Ote.Tests.EdgeHub;

public sealed class AddressOnNodeTests
{
    [Theory]
    [InlineData("0.0.0.0:10261", "127.0.0.1:10261")] // no certificate is good for 0.0.0.0
    [InlineData("[::]:10261", "[::1]:10261")]
    [InlineData("10.0.0.7:10261", "10.0.0.7:10261")]
    [InlineData("127.0.0.1:10261", "127.0.0.1:10261")]
    public void Components_are_led_to_an_address_that_the_hubs_certificate_is_good_for(string listens, string reached) =>
        Assert.Equal(IPEndPoint.Parse(reached), Ote.EdgeHub.EdgeHub.OnNode(IPEndPoint.Parse(listens)));
}
