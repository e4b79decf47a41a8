using System.Net;
using System.Net.Sockets;
using Ote.Node.Install;
using Ote.Roles.Hosting;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Node.Install;

public sealed class OtherHubTests : IDisposable
{
    private readonly Scratch _folder = new("other-hub");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Who_has_a_folder_is_seen_for_as_long_as_he_has_it_and_a_folder_that_nobody_had_stays_as_it_is()
    {
        var data = _folder["data"];
        Assert.Null(OtherHub.Sign(data, null));
        Assert.False(Directory.Exists(data));
        using (DataLock.Take(data))
        {
            Assert.Equal($"another process of ote has the folder {data}", OtherHub.Sign(data, null));
        }

        Assert.Null(OtherHub.Sign(data, null));
        using var again = DataLock.Take(data); // having looked takes nothing
    }

    [Fact]
    public void Who_listens_where_the_hub_is_to_is_seen_for_as_long_as_he_does()
    {
        IPEndPoint at;
        using (var other = new TcpListener(IPAddress.Loopback, 0))
        {
            other.Start();
            at = (IPEndPoint)other.LocalEndpoint;
            Assert.Equal($"another process listens at {at}", OtherHub.Sign(_folder["data"], at));
            Assert.Equal($"another process listens at 0.0.0.0:{at.Port}", OtherHub.Sign(_folder["data"], new IPEndPoint(IPAddress.Any, at.Port)));
        }

        Assert.Null(OtherHub.Sign(_folder["data"], at));
        Assert.Null(OtherHub.Sign(_folder["data"], IPEndPoint.Parse("192.0.2.1:4444"))); // what its check tells
    }
}
