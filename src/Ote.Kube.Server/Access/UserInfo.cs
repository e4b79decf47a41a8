namespace Ote.Kube.Server.Access;

/// <summary>Who asks: a name and the groups it belongs to. Immutable.</summary>
/// <param name="Name">Such as <c>system:admin</c>.</param>
/// <param name="Groups">Such as <c>system:masters</c>.</param>
public sealed record UserInfo(string Name, IReadOnlyList<string> Groups)
{
    private static readonly IReadOnlyDictionary<string, IReadOnlyList<string>> Nothing = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>The group whose members may do everything.</summary>
    public const string Masters = "system:masters";

    /// <summary>The group every authenticated user belongs to.</summary>
    public const string Authenticated = "system:authenticated";

    /// <summary>What tells this user from an earlier one of the same name; null: nothing does.</summary>
    public string? Uid { get; init; }

    /// <summary>What else is known, such as the pod that a token was given to.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = Nothing;

    /// <summary>The administrator, member of <see cref="Masters"/>.</summary>
    public static UserInfo Admin { get; } = new("system:admin", [Masters, Authenticated]);

    /// <summary>Nobody in particular: may see health and version only.</summary>
    public static UserInfo Anonymous { get; } = new("system:anonymous", ["system:unauthenticated"]);

    /// <summary>A component of the product acting inside the process, member of <see cref="Masters"/>.</summary>
    /// <param name="component">Such as <c>deployment-controller</c>.</param>
    public static UserInfo Component(string component) => new("system:" + component, [Masters, Authenticated]);

    /// <summary>Whether the user may do everything.</summary>
    internal bool IsMaster => Groups.Contains(Masters);
}

/// <summary>
/// Set it on <c>HttpContext.Features</c> before calling <see cref="ApiServer.HandleAsync"/> when the host has authenticated
/// the caller by its own means. It is taken as it is.
/// </summary>
/// <param name="User">The caller.</param>
public sealed record ApiUserFeature(UserInfo User);
