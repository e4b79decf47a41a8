using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ote.Kube.Client;

namespace Ote.Tests.Kube.Client;

public sealed class KubeEndpointTests
{
    [Theory]
    [InlineData("https://api.test", false, false, true)]
    [InlineData("https://api.test", true, false, false)]
    [InlineData("https://api.test", false, true, false)]
    [InlineData("http://api.test", false, false, false)]
    public void TheMachinesAuthorities_AreNeeded_WhereTlsIsVerifiedByNoOthers(string server, bool authority, bool skip, bool needed)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = new CertificateRequest("CN=own", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(1));
        var endpoint = new KubeEndpoint(new Uri(server)) { Authorities = authority ? [own] : [], SkipServerVerification = skip };
        Assert.Equal(needed, endpoint.NeedsMachineTrust);
    }
}
