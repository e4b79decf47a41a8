using System.Text.Json.Nodes;
using Ote.EdgeHub.Offline;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>What goes wrong: cuts of every form, processes that end at any moment, reboots, an API server that goes or forgets. One trouble after the other, each of several parts. One thread.</summary>
internal sealed class CutScript(CutWorld world)
{
    private int _labels;

    /// <summary>Times that the node and its API server were parted.</summary>
    public int Cuts { get; private set; }

    /// <summary>Processes of the node that were ended and started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Lets things go wrong, and mends the last of it.</summary>
    public async Task RunAsync()
    {
        for (var i = 0; i < world.Plan.Troubles; i++)
        {
            await world.PassAsync(world.Between(0.5, 12)).ConfigureAwait(false);
            await (world.Random() switch
            {
                < 0.62 => CutAsync(),
                < 0.72 => HubAsync(),
                < 0.82 => RebootAsync(),
                < 0.9 => ApiAsync(),
                _ => LittleAsync(),
            }).ConfigureAwait(false);
        }

        world.Hub.Heal();
        world.IsApiDown = false;
        world.Hub.Start();
        world.Agent.Start();
    }

    /// <summary>The node is cut off, things happen there, and it comes back; perhaps not at the first attempt.</summary>
    private async Task CutAsync()
    {
        Pull();
        for (var i = (int)(world.Random() * 4); i >= 0; i--)
        {
            await world.PassAsync(world.Chance(0.3) ? world.Between(0, 0.2) : world.Between(0.5, 25)).ConfigureAwait(false);
            await (world.Random() switch
            {
                < 0.2 => HubAsync(),
                < 0.35 => RebootAsync(),
                < 0.45 => world.Centre.ChurnAsync(),
                < 0.6 => LookAsync(),
                _ => LittleAsync(),
            }).ConfigureAwait(false);
        }

        await world.PassAsync(world.Between(0, 5)).ConfigureAwait(false);
        world.Hub.Heal();
        while (world.Chance(0.6))
        {
            await ReturningAsync().ConfigureAwait(false);
            await world.PassAsync(world.Between(0, 0.15)).ConfigureAwait(false);
            await (world.Random() switch
            {
                < 0.4 => HubAsync(),
                < 0.5 => RebootAsync(),
                < 0.6 => BreakAsync(),
                _ => AgainAsync(),
            }).ConfigureAwait(false);
        }
    }

    private void Pull()
    {
        Cuts++;
        switch (world.Random())
        {
            case < 0.5:
                world.Hub.Cut();
                break;
            case < 0.75:
                world.Hub.Silence();
                break;
            default:
                world.Hub.LoseAnswers();
                break;
        }
    }

    private async Task AgainAsync()
    {
        Pull();
        await world.PassAsync(world.Between(0, 15)).ConfigureAwait(false);
        if (world.Chance(0.5))
        {
            await BreakAsync().ConfigureAwait(false); // what waited does not come any more
        }

        world.Hub.Heal();
    }

    private Task BreakAsync()
    {
        world.Story.Tell("the uplink breaks");
        world.Hub.Uplink?.Break();
        return Task.CompletedTask;
    }

    /// <summary>Waits until the hub tells what it journalled, for as long as that may take to begin.</summary>
    private async Task ReturningAsync()
    {
        for (var i = 0; i < 500 && world.Hub.Hub is { State: not ConnectionState.Returning }; i++)
        {
            await world.PassAsync(TimeSpan.FromMilliseconds(20)).ConfigureAwait(false);
        }
    }

    private async Task HubAsync()
    {
        Restarts++;
        var known = world.Hub is { IsHealed: false, Hub.State: ConnectionState.CutOff } ? await ListAsync().ConfigureAwait(false) ?? [] : [];
        if (world.Chance(0.75))
        {
            world.Hub.Kill();
        }
        else
        {
            await world.Hub.StopAsync().ConfigureAwait(false);
        }

        await world.PassAsync(world.Chance(0.5) ? TimeSpan.Zero : world.Between(0, 8)).ConfigureAwait(false);
        world.Hub.Start();
        if (known.Count > 0)
        {
            await KnownAsync(known).ConfigureAwait(false);
        }
    }

