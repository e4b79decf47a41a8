using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Witness;

/// <summary>
/// The nodes of a site look after one another: each says on its own Node where its hub is and by which authority it is known, asks the others' hubs whether their kubelets live, and tells what it finds on its own Node, as
/// far as it reaches the API server. Nobody but a node's own kubelet may write there, so no node can speak for another.
/// </summary>
/// <param name="options">The node, and where its hub is reached.</param>
/// <param name="node">The kubelet's credentials.</param>
/// <param name="authorityPem">The hub's own authority.</param>
/// <param name="connection">Whether the API server can be told.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where changes are told.</param>
internal sealed class PeerWitness(EdgeHubOptions options, KubeClient node, string authorityPem, NodeConnection connection, TimeProvider time, ILogger log)
{
    /// <summary>The path at which a hub says whether its kubelet lives; asked without credentials, and telling nothing else.</summary>
    public const string AlivePath = "/ote/alive";

    private const string Site = "ote.baidu.com/site";
    private const string Address = "ote.baidu.com/edgehub";
    private const string Authority = "ote.baidu.com/edgehub-ca";
    private const string Votes = "ote.baidu.com/witness";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly Dictionary<string, PeerSight> _sights = new(StringComparer.Ordinal);
    private string? _told;

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (options.Advertise is null)
        {
            return;
        }

        using var timer = new PeriodicTimer(options.WitnessInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                if (connection.State != ConnectionState.Connected)
                {
                    _told = null; // What was said before the cut may have been overwritten.
                    continue;
                }

                try
                {
                    await LookAsync(stop).ConfigureAwait(false);
                }
                catch (Exception refused) when (refused is KubeStatusException or HttpRequestException or IOException)
                {
                    log.WitnessFailed(refused.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        if (await node.GetAsync(Kinds.Nodes, null, options.NodeName, stop).ConfigureAwait(false) is not { } own)
        {
            return;
        }

        var votes = new JsonObject();
        if (own.Labels().Text(Site) is { Length: > 0 } site)
        {
            var peers = (await node.ListAsync(Kinds.Nodes, null, new ListQuery(LabelSelector: $"{Site}={site}"), stop).ConfigureAwait(false)).Items.Where(peer => peer.Name() != options.NodeName).ToArray();
            await Task.WhenAll(peers.Select(peer => AskAsync(peer, stop))).ConfigureAwait(false);
            foreach (var peer in peers.Select(peer => peer.Name()).Order(StringComparer.Ordinal))
            {
                if (Sight(peer).Sees is { } sees)
                {
                    votes[peer] = sees;
                }
            }
        }

        var said = new JsonObject { [Address] = $"https://{options.Advertise}", [Authority] = Convert.ToBase64String(Der(authorityPem)), [Votes] = votes.ToJsonString() };
        if (said.ToJsonString() is var text && text != _told)
        {
            await node.PatchAsync(Kinds.Nodes, null, options.NodeName, PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = said } }, stop).ConfigureAwait(false);
            _told = text;
        }
    }

    private async Task AskAsync(JsonObject peer, CancellationToken stop)
    {
        if (!Uri.TryCreate(peer.Annotation(Address), UriKind.Absolute, out var hub) || peer.Annotation(Authority) is not { } authority)
        {
            return; // It has no hub, or has not said yet where.
        }

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        try
        {
            using var transport = new HttpMessageInvoker(Trusting(authority));
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(hub, AlivePath));
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("ote-node", null));
            using var answer = await transport.SendAsync(request, either.Token).ConfigureAwait(false);
            Note(peer.Name(), answer.IsSuccessStatusCode);
        }
        catch (Exception away) when (away is HttpRequestException or FormatException or CryptographicException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            Note(peer.Name(), reached: false);
        }
    }

    private static SocketsHttpHandler Trusting(string authority)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(authority)));
        return new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, ConnectTimeout = Patience, SslOptions = { CertificateChainPolicy = policy } };
    }

    private void Note(string peer, bool reached)
    {
        lock (_sights)
        {
            _sights[peer] = reached ? PeerSight.Reached : _sights.GetValueOrDefault(peer).Miss();
        }
    }

    private PeerSight Sight(string peer)
    {
        lock (_sights)
        {
            return _sights.GetValueOrDefault(peer);
        }
    }

    private static byte[] Der(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return certificate.RawData;
    }
}
