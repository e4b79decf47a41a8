using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Shim.Kubernetes;

/// <summary>What <c>ote shim k8s</c> and <c>ote shim k3s</c> take from the command line.</summary>
public sealed record ShimRoleOptions
{
    /// <summary><c>--listen</c>: <c>unix:/path/shim.sock</c> or <c>https://address:port</c>.</summary>
    public required string Listen { get; init; }

    /// <summary><c>--kubeconfig</c>. Null: the one kubectl would use, or k3s's own.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary><c>--context</c> of the kubeconfig. Null: the current one.</summary>
    public string? Context { get; init; }

    /// <summary><c>--allow 'VERB[,VERB] /path/pattern'</c>, repeatable. Empty: <see cref="AllowRule.Default"/>; anything given replaces it.</summary>
    public IReadOnlyList<string> Allow { get; init; } = [];

    /// <summary><c>--impersonate requester|none</c>.</summary>
    public string Impersonate { get; init; } = "requester";

    /// <summary><c>--tls-cert</c>, PEM; for an https address.</summary>
    public string? TlsCertificate { get; init; }

    /// <summary><c>--tls-key</c>, PEM; for an https address.</summary>
    public string? TlsKey { get; init; }

    /// <summary><c>--client-ca</c>, PEM; whom callers' certificates must descend from.</summary>
    public string? ClientAuthority { get; init; }

    /// <summary><c>--client-name</c>, repeatable: common or DNS names that may call. Empty: every certificate of the CA.</summary>
    public IReadOnlyList<string> ClientNames { get; init; } = [];
}
