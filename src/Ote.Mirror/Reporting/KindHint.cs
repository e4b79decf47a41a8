using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Mirror.Reporting;

/// <summary>Says what somebody may have meant who named a kind that a cluster has not: short names, singulars, and kinds without their group or with another.</summary>
/// <param name="client">The cluster.</param>
internal sealed class KindHint(KubeClient client)
{
    private const int MostGroups = 200; // beyond any cluster: one request each, once for each kind that is named wrong
    private const int MostNamed = 4;

    /// <summary>What to do about a kind that is not there, for people; one that does not answer counts as one that has nothing alike.</summary>
    public async Task<string> OfAsync(ReportedKind kind, CancellationToken cancellation)
    {
        var alike = new List<(string Stream, bool IsWatched)>();
        try
        {
            await InAsync(alike, "api/v1", "", kind, cancellation).ConfigureAwait(false);
            var groups = await client.SendAsync(HttpMethod.Get, "apis", null, null, cancellation).ConfigureAwait(false);
            foreach (var group in (groups.Items("groups") ?? []).Take(MostGroups))
            {
                if (group.Text("name") is { } name && group.Text("preferredVersion", "groupVersion") is { } version)
                {
                    await InAsync(alike, $"apis/{version}", name, kind, cancellation).ConfigureAwait(false);
                }
            }
        }
        catch (Exception away) when (away is HttpRequestException or KubeStatusException)
        {
            // What was found so far is what there is to say.
        }

        return Of(kind, alike);
    }

    private static string Of(ReportedKind kind, List<(string Stream, bool IsWatched)> alike)
    {
        var meant = alike.Where(a => a.IsWatched).Select(a => a.Stream).Distinct().Take(MostNamed).ToArray();
        return meant switch
        {
            ["secrets"] => "secrets are never reported",
            [var one] => $"write --report {one}, as the cluster calls it in full",
            { Length: > 1 } => $"the cluster has {string.Join(", ", meant[..^1])} and {meant[^1]}: write which of them is meant, in full",
            _ when alike.Any(a => a.Stream == kind.Stream) => "what the cluster has of that name cannot be listed and watched, and so not be reported",
            _ => "give its plural and, behind a dot, its group, as in widgets.example.com; kubectl api-resources tells what the cluster has",
        };
    }

    private async Task InAsync(List<(string Stream, bool IsWatched)> alike, string path, string group, ReportedKind kind, CancellationToken cancellation)
    {
        JsonObject list;
        try
        {
            list = await client.SendAsync(HttpMethod.Get, path, null, null, cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException missing) when (missing.Code is 403 or 404 or 503)
        {
            return; // an aggregated group whose server does not answer hides no other
        }

        foreach (var entry in list.Items("resources") ?? [])
        {
            if (entry.Text("name") is { } plural && !plural.Contains('/', StringComparison.Ordinal)
                && (plural == kind.Plural || entry.Text("singularName") == kind.Plural || entry.Text("kind")?.ToLowerInvariant() == kind.Plural || entry.Items("shortNames")?.Any(s => s.Text() == kind.Plural) == true))
            {
                var verbs = (entry.Items("verbs") ?? []).Select(v => v.Text()).ToHashSet();
                alike.Add((group.Length == 0 ? plural : $"{plural}.{group}", verbs.Contains("list") && verbs.Contains("watch")));
            }
        }
    }
}
