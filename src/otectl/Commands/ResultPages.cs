using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary>
/// Goes through the pages of a command's current generation. A few pages are fetched at a time: one may be 512 KiB large and a
/// command may have hundreds.
/// </summary>
internal static class ResultPages
{
    private const int PagesAtATime = 8;
    private const string CommandLabel = "ote.baidu.com/command";
    private const string GenerationLabel = "ote.baidu.com/generation";

    /// <summary>The clusters the command is meant for, as recorded when it was accepted.</summary>
    internal static async IAsyncEnumerable<string> TargetsAsync(KubeClient api, CommandView command, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var page in PagesAsync(api, command, "targets", cancellation).ConfigureAwait(false))
        {
            foreach (var target in page.Items("targets") ?? [])
            {
                if (target is JsonValue value && value.TryGetValue<string>(out var name))
                {
                    yield return name;
                }
                else if (target.Text("cluster") is { } named)
                {
                    yield return named;
                }
            }
        }
    }

    /// <summary>The outcomes so far, in the order they came.</summary>
    internal static async IAsyncEnumerable<Outcome> OutcomesAsync(KubeClient api, CommandView command, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var page in PagesAsync(api, command, "results", cancellation).ConfigureAwait(false))
        {
            foreach (var item in page.Items("results")?.OfType<JsonObject>() ?? [])
            {
                yield return Outcome.From(item);
            }
        }
    }

    /// <summary>At which clusters it was observed so far, and when.</summary>
    internal static async IAsyncEnumerable<(string Cluster, DateTimeOffset? At)> ObservedAsync(KubeClient api, CommandView command, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var page in PagesAsync(api, command, "observed", cancellation).ConfigureAwait(false))
        {
            foreach (var item in page.Items("observed")?.OfType<JsonObject>() ?? [])
            {
                yield return (item.Text("cluster") ?? "", item.Time("timestamp"));
            }
        }
    }

    /// <summary>The pages themselves, verbatim.</summary>
    /// <param name="api">The control API.</param>
    /// <param name="command">Whose pages.</param>
    /// <param name="which"><c>targets</c>, <c>results</c>, <c>observed</c>, or null for all.</param>
    /// <param name="cancellation">Ends the reading.</param>
    internal static async IAsyncEnumerable<JsonObject> PagesAsync(
        KubeClient api, CommandView command, string? which, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var generation = command.IsCancelling
            ? await NewestGenerationAsync(api, command, cancellation).ConfigureAwait(false)
            : command.Object.Generation();
        var labels = string.Create(CultureInfo.InvariantCulture, $"{CommandLabel}={command.Name},{GenerationLabel}={generation}");
        if (which is not null)
        {
            labels += $",ote.baidu.com/page={which}";
        }

        await foreach (var page in ListAsync(api, command, labels, cancellation).ConfigureAwait(false))
        {
            yield return page;
        }
    }

    /// <summary>Asking for the cancellation changed the object's generation, but not that of the command whose pages there are.</summary>
    private static async Task<long> NewestGenerationAsync(KubeClient api, CommandView command, CancellationToken cancellation)
    {
        var newest = 0L;
        await foreach (var page in ListAsync(api, command, $"{CommandLabel}={command.Name}", cancellation).ConfigureAwait(false))
        {
            if (long.TryParse(page.Text("metadata", "labels", GenerationLabel), CultureInfo.InvariantCulture, out var generation))
            {
                newest = Math.Max(newest, generation);
            }
        }

        return newest;
    }

    private static async IAsyncEnumerable<JsonObject> ListAsync(
        KubeClient api, CommandView command, string labels, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var kind = Kinds.ClusterControllerResults;
        var path = $"{kind.Path(command.Namespace)}?labelSelector={WebUtility.UrlEncode(labels)}&limit={PagesAtATime}";
        var next = "";
        do
        {
            var answer = await api.SendAsync(HttpMethod.Get, path + next, null, null, cancellation).ConfigureAwait(false);
            foreach (var page in answer.Items("items")?.OfType<JsonObject>().ToArray() ?? [])
            {
                answer.Items("items")!.Remove(page);
                page["apiVersion"] ??= kind.ApiVersion;
                page["kind"] ??= kind.Kind;
                yield return page;
            }

            var more = answer.Text("metadata", "continue");
            next = string.IsNullOrEmpty(more) ? "" : $"&continue={WebUtility.UrlEncode(more)}";
        }
        while (next.Length > 0);
    }
}
