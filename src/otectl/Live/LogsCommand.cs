using System.CommandLine;
using System.Globalization;
using System.Text;
using Ote.Ctl.Cli;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Live;

/// <summary><c>otectl logs POD</c>: what a container of a pod writes, as it comes.</summary>
internal static class LogsCommand
{
    private const int BufferSize = 16 * 1024;

    internal static Command Build(CommandRunner runner)
    {
        var pod = new Argument<string>("POD") { Description = "The pod, by its name in its cluster; without --cluster by the name it is shown under, NAME-CLUSTER. Of a workload, such as deploy/NAME, by the kubectl on the PATH" };
        var cluster = ClusterOption.Create("The cluster it is in (default: whose the shown name is)");
        var container = new Option<string?>("--container", "-c") { Description = "The container (default: the only one, or the one the pod names)", HelpName = "NAME" };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on as it comes, until interrupted" };
        var previous = new Option<bool>("--previous", "-p") { Description = "Of the container's run before" };
        var stamps = new Option<bool>("--timestamps") { Description = "Each line with when it was written" };
        var tail = new Option<int?>("--tail") { Description = "The last N lines only", HelpName = "N" };
        var since = Durations.Option("--since", "What is no older than this");
        return runner.Attach(
            new Command("logs", "Print the log of a container of a pod, wherever it is.") { pod, cluster, container, follow, previous, stamps, tail, since },
            (run, cancellation) => RunAsync(
                run,
                run.Typed.GetRequiredValue(pod),
                run.Typed.GetValue(cluster),
                [
                    ("container", run.Typed.GetValue(container)),
                    ("follow", run.Typed.GetValue(follow) ? "true" : null),
                    ("previous", run.Typed.GetValue(previous) ? "true" : null),
                    ("timestamps", run.Typed.GetValue(stamps) ? "true" : null),
                    ("tailLines", run.Typed.GetValue(tail)?.ToString(CultureInfo.InvariantCulture)),
                    ("sinceSeconds", run.Typed.GetValue(since) is { } span ? ((long)span.TotalSeconds).ToString(CultureInfo.InvariantCulture) : null),
                ],
                cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string pod, string? cluster, (string Name, string? Value)[] options, CancellationToken cancellation)
    {
        if (Bare(pod).Contains('/', StringComparison.Ordinal))
        {
            // Which of a workload's pods, and which of its containers, is kubectl's to choose.
            string[] flags = [.. options.Where(o => o.Value is not null).Select(o => $"--{Flag(o.Name)}={(o.Name == "sinceSeconds" ? o.Value + "s" : o.Value)}")];
            return await KubectlRun.RunAsync(run, cluster, ["logs", pod, "--namespace", run.Namespace ?? "default", .. flags], cancellation).ConfigureAwait(false);
        }

        var query = string.Join('&', options.Where(o => o.Value is not null).Select(o => $"{o.Name}={Uri.EscapeDataString(o.Value!)}"));
        var path = ClusterOption.Prefix(cluster) + Kinds.Pods.Path(run.Namespace ?? "default", Bare(pod), "log") + (query.Length == 0 ? "" : "?" + query);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        // A container that has written nothing yet does not begin its answer: whoever follows it waits for that.
        request.Options.Set(AnswerTimeout.Patience, options.Any(o => o is { Name: "follow", Value: not null }) ? Timeout.InfiniteTimeSpan : AnswerTimeout.Usual);
        using var answer = await OpenAsync(run, request, path, Bare(pod), cluster, cancellation).ConfigureAwait(false);
        var stream = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var (bytes, chars, decoder) = (new byte[BufferSize], new char[BufferSize + 1], Encoding.UTF8.GetDecoder());
            while (await stream.ReadAsync(bytes, cancellation).ConfigureAwait(false) is > 0 and var read)
            {
                run.Out.Write(chars, 0, decoder.GetChars(bytes, 0, read, chars, 0));
                await run.Out.FlushAsync(cancellation).ConfigureAwait(false);
            }
        }

        return ExitCode.Ok;
    }

    private static async Task<HttpResponseMessage> OpenAsync(Invocation run, HttpRequestMessage request, string path, string pod, string? cluster, CancellationToken cancellation)
    {
        try
        {
            return await run.Api.OpenAsync(request, $"GET {path}", cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException missing) when (missing.IsNotFound && cluster is null)
        {
            throw new CtlException(ExitCode.Failed, $"{missing.Message.TrimEnd('.')}; {await ShownNames.HintAsync(run, Kinds.Pods, run.Namespace ?? "default", pod, cancellation).ConfigureAwait(false)}", missing);
        }
    }

    /// <summary>How kubectl calls a parameter of the request.</summary>
    private static string Flag(string parameter) => parameter switch { "tailLines" => "tail", "sinceSeconds" => "since", _ => parameter };

    /// <summary>A pod may be named as <c>-o name</c> prints it.</summary>
    internal static string Bare(string pod) => pod.StartsWith("pod/", StringComparison.Ordinal) ? pod["pod/".Length..] : pod.StartsWith("pods/", StringComparison.Ordinal) ? pod["pods/".Length..] : pod;
}
