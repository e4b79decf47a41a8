using System.Collections.Concurrent;
using System.Net;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Streams;

/// <summary>
/// Connections to the APIs of clusters below, over streams: one kept open and used again for each user and cluster while it is needed. Whom a connection is for, and as whom, is told by a host
/// name that stands for both. Nothing is open while nobody asks. Thread-safe.
/// </summary>
internal sealed class LivePool : IDisposable
{
    private const int MostHosts = 10_000; // of clusters and users whose requests are under way or were lately
    private static readonly TimeSpan KeptOpen = TimeSpan.FromMinutes(1);
    private readonly Func<string, Requester, CancellationToken, Task<Stream>> _open;
    private readonly ConcurrentDictionary<string, (string Cluster, Requester Requester)> _hosts = new(StringComparer.Ordinal);

    /// <summary>Makes a pool; opens nothing.</summary>
    /// <param name="open">Opens a stream for a user.</param>
    /// <param name="absences">Who is away.</param>
    public LivePool(Func<string, Requester, CancellationToken, Task<Stream>> open, Absences absences)
    {
        _open = open;
        Handler = new AbsenceHandler(absences, static address => address.Host[(address.Host.IndexOf('.', StringComparison.Ordinal) + 1)..], new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            PooledConnectionIdleTimeout = KeptOpen,
            ConnectCallback = ConnectAsync,
        });
    }

    /// <summary>Sends requests to the addresses that <see cref="AddressOf"/> gives, over plain HTTP. The pool's to dispose.</summary>
    public HttpMessageHandler Handler { get; }

    /// <summary>Where a cluster's API is to be asked as a user. Ask for it anew for each request.</summary>
    public Uri AddressOf(string cluster, Requester requester)
    {
        var host = Host(cluster, requester);
        if (_hosts.Count >= MostHosts)
        {
            _hosts.Clear(); // who is about to connect asks again
        }

        _hosts[host] = (cluster, requester);
        return new Uri($"http://{host}/");
    }

    /// <summary>What keeps a request from its cluster, as those on the way say; null: it was something else.</summary>
    public static StreamRefusedException? Refusal(Exception? fault)
    {
        for (; fault is not null; fault = fault.InnerException)
        {
            if (fault is StreamRefusedException refused)
            {
                return refused;
            }
        }

        return null;
    }

    public void Dispose() => Handler.Dispose();

    /// <summary>A host name that stands for a cluster and a user: the pool of connections goes by it.</summary>
    private static string Host(string cluster, Requester requester)
    {
        var user = string.Join('\n', requester.Groups.Order(StringComparer.Ordinal).Prepend(requester.User));
        return $"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(user)).AsSpan(0, 16))}.{cluster}";
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        return _hosts.TryGetValue(context.DnsEndPoint.Host, out var to)
            ? await _open(to.Cluster, to.Requester, ct).ConfigureAwait(false)
            : throw new StreamRefusedException("too many users of too many clusters ask at once; try again");
    }
}