    /// <summary>The pods that were there while cut off are there when the hub has begun anew; mirror pods and those that were going may end meanwhile.</summary>
    private async Task KnownAsync(IReadOnlyList<JsonObject> known)
    {
        if (await ListAsync().ConfigureAwait(false) is not { } list)
        {
            world.Story.Violate("after a restart while cut off the hub does not tell the pods that it told before");
            return;
        }

        foreach (var pod in known.Where(pod => !pod.IsDeleting() && pod.Annotation(PodWorkers.MirrorHash) is null && !list.Any(other => other.Uid() == pod.Uid())))
        {
            world.Story.Violate($"after a restart while cut off the hub does not know the pod {pod.Name()} ({pod.Uid()}) any more");
        }
    }

    /// <summary>All of the node ends at once, containers too, and begins again.</summary>
    private async Task RebootAsync()
    {
        Restarts++;
        world.Story.Tell("the node reboots");
        world.Agent.Kill();
        world.Hub.Kill();
        world.Containers.Reboot();
        await world.PassAsync(world.Between(1, 15)).ConfigureAwait(false);
        if (world.Chance(0.5))
        {
            world.Agent.Start(); // it waits for the hub
            await world.PassAsync(world.Between(0, 3)).ConfigureAwait(false);
        }

        world.Hub.Start();
        world.Agent.Start();
    }

    /// <summary>The API server goes and comes back, or only its connections break.</summary>
    private async Task ApiAsync()
    {
        Cuts++;
        world.Story.Tell("the API server restarts");
        world.IsApiDown = true;
        world.Hub.Uplink?.Break();
        await world.PassAsync(world.Chance(0.3) ? TimeSpan.Zero : world.Between(0, 20)).ConfigureAwait(false);
        world.IsApiDown = false;
        if (world.Chance(0.4))
        {
            await world.Centre.ChurnAsync().ConfigureAwait(false);
        }
    }

    private async Task LittleAsync()
    {
        switch (world.Random())
        {
            case < 0.25:
                world.Agent.Kill();
                Restarts++;
                await world.PassAsync(world.Between(0, 5)).ConfigureAwait(false);
                world.Agent.Start();
                break;
            case < 0.45 when world.Containers.Running is { Count: > 0 } running:
                var uid = world.One(running);
                var isOnce = world.Centre.Pods.FirstOrDefault(pod => pod.Uid == uid)?.IsOnce == true;
                world.Containers.End(uid, isOnce ? ContainerEnd.Completed : ContainerEnd.Crashed);
                break;
            case < 0.6:
                world.Agent.HasPressure = !world.Agent.HasPressure;
                break;
            case < 0.85 when world.Agent.Reports is { } reports:
                await reports.LabelAsync($"n{++_labels}").ConfigureAwait(false);
                break;
            default:
                world.Agent.Manifests["etcd"]++;
                world.Story.Tell($"the static pod's manifest is edition {world.Agent.Manifests["etcd"]}");
                break;
        }
    }

    /// <summary>Whoever lists sees what whoever watches sees.</summary>
    private async Task LookAsync()
    {
        var what = "";
        for (var i = 0; i < 60; i++)
        {
            if (world.Agent.Pods is not { IsSynced: true } pods || world.Hub.Hub is not { State: ConnectionState.CutOff })
            {
                return;
            }

            var list = await ListAsync().ConfigureAwait(false);
            what = list is null ? "nothing" : $"{Versions(list)} and not {Versions(pods.View.Values)}";
            if (list is not null && Versions(list) == Versions(pods.View.Values))
            {
                return;
            }

            await world.PassAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(false);
        }

        world.Story.Violate($"while cut off who lists pods sees {what}, as who watches does");
    }

    private static string Versions(IEnumerable<JsonObject> pods) => string.Join(' ', pods.Select(pod => $"{pod.Key()}:{pod.Uid()}@{pod.ResourceVersion()}").Order(StringComparer.Ordinal));

    /// <summary>What a list of the node's pods says; null: it was refused.</summary>
    private async Task<IReadOnlyList<JsonObject>?> ListAsync()
    {
        try
        {
            var list = await world.Script.SendAsync(HttpMethod.Get, $"{Kinds.Pods.Path(null)}?fieldSelector=spec.nodeName%3D{CutWorld.Node}&resourceVersion=0", null, null, CancellationToken.None).ConfigureAwait(false);
            return [.. list.Items("items")!.OfType<JsonObject>()];
        }
        catch (Exception refused) when (Calls.IsRefusal(refused))
        {
            world.Story.Tell($"a list of pods is refused: {Calls.Cause(refused)}");
            return null;
        }
    }
}
