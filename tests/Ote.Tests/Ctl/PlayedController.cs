using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl;

/// <summary>Plays the root controller's part at the control API: takes commands in the order they come, and writes their status and results.</summary>
internal sealed class PlayedController : IAsyncDisposable
{
    private readonly KubeClient _api;
    private readonly IAsyncEnumerator<WatchEvent> _commands;

    private PlayedController(KubeClient api, IAsyncEnumerator<WatchEvent> commands)
    {
        _api = api;
        _commands = commands;
    }

    public static async Task<PlayedController> StartAsync(KubeClient api)
    {
        var list = await api.ListAsync(Kinds.ClusterControllers, null, null, CtlWorld.Stop);
        return new PlayedController(api, api.WatchAsync(Kinds.ClusterControllers, null, null, list.ResourceVersion, CtlWorld.Stop).GetAsyncEnumerator(CtlWorld.Stop));
    }

    /// <summary>Waits for the next new command.</summary>
    public async Task<JsonObject> NextAsync()
    {
        while (await _commands.MoveNextAsync())
        {
            if (_commands.Current.Type == WatchEventType.Added)
            {
                return _commands.Current.Object;
            }
        }

        throw new InvalidOperationException("the watch for commands ended");
    }

    /// <summary>Writes a status. Counts are given as <c>targets=4 sent=4</c>.</summary>
    public async Task SayAsync(JsonObject command, string phase, string counts, string? notMatched = null, string? unknown = null, string? notAllowed = null, string? away = null,
        (bool All, string Reason, string Message)? observed = null)
    {
        var current = (await _api.GetAsync(Kinds.ClusterControllers, command.Namespace(), command.Name(), CtlWorld.Stop))!;
        var status = new JsonObject { ["observedGeneration"] = current.Generation(), ["commandPhase"] = phase };
        var numbers = status.Child("targetCounts");
        foreach (var pair in counts.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')))
        {
            numbers[pair[0]] = int.Parse(pair[1], CultureInfo.InvariantCulture);
        }

        if (notMatched is not null)
        {
            Conditions.SetCondition(status, "Matched", false, "NoMatch", notMatched, CtlWorld.Start);
        }

        if (unknown is not null)
        {
            Conditions.SetCondition(status, "NamesKnown", false, "UnknownNames", unknown, CtlWorld.Start);
        }

        if (away is not null)
        {
            Conditions.SetCondition(status, "Complete", false, "ClustersAway", away, CtlWorld.Start);
        }

        if (notAllowed is not null)
        {
            Conditions.SetCondition(status, "Allowed", false, "NotAllowed", notAllowed, CtlWorld.Start);
        }

        if (observed is var (all, reason, message))
        {
            Conditions.SetCondition(status, "Observed", all ? true : null, reason, message, CtlWorld.Start);
        }

        current["status"] = status;
        await _api.ReplaceStatusAsync(Kinds.ClusterControllers, current, CtlWorld.Stop);
    }

    /// <summary>Records who a command is for.</summary>
    public Task<JsonObject> TargetsAsync(JsonObject command, params string[] clusters) =>
        PageAsync(command, "t0", "targets", "targets", new JsonArray([.. clusters.Select(cluster => (JsonNode)cluster)]));

    /// <summary>Writes a page of outcomes, each an object of cluster, code, body, error and text.</summary>
    public Task<JsonObject> ResultsAsync(JsonObject command, int page, params JsonObject[] items) =>
        PageAsync(command, $"r{page}", "results", "results", new JsonArray([.. items]));

    /// <summary>Records where a command was observed.</summary>
    public Task<JsonObject> ObservedAsync(JsonObject command, params string[] clusters) =>
        PageAsync(command, "o0", "observed", "observed", new JsonArray([.. clusters.Select(cluster => (JsonNode)new JsonObject { ["cluster"] = cluster, ["timestamp"] = CtlWorld.Start.ToKubeTime() })]));

    public static JsonObject Item(string cluster, int code, string error = "", string text = "", string body = "") => new()
    {
        ["cluster"] = cluster,
        ["code"] = code,
        ["error"] = error,
        ["text"] = text,
        ["body"] = body,
        ["timestamp"] = CtlWorld.Start.ToKubeTime(),
    };

    /// <summary>Everything at once: all targets succeed.</summary>
    public async Task SucceedAsync(JsonObject command, params string[] clusters)
    {
        var n = clusters.Length;
        await TargetsAsync(command, clusters);
        await ResultsAsync(command, 0, [.. clusters.Select(cluster => Item(cluster, 200))]);
        await SayAsync(command, "Succeeded", $"targets={n} accepted={n} sent={n} durable={n} executed={n} succeeded={n}");
    }

    public ValueTask DisposeAsync() => _commands.DisposeAsync();

    private Task<JsonObject> PageAsync(JsonObject command, string suffix, string kind, string field, JsonArray content) => _api.CreateAsync(
        Kinds.ClusterControllerResults,
        command.Namespace(),
        new JsonObject
        {
            ["apiVersion"] = Kinds.ClusterControllerResults.ApiVersion,
            ["kind"] = Kinds.ClusterControllerResults.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{command.Name()}.{command.Generation()}.{suffix}",
                ["labels"] = new JsonObject
                {
                    ["ote.baidu.com/command"] = command.Name(),
                    ["ote.baidu.com/generation"] = command.Generation().ToString(CultureInfo.InvariantCulture),
                    ["ote.baidu.com/page"] = kind,
                },
            },
            [field] = content,
        },
        CtlWorld.Stop);
}
