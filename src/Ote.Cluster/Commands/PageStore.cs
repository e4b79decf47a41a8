using System.Text.Json.Nodes;
using Ote.Cluster.Observing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>Reads and writes result pages at the API. Thread-safe; one run's pages have one owner.</summary>
internal sealed class PageStore(KubeClient api)
{
    /// <summary>All pages of one run.</summary>
    public async Task<IReadOnlyList<JsonObject>> ListAsync(string ns, string uid, ulong generation, CancellationToken ct) =>
        (await api.ListAsync(Kinds.ClusterControllerResults, ns, new ListQuery(ResultPages.LabelSelector(uid, generation)), ct).ConfigureAwait(false)).Items;

    /// <summary>Whom a run is for, by its pages.</summary>
    public static IEnumerable<string> Targets(IEnumerable<JsonObject> pages) => pages.SelectMany(p => p.Items("targets")?.Select(t => t?.ToString() ?? "") ?? []);

    /// <summary>What is known of a run, by its pages.</summary>
    public static IEnumerable<JsonObject> Results(IEnumerable<JsonObject> pages) => pages.SelectMany(p => p.Items("results")?.OfType<JsonObject>() ?? []);

    /// <summary>
    /// Stores whom a command is for, in place of what an acceptance that was cut short left behind. That is looked for only when there is
    /// a sign of it: its first page, which is made first and deleted last.
    /// </summary>
    public async Task CreateTargetsAsync(ResultPages pages, JsonObject command, ulong generation, IReadOnlyList<string> targets, CancellationToken ct)
    {
        try
        {
            if (targets.Count > 0)
            {
                await CreateAsync(pages.Targets(targets), ct).ConfigureAwait(false);
                return;
            }
        }
        catch (KubeStatusException leftovers) when (leftovers.IsAlreadyExists)
        {
            // Made anew below.
        }

        foreach (var page in (await ListAsync(command.Namespace(), command.Uid(), generation, ct).ConfigureAwait(false)).OrderByDescending(p => p.Whole("index") ?? 0))
        {
            await api.DeleteAsync(Kinds.ClusterControllerResults, page.Namespace(), page.Name(), ct).ConfigureAwait(false);
        }

        await CreateAsync(pages.Targets(targets), ct).ConfigureAwait(false);
    }

    private async Task CreateAsync(IEnumerable<JsonObject> pages, CancellationToken ct)
    {
        foreach (var page in pages)
        {
            await api.CreateAsync(Kinds.ClusterControllerResults, page.Namespace(), page, ct).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Appends results, each once. After a write that failed, whatever the reason, nobody knows what is stored: then the pages are read
    /// first, and what they have already is left out.
    /// </summary>
    public async Task AppendAsync(Work work, string ns, IReadOnlyList<Receipt> results, CancellationToken ct)
    {
        var pages = work.Pages!;
        if (work.PagesUncertain)
        {
            var stored = await ListAsync(ns, work.Uid, work.Run!.Spec.Command.Generation, ct).ConfigureAwait(false);
            pages.Resume(stored);
            var there = Results(stored).Select(i => i.Text("cluster")).ToHashSet(StringComparer.Ordinal);
            results = [.. results.Where(r => !there.Contains(r.Cluster))];
        }

        work.PagesUncertain = true;
        foreach (var page in pages.Append(results, work.Reached))
        {
            pages.Stored(await WriteAsync(page, ct).ConfigureAwait(false));
        }

        work.PagesUncertain = false;
    }

    /// <summary>Appends clusters at which a command was observed. After a write that failed nobody knows what is stored: the pages are to be read first.</summary>
    public async Task AppendObservedAsync(ObservedPages pages, IEnumerable<string> clusters, DateTimeOffset at, CancellationToken ct)
    {
        foreach (var page in pages.Append(clusters, at))
        {
            pages.Stored(await WriteAsync(page, ct).ConfigureAwait(false));
        }
    }

    private Task<JsonObject> WriteAsync(JsonObject page, CancellationToken ct) => page.ResourceVersion().Length > 0
        ? api.ReplaceAsync(Kinds.ClusterControllerResults, page, ct)
        : api.CreateAsync(Kinds.ClusterControllerResults, page.Namespace(), page, ct);
}
