using System.Text.Json.Nodes;

namespace Ote.Kube.Client;

/// <summary>What happened to an object.</summary>
public enum WatchEventType
{
    /// <summary>It is new to the watcher.</summary>
    Added,

    /// <summary>It changed.</summary>
    Modified,

    /// <summary>It is gone; the object is its last state.</summary>
    Deleted,

    /// <summary>Nothing happened up to the version the object carries.</summary>
    Bookmark,
}

/// <summary>One change.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Object">The object after it, verbatim.</param>
public readonly record struct WatchEvent(WatchEventType Type, JsonObject Object)
{
    internal static WatchEventType Parse(string type) => type switch
    {
        "ADDED" => WatchEventType.Added,
        "MODIFIED" => WatchEventType.Modified,
        "DELETED" => WatchEventType.Deleted,
        "BOOKMARK" => WatchEventType.Bookmark,
        _ => throw new KubeStatusException(500, "", $"the server sent a watch event of unknown type '{type}'"),
    };
}
