using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Kube.Client;

namespace Ote.Center.Up;

/// <summary><c>up</c>: a whole tree of clusters in one process, and a workload that travels through it.</summary>
internal static class UpCommand
{
    private const int MostClusters = 5000;
    private const int UsualPort = 8443;

    public static Command Create()
    {
        var clusters = new Option<int?>("--clusters") { Description = "Embedded leaf clusters, 1 to 5000, or 0 beside --kubeconfig; as many as --data has, else 4", CustomParser = Whole };
        var real = new Option<string[]>("--kubeconfig") { Description = "NAME=FILE puts a real cluster at a leaf; may be repeated", DefaultValueFactory = _ => [] };
        var data = new Option<string?>("--data") { Description = "Keep everything here; the next up with it finds its tree again" };
        var port = new Option<int?>("--api-port") { Description = "Loopback port of the root's API, else 8443; 0 takes any free one", CustomParser = Whole };
        var exit = new Option<bool>("--exit") { Description = "End when the job has" };
        var output = new Option<string>("--output", "-o") { Description = "text, or json: one object as the last line", DefaultValueFactory = _ => "text" };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Show the logs of all parts on standard error" };
        output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("up", "A tree of clusters in one process, and a workload sent through it") { clusters, real, data, port, exit, output, verbose };
        command.SetAction(async (parsed, _) =>
        {
            try
            {
                return await RunAsync(new UpOptions
                {
                    Clusters = parsed.GetValue(clusters) is null or (>= 0 and <= MostClusters)
                        ? parsed.GetValue(clusters)
                        : throw new UpException($"--clusters: {parsed.GetValue(clusters)} is not between 1 and {MostClusters}, or 0 beside --kubeconfig"),
                    Real = [.. parsed.GetRequiredValue(real).Select(ReadReal)],
                    Data = parsed.GetValue(data),
                    ApiPort = (parsed.GetValue(port) ?? UsualPort) is >= 0 and <= 65535 and var chosen
                        ? chosen
                        : throw new UpException($"--api-port: {parsed.GetValue(port)} is no port; ports are 1 to 65535, and 0 takes any free one"),
                    Exit = parsed.GetValue(exit),
                    Json = parsed.GetValue(output) == "json",
                    Verbose = parsed.GetValue(verbose),
                }).ConfigureAwait(false);
            }
            catch (Exception cannot) when (cannot is UpException or ClusterControllerException or JournalException or KubeconfigException or IOException or UnauthorizedAccessException)
            {
                return Refuse(cannot.Message);
            }
        });
        return command;
    }

    /// <summary>Says in one line why <c>up</c> cannot do as asked; returns the exit code for that.</summary>
    private static int Refuse(string why)
    {
        Console.Error.WriteLine($"error: {string.Join(' ', why.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}");
        return 2;
    }

    private static int? Whole(ArgumentResult typed)
    {
        if (int.TryParse(typed.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        typed.AddError($"{typed.Argument.Name}: '{typed.Tokens[0].Value}' is no whole number");
        return null;
    }

    private static (string, string) ReadReal(string text)
    {
        var cut = text.IndexOf('=', StringComparison.Ordinal);
        return cut > 0 && cut < text.Length - 1
            ? (text[..cut], text[(cut + 1)..])
            : throw new UpException($"--kubeconfig: '{text}' is not NAME=FILE; write for instance --kubeconfig a=/etc/kubernetes/admin.conf");
    }

    private static async Task<int> RunAsync(UpOptions options)
    {
        using var signals = new UpSignals();
        var stop = signals.Stop;
        var isUp = false;
        var screen = new Screen(options.Json);
        var time = TimeProvider.System;
        var began = time.GetTimestamp();
        try
        {
            await using var tree = await Tree.StartAsync(options, screen, time, stop).ConfigureAwait(false);
            await screen.ShowTreeAsync(tree.RootApi, stop).ConfigureAwait(false);
            var job = new Job(tree.RootApi, screen, time);
            var outcome = await job.RunAsync(stop).ConfigureAwait(false);
            var seconds = time.GetElapsedTime(began).TotalSeconds;
            screen.ShowOutcome(outcome, seconds);
            if (!options.Exit)
            {
                screen.ShowWhatToTry(tree);
            }

            if (options.Json)
            {
                Report(tree.Count, outcome, seconds);
            }

            if (!options.Exit)
            {
                isUp = true;
                await Task.Delay(Timeout.InfiniteTimeSpan, time, stop).ConfigureAwait(false);
            }

            return outcome.Targets > 0 && outcome.Succeeded == outcome.Targets ? 0 : 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // A tree that was up and is asked to end has done what it was started for; one that was not, has not.
            screen.Line(isUp ? "stopped" : "stopped before it was done");
            return isUp ? 0 : signals.Code;
        }
    }

    private static void Report(int clusters, JobOutcome outcome, double seconds) => Console.Out.WriteLine(new JsonObject
    {
        ["clusters"] = clusters,
        ["targets"] = outcome.Targets,
        ["succeeded"] = outcome.Succeeded,
        ["seconds"] = Math.Round(seconds, 2),
    }.ToJsonString());
}
