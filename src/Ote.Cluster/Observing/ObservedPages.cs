using System.Text.Json.Nodes;
using Ote.Cluster.Commands;
using Ote.Kube.Objects;

namespace Ote.Cluster.Observing;

/// <summary>
/// Lays out which targets of a command were observed over ClusterControllerResult objects of their own, so that no page with answers is written again for it. Pages are
/// only appended to. Pure; one owner.
/// </summary>
/// <param name="command">The command's object.</param>
/// <param name="generation">Of the run.</param>
internal sealed class ObservedPages(JsonObject command, ulong generation)
{
    /// <summary>What a page is labelled.</summary>
    public const string Label = "observed";

    /// <summary>Clusters on one page; with the longest names it stays below 1 MiB.</summary>
    public const int MostItems = 5_000;

    /// <summary>Of the run.</summary>
    public ulong Generation => generation;

    private JsonObject? _current;
    private int _count;

    /// <summary>Adds clusters. Returns the pages to write, in order; those with a resourceVersion replace what is stored. Call <see cref="Stored"/> with each answer.</summary>
    public IReadOnlyList<JsonObject> Append(IEnumerable<string> clusters, DateTimeOffset at)
    {
        var dirty = new List<JsonObject>();
        foreach (var cluster in clusters)
        {
            if (_current is null || _current.Items(Label)!.Count >= MostItems)
            {
                _current = ResultPages.NewPage(command, generation, Label, "o", _count++);
                _current[Label] = new JsonArray();
                dirty.Add(_current);
            }
            else if (dirty.Count == 0)
            {
                dirty.Add(_current = _current.Copy());
            }

            _current.Items(Label)!.Add((JsonNode)new JsonObject { ["cluster"] = cluster, ["timestamp"] = at.ToKubeTime() });
        }

        return dirty;
    }

    /// <summary>The API server's answer to a written page.</summary>
    public void Stored(JsonObject page)
    {
        if (_current is null || page.Name() == _current.Name())
        {
            _current = page;
        }
    }

    /// <summary>Goes on after the pages that are stored already.</summary>
    public void Resume(IEnumerable<JsonObject> pages)
    {
        _current = pages.Where(p => p.Items(Label) is not null).MaxBy(p => p.Whole("index") ?? 0);
        _count = (int)(_current?.Whole("index") ?? -1) + 1;
    }

    /// <summary>Who was observed, and when, by a run's pages.</summary>
    public static IEnumerable<(string Cluster, DateTimeOffset At)> Read(IEnumerable<JsonObject> pages) =>
        pages.SelectMany(p => p.Items(Label)?.OfType<JsonObject>() ?? []).Select(i => (i.Text("cluster") ?? "", i.Time("timestamp") ?? DateTimeOffset.UnixEpoch));
}
