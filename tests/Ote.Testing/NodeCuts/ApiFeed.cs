using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>
/// What a component knows of a kind, as client-go's reflector keeps it (v1.20): it lists at version 0, watches on from there, watches on from the last version when a watch ends, and lists at the last version when one fails; where
/// that version is expired or ahead of the server, it lists what is so now. One thread.
/// </summary>
/// <param name="world">The world.</param>
/// <param name="client">The component's way to the API.</param>
/// <param name="clock">The component's clock.</param>
/// <param name="kind">What is watched.</param>
/// <param name="ns">Where; null: everywhere.</param>
/// <param name="fields">The field selector.</param>
/// <param name="changed">Called when something has changed.</param>
internal sealed class ApiFeed(CutWorld world, KubeClient client, TimeProvider clock, ResourceRef kind, string? ns, string fields, Action changed)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(800);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private string _version = "";
    private bool _isUnavailable;

    /// <summary>By <c>namespace/name</c>.</summary>
    public SortedDictionary<string, JsonObject> View { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether there was a whole list.</summary>
    public bool IsSynced { get; private set; }

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var wait = First;
        while (!stop.IsCancellationRequested)
        {
            var began = clock.GetTimestamp();
            try
            {
                await ListAsync(stop).ConfigureAwait(false);
                await WatchAsync(stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception refused) when (Calls.IsRefusal(refused))
            {
                world.Story.Tell($"kubelet cannot read {kind.Plural}: {Calls.Cause(refused)}");
            }

            wait = clock.GetElapsedTime(began) > TimeSpan.FromMinutes(2) ? First : wait * 2 < Longest ? wait * 2 : Longest;
            await Task.Delay(wait * (1 + world.Random()), clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListAsync(CancellationToken stop)
    {
        JsonObject list;
        try
        {
            list = await ListAtAsync(_isUnavailable ? "" : _version.Length == 0 ? "0" : _version, stop).ConfigureAwait(false);
        }
        catch (KubeStatusException bad) when (bad.IsExpired || bad.Code == (int)HttpStatusCode.GatewayTimeout && bad.Message.Contains("Too large resource version", StringComparison.Ordinal))
        {
            _isUnavailable = true;
            list = await ListAtAsync("", stop).ConfigureAwait(false);
        }

        _isUnavailable = false;
        View.Clear();
        foreach (var item in list.Items("items")!.OfType<JsonObject>())
        {
            View[item.Key()] = item.Copy();
        }

        _version = list.Text("metadata", "resourceVersion") ?? "";
        IsSynced = true;
        world.Story.Tell($"kubelet lists {View.Count} {kind.Plural} at {_version}");
        changed();
    }

    /// <summary>In pages, but where a version is named that a server has in memory.</summary>
    private Task<JsonObject> ListAtAsync(string version, CancellationToken stop) =>
        client.SendAsync(HttpMethod.Get, $"{kind.Path(ns)}?fieldSelector={WebUtility.UrlEncode(fields)}{version switch { "" => "&limit=500", "0" => "&limit=500&resourceVersion=0", _ => "&resourceVersion=" + version }}", null, null, stop);

    private async Task WatchAsync(CancellationToken stop)
    {
        while (true)
        {
            var (began, any) = (clock.GetTimestamp(), false);
            try
            {
                await foreach (var change in client.WatchAsync(kind, ns, new ListQuery(FieldSelector: fields), _version, stop).ConfigureAwait(false))
                {
                    any = true;
                    Take(change);
                }
            }
            catch (HttpRequestException refused) when (refused.HttpRequestError == HttpRequestError.ConnectionError)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), clock, stop).ConfigureAwait(false);
                continue;
            }
            catch (KubeStatusException expired) when (expired.IsExpired)
            {
                world.Story.Tell($"kubelet's watch of {kind.Plural} from {_version} is expired");
                return;
            }
            catch (IOException)
            {
                // The connection broke, which ends a watch as its time does.
            }

            if (!any && clock.GetElapsedTime(began) < TimeSpan.FromSeconds(1))
            {
                return;
            }
        }
    }

    private void Take(WatchEvent change)
    {
        var obj = change.Object;
        // Whoever watches may begin again at the version of what came last: it must never go back.
        if (long.Parse(obj.ResourceVersion(), CultureInfo.InvariantCulture) < long.Parse(_version, CultureInfo.InvariantCulture))
        {
            world.Story.Tell($"a watch of {kind.Plural} goes back from {_version} to {obj.ResourceVersion()}");
        }

        _version = obj.ResourceVersion();
        if (change.Type == WatchEventType.Bookmark || (world.Plan.Sabotage == Sabotage.LoseChanges && world.Chance(0.2)))
        {
            return;
        }

        if (change.Type == WatchEventType.Deleted)
        {
            View.Remove(obj.Key());
        }
        else
        {
            View[obj.Key()] = obj.Copy();
        }

        changed();
    }
}
