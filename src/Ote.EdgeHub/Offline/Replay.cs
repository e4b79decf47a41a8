using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Cache;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Offline;

/// <summary>Tells the API server what was written while the node was cut off, entry by entry, each off the journal when it has been told. What is told twice does nothing the second time.</summary>
/// <param name="cache">The journal.</param>
/// <param name="clientFor">With whose credentials a kind's objects are told.</param>
/// <param name="kindOf">The kind of an entry's object; null when it is none that is known.</param>
/// <param name="node">The node, as which conflicts are told to users.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where conflicts are told.</param>
internal sealed class Replay(NodeCache cache, Func<string, KubeClient> clientFor, Func<JournalEntry, ResourceRef?> kindOf, string node, TimeProvider time, ILogger log)
{
    /// <summary>Events of one return at most; the log has all.</summary>
    private const int MostEvents = 100;

    /// <summary>Tells all there is.</summary>
    /// <returns>How many entries were told.</returns>
    /// <exception cref="HttpRequestException">No API server answers; what was not told is still in the journal.</exception>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        var (told, events) = (0, 0);
        foreach (var entry in cache.Journal())
        {
            if (kindOf(entry) is not { } kind)
            {
                log.MergeConflict(entry.Key.ToString(), "its kind is not known here");
                told += cache.Told(entry) ? 1 : 0;
                continue;
            }

            var conflicts = await TellAsync(entry, kind, stop).ConfigureAwait(false);
            if (conflicts.Count > 0)
            {
                log.MergeConflict(entry.Key.ToString(), string.Join("; ", conflicts));
                if (MergeRules.Shows(entry.Key.Resource) && events++ < MostEvents)
                {
                    // While the entry is still in the journal: a link that breaks now, or a process that ends, does not take the word along.
                    await TellUsersAsync(ConflictEvent.Of(entry, kind, conflicts, node, time.GetUtcNow()), stop).ConfigureAwait(false);
                }
            }

            told += cache.Told(entry) ? 1 : 0;
        }

        return told;
    }

    /// <summary>Tells the API server of an entry.</summary>
    /// <returns>What of it was lost, and why.</returns>
    private async Task<List<string>> TellAsync(JournalEntry entry, ResourceRef kind, CancellationToken stop)
    {
        var conflicts = new List<string>();

        var client = clientFor(entry.Key.Resource);
        try
        {
            var there = await client.GetAsync(kind, entry.Key.Namespace, entry.Key.Name, stop).ConfigureAwait(false);
            entry = MergeRules.Heard(entry, there);
            var merge = MergeRules.Decide(entry, there, time.GetUtcNow());
            if (merge.Steps.Count > 0)
            {
                cache.Sending(entry);
            }

            foreach (var step in merge.Steps)
            {
                try
                {
                    await DoAsync(client, kind, entry, step, stop).ConfigureAwait(false);
                }
                catch (KubeStatusException refused) when (IsFinal(refused))
                {
                    // What is refused of the labels says nothing of the status, and the other way round.
                    conflicts.Add($"the API server refuses {Name(step)}: {refused.Message}");
                }
            }

            conflicts.AddRange(merge.Conflicts);
        }
        catch (KubeStatusException refused) when (IsFinal(refused))
        {
            // Asked again it would say the same; the node goes on, and the reason is where an operator looks.
            conflicts.Add($"the API server refuses it: {refused.Message}");
        }

        return conflicts;
    }

    /// <summary>What is lost is lost either way: that the API server does not take the event keeps nothing else from being told to it.</summary>
    private async Task TellUsersAsync(JsonObject about, CancellationToken stop)
    {
        try
        {
            await clientFor("/events").CreateAsync(Kinds.Events, about.Namespace(), about, stop).ConfigureAwait(false);
        }
        catch (KubeStatusException told) when (told.IsAlreadyExists)
        {
            // By an attempt whose answer was lost.
        }
        catch (KubeStatusException refused)
        {
            log.EventRefused(about.Name(), refused.Message);
        }
    }

    /// <summary>Whether it would say the same again.</summary>
    private static bool IsFinal(KubeStatusException refused) => refused.Code is >= 400 and < 500 and not (401 or 408 or 429);

    private static string Name(MergeStep step) => step switch
    {
        MergeStep.Create => "its creation",
        MergeStep.Patch { Subresource: { } subresource } => $"its {subresource}",
        MergeStep.Patch => "its labels and annotations",
        _ => "its deletion",
    };

    private static Task DoAsync(KubeClient client, ResourceRef kind, JournalEntry entry, MergeStep step, CancellationToken stop) => step switch
    {
        MergeStep.Create create => CreateAsync(client, kind, entry, create, stop),
        MergeStep.Patch patch => client.PatchAsync(kind, entry.Key.Namespace, entry.Key.Name, PatchKind.Merge, patch.Body, stop, patch.Subresource),
        MergeStep.Delete delete => DeleteAsync(client, kind, entry, delete, stop),
        _ => throw new ArgumentOutOfRangeException(nameof(step)),
    };

    private static async Task CreateAsync(KubeClient client, ResourceRef kind, JournalEntry entry, MergeStep.Create create, CancellationToken stop)
    {
        var made = await client.CreateAsync(kind, entry.Key.Namespace, create.Object, stop).ConfigureAwait(false);
        foreach (var step in MergeRules.AfterCreation(create.Object, made))
        {
            await DoAsync(client, kind, entry, step, stop).ConfigureAwait(false);
        }
    }

    private static async Task DeleteAsync(KubeClient client, ResourceRef kind, JournalEntry entry, MergeStep.Delete delete, CancellationToken stop)
    {
        var options = new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "DeleteOptions", ["gracePeriodSeconds"] = delete.Grace, ["preconditions"] = new JsonObject { ["uid"] = delete.Uid },
        };
        try
        {
            await client.SendAsync(HttpMethod.Delete, kind.Path(entry.Key.Namespace, entry.Key.Name), options, new MediaTypeHeaderValue("application/json"), stop).ConfigureAwait(false);
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            // As wanted.
        }
    }
}
