using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Reports;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server.Access;
using Ote.Roles.Hosting;

namespace Ote.Roles.Following;

/// <summary>The root's door for controller managers, and the Secret by which they find it.</summary>
internal sealed class FollowServing : IAsyncDisposable
{
    private const string Manager = "ote-follow";
    private static readonly TimeSpan Fresh = TimeSpan.FromDays(7); // a certificate lasts a year: who comes has a new one by then
    private static readonly BackoffOptions Waits = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
    private readonly RoleHost _host;
    private readonly ILogger _log;
    private readonly ServerPki _pki;
    private readonly FollowDoor _door;
    private readonly string _address;
    private readonly List<Task> _telling = [];

    private FollowServing(RoleHost host, ILogger log, ServerPki pki, FollowDoor door, string address) => (_host, _log, _pki, _door, _address) = (host, log, pki, door, address);

    /// <summary>Opens the door; nobody is let through before <see cref="Lead"/>.</summary>
    /// <exception cref="RoleException">It cannot be opened.</exception>
    public static async Task<FollowServing> StartAsync(RoleHost host, string name, FollowAt at)
    {
        if (at.Advertise is null && (at.Listen.Address.Equals(IPAddress.Any) || at.Listen.Address.Equals(IPAddress.IPv6Any)))
        {
            throw new RoleException($"--follow-advertise: controller managers must be told where this is; with --follow-listen on all addresses ({at.Listen}) give host:port");
        }

        var log = host.Loggers.CreateLogger("Ote.Roles.Following");
        ServerPki? pki = null;
        try
        {
            pki = ServerPki.Open(at.PkiDirectory, $"{name} follow", ["localhost"], host.Time);
            var known = pki;
            var door = await FollowDoor.StartAsync(
                at.Listen, pki.Serving, certificate => IsManager(known, certificate, host.Time.GetUtcNow()), host.Loggers,
                (from, cause) => Tell(log, from, cause), host.Stop).ConfigureAwait(false);
            return new FollowServing(host, log, pki, door, at.Advertise ?? door.EndPoint.ToString());
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            pki?.Dispose();
            throw new RoleException($"--follow-listen: {unusable.Message}");
        }
    }

    /// <summary>Lets controller managers through to a controller, and tells them where.</summary>
    /// <param name="controller">The controller.</param>
    /// <param name="root">The real Kubernetes, on which it is told.</param>
    /// <param name="until">Fires when it leads no more.</param>
    public void Lead(Ote.Cluster.Handling.ClusterController controller, KubeClient root, CancellationToken until)
    {
        _door.Lead(controller, until);
        _telling.RemoveAll(t => t.IsCompleted);
        _telling.Add(TellAsync(root, until));
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_telling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _door.DisposeAsync().ConfigureAwait(false);
        _pki.Dispose();
    }

    private static bool IsManager(ServerPki pki, X509Certificate2 certificate, DateTimeOffset now) =>
        certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) == FollowSecret.User && pki.Issued(certificate, now);

    private static void Tell(ILogger log, string from, string? cause)
    {
        if (cause is null)
        {
            log.FollowedFromAfar(from);
        }
        else
        {
            log.FollowerGone(from, cause);
        }
    }

    private async Task TellAsync(KubeClient root, CancellationToken until)
    {
        var space = Ote.Cluster.Handling.ClusterController.SystemNamespace;
        var backoff = new Backoff(Waits, _host.Random);
        while (!until.IsCancellationRequested)
        {
            TimeSpan wait;
            try
            {
                await root.PatchAsync(Kinds.Secrets, space, FollowSecret.Name, PatchKind.Apply, Secret(space), until, fieldManager: Manager, force: true).ConfigureAwait(false);
                _log.FollowTold(_address, space, FollowSecret.Name);
                backoff.Reset();
                wait = Fresh;
            }
            catch (Exception away) when (away is KubeStatusException or HttpRequestException or IOException)
            {
                wait = backoff.Next();
                _log.FollowNotTold(space, FollowSecret.Name, wait.TotalSeconds, away.Message);
            }

            await Task.Delay(wait, _host.Time, until).ConfigureAwait(false);
        }
    }

    private JsonObject Secret(string space)
    {
        var (certificate, key) = _pki.IssueClient(new UserInfo(FollowSecret.User, []), _host.Time.GetUtcNow());
        return new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = FollowSecret.Name, ["namespace"] = space },
            ["data"] = new JsonObject
            {
                [FollowSecret.AddressKey] = Encoded(_address),
                [FollowSecret.AuthorityKey] = Encoded(_pki.AuthorityPem),
                [FollowSecret.CertificateKey] = Encoded(certificate),
                [FollowSecret.PrivateKey] = Encoded(key),
            },
        };
    }

    private static string Encoded(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

/// <summary>Where controller managers come to the root.</summary>
/// <param name="Listen">Where the door listens.</param>
/// <param name="Advertise">What they are told, <c>host:port</c>; null: there.</param>
/// <param name="PkiDirectory">Folder of its certificates.</param>
internal sealed record FollowAt(IPEndPoint Listen, string? Advertise, string PkiDirectory);
