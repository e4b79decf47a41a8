using System.Security.Cryptography;
using Ote.Cluster.Identity;

namespace Ote.Tests.Cluster.Identity;

public sealed class SigningRequestTests
{
    [Fact]
    public void Request_with_a_key_that_is_no_point_of_its_curve_is_refused()
    {
        using ECDsa key = SigningRequest.NewKey();
        byte[] csr = SigningRequest.Create("c1", ["10.0.0.1"], key);
        byte[] x = key.ExportParameters(includePrivateParameters: false).Q.X!;
        csr[csr.AsSpan().IndexOf(x) + 3] ^= 1;
        Assert.Throws<IdentityException>(() => SigningRequest.Read(csr));
    }

    [Fact]
    public void Request_without_end_is_refused()
    {
        using ECDsa key = SigningRequest.NewKey();
        byte[] csr = SigningRequest.Create("c1", ["10.0.0.1"], key);
        Assert.Equal(["10.0.0.1"], SigningRequest.Read(csr).Hosts);
        Assert.Throws<IdentityException>(() => SigningRequest.Read(csr.AsSpan(0, csr.Length - 1)));
    }
}
