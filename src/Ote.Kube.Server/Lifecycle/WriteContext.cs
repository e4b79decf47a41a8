using Ote.Kube.Server.Access;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What to do about fields the schema does not know.</summary>
internal enum FieldValidation
{
    Ignore,
    Warn,
    Strict,
}

/// <summary>Everything about a write but the object itself.</summary>
/// <param name="User">Who writes.</param>
/// <param name="Kind">What is written.</param>
/// <param name="Namespace">Empty for cluster scope.</param>
internal sealed record WriteContext(UserInfo User, KindInfo Kind, string Namespace)
{
    /// <summary>Such as <c>status</c>; null for the object itself.</summary>
    public string? Subresource { get; init; }

    /// <summary>Who is noted in managedFields.</summary>
    public string Manager { get; init; } = "unknown";

    /// <summary>The endpoint as managedFields names it; null for the object's own.</summary>
    public string? ManagedBy { get; init; }

    /// <summary>What becomes of what hangs on an object that is deleted.</summary>
    public Propagation Propagation { get; init; }

    /// <summary>Everything but the write itself.</summary>
    public bool DryRun { get; init; }

    /// <summary>See <see cref="FieldValidation"/>.</summary>
    public FieldValidation Validation { get; init; } = FieldValidation.Warn;

    /// <summary>Takes warnings for the client.</summary>
    public Action<string> Warn { get; init; } = static _ => { };
}
