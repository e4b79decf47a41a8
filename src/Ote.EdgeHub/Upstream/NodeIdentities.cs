using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Sharing;
using Ote.Kube.Client;

namespace Ote.EdgeHub.Upstream;

/// <summary>Everybody whose requests the hub may pass on: the node's components, and the accounts of pods that have asked. Owns them. Thread-safe.</summary>
internal sealed class NodeIdentities : IDisposable
{
    /// <summary>Accounts at most; beyond, the one that asked longest ago is forgotten, and its copies are no longer kept up.</summary>
    private const int MostAccounts = 256;

    private readonly UpstreamServers _servers;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly KubeEndpoint _anonymous;
    private readonly Dictionary<string, NodeIdentity> _components = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (NodeIdentity Identity, long Asked)> _accounts = new(StringComparer.Ordinal);

    /// <summary>Reads the components' kubeconfigs.</summary>
    /// <exception cref="KubeconfigException">One cannot be used.</exception>
    public NodeIdentities(EdgeHubOptions options, UpstreamServers servers, SharedReads shared, TimeProvider time, ILogger log)
    {
        (_servers, _time, _log, _anonymous) = (servers, time, log, Kubeconfig.Load(options.Kubeconfigs[0]).Anonymous);
        try
        {
            foreach (var file in options.Kubeconfigs)
            {
                Add(file, options);
            }

            foreach (var component in _components.Values.Where(component => options.SharesReads && component.IsByCertificate && component.Name != options.Kubelet))
            {
                component.Share(shared, time); // A kubelet is another user on each node, and unknown to the other hubs.
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The API servers' trust, without credentials.</summary>
    public KubeEndpoint Anonymous => _anonymous;

    /// <summary>The components.</summary>
    public IReadOnlyCollection<NodeIdentity> Components => _components.Values;

    /// <summary>Components whose certificate none of these authorities issued: whoever shows it is refused.</summary>
    /// <param name="authorities">Those that the hub judges its callers by.</param>
    public IEnumerable<NodeIdentity> Foreign(X509Certificate2Collection authorities) => _components.Values.Where(component => component.IsForeignTo(authorities, _time.GetUtcNow()));

    /// <summary>The one whose credentials ask whether servers are ready.</summary>
    public NodeIdentity First { get; private set; } = null!;

    /// <summary>A component; null: the hub was not given its kubeconfig.</summary>
    public NodeIdentity? Component(string name) => _components.GetValueOrDefault(name);

    /// <summary>A component, or an account that has asked since the hub began.</summary>
    public NodeIdentity? Find(string name)
    {
        lock (_gate)
        {
            return _components.GetValueOrDefault(name) ?? _accounts.GetValueOrDefault(name).Identity;
        }
    }

    /// <summary>The account of a pod that asks.</summary>
    /// <param name="name">The user, as the API server says it.</param>
    /// <param name="token">What it shows.</param>
    public NodeIdentity Account(string name, string token)
    {
        lock (_gate)
        {
            if (!_accounts.TryGetValue(name, out var known))
            {
                if (_accounts.Count >= MostAccounts)
                {
                    // What it is being answered ends by itself: nothing is taken from under a request.
                    _accounts.Remove(_accounts.MinBy(account => account.Value.Asked).Key);
                }

                known.Identity = NodeIdentity.OfAccount(name, token, _anonymous, _servers, _time);
            }

            known.Identity.Renew(token);
            _accounts[name] = (known.Identity, _time.GetTimestamp());
            return known.Identity;
        }
    }

    public void Dispose()
    {
        foreach (var identity in _components.Values.Concat(_accounts.Values.Select(account => account.Identity)))
        {
            identity.Dispose();
        }
    }

    private void Judged(NodeIdentity identity)
    {
        if (identity.IsRefused)
        {
            _log.CredentialsRefused(identity.Name);
        }
        else
        {
            _log.CredentialsTaken(identity.Name);
        }
    }

    private void Add(string file, EdgeHubOptions options)
    {
        var identity = NodeIdentity.Load(file, _servers, _time, options.Transport);
        First ??= identity;
        identity.Judged += Judged;
        if (!_components.TryAdd(identity.Name, identity))
        {
            identity.Dispose();
            throw new KubeconfigException($"kubeconfig {file}: its user \"{identity.Name}\" is that of another kubeconfig that was given. Give each component's once.");
        }

        if (identity.IsByCertificate && options.ClientAuthorities.Count == 0)
        {
            throw new KubeconfigException($"kubeconfig {file}: its component shows a client certificate, and no authority is named by which the hub could judge it. Name the cluster's with --client-ca-file.");
        }
    }
}
