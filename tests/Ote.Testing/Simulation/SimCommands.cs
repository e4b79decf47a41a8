using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.Simulation;

/// <summary>An operator who writes commands at the root, and afterwards holds what they say against what was done.</summary>
public sealed class SimCommands(SimWorld world, TimeSpan every)
{
    private const string Folder = "default";
    private const int Generation = 1; // cancelling is no new command
    private const int Lately = 20;
    private readonly List<Written> _written = [];

    /// <summary>Commands the API has taken.</summary>
    public int Count => _written.Count;

    /// <summary>The uid of a command that was written lately; null when there is none.</summary>
    internal string? OneUid() => _written.Count == 0 ? null : world.One(_written.TakeLast(Lately).ToList()).Uid;

    /// <summary>Goes on until the plan's steps are done.</summary>
    public async Task RunAsync()
    {
        while (world.Timeline.Steps < world.FaultsEnd)
        {
            await Task.Delay(every * -Math.Log(1 - world.Random()), world.Clock).ConfigureAwait(false);
            await WriteAsync().ConfigureAwait(false);
            if (world.Random() < 0.1)
            {
                await CancelAsync(world.One(_written)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Why not all commands are over; null when they are.</summary>
    public async Task<string?> OpenAsync()
    {
        var all = await world.Operator.ListAsync(Kinds.ClusterControllers, Folder, null, CancellationToken.None).ConfigureAwait(false);
        return all.Items.FirstOrDefault(c => c.Text("status", "completionTime") is null || c.Whole("status", "observedGeneration") != c.Generation()) is { } open
            ? $"command {open.Name()} {open.Uid()} for {open.Text("spec", "clusterSelector")} is not over: {open["status"]?.ToJsonString()}"
            : all.Items.Count == Count ? null : $"{Count} commands were taken and {all.Items.Count} are there";
    }

    /// <summary>What a command's results say that is not true; null when all is.</summary>
    public async Task<string?> UntruthAsync()
    {
        var pages = await world.Operator.ListAsync(Kinds.ClusterControllerResults, Folder, new ListQuery("ote.baidu.com/page=results"), CancellationToken.None).ConfigureAwait(false);
        var byCommand = pages.Items.ToLookup(static p => p.At("metadata", "labels", "ote.baidu.com/command")!.ToString(), StringComparer.Ordinal);
        foreach (var written in _written)
        {
            var told = byCommand[written.Name].SelectMany(static p => p.Items("results")!.OfType<JsonObject>()).ToList();
            var command = (await world.Operator.GetAsync(Kinds.ClusterControllers, Folder, written.Name, CancellationToken.None).ConfigureAwait(false))!;
            if (told.Count != command.Whole("status", "targetCounts", "targets"))
            {
                return $"command {written.Name} has {told.Count} results of {command.Whole("status", "targetCounts", "targets")} targets";
            }

            if (told.Select(r => Untruth(written, command, r)).FirstOrDefault(static u => u is not null) is { } untruth)
            {
                return untruth;
            }
        }

        return null;
    }

    private string? Untruth(Written written, JsonObject command, JsonObject result)
    {
        var (cluster, outcome) = (result.Text("cluster")!, result.Text("outcome")!);
        var runs = world.Find(cluster)?.Site?.Runs($"{command.Uid()}.{Generation}.{cluster}") ?? 0;
        var told = $"command {written.Name} at {cluster} is told as {outcome} ({result.Text("error")}: {result.Text("text")}) and ran {runs} times";
        return outcome switch
        {
            "Succeeded" => runs == 1 ? null : told,
            "NotSelected" => runs == 0 ? null : told,
            _ => runs > 1 || (written.MustArrive && !written.IsCancelled) ? told : null,
        };
    }

    private async Task WriteAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"cmd-{_written.Count}");
        var patient = world.Random() < 0.6;
        var spec = new JsonObject
        {
            ["clusterSelector"] = Selector(),
            ["method"] = "POST",
            ["url"] = "/api/v1/namespaces/default/configmaps",
            ["body"] = new string('x', (int)(world.Random() * world.Random() * 4000)),
            ["contentType"] = "application/json",
            ["deadlineSeconds"] = patient ? 4 * 3600 : 5 + (int)(world.Random() * 120),
            ["lateDelivery"] = patient || world.Random() < 0.5,
        };
        var command = await world.Operator.CreateAsync(Kinds.ClusterControllers, Folder, new JsonObject
        {
            ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
            ["kind"] = Kinds.ClusterControllers.Kind,
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Folder },
            ["spec"] = spec,
        }, CancellationToken.None).ConfigureAwait(false);
        _written.Add(new Written(name, command.Uid(), patient));
    }

    private string Selector()
    {
        var sites = world.Sites;
        return world.Random() switch
        {
            < 0.1 => "tier=edge",
            < 0.4 => string.Create(CultureInfo.InvariantCulture, $"shard={(int)(world.Random() * 7)}"),
            _ => string.Join(',', Enumerable.Range(0, 1 + (int)(world.Random() * 4)).Select(_ => world.One(sites).Name).Distinct()),
        };
    }

    private async Task CancelAsync(Written written)
    {
        written.IsCancelled = true;
        await world.Operator.PatchAsync(
            Kinds.ClusterControllers, Folder, written.Name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["cancel"] = true } }, CancellationToken.None).ConfigureAwait(false);
    }

    private sealed class Written(string name, string uid, bool mustArrive)
    {
        public string Name => name;

        public string Uid => uid;

        /// <summary>Its deadline is far, so that nothing but a cancellation keeps it from being carried out.</summary>
        public bool MustArrive => mustArrive;

        public bool IsCancelled { get; set; }
    }
}
