using System.Security.Cryptography.X509Certificates;
using Ote.Kube.Client;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// A component of the node, as its own kubeconfig makes it: who calls the hub as this one is passed on to the API server with this one's credentials, never with another's. Nobody's credentials are lent to anybody. Thread-safe.
/// </summary>
public sealed class NodeIdentity : IDisposable
{
    private readonly HttpMessageInvoker _calls;

    private NodeIdentity(string name, KubeEndpoint endpoint, UpstreamServers servers, TimeProvider time)
    {
        (Name, Token) = (name, endpoint.Token);
        _calls = new HttpMessageInvoker(new BalancingHandler(servers, endpoint.CreateHandler(time)));
        Live = endpoint.CreateLiveInvoker(time);
        Client = new KubeClient(new HttpClient(new BalancingHandler(servers, endpoint.CreateHandler(time))) { BaseAddress = new Uri("https://upstream/"), Timeout = System.Threading.Timeout.InfiniteTimeSpan }, "ote-node");
    }

    /// <summary>The user's name: the certificate's common name, or the file's name for one with a token.</summary>
    public string Name { get; }

    /// <summary>The token by which a component shows that it is this one; null: by certificate.</summary>
    internal string? Token { get; }

    /// <summary>Requests whose server the balance chooses.</summary>
    internal HttpMessageInvoker Calls => _calls;

    /// <summary>Requests of any form to a server that is named.</summary>
    internal HttpMessageInvoker Live { get; }

    /// <summary>The API through the balance.</summary>
    internal KubeClient Client { get; }

    /// <summary>Reads a component's kubeconfig.</summary>
    /// <param name="file">The file.</param>
    /// <param name="servers">Where requests go.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="KubeconfigException">It cannot be read, or has no credentials that can be told apart.</exception>
    public static NodeIdentity Load(string file, UpstreamServers servers, TimeProvider time) => Of(Kubeconfig.Load(file), file, servers, time);

    /// <summary>The same of an endpoint that was read.</summary>
    /// <param name="endpoint">The credentials.</param>
    /// <param name="source">The file they came from, for errors, and for the name of one with a token.</param>
    /// <param name="servers">Where requests go.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="KubeconfigException">They cannot be told apart from others.</exception>
    public static NodeIdentity Of(KubeEndpoint endpoint, string source, UpstreamServers servers, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint.ClientCertificate is { } certificate)
        {
            return new NodeIdentity(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), endpoint, servers, time);
        }

        return string.IsNullOrEmpty(endpoint.Token)
            ? throw new KubeconfigException($"kubeconfig {source}: it has neither a client certificate nor a token, by which its component could show the hub who it is. Give a kubeconfig with one of them.")
            : new NodeIdentity(Path.GetFileNameWithoutExtension(source), endpoint, servers, time);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _calls.Dispose();
        Live.Dispose();
        Client.Dispose();
    }
}
