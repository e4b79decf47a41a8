using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Kube.Client;

namespace Ote.Center.Up;

/// <summary><c>up</c>: a whole tree of clusters in one process, and a workload that travels through it.</summary>
internal static class UpCommand
{
    private const int MostClusters = 5000;

    public static Command Create()
    {
        var clusters = new Option<int>("--clusters") { Description = "Embedded leaf clusters", DefaultValueFactory = _ => 4 };
        var real = new Option<string[]>("--kubeconfig") { Description = "NAME=FILE puts a real cluster at a leaf; may be repeated", DefaultValueFactory = _ => [] };
        var data = new Option<string?>("--data") { Description = "Keep everything here; the next up with it finds its tree again" };
        var port = new Option<int>("--api-port") { Description = "Loopback port of the root's API; 0 takes any free one", DefaultValueFactory = _ => 8443 };
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
                    Clusters = parsed.GetValue(clusters) is >= 0 and <= MostClusters and var count
                        ? count
                        : throw new UpException($"--clusters: {parsed.GetValue(clusters)} is not between 0 and {MostClusters}"),
                    Real = [.. parsed.GetRequiredValue(real).Select(ReadReal)],
                    Data = parsed.GetValue(data),
                    ApiPort = parsed.GetValue(port) is >= 0 and <= 65535 and var chosen ? chosen : throw new UpException($"--api-port: {parsed.GetValue(port)} is no port"),
                    Exit = parsed.GetValue(exit),
                    Json = parsed.GetValue(output) == "json",
                    Verbose = parsed.GetValue(verbose),
                }).ConfigureAwait(false);
            }
            catch (Exception cannot) when (cannot is UpException or ClusterControllerException or JournalException or KubeconfigException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"ote up: {cannot.Message}").ConfigureAwait(false);
                return 2;
            }
        });
        return command;
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
        using var stop = new CancellationTokenSource();
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        var screen = new Screen(options.Json);
        var time = TimeProvider.System;
        var began = time.GetTimestamp();
        try
        {
            await using var tree = await Tree.StartAsync(options, screen, time, stop.Token).ConfigureAwait(false);
            await screen.ShowTreeAsync(tree.RootApi, stop.Token).ConfigureAwait(false);
            var job = new Job(tree.RootApi, screen, time);
            var outcome = await job.RunAsync(stop.Token).ConfigureAwait(false);
            var seconds = time.GetElapsedTime(began).TotalSeconds;
            if (options.Json && options.Exit)
            {
                Report(tree.Count, outcome, seconds);
            }
            else
            {
                screen.ShowWhatToTry(tree, outcome, seconds, options.Exit);
            }

            if (!options.Exit)
            {
                if (options.Json)
                {
                    Report(tree.Count, outcome, seconds);
                }

                await Task.Delay(Timeout.InfiniteTimeSpan, time, stop.Token).ConfigureAwait(false);
            }

            return outcome.Targets > 0 && outcome.Succeeded == outcome.Targets ? 0 : 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            screen.Line("stopped");
            return 0;
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
