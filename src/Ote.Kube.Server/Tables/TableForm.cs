using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Tables;

/// <summary>How the objects of one kind are shown: the columns, and for an object its cells in the same order.</summary>
/// <param name="Columns">The columns.</param>
/// <param name="Cells">The cells of an object at a moment; a null cell shows as <c>&lt;none&gt;</c>.</param>
internal sealed record TableForm(IReadOnlyList<TableColumn> Columns, Func<JsonObject, DateTimeOffset, JsonNode?[]> Cells)
{
    private const string StaleSince = "ote.baidu.com/stale-since";

    /// <summary>The same with the cluster that an object is of, shown with <c>-o wide</c>: of one that is away with how long nothing was heard of it, since of most kinds nothing else can say that what is shown may be old.</summary>
    public TableForm WithCluster() => this with
    {
        Columns = [.. Columns, TableColumn.Wide("Cluster")],
        Cells = (obj, now) => [.. Cells(obj, now), ClusterOf(obj, now)],
    };

    private static JsonNode? ClusterOf(JsonObject obj, DateTimeOffset now)
    {
        var cluster = obj["metadata"]?["labels"]?[Store.ObjectOrigin.ClusterLabel];
        return cluster is not null && obj["metadata"]!["annotations"]?[StaleSince] is { } since ? $"{cluster} (away {HumanAge.Since(since, now)})" : cluster?.DeepClone();
    }

    /// <summary>Conditions that a row carries beside its cells, such as Completed of a pod; null for none.</summary>
    public Func<JsonObject, JsonArray?> Conditions { get; init; } = static _ => null;
}
