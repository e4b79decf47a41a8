using System.Text.Json.Nodes;

namespace Ote.Cluster.Namespaces;

/// <summary>What to do about a namespace of a cluster.</summary>
internal enum NamespaceDeed
{
    /// <summary>Nothing: it is as it should be.</summary>
    Nothing,

    /// <summary>Make it.</summary>
    Create,

    /// <summary>Change it, if it still is as it was reported.</summary>
    Change,

    /// <summary>Delete it, if it still is the one that was reported.</summary>
    Delete,

    /// <summary>Leave it; it is not as it should be.</summary>
    Leave,
}

/// <summary>One thing to do about one namespace of one cluster.</summary>
/// <param name="Deed">What.</param>
/// <param name="Body">The object to make, or the merge patch (RFC 7396).</param>
/// <param name="Uid">Of the namespace there that is to be deleted.</param>
/// <param name="Reason">Why it is left, as one word.</param>
/// <param name="Text">The same for people.</param>
internal sealed record NamespaceStep(NamespaceDeed Deed, JsonObject? Body = null, string Uid = "", string Reason = "", string Text = "")
{
    public static NamespaceStep Nothing { get; } = new(NamespaceDeed.Nothing);

    public static NamespaceStep Leave(string reason, string text) => new(NamespaceDeed.Leave, Reason: reason, Text: text);

    /// <summary>Tells what is done apart, so that the same is not done twice before it is reported.</summary>
    public string Mark => $"{Deed} {Uid} {Body?.ToJsonString()}";
}
