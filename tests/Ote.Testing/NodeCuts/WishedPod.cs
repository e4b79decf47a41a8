namespace Ote.Testing.NodeCuts;

/// <summary>A pod as users want it.</summary>
internal sealed class WishedPod(string name, string uid, bool isOnce)
{
    public string Name => name;

    public string Uid => uid;

    /// <summary>Whether it works once and ends.</summary>
    public bool IsOnce => isOnce;

    public SortedDictionary<string, string> Labels { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, string> Annotations { get; } = new(StringComparer.Ordinal);

    public string Image { get; set; } = "app:1";

    /// <summary>Whether its deletion was asked for.</summary>
    public bool IsUnwanted { get; set; }

    /// <summary>Whether it was taken away without waiting for the node.</summary>
    public bool IsErased { get; set; }
}
