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

    /// <summary>Events told at once: thousands wait on a far link after a long cut, and nothing depends on their order.</summary>
    private const int AtOnce = 8;

    /// <summary>An object that changes so often between two requests is told with the next attempt at the whole.</summary>
    private const int MostLooks = 10;

    private readonly RefusedEntries _refused = new(time);

    /// <summary>Tells all there is: first what others wait for, then events, several at once. What is refused for a reason that may pass keeps none of the others waiting.</summary>
    /// <returns>How many entries were told.</returns>
    /// <exception cref="HttpRequestException">No API server answers; what was not told is still in the journal.</exception>
    /// <exception cref="KubeStatusException">One is refused for now, or all are; what was not told is still in the journal.</exception>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        _refused.Begin();
        int told;
        try
        {
            told = await TellAllAsync(stop).ConfigureAwait(false);
        }
        catch
        {
            _refused.Forget();
            throw;
        }

        return _refused.First is { } first ? throw first : told;
    }

    private async Task<int> TellAllAsync(CancellationToken stop)
    {
        var (told, words) = (0, 0);
        var entries = cache.Journal().ToLookup(entry => MergeRules.Shows(entry.Key.Resource));
        foreach (var entry in entries[true])
        {
            told += await EndAsync(entry, () => words++ < MostEvents, stop).ConfigureAwait(false);
        }

        foreach (var some in entries[false].Chunk(AtOnce))
        {
            told += (await Task.WhenAll(some.Select(entry => EndAsync(entry, () => false, stop))).ConfigureAwait(false)).Sum();
        }

        if (cache.DroppedEvents is > 0 and var dropped)
        {
            log.EventsDropped(dropped);
            await TellUsersAsync(ConflictEvent.OfEvents(dropped, node, time.GetUtcNow()), stop).ConfigureAwait(false);
            cache.ToldOfDropped(dropped);
        }

        return told;
    }

    /// <summary>Tells the API server of an entry, and users of what of it was lost, and takes it off the journal.</summary>
    /// <returns>1; 0 when more was written to it meanwhile.</returns>
    private async Task<int> EndAsync(JournalEntry entry, Func<bool> mayTellUsers, CancellationToken stop)
    {
        if (kindOf(entry) is not { } kind)
        {
            log.MergeConflict(entry.Key.ToString(), "its kind is not known here");
        }
        else if (await TryAsync(entry, kind, stop).ConfigureAwait(false) is not { } conflicts)
        {
            return 0;
        }
        else if (conflicts.Count > 0)
        {
            log.MergeConflict(entry.Key.ToString(), string.Join("; ", conflicts));
            if (mayTellUsers())
            {
                // While the entry is still in the journal: a link that breaks now, or a process that ends, does not take the word along.
                await TellUsersAsync(ConflictEvent.Of(entry, kind, conflicts, node, time.GetUtcNow()), stop).ConfigureAwait(false);
            }
        }

        return cache.Told(entry) ? 1 : 0;
    }

    /// <returns>What of it was lost, and why; null: it waits for a better moment.</returns>
    private async Task<List<string>?> TryAsync(JournalEntry entry, ResourceRef kind, CancellationToken stop)
    {
        try
        {
            var conflicts = await TellAsync(entry, kind, stop).ConfigureAwait(false);
            _refused.Took(entry.Key);
            return conflicts;
        }
        catch (KubeStatusException refused) when (_refused.IsOfOne(refused))
        {
            return _refused.GivenUp(entry.Key, refused) is { } why ? [why] : null;
        }
    }

    /// <summary>Tells the API server of an entry. What changes there between the look and the word is looked at again, so that nobody's change is overwritten unseen.</summary>
    /// <returns>What of it was lost, and why.</returns>
    private async Task<List<string>> TellAsync(JournalEntry entry, ResourceRef kind, CancellationToken stop)
    {
        for (var i = 1; ; i++)
        {
            try
            {
                return await TellOnceAsync(entry, kind, stop).ConfigureAwait(false);
            }
            catch (KubeStatusException moved) when (moved.IsConflict && i < MostLooks)
            {
                // The entry is as it was; what of it the API server took already it has, and is not told again.
            }
            catch (KubeStatusException refused) when (IsFinal(refused) && !refused.IsConflict)
            {
                // Asked again it would say the same; the node goes on, and the reason is where an operator looks.
                return [$"the API server refuses it: {refused.Message}"];
            }
        }
    }

    private async Task<List<string>> TellOnceAsync(JournalEntry entry, ResourceRef kind, CancellationToken stop)
    {
        var client = clientFor(entry.Key.Resource);
        if (MergeRules.IsEvent(entry.Key.Resource))
        {
            await TellEventAsync(client, kind, entry, stop).ConfigureAwait(false);
            return [];
        }

        var there = await client.GetAsync(kind, entry.Key.Namespace, entry.Key.Name, stop).ConfigureAwait(false);
        entry = MergeRules.Heard(entry, there);
        var merge = MergeRules.Decide(entry, there, time.GetUtcNow());
        if (merge.Steps.Count > 0)
        {
            cache.Sending(entry);
        }

        var conflicts = new List<string>();
        var later = default(KubeStatusException);
        var version = there?.ResourceVersion() ?? "";
        foreach (var step in merge.Steps)
        {
            try
            {
                version = await DoAsync(client, kind, entry, step, version, stop).ConfigureAwait(false);
            }
            catch (KubeStatusException refused) when (IsFinal(refused) && !refused.IsConflict)
            {
                // What is refused of the labels says nothing of the status, and the other way round.
                conflicts.Add($"the API server refuses {Name(step)}: {refused.Message}");
            }
            catch (KubeStatusException refused) when (RefusedEntries.MayPass(refused) && !refused.IsConflict)
            {
                later ??= refused; // The same; and what was told is not told again.
            }
        }

        conflicts.AddRange(merge.Conflicts);
        return later is null ? conflicts : throw later;
    }

    /// <summary>A kubelet may write events and not read any, so they are told unseen: made, or changed where it turns out that they are there.</summary>
    private async Task TellEventAsync(KubeClient client, ResourceRef kind, JournalEntry entry, CancellationToken stop)
    {
        var merge = MergeRules.Decide(entry, entry.Base, time.GetUtcNow());
        if (merge.Steps.Count == 0)
        {
            return;
        }

        cache.Sending(entry);
        try
        {
            await DoAsync(client, kind, entry, merge.Steps[0], "", stop).ConfigureAwait(false);
        }
        catch (KubeStatusException other) when (other.IsAlreadyExists || other.IsNotFound)
        {
            await DoAsync(client, kind, entry, MergeRules.EventOtherwise(entry.Local!, isThere: other.IsAlreadyExists), "", stop).ConfigureAwait(false);
        }
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
        MergeStep.Patch patch when patch.Body.Count == 1 && patch.Body["metadata"] is JsonObject metadata && (metadata.ContainsKey("labels") || metadata.ContainsKey("annotations")) => "its labels and annotations",
        MergeStep.Patch => "its spec",
        _ => "its deletion",
    };

    /// <returns>The object's version after it.</returns>
    private static async Task<string> DoAsync(KubeClient client, ResourceRef kind, JournalEntry entry, MergeStep step, string version, CancellationToken stop)
    {
        switch (step)
        {
            case MergeStep.Create create:
                var made = await client.CreateAsync(kind, entry.Key.Namespace, create.Object, stop).ConfigureAwait(false);
                version = made.ResourceVersion();
                foreach (var further in MergeRules.AfterCreation(create.Object, made))
                {
                    version = await DoAsync(client, kind, entry, further, version, stop).ConfigureAwait(false);
                }

                return version;
            case MergeStep.Patch patch:
                var body = patch.Body.Copy();
                if (version.Length > 0)
                {
                    body.Child("metadata")["resourceVersion"] = version;
                }

                return (await client.PatchAsync(kind, entry.Key.Namespace, entry.Key.Name, PatchKind.Merge, body, stop, patch.Subresource).ConfigureAwait(false)).ResourceVersion();
            case MergeStep.Delete delete:
                await DeleteAsync(client, kind, entry, delete, stop).ConfigureAwait(false);
                return "";
            default:
                throw new ArgumentOutOfRangeException(nameof(step));
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
