using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Streams;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>
/// What a simulated pod says when it is asked what goes on inside it: a log that tells that there is none, with the events of the
/// simulation, and a plain refusal of all that would need a process.
/// </summary>
internal sealed class SimulatedStreams : IPodStreams
{
    private static readonly string[] StatusFields = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];

    /// <inheritdoc/>
    public IReadOnlyList<(DateTimeOffset At, string Line)>? ReadLog(JsonObject pod, string container, bool previous)
    {
        if (Status(pod, container) is not { } status)
        {
            return null;
        }

        var run = previous ? status["lastState"]?["terminated"] : status["state"]?["running"] ?? status["state"]?["terminated"] ?? status["lastState"]?["terminated"];
        if (run is not JsonObject shown || shown.Time("startedAt") is not { } started)
        {
            return null;
        }

        var lines = new List<(DateTimeOffset, string)>
        {
            (started, $"simulated: container {container} ({status.Text("image")}) is not really run, so it writes no log; these lines are the simulation's"),
            (started, string.Create(CultureInfo.InvariantCulture, $"simulated: started, {status.Whole("restartCount") ?? 0} restarts so far")),
        };
        if (shown.Time("finishedAt") is { } finished)
        {
            lines.Add((finished, string.Create(CultureInfo.InvariantCulture, $"simulated: ended with exit code {shown.Whole("exitCode") ?? 0} ({shown.Text("reason")})")));
        }

        return lines;
    }

    /// <inheritdoc/>
    public string WhyNot(JsonObject pod, string subresource)
    {
        var what = subresource switch { "exec" => "no command can be run in it", "attach" => "there is no process to attach to", _ => "no port is open in it" };
        return $"pod {pod.Name()} is simulated, its containers are not really run: {what}; put a real cluster behind the site's shim for that. kubectl describe and logs show what the simulation does, and annotations such as {ScriptAnnotations.Prefix}exit-after: 10s say what it is to do";
    }

    private static JsonObject? Status(JsonObject pod, string container) =>
        StatusFields
            .SelectMany(field => pod.Items("status", field)?.OfType<JsonObject>() ?? [])
            .FirstOrDefault(status => status.Text("name") == container);
}
