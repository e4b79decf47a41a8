using Ote.Shim.Contract;

namespace Ote.Shim.Conformance;

/// <summary>
/// What the kit may do at the shim's cluster: a kind of object that it may create, change and delete. In templates <c>{name}</c> stands for an
/// object's name and <c>{value}</c> for text that must come back when the object is read. A place left null skips the checks that need it.
/// </summary>
public sealed record ConformanceTarget
{
    /// <summary>The destination to ask. Default <c>api</c>.</summary>
    public string Destination { get; init; } = "api";

    /// <summary>Template of one object's URL: GET reads it, PUT replaces it, DELETE deletes it. Such as <c>/things/{name}</c>.</summary>
    public required string ObjectUrl { get; init; }

    /// <summary>Where a POST creates an object; null when a PUT to <see cref="ObjectUrl"/> creates.</summary>
    public string? CreateUrl { get; init; }

    /// <summary>Template of an object's body.</summary>
    public required string Body { get; init; }

    /// <summary>Content type of <see cref="Body"/>.</summary>
    public string ContentType { get; init; } = "application/json";

    /// <summary>A GET that is not answered for at least 10 s.</summary>
    public string? SlowUrl { get; init; }

    /// <summary>A GET that the shim's allow-list must refuse.</summary>
    public string? ForbiddenUrl { get; init; }

    /// <summary>Template of a URL to which a POST of <see cref="ActionBody"/> does a second thing when sent twice.</summary>
    public string? ActionUrl { get; init; }

    /// <summary>Template of the body for <see cref="ActionUrl"/>.</summary>
    public string ActionBody { get; init; } = "";

    /// <summary>As whom to ask.</summary>
    public User User { get; init; } = new() { Name = "ote-conformance" };

    /// <summary>A namespace of a Kubernetes cluster, where the kit makes ConfigMaps.</summary>
    public static ConformanceTarget KubernetesConfigMaps(string ns, User user) => new()
    {
        ObjectUrl = $"/api/v1/namespaces/{ns}/configmaps/{{name}}",
        CreateUrl = $"/api/v1/namespaces/{ns}/configmaps",
        Body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{name}"},"data":{"value":"{value}"}}""",
        ForbiddenUrl = $"/api/v1/namespaces/{ns}/pods/any/exec",
        ActionUrl = $"/api/v1/namespaces/{ns}/configmaps",
        ActionBody = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"{name}-"}}""",
        User = user,
    };
}
