using System.Security.Cryptography;
using System.Text;
using Ote.Kube.Client;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>What may be done with a request of which an earlier run may have happened.</summary>
internal enum RepetitionKind
{
    /// <summary>Running it again leaves the cluster as running it once.</summary>
    Same,

    /// <summary>The same, but a conflict may be the earlier run's own doing: the body names a resourceVersion.</summary>
    Versioned,

    /// <summary>The same, but "not found" is what the earlier run wanted.</summary>
    Delete,

    /// <summary>A create under a fixed name: it cannot make two, and a marker tells whose the existing one is.</summary>
    Create,

    /// <summary>A second run could do a second thing: it must not be sent.</summary>
    Once,
}

/// <summary>Decides how a request may be repeated. Pure.</summary>
/// <param name="Kind">What may be done.</param>
/// <param name="Marker">Field manager that marks the object of this very create; null when none is set.</param>
/// <param name="Reason">For <see cref="RepetitionKind.Once"/>: why.</param>
internal sealed record Repetition(RepetitionKind Kind, string? Marker = null, string Reason = "")
{
    /// <summary>Groups whose objects are questions: a create asks and keeps nothing.</summary>
    private static readonly string[] s_questions = ["authorization.k8s.io", "authentication.k8s.io"];

    public static Repetition Of(string method, ApiPath path, string contentType, BodyFacts body, string idempotencyKey)
    {
        if (path.Parameter("dryRun").Any())
            return new(RepetitionKind.Same);
        return method switch
        {
            "GET" or "HEAD" => new(RepetitionKind.Same),
            "DELETE" => new(RepetitionKind.Delete),
            "PUT" => new(body.HasResourceVersion ? RepetitionKind.Versioned : RepetitionKind.Same),
            "PATCH" when contentType == BodyType.JsonPatch => body.IsRepeatablePatch
                ? new(RepetitionKind.Same)
                : new(RepetitionKind.Once, Reason: "a JSON patch with operations other than setting values does something else the second time"),
            "PATCH" => new(body.HasResourceVersion ? RepetitionKind.Versioned : RepetitionKind.Same),
            _ => OfPost(path, body, idempotencyKey),
        };
    }

    /// <summary>The marker a create carries: short, and the same for every run of one command on one cluster.</summary>
    public static string MarkerOf(string idempotencyKey) =>
        "ote-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(idempotencyKey)).AsSpan(0, 8));

    private static Repetition OfPost(ApiPath path, BodyFacts body, string idempotencyKey)
    {
        if (path.Resource is null)
            return new(RepetitionKind.Once, Reason: "what a POST outside the resources does is not known");
        if (s_questions.Contains(path.Group) && path.Name is null)
            return new(RepetitionKind.Same);
        if (path.Name is not null)
            return new(RepetitionKind.Once, Reason: $"a POST to {path.Resource}/{path.Subresource ?? path.Name} is an action, and each is one of its own");
        if (body.GeneratesName)
            return new(RepetitionKind.Once, Reason: "with generateName each create makes a new object");
        if (!body.IsKnown || body.Name is null)
            return new(RepetitionKind.Once, Reason: "the body's name cannot be read, so a second object cannot be ruled out");
        bool marked = idempotencyKey.Length > 0 && !path.Parameter("fieldManager").Any();
        return new(RepetitionKind.Create, marked ? MarkerOf(idempotencyKey) : null);
    }
}
