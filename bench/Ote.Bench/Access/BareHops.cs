using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ote.Bench.Load;
using Ote.Kube.Client;

namespace Ote.Bench.Access;

/// <summary>As many processes as live access passes between a user and a cluster, each of which only passes bytes from one TLS connection to another: what live access could reach at best here.</summary>
internal sealed class BareHops : IAsyncDisposable
{
    private readonly List<ChildProcess> _hops = [];

    /// <summary>The cluster's API through all of them.</summary>
    public KubeEndpoint Entry { get; private set; } = null!;

    /// <summary>Starts them.</summary>
    /// <param name="cluster">The cluster's API, as whose user the last of them comes there.</param>
    /// <param name="count">How many.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<BareHops> StartAsync(KubeEndpoint cluster, int count, TimeProvider time, CancellationToken ct)
    {
        var hops = new BareHops { Entry = cluster };
        try
        {
            using var certificate = Certificate(time);
            var authority = X509CertificateLoader.LoadCertificate(certificate.RawData);
            for (var i = 0; i < count; i++)
            {
                var hop = ChildProcess.Start("hop");
                hops._hops.Add(hop);
                var at = (string)(await hop.AskAsync(HopProgram.Asking(certificate, hops.Entry), ct))["at"]!;
                hops.Entry = new KubeEndpoint(new Uri($"https://{at}")) { Authorities = [authority] };
            }

            return hops;
        }
        catch
        {
            await hops.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var hop in Enumerable.Reverse(_hops))
        {
            await hop.DisposeAsync();
        }
    }

    private static X509Certificate2 Certificate(TimeProvider time)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=hop", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = time.GetUtcNow();
        return request.CreateSelfSigned(now.AddHours(-1), now.AddHours(1));
    }
}
